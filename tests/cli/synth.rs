//! `temblor synth`: the same bytes from the same seed, the truth as stated, nothing foreign lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::program::temblor;

/// Every file below `folder`, by its path inside it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn with_threads(folder: &Path, threads: &str, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs twice with one seed and different threads, once with another seed.
fn same_seed_same_bytes(arguments: &[&str], differing: &str) {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, seed: &str, threads: &str| {
        let all = [&["synth"], arguments, &["--out", name, "--seed", seed]].concat();
        with_threads(folder.path(), threads, &all);
        files(&folder.path().join(name))
    };
    let (first, second, other) = (run("a", "5", "1"), run("b", "5", "3"), run("c", "6", "3"));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(bytes == &second[name], "{name} differs between runs");
    }
    let content = |files: &BTreeMap<String, Vec<u8>>| {
        files.iter().find(|(name, _)| name.ends_with(differing)).map(|(_, bytes)| bytes.clone())
    };
    assert!(content(&first).is_some() && content(&first) != content(&other));
}

#[test]
fn archive_is_the_same_from_the_same_seed() {
    let arguments =
        ["archive", "--days", "2", "--stations", "2", "--rate", "20", "--components", "ZN"];
    same_seed_same_bytes(&arguments, ".001");
}

#[test]
fn windows_and_images_are_the_same_from_the_same_seed() {
    same_seed_same_bytes(&["windows", "--events-per-class", "5", "--rate", "20"], "windows.npy");
    same_seed_same_bytes(&["images", "--per-class", "4", "--samples", "2", "--size", "32"], ".png");
}

#[test]
fn a_group_lies_in_one_fold() {
    let folder = tempfile::tempdir().unwrap();
    let make = |arguments: &[&str]| {
        assert!(temblor(folder.path(), &[&["synth"], arguments].concat()).status.success());
    };
    make(&["windows", "--events-per-class", "6", "--rate", "20", "--out", "w"]);
    make(&["images", "--per-class", "12", "--samples", "6", "--size", "16", "--out", "i"]);
    for (index, group, fold, rows) in
        [("w/index.csv", 4, 9, 6 * (3 * 2 + 3)), ("i/index.csv", 2, 3, 4 * 12)]
    {
        let text = std::fs::read_to_string(folder.path().join(index)).unwrap();
        let mut folds = BTreeMap::new();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let first = folds.entry(cells[group].to_string()).or_insert(cells[fold].to_string());
            assert_eq!(first, cells[fold], "{line}");
        }
        assert_eq!(text.lines().count() - 1, rows);
        assert_eq!(folds.values().collect::<std::collections::BTreeSet<_>>().len(), 5);
    }
}

#[test]
fn archive_reads_back_with_the_gaps_it_states() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "synth",
        "archive",
        "--out",
        "made",
        "--days",
        "2",
        "--rate",
        "20",
        "--gaps-per-day",
        "1.5",
    ];
    let output = temblor(folder.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("made/truth.json")).unwrap())
            .unwrap();
    assert_eq!(truth["stations"][0]["gaps"].as_array().unwrap().len(), 3);

    let inspected = temblor(folder.path(), &["inspect", "made/archive", "--json"]);
    assert!(inspected.status.success());
    let traces: Vec<serde_json::Value> = String::from_utf8(inspected.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // Two days, cut at three gaps that each lie within a day.
    assert_eq!(traces.len(), 2 + 3);
    let samples: u64 = traces.iter().map(|trace| trace["samples"].as_u64().unwrap()).sum();
    assert_eq!(Some(samples), truth["summary"]["samples"].as_u64());
    assert!(
        traces.iter().all(|trace| trace["encoding"] == "STEIM2" && trace["id"] == "XX.SYA..BHZ")
    );
}

#[test]
fn a_folder_with_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("made")).unwrap();
    std::fs::write(folder.path().join("made/thesis.tex"), "years of work").unwrap();
    for force in [&[][..], &["--force"]] {
        let arguments =
            [&["synth", "archive", "--out", "made", "--days", "1", "--rate", "20"], force].concat();
        let output = temblor(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
    }
    assert!(folder.path().join("made/thesis.tex").exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
