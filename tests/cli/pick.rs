//! `temblor pick`: the same bytes however it is divided, stopped or fed.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;
use tch::Device;
use temblor::detect::{Picker, PickerClass, PickerSettings};
use temblor::read::{Archive, ArchiveOptions, Samples, StreamId, Trace, miniseed};
use temblor::time::{DAY, SECOND, SampleRate, UtcTime};

use crate::program::{stopped, temblor};

/// 2020-01-01.
const START: i64 = 1_577_836_800 * SECOND;

const RATE: u64 = 20;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn done(folder: &Path, arguments: &[&str]) -> Output {
    let output = temblor(folder, arguments);
    assert!(output.status.success(), "temblor {arguments:?}: {}", stderr(&output));
    output
}

/// A picker that has learned nothing but answers differently everywhere.
fn save_weights(folder: &Path) {
    let model = json!({ "in_samples": 256, "sampling_rate": RATE, "phases": "PSN" });
    let defaults = json!({ "P_threshold": 0.36, "S_threshold": 0.36, "blinding": [20, 20] });
    let settings = PickerSettings::new(
        PickerClass::VariableLengthPhaseNet,
        model.as_object().unwrap(),
        defaults.as_object().unwrap(),
    );
    let mut picker = Picker::build(settings.unwrap(), 3, Device::Cpu).unwrap();
    // Random weights alone give nearly the same probabilities everywhere.
    let mut tensors = picker.model().named_numbers().unwrap();
    for tensor in tensors.iter_mut().filter(|tensor| tensor.name == "out.weight") {
        tensor.values.iter_mut().for_each(|x| *x *= 150.0);
    }
    picker.model_mut().load_named(Path::new("memory"), tensors).unwrap();
    picker.save(&folder.join("weights")).unwrap();
}

fn id(station: &str, channel: &str) -> StreamId {
    let text = |text: &str| text.to_string();
    StreamId {
        network: text("XX"),
        station: text(station),
        location: String::new(),
        channel: text(channel),
    }
}

/// Noise with bursts, the same for the same sample number.
fn samples(seed: u64, range: std::ops::Range<u64>) -> Vec<i32> {
    let value = |i: u64| {
        let mut x =
            (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD1B5_4A32_D192_ED03);
        x = (x ^ (x >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let noise = ((x >> 40) % 201) as f64 - 100.0;
        let since = (i % 3137) as f64;
        let burst = 900.0 * (-since / 150.0).exp() * (since / 2.3 + seed as f64).sin();
        (noise + burst) as i32
    };
    range.map(value).collect()
}

/// Three components of a station, `minutes` from `start`, without the minutes in `gaps`.
fn station(name: &str, start: i64, minutes: u64, gaps: &[(u64, u64)]) -> Vec<Trace> {
    let rate = SampleRate::from_ratio(RATE, 1).unwrap();
    let mut traces = Vec::new();
    for (seed, channel) in (1u64..).zip(["HHZ", "HHN", "HHE"]) {
        let mut from = 0;
        let ends = gaps.iter().copied().chain([(minutes, minutes)]);
        for (end, next) in ends {
            let range = from * 60 * RATE..end * 60 * RATE;
            let begin = UtcTime(start).plus(rate.offset(range.start));
            let samples = Samples::I32(samples(seed + name.len() as u64, range));
            traces.push(Trace { id: id(name, channel), start: begin, rate, samples });
            from = next;
        }
    }
    traces
}

fn write(file: &Path, traces: &[Trace]) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    miniseed::write(file, traces, &miniseed::WriteOptions::default()).unwrap();
}

/// Stations with data on both sides of a midnight.
fn archive(folder: &Path, stations: &[&str]) {
    for name in stations {
        let traces = station(name, START + (22 * 60 + 45) * 60 * SECOND, 150, &[(70, 72)]);
        write(&folder.join("archive").join(format!("{name}.mseed")), &traces);
    }
}

/// All files of a folder with their bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (contents(a), contents(b));
    let names = |of: &[(PathBuf, Vec<u8>)]| of.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    for ((name, ours), (_, theirs)) in a.iter().zip(&b) {
        assert!(ours == theirs, "{} differs", name.display());
    }
}

/// Columns of `picks.csv`, without the header.
fn picks(folder: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(folder.join("picks.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_string).collect()).collect()
}

const ALL: [&str; 12] = [
    "--annotations",
    "--pair",
    "20",
    "--sweep",
    "0.35,0.4",
    "--phasenet-csv",
    "--quakeml",
    "--overview",
    "--plot",
    "2020-01-01T23:30:00",
    "--min-distance",
    "1",
];

#[test]
fn every_output_is_there_and_says_what_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    save_weights(here);
    archive(here, &["A"]);
    let output = done(here, &[&["pick", "weights", "archive", "--out", "out"][..], &ALL].concat());
    let said = stderr(&output);
    for part in
        ["components: ZNE", "labels: P S N", "20 Hz", "P_threshold 0.36", "\"blinding\":[20,20]"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Every sample that has data has a probability, in spite of blinding.
    let said = stdout(&output);
    assert!(
        said.contains("2:28:00.00 with data in 2 station-days, 2:28:00.00 (100.00 %)"),
        "{said}"
    );
    let rows = picks(&here.join("out"));
    assert!(rows.len() > 20, "{}", rows.len());
    let times: Vec<UtcTime> = rows.iter().map(|row| row[2].parse().unwrap()).collect();
    assert!(times.is_sorted());
    for row in &rows {
        let probability: f64 = row[3].parse().unwrap();
        assert!(row[0] == "XX.A." && ["P", "S"].contains(&row[1].as_str()), "{row:?}");
        assert!(probability >= 0.36 && row[6] == "0.36" && row[2].ends_with("Z"), "{row:?}");
        assert!(row[4] <= row[2] && row[2] <= row[5], "{row:?}");
        assert!(row[7].parse::<f64>().unwrap() > 10.0, "{row:?}");
    }
    let sweep = std::fs::read_to_string(here.join("out/sweep.csv")).unwrap();
    assert!(sweep.starts_with("threshold,phase,picks\n0.35,P,"), "{sweep}");
    let phasenet = std::fs::read_to_string(here.join("out/picks_phasenet.csv")).unwrap();
    assert!(phasenet.starts_with("station_id,begin_time,phase_index,phase_time,phase_score"));
    assert_eq!(phasenet.lines().count(), rows.len() + 1);
    // A gap parts what is covered, midnight does not.
    let coverage = std::fs::read_to_string(here.join("out/coverage.csv")).unwrap();
    let lines = [
        "trace_id,start_time,end_time",
        "XX.A.,2020-01-01T22:45:00.000000000Z,2020-01-01T23:55:00.000000000Z",
        "XX.A.,2020-01-01T23:57:00.000000000Z,2020-01-02T01:15:00.000000000Z",
    ];
    assert_eq!(coverage.lines().collect::<Vec<_>>(), lines);
    for picture in ["pictures/XX.A..20200101T233000", "overview/XX.A..2020.001"] {
        let bytes = std::fs::read(here.join("out").join(format!("{picture}.png"))).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{picture}");
    }
    assert!(here.join("out/overview/XX.A..2020.002.png").exists());
    // Curves of both days, without a seam between them.
    let paths = [here.join("out/annotations")];
    let (curves, report) = Archive::open(&paths, &ArchiveOptions::default()).unwrap();
    assert_eq!(report.files, 2);
    let channels = curves.channels();
    let names: Vec<&str> = channels.iter().map(|id| id.channel.as_str()).collect();
    assert_eq!(names, ["HYN", "HYP", "HYS"]);
    for id in &channels {
        let stretches = curves.presence(id).stretches;
        assert_eq!(stretches.len(), 2, "{id}: {stretches:?}");
        for piece in curves.pieces(id) {
            let values = piece.unwrap().samples.to_f64();
            assert!(values.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }
}

#[test]
fn midnight_leaves_no_seam() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    save_weights(here);
    let shift = 7 * 3600 * SECOND;
    for (name, start) in
        [("night", START + 22 * 3600 * SECOND), ("noon", START + 22 * 3600 * SECOND - shift)]
    {
        write(&here.join(name).join("a.mseed"), &station("A", start, 240, &[]));
        done(here, &["pick", "weights", name, "--out", &format!("{name}.out")]);
    }
    let (night, noon) = (picks(&here.join("night.out")), picks(&here.join("noon.out")));
    assert!(night.len() > 20 && night.len() == noon.len(), "{} {}", night.len(), noon.len());
    for (a, b) in night.iter().zip(&noon) {
        for column in [2, 4, 5] {
            let time = |row: &[String]| row[column].parse::<UtcTime>().unwrap();
            assert_eq!(time(a), time(b).plus(shift), "{a:?} {b:?}");
        }
        let value = |row: &[String]| row[3].parse::<f64>().unwrap();
        assert!(a[1] == b[1] && (value(a) - value(b)).abs() < 1e-5, "{a:?} {b:?}");
    }
    let day = |row: &Vec<String>| row[2].parse::<UtcTime>().unwrap().day_start();
    assert!(
        day(&night[0]) == UtcTime(START) && day(&night[night.len() - 1]) == UtcTime(START + DAY)
    );
}

#[test]
fn killed_and_resumed_divided_and_merged_on_any_threads_the_bytes_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    save_weights(here);
    archive(here, &["A", "BB", "CCC"]);
    let all = |out: &'static str, more: &[&'static str]| {
        [&["pick", "weights", "archive", "--out", out][..], &ALL, more].concat()
    };
    done(here, &all("whole", &["--threads", "2"]));
    let whole = here.join("whole");
    assert!(picks(&whole).len() > 100);

    stopped(here, &all("stopped", &["--threads", "1"]), "stopped/parts", "-KILL");
    assert!(!here.join("stopped/picks.csv").exists());
    let refused = temblor(here, &all("stopped", &[]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--resume"), "{}", stderr(&refused));
    let said = stderr(&done(here, &all("stopped", &["--resume", "--threads", "3"])));
    assert!(said.contains("of 6 station-days finished by an earlier run"), "{said}");
    assert_same(&whole, &here.join("stopped"));

    for (shard, out) in [("1/3", "part"), ("2/3", "part"), ("3/3", "part")] {
        done(here, &all(out, &["--shard", shard]));
    }
    let merge = |folders: &[&str]| {
        temblor(here, &[&["pick", "--merge", "--force", "--out", "merged"], folders].concat())
    };
    let shards = ["part.shard-3-of-3", "part.shard-1-of-3", "part.shard-2-of-3"];
    let merged = merge(&shards);
    assert!(merged.status.success(), "{}", stderr(&merged));
    assert_same(&whole, &here.join("merged"));
    let missing = merge(&shards[..2]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("shard 2 of 3 is missing"), "{}", stderr(&missing));

    // What an earlier run kept of other settings is not used.
    stopped(here, &all("other", &["--threads", "1"]), "other/parts", "-KILL");
    let other = done(here, &all("other", &["--resume", "--threshold", "0.4"]));
    assert!(stderr(&other).contains("other data or settings"), "{}", stderr(&other));
}

#[test]
fn the_format_of_the_data_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    save_weights(here);
    archive(here, &["A", "BB"]);
    done(here, &["convert", "archive", "--to", "sac", "--out", "sac"]);
    for name in ["A", "BB"] {
        let to = here.join("stations").join(name);
        std::fs::create_dir_all(&to).unwrap();
        std::fs::copy(here.join(format!("archive/{name}.mseed")), to.join("data.mseed")).unwrap();
    }
    done(here, &["pick", "weights", "archive", "--out", "a"]);
    for (input, out) in [("sac", "b"), ("stations", "c")] {
        done(here, &["pick", "weights", input, "--out", out]);
        assert_eq!(picks(&here.join("a")), picks(&here.join(out)), "{input}");
    }
}

#[test]
fn what_is_left_out_is_said_and_channels_are_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    save_weights(here);
    // Ten minutes, a stretch of a second, a stretch shorter than a window.
    let whole = station("A", START, 20, &[]);
    let rate = whole[0].rate;
    let mut traces = Vec::new();
    for trace in &whole {
        let Samples::I32(all) = &trace.samples else { panic!("integers") };
        for range in [0..12_000, 12_400..12_420, 13_000..13_200] {
            let start = trace.start.plus(rate.offset(range.start as u64));
            let samples = Samples::I32(all[range].to_vec());
            traces.push(Trace { start, samples, ..trace.clone() });
        }
    }
    write(&here.join("short/a.mseed"), &traces);
    let output = done(here, &["pick", "weights", "short", "--out", "short.out"]);
    let said = stdout(&output);
    assert!(said.contains("left out: 0:00:01.00 in stretches too short"), "{said}");
    assert!(said.contains("0:10:11.00 with data"), "{said}");

    // One component in strict.
    let one: Vec<Trace> = whole.iter().filter(|t| t.id.channel == "HHZ").cloned().collect();
    write(&here.join("one/a.mseed"), &one);
    let output = done(here, &["pick", "weights", "one", "--out", "one.out", "--strict"]);
    assert!(stdout(&output).contains("0:20:00.00 without all components"), "{}", stdout(&output));
    let output = done(here, &["pick", "weights", "one", "--out", "z.out"]);
    assert!(stdout(&output).contains("(100.00 %)"), "{}", stdout(&output));

    // Other names of the same channels.
    let renamed = |names: [&str; 3]| {
        let rename = |trace: &Trace| {
            let at = ["HHZ", "HHN", "HHE"].iter().position(|c| *c == trace.id.channel).unwrap();
            Trace { id: id("A", names[at]), ..trace.clone() }
        };
        whole.iter().map(rename).collect::<Vec<_>>()
    };
    write(&here.join("zne/a.mseed"), &whole);
    write(&here.join("z12/a.mseed"), &renamed(["HHZ", "HH1", "HH2"]));
    write(&here.join("und/a.mseed"), &renamed(["UD", "NS", "EW"]));
    done(here, &["pick", "weights", "zne", "--out", "zne.out"]);
    done(here, &["pick", "weights", "z12", "--out", "z12.out"]);
    let maps = ["--map-channel", "UD=Z", "--map-channel", "NS=N", "--map-channel", "EW=E"];
    done(here, &[&["pick", "weights", "und", "--out", "und.out"][..], &maps].concat());
    assert_eq!(picks(&here.join("zne.out")), picks(&here.join("z12.out")));
    assert_eq!(picks(&here.join("zne.out")), picks(&here.join("und.out")));
    let nothing = temblor(here, &["pick", "weights", "und", "--out", "none.out"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("--map-channel"), "{}", stderr(&nothing));
}

#[test]
fn seisbench_arguments_are_taken_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    save_weights(here);
    archive(here, &["A"]);
    let json = r#"{"overlap": 0.5, "P_threshold": 0.37, "parallel": 4}"#;
    let output = done(here, &["pick", "weights", "archive", "--out", "a", "--seisbench", json]);
    assert!(stderr(&output).contains("'parallel' is not known"), "{}", stderr(&output));
    // Blinded ends are not covered.
    assert!(stdout(&output).contains("blinded ends"), "{}", stdout(&output));
    assert!(picks(&here.join("a")).iter().any(|row| row[6] == "0.37"));
    for wrong in [
        vec!["--seisbench", "[]"],
        vec!["--seisbench", r#"{"overlap": 256}"#],
        vec!["--seisbench", "{}", "--overlap", "100"],
        vec!["--threshold", "Q=0.3"],
        vec!["--threshold", "P=3"],
        vec!["--overlap", "39"],
        vec!["--blinding", "1"],
        vec!["--sweep", "0"],
        vec!["--map-channel", "E"],
    ] {
        let words = [&["pick", "weights", "archive", "--out", "b"][..], &wrong].concat();
        let output = temblor(here, &words);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", stderr(&output));
        assert!(!here.join("b").exists());
    }
}
