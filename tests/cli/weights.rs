//! `temblor weights` as a process.

use std::path::Path;
use std::process::Output;

use serde_json::{Map, json};
use temblor::detect::{Picker, PickerClass, PickerSettings};

use crate::program::temblor;

fn run(arguments: &[&str]) -> Output {
    temblor(Path::new("."), arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pair(folder: &Path) -> Picker {
    let model = json!({"phases": "PSN", "norm": "peak"});
    let model = model.as_object().expect("an object");
    let settings = PickerSettings::new(PickerClass::PhaseNetLight, model, &Map::new()).unwrap();
    let picker = Picker::build(settings, 3, tch::Device::Cpu).unwrap();
    picker.export(folder, "demo", "2").unwrap();
    picker
}

#[test]
fn weights_are_shown_and_copied_both_ways() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("phasenetlight");
    pair(&folder);
    let weights = folder.join("demo").display().to_string();
    let shown = run(&["weights", &weights]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("PhaseNetLight") && shown.contains("23305"), "{shown}");
    let ours = place.path().join("ours").display().to_string();
    let theirs = place.path().join("theirs/again").display().to_string();
    assert!(run(&["weights", &weights, "--save", &ours]).status.success());
    assert!(
        run(&["weights", &ours, "--seisbench", &theirs, "--pair-version", "2"]).status.success()
    );
    let read = |path: &str| std::fs::read(path).unwrap();
    assert_eq!(
        read(&format!("{weights}.pt.v2")),
        read(&format!("{theirs}.pt.v2")),
        "the same weights give the same bytes"
    );
    let again = run(&["weights", &weights, "--save", &ours]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("--force"));
}

#[test]
fn a_poisoned_pickle_is_refused_in_one_line() {
    let place = tempfile::tempdir().unwrap();
    pair(place.path());
    let weights = place.path().join("demo.pt.v2");
    let mut bytes = std::fs::read(&weights).unwrap();
    let name = b"collections\nOrderedDict\n";
    let at = bytes.windows(name.len()).position(|w| w == name).unwrap();
    bytes[at..at + name.len()].copy_from_slice(b"builtins   \neval       \n");
    std::fs::write(&weights, bytes).unwrap();
    let refused = run(&["weights", &weights.display().to_string()]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("builtins") && said.lines().count() == 1, "{said}");
}
