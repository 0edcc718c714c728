//! The command line: one file a command, each turning flags into settings and calling the library once.

mod class_figures;
mod classify;
mod completions;
mod features;
mod forecast;
mod inspect;
mod models;
mod plot;
mod synth;
mod table;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};
use crate::progress;

/// Sequence modelling for seismology and geology: station files, series and images in;
/// calibrated forecasts, classes, honest scores and figures out.
#[derive(Parser)]
#[command(name = "temblor", version, propagate_version = true, arg_required_else_help = true)]
pub struct Program {
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on stderr.
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Classify(classify::Args),
    Completions(completions::Args),
    Features(features::Args),
    Forecast(Box<forecast::Args>),
    Inspect(inspect::Args),
    Models(models::Args),
    Plot(plot::Args),
    Synth(synth::Args),
    Table(table::Args),
    Train(train::Args),
}

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done: exit code 0.
    Done,
    /// Some inputs failed and were named; the rest was done: exit code 1.
    SomeInputsFailed,
}

fn run(program: Program) -> Result<Outcome> {
    progress::set_verbosity(if program.quiet { 0 } else { 1 + u8::from(program.verbose) });
    progress::stop_on_ctrl_c()?;
    // More threads inside libtorch change the last digits; work is divided above it instead.
    tch::set_num_threads(1);
    match program.command {
        Command::Classify(args) => classify::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Features(args) => features::run(args),
        Command::Forecast(args) => forecast::run(*args),
        Command::Inspect(args) => inspect::run(args),
        Command::Models(args) => models::run(args),
        Command::Plot(args) => plot::run(args),
        Command::Synth(args) => synth::run(args),
        Command::Table(args) => table::run(args),
        Command::Train(args) => train::run(args),
    }
}

/// Parses the command line, runs it, prints an error as one line; the whole of `main`.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("error: internal fault, please report it: {panic}");
    }));
    let program = Program::parse();
    let ended = std::panic::catch_unwind(|| run(program));
    match ended {
        Ok(Ok(Outcome::Done)) => ExitCode::SUCCESS,
        Ok(Ok(Outcome::SomeInputsFailed)) => ExitCode::from(1),
        Ok(Err(error)) => {
            if !is_closed_pipe(&error) {
                eprintln!("error: {error}");
            }
            ExitCode::from(error.exit_code())
        }
        Err(_) => ExitCode::from(70),
    }
}

/// A reader that went away (`temblor inspect … | head`) is no fault.
fn is_closed_pipe(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
}
