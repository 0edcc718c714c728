//! Runs the built program.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs `temblor` with `arguments` in `folder`.
pub fn temblor(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

/// Starts the program on one thread, and ends it with `signal` (`-KILL`, `-INT`) once a file is
/// whole in the folder `parts`; what it said on stderr.
pub fn stopped(folder: &Path, arguments: &[&str], parts: &str, signal: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .env("RAYON_NUM_THREADS", "1")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let began = Instant::now();
    let kept = || {
        let files = std::fs::read_dir(folder.join(parts)).into_iter().flatten().flatten();
        // A name that begins with a dot is not written to its end.
        files.filter(|file| !file.file_name().to_string_lossy().starts_with('.')).count()
    };
    while kept() == 0 {
        assert!(began.elapsed() < Duration::from_secs(120), "nothing was kept");
        let ended = child.try_wait().expect("a child to wait for");
        assert!(ended.is_none(), "finished before it could be stopped");
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
    let output = child.wait_with_output().expect("a child to wait for");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn unknown_command_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = temblor(folder.path(), &["divine"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn help_and_version_work() {
    let folder = tempfile::tempdir().unwrap();
    assert!(temblor(folder.path(), &["--help"]).status.success());
    assert!(temblor(folder.path(), &["--version"]).status.success());
}
