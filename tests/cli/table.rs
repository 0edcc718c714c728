//! `temblor table`.

use std::path::Path;
use std::process::Output;

use crate::program::temblor;

const WELL: &str = "# a well\n\
    time;head [m];place;\n\
    13/02/2020 00:00;1,5;a;\n\
    14/02/2020 00:00;;a;\n\
    15/02/2020 00:00;2,5;b;\n\
    16/02/2020 00:00;3,5;b;\n";

fn in_folder(content: &[u8], more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("well.csv"), content).unwrap();
    temblor(folder.path(), &[&["table", "well.csv"], more].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn rows_kinds_units_and_ranges_are_told() {
    let output = in_folder(WELL.as_bytes(), &["--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["rows"], 4);
    let [time, head, place] = &found["columns"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(time["kind"], "time");
    assert_eq!(time["first"], "2020-02-13T00:00:00Z");
    assert_eq!(time["last"], "2020-02-16T00:00:00Z");
    assert_eq!(
        (&head["kind"], &head["unit"], &head["nulls"]),
        (&"number".into(), &"m".into(), &1.into())
    );
    assert_eq!(
        (&head["min"], &head["mean"], &head["max"]),
        (&1.5.into(), &2.5.into(), &3.5.into())
    );
    assert_eq!((&place["kind"], &place["nulls"]), (&"text".into(), &0.into()));
    let notes = found["notes"].to_string();
    for expected in ["1 comment lines", "1 unnamed columns", "no offset from UTC"] {
        assert!(notes.contains(expected), "{notes}");
    }
    let output = in_folder(WELL.as_bytes(), &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("1.5 to 3.5, mean 2.500000"), "{text}");
    assert!(stderr(&output).contains("1 unnamed columns"), "{}", stderr(&output));
}

#[test]
fn wrong_options_name_what_is_there() {
    let refused = |content: &str, more: &[&str], expected: &str| {
        let output = in_folder(content.as_bytes(), more);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{more:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    };
    refused(WELL, &["--columns", "depth"], "no column 'depth'; there are: time, head [m], place");
    refused(WELL, &["--time", "date"], "no column 'date'");
    refused(WELL, &["--start-after", "[Data]"], "expected a line '[Data]'");
    refused(WELL, &["--pivot", "1969"], "--pivot");
    refused("time,x\n1/2/2020,1\n2/2/2020,2\n", &[], "dayfirst");
}

#[test]
fn bad_files_are_refused_in_one_line_and_soon() {
    let wide = [b"1,".repeat(1_000_000), b"1\n".to_vec()].concat();
    let blanks = [b"1 ".repeat(1_000_000), b"1\n".to_vec()].concat();
    let cases: [(&[u8], &str); 5] = [
        (b"", "no table"),
        (b"PAR1 and nothing more", "Parquet"),
        (&[0x1f, 0x8b, 8, 0, 1], "gzip"),
        (&wide, "line 1: more than 100000 fields"),
        (&blanks, "line 1: more than 100000 fields"),
    ];
    for (content, expected) in cases {
        let begin = std::time::Instant::now();
        let output = in_folder(content, &[]);
        assert_eq!(output.status.code(), Some(1), "{expected}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{expected}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        // Far above what it takes, for a loaded machine.
        assert!(begin.elapsed().as_secs() < 10, "{expected}: {:?}", begin.elapsed());
    }
    let folder = tempfile::tempdir().unwrap();
    let output = temblor(Path::new(folder.path()), &["table", "absent.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("absent.csv"), "{}", stderr(&output));
}
