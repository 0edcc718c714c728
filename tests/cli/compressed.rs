//! Compressed files and archives as inputs.

use std::io::Write;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use temblor::read::{Samples, StreamId, Trace, miniseed};
use temblor::time::{SampleRate, UtcTime};

use crate::program::temblor;

/// A minute of a channel as miniSEED, `minute` minutes after 2020.
fn minute(channel: &str, minute: i64) -> Vec<u8> {
    let [network, station, location, channel] = ["XX", "DEMO", "", channel].map(String::from);
    let trace = Trace {
        id: StreamId { network, station, location, channel },
        start: UtcTime(1_577_836_800_000_000_000 + minute * 60_000_000_000),
        rate: SampleRate::from_ratio(100, 1).unwrap(),
        samples: Samples::I32((0..6000).map(|i| i * 7 % 101).collect()),
    };
    miniseed::to_bytes(&trace, &miniseed::WriteOptions::default()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar archive of regular files.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in members {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(*bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `file channel samples`, a line a trace.
fn traces(folder: &Path, inputs: &[&str]) -> (String, Output) {
    let output = temblor(folder, &[&["inspect", "--json"], inputs].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let trace: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| trace[key].as_str().map(String::from);
        Some(format!("{} {} {}\n", text("file")?, text("id")?, trace.get("samples")?))
    };
    (text.lines().filter_map(line).collect(), output)
}

#[test]
fn members_of_archives_read_as_files_do_and_a_bad_one_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let good = minute("HHZ", 0);
    let packed = gzip(&minute("HHZ", 1));
    let mut cut = gzip(&minute("HHE", 0));
    cut.truncate(cut.len() - 20);
    let members: [(&str, &[u8]); 4] =
        [("day/a.mseed", &good), ("b.gz", &packed), ("cut.gz", &cut), ("notes.md", b"text")];
    write("all.tar", &tar(&members));
    write("all.tgz", &gzip(&tar(&members)));
    write("c.mseed.zst", &zstd::encode_all(&minute("HHN", 0)[..], 3).unwrap());
    write("plain.mseed", &good);
    let (plain, _) = traces(folder.path(), &["plain.mseed"]);
    assert_eq!(plain, "plain.mseed XX.DEMO..HHZ 6000\n");
    for name in ["all.tar", "all.tgz"] {
        let (found, output) = traces(folder.path(), &[name]);
        let expected =
            format!("{name}!day/a.mseed XX.DEMO..HHZ 6000\n{name}!b.gz XX.DEMO..HHZ 6000\n");
        assert_eq!(found, expected, "{}", stderr(&output));
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("refused {name}!cut.gz: gzip: ends too early");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
    let (found, output) = traces(folder.path(), &["c.mseed.zst"]);
    assert_eq!(found, "c.mseed.zst XX.DEMO..HHN 6000\n", "{}", stderr(&output));
    // The minutes of two members are one trace.
    let arguments = ["convert", "all.tgz", "--to", "sac", "-o", "out"];
    let output = temblor(folder.path(), &arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("12000 samples"), "{text}{}", stderr(&output));
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
}

#[test]
fn a_bomb_is_refused_in_a_moment_unless_its_size_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = folder.path().join("bomb.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..512).for_each(|_| encoder.write_all(&zeros).unwrap());
    std::fs::write(&bomb, encoder.finish().unwrap()).unwrap();
    // Half a gigabyte in a few kilobytes.
    std::fs::write(folder.path().join("twice.gz"), gzip(&std::fs::read(&bomb).unwrap())).unwrap();
    for name in ["bomb.gz", "twice.gz"] {
        let start = Instant::now();
        let output = temblor(folder.path(), &["inspect", name]);
        assert!(start.elapsed() < Duration::from_secs(5), "{name}: {:?}", start.elapsed());
        assert_eq!(output.status.code(), Some(1));
        let expected = "expands to more than 1000 times its length";
        assert!(stderr(&output).contains(expected), "{name}: {}", stderr(&output));
    }
    let allowed = temblor(folder.path(), &["inspect", "bomb.gz", "--most-expanded", "1G"]);
    assert!(stderr(&allowed).contains("no known waveform format"), "{}", stderr(&allowed));
    let less = temblor(folder.path(), &["inspect", "bomb.gz", "--most-expanded", "100M"]);
    assert!(stderr(&less).contains("the limit of --most-expanded"), "{}", stderr(&less));
    let wrong = temblor(folder.path(), &["inspect", "bomb.gz", "--most-expanded", "much"]);
    assert_eq!(wrong.status.code(), Some(2));
}
