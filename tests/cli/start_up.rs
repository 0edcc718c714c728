//! `temblor` starts without libtorch and passes on what needs it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::temblor;

/// The shared libraries that the loader maps for a program.
fn loaded(program: &str) -> String {
    // The loader itself prints them and ends; the program does not run.
    let output = Command::new(program).env("LD_TRACE_LOADED_OBJECTS", "1").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn only_the_program_with_networks_loads_libtorch() {
    let without = loaded(env!("CARGO_BIN_EXE_temblor"));
    let with = loaded(env!("CARGO_BIN_EXE_temblor-networks"));
    assert!(without.contains("libc.so") && with.contains("libc.so"), "{without}{with}");
    assert!(!without.contains("libtorch") && !without.contains("libc10"), "{without}");
    assert!(with.contains("libtorch_cpu") && with.contains("libc10"), "{with}");
}

#[test]
fn both_programs_answer_alike() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["help", "train"],
        &["models", "lstm"],
        &["models", "--nonsense"],
        &["models", "nonsense"],
        &["-q", "inspect", "missing.mseed"],
        &["forecast", "missing.csv"],
        &["divine"],
        &[],
    ] {
        let one = temblor(folder.path(), arguments);
        let other = Command::new(env!("CARGO_BIN_EXE_temblor-networks"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(one, other, "{arguments:?}");
    }
}

#[test]
fn without_its_neighbour_it_says_what_is_missing_and_does_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("temblor");
    std::fs::copy(env!("CARGO_BIN_EXE_temblor"), &alone).unwrap();
    let run = |command: &str| Command::new(&alone).arg(command).output().unwrap();
    let output = run("models");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("temblor-networks") && said.lines().count() == 1, "{said}");
    assert!(run("--version").status.success());
}

#[test]
fn standard_input_passes_through() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(["models", "--json", "--settings", "/dev/stdin"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut settings = child.stdin.take().unwrap();
    settings.write_all(b"kind = \"gru\"\nhidden = 7\n").unwrap();
    drop(settings);
    let output = child.wait_with_output().unwrap();
    let spec: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&spec["kind"], &spec["hidden"]), (&"gru".into(), &7.into()));
}

/// A series long enough that a forecast of it takes seconds.
fn long_series(file: &Path) {
    let mut text = "time,x\n".to_string();
    for day in 0..1500 {
        let time = temblor::time::UtcTime(day * temblor::time::DAY);
        text += &format!("{time},{}\n", (day * day) % 97);
    }
    std::fs::write(file, text).unwrap();
}

#[test]
fn ctrl_c_reaches_the_program_with_networks() {
    let folder = tempfile::tempdir().unwrap();
    long_series(&folder.path().join("x.csv"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(["forecast", "x.csv", "--model", "lstm", "--epochs", "100000", "--seeds", "9"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first line says that it has begun, and listens.
    let mut stderr = child.stderr.take().unwrap();
    let mut said = vec![0; 10];
    stderr.read_exact(&mut said).unwrap();
    let started = Instant::now();
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    std::io::copy(&mut stderr, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(60));
}
