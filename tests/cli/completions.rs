//! `temblor completions` as a process.

use crate::program::temblor;

#[test]
fn every_shell_is_told_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = temblor(folder.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["inspect", "forecast", "archive", "--horizon", "checksum"] {
            let word = word.trim_start_matches("--");
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn every_command_has_its_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let output = temblor(folder.path(), &["completions", "--man", "man1"]);
    assert_eq!(output.status.code(), Some(0));
    for (name, words) in [
        ("temblor", ["temblor\\-inspect(1)", "quiet"]),
        ("temblor-inspect", ["checksum", "SHA"]),
        ("temblor-synth-archive", ["branching", "DIR"]),
        ("temblor-forecast", ["horizon", "lookback"]),
    ] {
        let page = std::fs::read_to_string(folder.path().join(format!("man1/{name}.1"))).unwrap();
        assert!(page.starts_with(".ie") || page.contains(".TH"), "{name}");
        for word in words {
            assert!(page.contains(word), "{name} lacks {word}");
        }
    }
    assert!(!folder.path().join("man1/temblor-help.1").exists());
}
