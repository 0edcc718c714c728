//! Runs the built program.

use std::process::{Command, Output};

/// Runs `temblor` with `arguments` in `folder`.
pub fn temblor(folder: &std::path::Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
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
