//! Measures how fast a file is read: headers alone, and with its samples.
//!
//! `cargo run --release -p temblor-miniseed --example speed -- FILE`

use std::time::Instant;

use temblor_miniseed::{RecordReader, Result, SampleSlice, Samples, Series, WriteOptions, encode};

/// Samples, and their number.
fn read(bytes: &[u8], decode: bool) -> Result<(Vec<i32>, u64)> {
    let mut reader = RecordReader::new(bytes);
    let (mut samples, mut count) = (Vec::new(), 0);
    while let Some(record) = reader.next_record()? {
        record.verify()?;
        count += u64::from(record.header.samples);
        if decode && let Samples::I32(decoded) = record.decode()? {
            samples.extend(decoded);
        }
    }
    Ok((samples, count))
}

/// Seconds of the fastest of ten runs.
fn fastest<T>(mut run: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let started = Instant::now();
        run()?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn main() -> Result<()> {
    let path = std::env::args().nth(1).expect("usage: speed FILE");
    let bytes = std::fs::read(path)?;
    let (samples, count) = read(&bytes, true)?;
    let million = count as f64 / 1e6;
    println!("{count} samples in {} bytes", bytes.len());
    for (what, decode) in [("headers, verified", false), ("decoded", true)] {
        let seconds = fastest(|| read(&bytes, decode))?;
        println!("{what}: {:.1} ms, {:.0} million samples/s", seconds * 1e3, million / seconds);
    }
    let series = Series {
        network: "XX",
        station: "SPEED",
        location: "",
        channel: "BHZ",
        start: 0,
        rate: (40, 1),
        samples: SampleSlice::I32(&samples),
    };
    let seconds = fastest(|| encode(&series, &WriteOptions::default()))?;
    println!(
        "encoded (Steim-2): {:.1} ms, {:.0} million samples/s",
        seconds * 1e3,
        million / seconds
    );
    Ok(())
}
