//! `temblor completions`: shell completions and man pages.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Outcome, Program};
use crate::error::{Error, Result};
use crate::output::write_atomically;

/// Print shell completions, or write man pages.
#[derive(clap::Args)]
pub struct Args {
    /// The shell to complete for; printed on stdout.
    #[arg(value_enum, required_unless_present = "man")]
    shell: Option<Shell>,
    /// Write man pages, one a command, into this folder instead.
    #[arg(long, value_name = "DIR")]
    man: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let mut program = Program::command();
    if let Some(folder) = args.man {
        program.build();
        write_pages(&program, "temblor", &folder)?;
    } else if let Some(shell) = args.shell {
        clap_complete::generate(shell, &mut program, "temblor", &mut std::io::stdout());
    }
    Ok(Outcome::Done)
}

/// The page of a command, then those below it: `temblor.1`, `temblor-synth.1`,
/// `temblor-synth-archive.1`.
fn write_pages(command: &clap::Command, name: &str, folder: &Path) -> Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .render(&mut page)
        .map_err(Error::io(folder))?;
    write_atomically(&folder.join(format!("{name}.1")), &page)?;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write_pages(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(())
}
