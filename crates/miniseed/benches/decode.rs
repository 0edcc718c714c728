//! Millions of samples a second, decoding a made-up day of three components record by record.
//!
//! `cargo bench -p temblor-miniseed`; with a path as argument, that file instead.

use std::hint::black_box;
use std::time::Instant;

use temblor_miniseed::{RecordReader, SampleSlice, Samples, Series, WriteOptions, encode};

const DAY: usize = 8_640_000;

/// Brownian ground noise with now and then a burst, so that all widths of differences occur.
fn component(seed: u64) -> Vec<i32> {
    let mut state = seed;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut level = 0i64;
    (0..DAY)
        .map(|i| {
            let burst = if i / 20_000 % 40 == 7 { 40 } else { 1 };
            level = level * 15 / 16 + ((next() % 61) as i64 - 30) * burst;
            level as i32
        })
        .collect()
}

fn day() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (channel, seed) in [("HHZ", 11), ("HHN", 22), ("HHE", 33)] {
        let samples = component(seed);
        let series = Series {
            network: "XX",
            station: "BENCH",
            location: "00",
            channel,
            start: 1_534_032_000_000_000_000,
            rate: (100, 1),
            samples: SampleSlice::I32(&samples),
        };
        bytes.extend(encode(&series, &WriteOptions::default()).expect("the series can be written"));
    }
    bytes
}

fn main() {
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let bytes = match &path {
        Some(path) => std::fs::read(path).expect("the file can be read"),
        None => day(),
    };
    if let Some(out) = std::env::var_os("TEMBLOR_BENCH_FILE") {
        std::fs::write(out, &bytes).expect("the file can be written");
    }
    let mut best = f64::INFINITY;
    let mut count = 0;
    for _ in 0..7 {
        let started = Instant::now();
        count = 0;
        let mut reader = RecordReader::new(bytes.as_slice());
        while let Some(record) = reader.next_record().expect("a good file") {
            match record.decode().expect("a good record") {
                Samples::I32(samples) => count += black_box(&samples).len(),
                other => count += usize::from(matches!(black_box(other), Samples::Text(_))),
            }
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!(
        "{count} samples, {} bytes: {:.0} million samples a second",
        bytes.len(),
        count as f64 / best / 1e6
    );
}
