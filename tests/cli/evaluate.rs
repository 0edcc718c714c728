//! `temblor evaluate`.

use std::path::Path;
use std::process::Output;

use serde_json::{Map, Value};
use temblor::detect::{Picker, PickerClass, PickerSettings};

use super::program::temblor;

fn done(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "temblor {arguments:?}: {errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

fn refused(output: &Output, code: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{errors}");
    errors
}

/// Windows of synthetic earthquakes and of noise, `set`.
fn windows(folder: &Path) {
    let make = ["synth", "archive", "--out", "v", "--days", "1", "--stations", "1"];
    done(folder, &[&make[..], &["--components", "ZNE", "--earthquakes-per-day", "8"]].concat());
    let build = ["dataset", "build", "v/archive", "--picks", "v/arrivals.csv", "-o", "set"];
    done(folder, &[&build[..], &["--before", "20", "--after", "20", "--noise", "2"]].concat());
}

/// A picker that has learned nothing, in the folder `name`.
fn untrained(folder: &Path, name: &str) {
    let class = PickerClass::VariableLengthPhaseNet;
    let settings = PickerSettings::new(class, &Map::new(), &Map::new()).unwrap();
    let picker = Picker::build(settings, 3, temblor::model::DeviceChoice::Cpu.resolve().unwrap());
    picker.unwrap().save(&folder.join(name)).unwrap();
}

fn row<'a>(report: &'a Value, picker: &str, phase: &str, category: &str) -> &'a Value {
    let rows = report["scores"].as_array().unwrap();
    let own = |row: &&Value| {
        row["picker"] == picker && row["phase"] == phase && row["category"] == category
    };
    rows.iter().find(own).unwrap_or_else(|| panic!("{picker} {phase} {category}: {report}"))
}

#[test]
fn classical_pickers_stand_beside_a_network_and_sources_of_training_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    windows(here);
    untrained(here, "net");
    let (text, said) = done(here, &["evaluate", "net", "set", "-o", "e", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let labels = row(&report, "STA/LTA + AIC", "P", "all")["labels"].as_u64().unwrap();
    assert!(labels >= 4, "{report}");
    let aic = row(&report, "STA/LTA + AIC", "P", "all");
    // One pick a window, the two of noise too.
    assert_eq!(aic["picks"].as_u64(), aic["traces"].as_u64(), "{aic}");
    assert_eq!(row(&report, "AR", "S", "noise")["labels"], 0);
    assert_eq!(row(&report, "AR", "S", "noise")["recall"][0], Value::Null);
    let net = row(&report, "net", "P", "all");
    assert_eq!((&net["amplitude"], net["labels"].as_u64()), (&"absolute".into(), Some(labels)));
    let words = net["training"].as_str().unwrap();
    assert!(words.starts_with("training data unknown"), "{words}");
    assert!(said.contains("written to e"), "{said}");

    let scores = std::fs::read_to_string(here.join("e/scores.csv")).unwrap();
    assert!(scores.starts_with("picker,amplitude,phase,category,threshold,tolerance_s,traces,"));
    // Two amplitude rules of the network, three classical pickers; P and S; three categories.
    let all = scores.lines().filter(|line| line.contains(",all,")).count();
    assert_eq!(all, 2 * 2 + 4, "{scores}");
    let curve = std::fs::read_to_string(here.join("e/thresholds.csv")).unwrap();
    assert_eq!(curve.lines().count(), 1 + 19 * 4);
    assert!(curve.contains("net,relative,S,0.95,"), "{curve}");
    for name in ["residuals.png", "residuals.csv", "picks.csv", "report.json"] {
        assert!(here.join("e").join(name).is_file(), "{name}");
    }

    // Wider tolerances never lose a hit.
    let wide = ["evaluate", "set", "-o", "wide", "--tolerance", "2", "--residuals", "2", "--json"];
    let wide: Value = serde_json::from_str(&done(here, &wide).0).unwrap();
    let hits = |report: &Value| row(report, "AR", "P", "all")["hits"].as_u64().unwrap();
    assert!(hits(&wide) >= hits(&report) && hits(&wide) > 0, "{wide}");

    let again = temblor(here, &["evaluate", "net", "set", "-o", "e"]);
    assert!(refused(&again, 2).contains("--force"));
    let negative = temblor(here, &["evaluate", "set", "-o", "n", "--tolerance=-1"]);
    assert!(refused(&negative, 2).contains("--tolerance"));
    let broken = temblor(here, &["evaluate", "net", "set", "-o", "n", "--arguments", "[1]"]);
    assert!(refused(&broken, 2).contains("JSON object"));
    assert!(!here.join("n").exists());
}

#[test]
fn a_picker_judged_on_its_own_training_data_has_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    windows(here);
    untrained(here, "run");
    let set = here.join("set");
    let settings = format!("kind = \"picker\"\n[[data]]\npath = {:?}\n", set.display().to_string());
    std::fs::write(here.join("run/run.toml"), settings).unwrap();
    let evaluate = ["evaluate", "run", "set", "-o", "e", "--amplitude", "absolute"];
    let (text, _) = done(here, &evaluate);
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("run: shares ") && last.ends_with(": no result"), "{text}");
    assert!(last.contains(" events, 1 station, 1 day"), "{last}");
    assert!(!text.contains("relative"), "{text}");
}

#[test]
fn a_list_is_judged_against_a_reference() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let reference = "time,station,network,phase\n\
        2024-01-01T00:00:10Z,A,XX,P\n2024-01-01T00:00:15Z,A,XX,S\n\
        2024-01-02T00:00:10Z,A,XX,P\n2024-01-03T00:00:10Z,B,XX,P\n";
    let picks = "trace_id,phase,time,probability\n\
        XX.A.,P,2024-01-01T00:00:10.05Z,0.9\nXX.A.,P,2024-01-01T00:00:12Z,0.4\n\
        XX.A.,S,2024-01-01T00:00:15.3Z,0.8\nXX.A.,P,2024-01-02T00:00:09.95Z,0.7\n\
        XX.C.,P,2024-01-01T00:00:10Z,0.9\n";
    std::fs::write(here.join("reference.csv"), reference).unwrap();
    std::fs::write(here.join("picks.csv"), picks).unwrap();
    let lists = ["evaluate", "--picks", "picks.csv", "--reference", "reference.csv"];
    let (text, said) = done(here, &[&lists[..], &["-o", "e", "--json"]].concat());
    let report: Value = serde_json::from_str(&text).unwrap();
    let p = row(&report, "picks", "P", "all");
    assert_eq!([&p["labels"], &p["picks"], &p["hits"]], [3, 3, 2]);
    let near = |found: &Value, expected: f64| {
        assert!((found[0].as_f64().unwrap() - expected).abs() < 1e-9, "{found}");
    };
    near(&p["precision"], 2.0 / 3.0);
    near(&p["recall"], 2.0 / 3.0);
    near(&p["mean_s"], 0.0);
    near(&p["mae_s"], 0.05);
    near(&row(&report, "picks", "S", "all")["recall"], 0.0);
    near(&row(&report, "picks", "S", "all")["mean_s"], 0.3);
    assert!(said.contains("1 picks at 1 stations without any reference"), "{said}");
    for name in ["thresholds.png", "residuals.png"] {
        assert!(here.join("e").join(name).is_file(), "{name}");
    }
    let curve = std::fs::read_to_string(here.join("e/thresholds.csv")).unwrap();
    assert!(curve.contains("picks,,P,0.5,2,2,1,"), "{curve}");

    let more = ["-o", "f", "--threshold", "0.5", "--json"];
    let report: Value = serde_json::from_str(&done(here, &[&lists[..], &more].concat()).0).unwrap();
    near(&row(&report, "picks", "P", "all")["precision"], 1.0);
    let alone = temblor(here, &["evaluate", "--picks", "picks.csv"]);
    assert!(refused(&alone, 2).contains("--reference"));
    let missing = ["evaluate", "--picks", "none.csv", "--reference", "reference.csv", "-o", "g"];
    assert!(refused(&temblor(here, &missing), 1).contains("none.csv"));
}
