//! `temblor index`: a header index beside a large archive.

use std::path::PathBuf;

use super::Outcome;
use crate::error::{Error, Result};
use crate::read::update_index;

/// Keep the headers of an archive in one file at its root, so that a second look reads no data file.
///
/// Makes .temblor-index.jsonl, or brings it up to date: only files whose size or time of modification
/// differ are read. `inspect`, `convert`, `features`, `forecast`, `plot` … use it by themselves when they are
/// given the archive or anything below it. They notice files that are new, changed or gone.
#[derive(clap::Args)]
pub struct Args {
    /// Roots of archives; each gets an index of its own.
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    /// Read all files again.
    #[arg(long)]
    anew: bool,
    /// One JSON object an archive and line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let mut outcome = Outcome::Done;
    for archive in &args.archives {
        let report = update_index(archive, args.anew)?;
        for (file, problem) in &report.refused {
            eprintln!("refused {}: {problem}", file.display());
            outcome = Outcome::SomeInputsFailed;
        }
        if args.json {
            let line = serde_json::to_string(&report).map_err(|e| Error::data(e.to_string()))?;
            println!("{line}");
        } else {
            println!(
                "{}: {} files ({} new, {} changed, {} as they were, {} removed), {:.1} MB",
                report.index.display(),
                report.files,
                report.new,
                report.changed,
                report.unchanged,
                report.removed,
                report.bytes as f64 * 1e-6
            );
        }
    }
    Ok(outcome)
}
