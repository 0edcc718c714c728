//! `temblor forecast` with an event as target.

use super::program::temblor;

/// A level with a slow wave and noise, a row an hour.
fn table() -> String {
    let mut noise = 7u64;
    let mut text = String::from("time,level\n");
    for row in 0..400u32 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let shock = (noise >> 40) as f64 / f64::from(1u32 << 24);
        let level = 2.0 + (f64::from(row) * 0.15).sin() + 0.3 * shock;
        let (day, hour) = (1 + row / 24, row % 24);
        text.push_str(&format!("2020-01-{day:02}T{hour:02}:00:00Z,{level}\n"));
    }
    text
}

#[test]
fn a_threshold_gives_probabilities_scores_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("level.csv"), table()).unwrap();
    let common = "forecast level.csv --horizon 1,6 --lookback 24 --epochs 2 --seeds 1";
    let models = " -m persistence -m gru --threshold 2.8 --within 6 --out run";
    let arguments: Vec<&str> = common.split(' ').chain(models.split_whitespace()).collect();
    let output = temblor(folder.path(), &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("no probabilities of events from persistence"), "{said}");
    let file = |name: &str| std::fs::read_to_string(folder.path().join("run").join(name)).unwrap();
    let scores = file("scores.csv");
    let named = |model: &str| scores.contains(&format!("level > 2.8 within 6,{model},6,brier"));
    assert!(named("climatology") && named("logistic") && named("gru"), "{scores}");
    let events = file("events.csv");
    let row: Vec<&str> = events.lines().nth(1).unwrap().split(',').collect();
    assert_eq!((row[0], row[1]), ("level", "climatology"));
    for figure in ["forecast.png", "event_reliability.png", "events.parquet"] {
        assert!(folder.path().join("run").join(figure).is_file(), "{figure}");
    }
    assert!(file("run.toml").contains("threshold = 2.8"));

    // The run folder alone forecasts the event again.
    let again = "forecast run level.csv --out again";
    let output = temblor(folder.path(), &again.split(' ').collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let of = |run: &str, name: &str| {
        std::fs::read_to_string(folder.path().join(run).join(name)).unwrap()
    };
    assert_eq!(scores, of("again", "scores.csv"));
    // It issues from the first row of the input on, the run from the end of training.
    let issued = of("again", "events.csv");
    assert!(events.lines().all(|line| issued.contains(line)));
    let other = format!("{again} --threshold 3 --force");
    let refused = temblor(folder.path(), &other.split(' ').collect::<Vec<_>>());
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("trained with 2.8"), "{said}");
}

#[test]
fn listed_events_are_read_and_wrong_flags_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("level.csv"), table()).unwrap();
    let times: Vec<String> = (1..=16).map(|day| format!("2020-01-{day:02}T12:00:00Z")).collect();
    std::fs::write(folder.path().join("events.txt"), times.join("\n")).unwrap();
    let common = "forecast level.csv --horizon 1 --lookback 24 -m persistence --within 6";
    let run = |more: &str| {
        let arguments: Vec<&str> = common.split(' ').chain(more.split_whitespace()).collect();
        temblor(folder.path(), &arguments)
    };
    let listed = run("--events events.txt --out listed");
    assert_eq!(listed.status.code(), Some(0), "{}", String::from_utf8_lossy(&listed.stderr));
    let scores = std::fs::read_to_string(folder.path().join("listed/scores.csv")).unwrap();
    assert!(scores.contains("level listed event within 6,logistic,6,auc"), "{scores}");
    // A list said nothing of later times; a new one does.
    let again = |more: &str| {
        let arguments = format!("forecast listed level.csv {more}");
        let output = temblor(folder.path(), &arguments.split_whitespace().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    };
    again("--out same");
    // The same events as an FDSN service lists them.
    let rows: Vec<String> = times.iter().map(|time| format!("id|{time}|-39.2|175.5")).collect();
    let text = format!("#EventID|Time|Latitude|Longitude\n{}\n", rows.join("\n"));
    std::fs::write(folder.path().join("catalogue.txt"), text).unwrap();
    again("--events catalogue.txt --out new");
    let of =
        |run: &str| std::fs::read_to_string(folder.path().join(run).join("scores.csv")).unwrap();
    assert_eq!(scores, of("new"));
    assert!(of("same").contains("listed event within 6"));
    for flags in ["", "--threshold nan", "--threshold 99"] {
        let refused = run(&format!("{flags} --out no"));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(matches!(refused.status.code(), Some(1 | 2)), "{flags}: {said}");
        assert!(said.contains("--within") || said.contains("--threshold"), "{said}");
    }
}
