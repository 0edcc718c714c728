//! Time of the activity features of a day at 40 Hz, on one thread and on two, beside the same
//! features by ObsPy, SciPy and NumPy.
//!
//! ```text
//! TEMBLOR_PYTHON=/path/to/python TEMBLOR_ACTIVITY=/path/to/make_activity_features.py \
//!     cargo bench --bench activity
//! ```
//!
//! `TEMBLOR_PYTHON` names a Python with ObsPy, `TEMBLOR_ACTIVITY` the script (arguments FILE
//! START_HOUR HOURS OUT; prints `read S s, features S s`); without them our own times stand
//! alone. Rounds take turns, so that a busy machine slows all alike, and the fastest of each
//! counts, which other work on the machine disturbed least. All read the same miniSEED file of a
//! synthetic day; the times are those of reading and of computing, not of starting Python. The
//! rows of one thread and of two are compared bit for bit.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use temblor::read::{Archive, ArchiveOptions};
use temblor::signal::{Activity, ActivityRows, ActivitySettings, Align, Feature};
use temblor_miniseed::{SampleSlice, Series, WriteOptions, encode};

const ROUNDS: usize = 9;

const THREADS: [usize; 3] = [1, 2, 4];

/// A day of noise with swells and bursts.
fn write_day(path: &Path) {
    let mut state = 1u64;
    let samples: Vec<i32> = (0..86_400 * 40)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
            let burst = if i % 80_000 < 2_000 { 3000.0 } else { 50.0 };
            (burst * noise + 200.0 * (i as f64 * 0.03).sin()) as i32
        })
        .collect();
    let series = Series {
        network: "XX",
        station: "DAY",
        location: "",
        channel: "BHZ",
        start: 1_577_836_800_000_000_000,
        rate: (40, 1),
        samples: SampleSlice::I32(&samples),
    };
    let bytes = encode(&series, &WriteOptions::default()).expect("a series that can be written");
    std::fs::write(path, bytes).expect("a writable temporary folder");
}

/// Seconds of reading and computing on `threads` threads, and the rows.
fn ours(path: &Path, threads: usize) -> (f64, ActivityRows) {
    let settings = ActivitySettings {
        align: Align::FirstSample,
        features: Feature::all().into_iter().filter(|f| *f != Feature::Triggers).collect(),
        ..ActivitySettings::default()
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let started = Instant::now();
    let rows = pool.install(|| {
        let (archive, _) = Archive::open(&[path.to_path_buf()], &ArchiveOptions::default())
            .expect("a readable day");
        let mut activity = Activity::new(settings).expect("settings that can be served");
        for piece in archive.pieces(&archive.channels()[0]) {
            activity.push(piece.expect("a readable piece")).expect("few rows");
        }
        activity.finish().expect("complete windows")
    });
    assert_eq!(rows.rows(), 144);
    (started.elapsed().as_secs_f64(), rows)
}

/// The same by the script; `None` without it.
fn theirs(path: &Path) -> Option<f64> {
    let (python, script) =
        (std::env::var_os("TEMBLOR_PYTHON")?, std::env::var_os("TEMBLOR_ACTIVITY")?);
    let out = path.with_extension("csv");
    let output = Command::new(python)
        .arg(script)
        .arg(path)
        .args(["0", "24"])
        .arg(out)
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .output()
        .expect("Python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let seconds: Vec<f64> = text.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    Some(seconds.iter().take(2).sum())
}

fn fastest(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("day.mseed");
    write_day(&path);
    let expected = ours(&path, 1).1;
    let (mut own, mut peer) = (vec![Vec::new(); THREADS.len()], Vec::new());
    for _ in 0..ROUNDS {
        for (times, threads) in own.iter_mut().zip(THREADS) {
            let (seconds, rows) = ours(&path, threads);
            assert!(rows == expected, "{threads} threads give other rows than one");
            times.push(seconds);
        }
        peer.extend(theirs(&path));
    }
    println!("33 features of a day at 40 Hz (144 windows), fastest of {ROUNDS} rounds");
    for (times, threads) in own.iter().zip(THREADS) {
        let ratio = match &peer[..] {
            [] => String::new(),
            peer => format!(", {:.2} times as fast", fastest(peer) / fastest(times)),
        };
        println!("temblor, {threads} threads    {:.3} s{ratio}", fastest(times));
    }
    if !peer.is_empty() {
        println!("ObsPy + SciPy         {:.3} s", fastest(&peer));
    }
}
