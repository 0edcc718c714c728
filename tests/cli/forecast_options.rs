//! `temblor forecast` with odd tables, several series, baselines and JSON.

use std::path::Path;

use serde_json::Value;

use super::program::temblor;

/// 300 hours from 2020-01-01 as a logger of another country writes them: a line of its own,
/// semicolons, decimal commas, day and clock apart, -77 for nothing measured.
fn odd_table() -> String {
    let mut text = String::from("logger 7\nday;clock;head;flow\n");
    let (mut head, mut noise) = (2.0, 99u64);
    for row in 0..300usize {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        head += 0.2 * ((noise >> 33) as f64 / (1u64 << 31) as f64 - 0.5) - 0.05 * (head - 2.0);
        let shown = if row == 40 { "-77".into() } else { format!("{head:.4}").replace('.', ",") };
        let (day, hour) = (1 + row / 24, row % 24);
        text.push_str(&format!("{day:02}/01/2020;{hour:02}:00;{shown};{},5\n", row % 7));
    }
    text
}

const ODD: &str = "--skip-lines 1 --delimiter ; --decimal-comma true --time day,clock --nulls -77 \
                   --utc-offset 12 --unit head=m";
const QUICK: &str = "--horizon 1,3 --lookback 12 --seeds 1 --epochs 1";

fn run(folder: &Path, words: &str) -> (Option<i32>, String, String) {
    let arguments: Vec<&str> = words.split_whitespace().collect();
    let output = temblor(folder, &arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn baselines_stand_beside_a_network_and_json_says_what_a_script_asks() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("odd.csv"), odd_table()).unwrap();
    let command = format!("forecast odd.csv --value head -m mlp {ODD} {QUICK} --json --out run");
    let (code, said, errors) = run(here, &command);
    assert_eq!(code, Some(0), "{errors}");
    let told: Value = serde_json::from_str(&said).unwrap();
    let target = &told["targets"][0];
    assert_eq!(target["quantity"], "head (m)");
    // Midnight at 12 h east is noon of the day before in Greenwich.
    assert_eq!(target["start"], "2019-12-31T12:00:00Z");
    assert_eq!((&target["rows"], &target["shown"]), (&300.into(), &"mlp".into()));
    assert!((target["observed"].as_f64().unwrap() - 299.0 / 300.0).abs() < 1e-9);
    let latest = target["latest"].as_array().unwrap();
    assert_eq!(latest.len(), 2);
    assert!(latest[1]["q05"].as_f64().unwrap() < latest[1]["q95"].as_f64().unwrap());
    for file in told["files"].as_array().unwrap() {
        assert!(here.join(file.as_str().unwrap()).is_file(), "{file}");
    }
    let scored = |told: &Value| -> Vec<String> {
        let rows = told["scores"].as_array().unwrap().iter();
        let mae = rows.filter(|row| row["metric"] == "mae" && row["horizon"] == "3");
        mae.map(|row| row["model"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(scored(&told), ["mlp", "persistence", "climatology", "seasonal", "ses", "ar"]);
    let forecasts = std::fs::read_to_string(here.join("run/forecasts.csv")).unwrap();
    assert!(forecasts.lines().skip(1).all(|line| line.starts_with("head,mlp,")));

    // The run knows how its table was written, and its baselines.
    let (code, said, errors) = run(here, "forecast run odd.csv --json --out again");
    assert_eq!(code, Some(0), "{errors}");
    let again: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["scores"], again["scores"]);

    let (code, said, errors) =
        run(here, &command.replace("--out run", "--no-baselines --out bare"));
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(scored(&serde_json::from_str(&said).unwrap()), ["mlp"]);
}

#[test]
fn the_better_model_is_shown_not_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("odd.csv"), odd_table()).unwrap();
    let command =
        format!("forecast odd.csv --value head -m ar -m climatology {ODD} {QUICK} --json");
    let (code, said, errors) = run(here, &command);
    assert_eq!(code, Some(0), "{errors}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["targets"][0]["shown"], "ar");
}

#[test]
fn several_columns_are_named_and_forecast_each_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("odd.csv"), odd_table()).unwrap();
    let command = format!("forecast odd.csv -m persistence {ODD} {QUICK} --json --out run");
    let (code, _, errors) = run(here, &command);
    assert_eq!(code, Some(2));
    assert!(errors.contains("--value head, --value flow") && errors.contains("--each"), "{errors}");
    let (code, said, errors) = run(here, &format!("{command} --each"));
    assert_eq!(code, Some(0), "{errors}");
    let told: Value = serde_json::from_str(&said).unwrap();
    let names: Vec<&Value> =
        told["targets"].as_array().unwrap().iter().map(|t| &t["target"]).collect();
    assert_eq!(names, ["head", "flow"]);
    assert!(here.join("run/flow_forecast.png").is_file());
}

#[test]
fn what_cannot_be_forecast_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("odd.csv"), odd_table()).unwrap();
    let command = format!("forecast odd.csv --value head {ODD} {QUICK} --out run");
    for (flags, words) in [
        ("-m oracle", "oracle"),
        ("-m ar --reference arima", "--reference arima"),
        ("-m ar --threshold 99 --within 3", "(0 %)"),
        ("-m ar --threshold -99 --within 3", "(100 %)"),
        ("-m ar -m combination --expert ridge", "ridge"),
    ] {
        let (code, _, errors) = run(here, &format!("{command} {flags}"));
        assert_eq!(code, Some(2), "{flags}: {errors}");
        let told: Vec<&str> = errors.lines().filter(|line| line.starts_with("error")).collect();
        assert!(told.len() == 1 && told[0].contains(words), "{flags}: {errors}");
        assert!(!here.join("run").exists(), "{flags}");
    }
}
