//! Files made to harm: each is refused with one clear line, in bounded time and memory.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use temblor::read::miniseed::{self, WriteOptions};
use temblor::read::{ColorMode, Convention, Samples, StreamId, Trace, read_image};
use temblor::time::{SampleRate, UtcTime};

/// The most memory a refusal may take.
const MOST_MEMORY: u64 = 100 << 20;

/// When a program counts as hanging; generous against a busy machine.
const HANGS: Duration = Duration::from_secs(30);

/// How a run ended.
struct Ended {
    code: Option<i32>,
    errors: String,
    seconds: f64,
    /// Peak of resident memory in bytes; 0 where the system does not tell.
    memory: u64,
}

/// The peak so far, from Linux.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stderr = child.stderr.take().expect("stderr is a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut memory = 0;
    let status = loop {
        memory = memory.max(peak_memory(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > HANGS {
            child.kill().unwrap();
            panic!("{arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    let seconds = started.elapsed().as_secs_f64();
    Ended { code: status.code(), errors: reader.join().unwrap().unwrap(), seconds, memory }
}

fn record(version: u8) -> Vec<u8> {
    let [network, station, location, channel] = ["XX", "BAD", "", "BHZ"].map(String::from);
    let trace = Trace {
        id: StreamId { network, station, location, channel },
        start: UtcTime(1_534_032_000_000_000_000),
        rate: SampleRate::from_ratio(40, 1).unwrap(),
        samples: Samples::I32((0..100).collect()),
    };
    miniseed::to_bytes(&trace, &WriteOptions { version, ..WriteOptions::default() }).unwrap()
}

/// A good record with other bytes written over it; version 3 gets its checksum set right, so that
/// the harm is reached.
fn patched(version: u8, patches: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = record(version);
    for (at, patch) in patches {
        bytes[*at..at + patch.len()].copy_from_slice(patch);
    }
    if version == 3 {
        bytes[28..32].fill(0);
        let checksum = crc32c::crc32c(&bytes);
        bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

fn sac(npts: i32) -> Vec<u8> {
    let mut bytes = vec![0; 632];
    bytes[0..4].copy_from_slice(&0.01f32.to_le_bytes());
    for (word, value) in [(70, 2018), (71, 224), (76, 6), (79, npts), (85, 1), (105, 1)] {
        bytes[4 * word..4 * word + 4].copy_from_slice(&i32::to_le_bytes(value));
    }
    bytes.extend([0; 400]);
    bytes
}

fn gse(samples: &str) -> Vec<u8> {
    let header = format!("WID2 2009/05/18 06:47:20.255 RNHA  EHN      CM6 {samples:>8}");
    format!("{header}  200.000000  9.49e-02   1.000  M24/LE  -1.0 -0.0\nDAT2\n+++++\nCHK2 0\n")
        .into_bytes()
}

fn segy(samples: u16, extended: i16, format: u16) -> Vec<u8> {
    let mut bytes = vec![b' '; 3200];
    bytes.resize(3600, 0);
    for (at, value) in [(3216, 250), (3220, samples), (3224, format), (3504, extended as u16)] {
        bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }
    bytes.extend([0xFF; 480]);
    bytes
}

fn rf64(channels: u16, size: u64) -> Vec<u8> {
    let mut bytes = b"RF64\xFF\xFF\xFF\xFFWAVEds64\x1C\0\0\0".to_vec();
    [u64::MAX, size, u64::MAX].iter().for_each(|size| bytes.extend(size.to_le_bytes()));
    bytes.extend([0xFF; 4]);
    bytes.extend(b"fmt \x10\0\0\0\x01\0");
    bytes.extend(channels.to_le_bytes());
    bytes.extend(b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\0\x08\0data\xFF\xFF\xFF\xFF");
    bytes
}

/// Name, content, and whether it must be refused (else it may be read as far as it goes).
fn waveforms() -> Vec<(&'static str, Vec<u8>, bool)> {
    let many = u32::MAX.to_le_bytes();
    let lost = [record(2), vec![0xAA; 1 << 22]].concat();
    let headers: Vec<u8> =
        std::iter::repeat_n(&record(3)[..60], 20_000).flatten().copied().collect();
    vec![
        ("samples.mseed", patched(2, &[(30, &[0xFF, 0xFF])]), true),
        ("doubles.mseed", patched(2, &[(30, &[0xFF, 0xFF]), (52, &[5])]), true),
        ("endless-blockettes.mseed", patched(2, &[(50, &[0, 48])]), true),
        ("record-of-2-to-the-63.mseed", patched(2, &[(54, &[63])]), true),
        ("no-grid-behind.mseed", lost, true),
        ("samples.mseed3", patched(3, &[(24, &many)]), true),
        ("integers.mseed3", patched(3, &[(24, &many), (15, &[3])]), true),
        ("payload.mseed3", patched(3, &[(36, &many)]), true),
        ("rate.mseed3", patched(3, &[(16, &f64::NAN.to_le_bytes())]), false),
        ("headers-only.mseed3", headers, true),
        ("samples.sac", sac(i32::MAX), true),
        ("negative.sac", sac(-1), true),
        ("samples.gse", gse("99999999"), true),
        ("negative.gse", gse("-9999999"), true),
        ("samples.segy", segy(u16::MAX, 0, 1), true),
        ("extended-headers.segy", segy(10, i16::MAX, 1), true),
        ("endless-headers.segy", segy(10, -1, 1), true),
        ("2-to-the-63.wav", rf64(1, 1 << 63), false),
        ("channels.wav", rf64(u16::MAX, u64::MAX), true),
        ("no-channels.wav", rf64(0, u64::MAX), true),
    ]
}

/// As [`waveforms`].
fn tables() -> Vec<(&'static str, Vec<u8>, bool)> {
    let columns = 1_000_000;
    let mut wide = "time".to_string();
    (0..columns).for_each(|i| write!(wide, ",c{i}").unwrap());
    let row = format!("\n2020-01-01{}", ",1".repeat(columns));
    (0..2).for_each(|_| wide.push_str(&row));
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..512).for_each(|_| bomb.write_all(&[b'1'; 1 << 20]).unwrap());
    vec![
        ("million-columns.csv", wide.into_bytes(), true),
        // Quotes end with their line, so that an open one swallows no rows.
        ("quote.csv", [b"time,x\n2020-01-01,\"".to_vec(), vec![b'x'; 8 << 20]].concat(), false),
        ("zeros.csv", vec![0; 8 << 20], true),
        ("bomb.csv.gz", bomb.finish().unwrap(), true),
        ("footer.parquet", b"PAR1\xFF\xFF\xFF\x7FPAR1".to_vec(), true),
    ]
}

fn check(name: &str, ended: &Ended, refused: bool) {
    println!("{name:<28} {:>7.3} s {:>5} MB", ended.seconds, ended.memory >> 20);
    let Ended { code, errors, .. } = ended;
    assert!(matches!(code, Some(0..=2)), "{name}: ends with {code:?}: {errors}");
    assert!(!refused || *code != Some(0), "{name} is not refused");
    assert!(!errors.contains("internal fault"), "{name}: {errors}");
    assert!(ended.memory <= MOST_MEMORY, "{name}: {} bytes", ended.memory);
    if refused {
        let lines: Vec<&str> = errors.lines().collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| line.len() < 400), "{name}: {errors}");
    }
}

#[test]
fn waveforms_are_refused_in_bounded_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, refused) in waveforms() {
        std::fs::write(folder.path().join(name), content).unwrap();
        check(name, &run(folder.path(), &["inspect", name]), refused);
        // Whoever decodes is not reached by another way.
        check(name, &run(folder.path(), &["inspect", "--checksum", "--lenient", name]), false);
    }
}

#[test]
fn tables_are_refused_in_bounded_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, refused) in tables() {
        std::fs::write(folder.path().join(name), content).unwrap();
        check(name, &run(folder.path(), &["table", name]), refused);
    }
}

#[test]
fn a_picture_of_ten_thousand_million_pixels_is_refused_by_its_header() {
    let mut png = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR".to_vec();
    (0..2).for_each(|_| png.extend(100_000u32.to_be_bytes()));
    png.extend([8, 6, 0, 0, 0]);
    let mut checksum = flate2::Crc::new();
    checksum.update(&png[12..]);
    png.extend(checksum.sum().to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.png");
    std::fs::write(&path, png).unwrap();
    let started = Instant::now();
    let error = read_image(&path, ColorMode::Rgb, Convention::Upright).unwrap_err().to_string();
    println!("{:<28} {:>7.3} s", "huge.png", started.elapsed().as_secs_f64());
    assert!(error.contains("100000x100000"), "{error}");
}
