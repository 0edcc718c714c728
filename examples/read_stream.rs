//! Reads the channels of a station archive piece by piece and prints what is there.
//!
//! ```text
//! cargo run --example read_stream -- volcano/archive
//! ```

use std::path::PathBuf;

use temblor::Result;
use temblor::read::{Archive, ArchiveOptions};

fn main() -> Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        println!("usage: read_stream PATH...  (files, folders, globs or SDS trees)");
        return Ok(());
    }
    let (archive, report) = Archive::open(&paths, &ArchiveOptions::default())?;
    println!("{} files read", report.files);
    for id in archive.channels() {
        println!("{id}");
        // Only one piece is in memory at a time, however long the archive is.
        for piece in archive.pieces(&id) {
            let piece = piece?;
            let samples = piece.samples.to_f64();
            let largest = samples.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            println!(
                "  {} to {}: {} samples, largest amplitude {largest} counts",
                piece.start,
                piece.end(),
                samples.len()
            );
        }
    }
    Ok(())
}
