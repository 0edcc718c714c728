//! The command line: one file a command, each turning flags into settings and calling the library once.
//!
//! Two programs share it. `temblor` starts without libtorch, which takes longer to load than most
//! files take to read, and runs the commands that need no network; the others it passes on to
//! `temblor-networks`, which runs every command. `build.rs` keeps libtorch out of the first.

mod associate;
mod catalogue;
mod class_figures;
mod classify;
mod classify_continuous;
mod completions;
mod convert;
mod counts;
mod dataset;
mod evaluate;
mod feature_shards;
mod features;
mod figure_files;
mod forecast;
mod history;
mod index;
mod inspect;
mod interrupted;
mod least_certain;
mod models;
mod pass_on;
mod pick;
mod plot;
mod process;
mod step_flags;
mod synth;
mod table;
mod table_reading;
mod trace_files;
mod train;
mod train_picker;
mod waveform_figure;
mod waveform_reading;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};
use crate::progress;

/// Sequence modelling for seismology and geology: station files, series and images in;
/// calibrated forecasts, classes, honest scores and figures out.
#[derive(Parser)]
#[command(name = "temblor", version, bin_name = "temblor", propagate_version = true)]
#[command(arg_required_else_help = true, next_display_order = None)]
pub struct Program {
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on stderr.
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Let each compressed input expand to this size, e.g. 20G; 8G if absent, and then at most 1000
    /// times its length.
    #[arg(long, global = true, value_name = "SIZE", value_parser = bytes)]
    most_expanded: Option<u64>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    WithoutNetworks(Box<WithoutNetworks>),
    #[command(flatten)]
    WithNetworks(WithNetworks),
}

/// What `temblor` does itself.
#[derive(Subcommand)]
enum WithoutNetworks {
    Associate(Box<associate::Args>),
    Catalogue(catalogue::Args),
    Completions(completions::Args),
    Convert(convert::Args),
    Counts(Box<counts::Args>),
    Dataset(dataset::Args),
    Features(features::Args),
    Index(index::Args),
    Inspect(inspect::Args),
    Plot(plot::Args),
    Process(process::Args),
    Synth(synth::Args),
    Table(table::Args),
}

/// What `temblor` passes on to `temblor-networks`.
#[derive(Subcommand)]
enum WithNetworks {
    Classify(classify::Args),
    Evaluate(Box<evaluate::Args>),
    Forecast(Box<forecast::Args>),
    Models(models::Args),
    Pick(Box<pick::Args>),
    Train(train::Args),
    Weights(weights::Args),
}

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done: exit code 0.
    Done,
    /// Some inputs failed and were named; the rest was done: exit code 1.
    SomeInputsFailed,
}

/// The whole of `temblor`.
pub fn without_networks() -> ExitCode {
    run(|program| match program.command {
        // Not `prepare`d: the program it becomes does that for itself.
        Command::WithNetworks(_) => pass_on::to_the_program_with_networks(),
        Command::WithoutNetworks(command) => {
            prepare(program.quiet, program.verbose, program.most_expanded)?;
            run_without_networks(*command)
        }
    })
}

/// The whole of `temblor-networks`.
pub fn with_networks() -> ExitCode {
    run(|program| {
        prepare(program.quiet, program.verbose, program.most_expanded)?;
        match program.command {
            Command::WithoutNetworks(command) => run_without_networks(*command),
            Command::WithNetworks(command) => run_with_networks(command),
        }
    })
}

fn prepare(quiet: bool, verbose: bool, most_expanded: Option<u64>) -> Result<()> {
    progress::set_verbosity(if quiet { 0 } else { 1 + u8::from(verbose) });
    if let Some(bytes) = most_expanded {
        crate::read::allow_expansion_to(bytes);
    }
    progress::stop_on_ctrl_c()
}

/// A size in bytes: `500M`, `20G`.
fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..).unwrap_or_default().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err("expected a size such as 500M or 20G".to_string()),
    };
    let size = digits.parse::<u64>().ok().and_then(|size| size.checked_mul(1 << shift));
    size.filter(|&size| size > 0).ok_or_else(|| "expected a size such as 500M or 20G".to_string())
}

fn run_without_networks(command: WithoutNetworks) -> Result<Outcome> {
    match command {
        WithoutNetworks::Associate(args) => associate::run(*args),
        WithoutNetworks::Catalogue(args) => catalogue::run(args),
        WithoutNetworks::Completions(args) => completions::run(args),
        WithoutNetworks::Convert(args) => convert::run(args),
        WithoutNetworks::Counts(args) => counts::run(*args),
        WithoutNetworks::Dataset(args) => dataset::run(args),
        WithoutNetworks::Features(args) => features::run(args),
        WithoutNetworks::Index(args) => index::run(args),
        WithoutNetworks::Inspect(args) => inspect::run(args),
        WithoutNetworks::Plot(args) => plot::run(args),
        WithoutNetworks::Process(args) => process::run(args),
        WithoutNetworks::Synth(args) => synth::run(args),
        WithoutNetworks::Table(args) => table::run(args),
    }
}

fn run_with_networks(command: WithNetworks) -> Result<Outcome> {
    // More threads inside libtorch change the last digits; work is divided above it instead.
    tch::set_num_threads(1);
    match command {
        WithNetworks::Classify(args) => classify::run(args),
        WithNetworks::Evaluate(args) => evaluate::run(*args),
        WithNetworks::Forecast(args) => forecast::run(*args),
        WithNetworks::Models(args) => models::run(args),
        WithNetworks::Pick(args) => pick::run(*args),
        WithNetworks::Train(args) => train::run(args),
        WithNetworks::Weights(args) => weights::run(args),
    }
}

/// Parses the command line, runs it, prints an error as one line.
fn run(command: impl FnOnce(Program) -> Result<Outcome> + std::panic::UnwindSafe) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // Those of polars are contained where tables are read, and told as the fault of a file.
        if panic.location().is_some_and(|at| at.file().contains("/polars-")) {
            return;
        }
        eprintln!("error: internal fault, please report it: {panic}");
    }));
    let program = Program::parse();
    let ended = std::panic::catch_unwind(|| command(program));
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
