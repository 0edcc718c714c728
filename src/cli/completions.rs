//! `temblor completions`: shell completions and man pages.

use std::path::PathBuf;

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
    /// Write one man page a command into this folder instead.
    #[arg(long, value_name = "DIR")]
    man: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let mut program = Program::command();
    if let Some(folder) = args.man {
        for command in std::iter::once(&program).chain(program.get_subcommands()) {
            let name = match command.get_name() {
                "temblor" => "temblor".to_string(),
                subcommand => format!("temblor-{subcommand}"),
            };
            let mut page = Vec::new();
            clap_mangen::Man::new(command.clone())
                .title(name.to_uppercase())
                .render(&mut page)
                .map_err(Error::io(&folder))?;
            write_atomically(&folder.join(format!("{name}.1")), &page)?;
        }
    } else if let Some(shell) = args.shell {
        clap_complete::generate(shell, &mut program, "temblor", &mut std::io::stdout());
    }
    Ok(Outcome::Done)
}
