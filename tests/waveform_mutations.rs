//! Good waveform files of every format with a few bytes changed: each case ends in time, without a
//! panic (overflow checks are on), and gives no more samples than its bytes can hold.
//!
//! `TEMBLOR_MUTATIONS` sets the cases a file; the default is small enough for every run.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use temblor::data::Rng;
use temblor::read::format::FormatOptions;
use temblor::read::{Samples, StreamId, Trace, files, miniseed, sac, scan};
use temblor::time::{SampleRate, UtcTime};

/// The longest that a case may take; generous against a busy machine, a hang never ends.
const LONGEST: Duration = Duration::from_secs(20);

fn trace() -> Trace {
    let codes = ["XX", "DEMO", "00", "BHZ"].map(String::from);
    let [network, station, location, channel] = codes;
    Trace {
        id: StreamId { network, station, location, channel },
        start: UtcTime(1_534_032_000_123_000_000),
        rate: SampleRate::from_ratio(40, 1).unwrap(),
        samples: Samples::I32((0..600).map(|i| i * i % 977 - 300).collect()),
    }
}

/// Two traces of six samples of a format, after the headers of SEG-Y or without (Seismic Unix).
fn segy(file_header: bool, code: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    if file_header {
        bytes.resize(3200, b' ');
        bytes.resize(3600, 0);
        for (at, value) in [(3216, 250), (3220, 60), (3224, code), (3500, 0x0100u16)] {
            bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
        }
    }
    for _ in 0..2 {
        let mut header = [0; 240];
        for (at, value) in [(114, 60), (116, 250), (156, 5), (158, 353u16)] {
            header[at..at + 2].copy_from_slice(&value.to_be_bytes());
        }
        bytes.extend(header);
        (0..60u8).for_each(|i| bytes.extend([0x42, i, 0, 1]));
    }
    bytes
}

fn gse() -> Vec<u8> {
    let header = "WID2 2009/05/18 06:47:20.255 RNHA  EHN      ";
    let rest = "  200.000000  9.49e-02   1.000  M24/LE  -1.0 -0.0\nSTA2 XY\nDAT2\n";
    let plain = format!("{header}INT        5{rest}3 -4 5 1000 -7\nCHK2      997\n\n");
    let packed = format!("{header}CM6        5{rest}+++++\nCHK2        0\n");
    (plain + &packed).into_bytes()
}

fn good_files() -> Vec<(&'static str, Vec<u8>)> {
    let trace = trace();
    let version = |version| miniseed::WriteOptions { version, ..Default::default() };
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/station");
        std::fs::read(folder.join(name)).unwrap()
    };
    vec![
        ("miniSEED 2", miniseed::to_bytes(&trace, &version(2)).unwrap()),
        ("miniSEED 3", miniseed::to_bytes(&trace, &version(3)).unwrap()),
        ("SAC", sac::to_bytes(&trace).unwrap().0),
        ("GSE2", gse()),
        ("SEG-Y", segy(true, 1)),
        ("SU", segy(false, 5)),
        ("WAV", fixture("microphone.wav")),
    ]
}

/// Cut, a run repeated or taken out, or a few bytes changed, half of them near the start.
fn mutate(good: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let at = rng.random_range(0..good.len());
    let end = (at + rng.random_range(0..300)).min(good.len());
    match rng.random_range(0..8) {
        0 => bytes.truncate(at),
        1 => {
            let run = bytes[at..end].to_vec();
            bytes.splice(at..at, run);
        }
        2 => drop(bytes.drain(at..end)),
        _ => {
            for _ in 0..1 + rng.random_range(0..4) {
                let near = rng.random_range(0..2) == 0;
                let range = if near { bytes.len().min(640) } else { bytes.len() };
                let at = rng.random_range(0..range.max(1));
                bytes[at] = rng.random();
            }
        }
    }
    bytes
}

#[test]
fn mutated_files_of_every_format_end_in_time_and_in_bounds() {
    let cases: u64 = std::env::var("TEMBLOR_MUTATIONS")
        .map_or(400, |text| text.parse().expect("TEMBLOR_MUTATIONS is a number"));
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case");
        for (number, (name, good)) in good_files().into_iter().enumerate() {
            let mut read = 0;
            for case in 0..=cases {
                let mut rng = Rng::seed_from_u64(number as u64 * 1_000_000_007 + case);
                // The first case is the good file itself: it must read.
                let bytes = if case == 0 { good.clone() } else { mutate(&good, &mut rng) };
                std::fs::write(&path, &bytes).unwrap();
                let options = FormatOptions::default();
                let scanned = files::recognise(&path)
                    .and_then(|file| scan::scan(&path, file.format, &options, true));
                let samples = scanned.as_ref().map_or(0, |scan| {
                    scan.segments.iter().map(|segment| segment.samples).sum::<u64>()
                });
                read += u64::from(samples > 0);
                // The densest packing holds 105 samples in 64 bytes.
                let bounded = samples <= bytes.len() as u64 / 64 * 105 + 105;
                let fault = match scanned {
                    _ if !bounded => Some(format!("{samples} samples in {} bytes", bytes.len())),
                    Err(error) if case == 0 => Some(error.to_string()),
                    _ => None,
                };
                if send.send((name, case, fault)).is_err() {
                    return;
                }
            }
            println!("{name}: {read} of {cases} mutated files still read");
        }
    });
    let mut last = ("none", 0);
    let mut count = 0;
    loop {
        match receive.recv_timeout(LONGEST) {
            Ok((name, case, fault)) => {
                assert!(fault.is_none(), "{name}, case {case}: {fault:?}");
                (last, count) = ((name, case), count + 1);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the case after {last:?} hangs"),
        }
    }
    assert_eq!(count, 7 * (cases + 1), "the case after {last:?} panicked");
}
