//! From `temblor` to `temblor-networks`, with the same arguments.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::Outcome;
use crate::error::{Error, Result};

/// The program that is linked to libtorch; it lies beside this one.
const PROGRAM: &str = "temblor-networks";

/// Becomes that program: the process, its streams and its terminal stay the same, so that exit
/// code, pipes and Ctrl-C are what they would be without this step. Returns only if that fails.
pub fn to_the_program_with_networks() -> Result<Outcome> {
    let program = program()?;
    // Called by the name that users know.
    let failed = Command::new(&program).arg0("temblor").args(std::env::args_os().skip(1)).exec();
    Err(Error::io(&program)(failed))
}

fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(Error::io("temblor"))?;
    let program = own.with_file_name(PROGRAM);
    if program.is_file() {
        return Ok(program);
    }
    let text = "no such program; it belongs beside temblor and runs what needs networks: \
                `cargo build` or `cargo install --path .` makes both";
    Err(Error::input(program, text))
}
