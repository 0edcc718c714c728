//! Millions of samples a second, decoding a file of integers to one array a channel, on one thread
//! and on two, beside pymseed and ObsPy.
//!
//! ```text
//! TEMBLOR_PYTHON=/path/to/python cargo bench --profile dev -p temblor-miniseed -- FILE
//! ```
//!
//! Without FILE a made-up day of three components stands in; without `TEMBLOR_PYTHON` (a Python
//! with ObsPy and pymseed) our own numbers stand alone. All take turns, so that a busy machine
//! slows all; each best time counts. All read the file from memory.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use temblor_miniseed::{
    Codes, Record, Records, SampleSlice, Samples, Series, WriteOptions, encode,
};

const ROUNDS: usize = 5;

/// Measurements of ours in a round: a call of ours takes a fraction of one of theirs.
const REPEATS: usize = 5;

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

/// One array a channel: headers first, so that each is made once, in its full length.
fn traces(bytes: &[u8]) -> Vec<(Codes, Samples)> {
    let mut lengths: Vec<(Codes, usize)> = Vec::new();
    for record in records(bytes) {
        let (codes, samples) = (record.header.codes, record.header.samples as usize);
        match lengths.iter_mut().rev().find(|known| known.0 == codes) {
            Some(known) => known.1 += samples,
            None => lengths.push((codes, samples)),
        }
    }
    let empty = |(codes, length)| (codes, Samples::I32(Vec::with_capacity(length)));
    let mut traces: Vec<(Codes, Samples)> = lengths.into_iter().map(empty).collect();
    for record in records(bytes) {
        let trace = traces.iter_mut().find(|trace| trace.0 == record.header.codes);
        let (_, samples) = trace.expect("its length was counted");
        record.decode_onto(samples).expect("a good record of integers");
    }
    traces
}

fn length(samples: &Samples) -> usize {
    if let Samples::I32(samples) = samples { samples.len() } else { 0 }
}

fn count(traces: &[(Codes, Samples)]) -> usize {
    traces.iter().map(|(_, samples)| length(samples)).sum()
}

fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    Records::new(bytes).map(|record| record.expect("a good file"))
}

/// Samples and seconds on one thread, each record into the place of the one before.
fn record_by_record(bytes: &[u8]) -> (usize, f64) {
    let started = Instant::now();
    let (mut samples, mut n) = (Samples::I32(Vec::new()), 0);
    for record in records(bytes) {
        if let Samples::I32(samples) = &mut samples {
            samples.clear();
        }
        record.decode_onto(&mut samples).expect("a good record of integers");
        n += length(black_box(&samples));
    }
    (n, started.elapsed().as_secs_f64())
}

/// Samples and seconds on one thread.
fn on_one_thread(bytes: &[u8]) -> (usize, f64) {
    let started = Instant::now();
    let traces = black_box(traces(bytes));
    let seconds = started.elapsed().as_secs_f64();
    (count(&traces), seconds)
}

/// The same on two, each with half of the file. Records are 512 bytes long.
fn on_two_threads(bytes: &[u8]) -> (usize, f64) {
    let started = Instant::now();
    let (first, second) = bytes.split_at(bytes.len() / 1024 * 512);
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| traces(second));
        black_box([traces(first), other.join().expect("a thread that does not panic")])
    });
    let seconds = started.elapsed().as_secs_f64();
    (halves.iter().map(|traces| count(traces)).sum(), seconds)
}

/// What the Python libraries print: a name and millions of samples a second on each line.
fn theirs(file: &str) -> Vec<(String, f64)> {
    let Some(python) = std::env::var_os("TEMBLOR_PYTHON") else { return Vec::new() };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/decode.py");
    let output = Command::new(python).arg(script).arg(file).output().expect("Python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        Some((line.rsplit_once(' ')?.0.to_string(), line.rsplit_once(' ')?.1.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let made = std::env::temp_dir().join(format!("temblor-bench-{}.mseed", std::process::id()));
    let file = given.clone().unwrap_or_else(|| made.to_string_lossy().into_owned());
    if given.is_none() {
        std::fs::write(&file, day()).expect("the file can be written");
    }
    let bytes = std::fs::read(&file).expect("the file can be read");
    let mut best: Vec<(String, f64)> = Vec::new();
    let mut samples = 0;
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for _ in 0..REPEATS {
            for (name, (n, seconds)) in [
                ("temblor-miniseed records, one thread", record_by_record(&bytes)),
                ("temblor-miniseed traces, one thread", on_one_thread(&bytes)),
                ("temblor-miniseed traces, two threads", on_two_threads(&bytes)),
            ] {
                samples = n;
                round.push((name.to_string(), n as f64 / seconds / 1e6));
            }
        }
        round.extend(theirs(&file));
        for (name, speed) in round {
            match best.iter_mut().find(|known| known.0 == name) {
                Some(known) => known.1 = known.1.max(speed),
                None => best.push((name, speed)),
            }
        }
    }
    if given.is_none() {
        std::fs::remove_file(&file).expect("the file was there");
    }
    println!("{samples} samples, {} bytes; million samples a second:", bytes.len());
    for (name, speed) in best {
        println!("{name:<36} {speed:>5.0}");
    }
}
