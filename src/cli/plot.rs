//! `temblor plot`: draws the figures of a run folder again.

use std::path::PathBuf;

use super::Outcome;
use crate::error::{Error, Result};
use crate::plot::{kept, redraw};

/// Draw the figures of a run folder again, as PNG or SVG.
#[derive(clap::Args)]
pub struct Args {
    /// The run folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Only these figures, e.g. forecast; all if absent.
    #[arg(value_name = "FIGURE")]
    figures: Vec<String>,
    /// Where to; the run folder if absent.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// SVG instead of PNG.
    #[arg(long)]
    svg: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let there = kept(&args.run)?;
    let wanted = if args.figures.is_empty() { there.clone() } else { args.figures };
    if let Some(unknown) = wanted.iter().find(|name| !there.contains(name)) {
        let names = there.join(", ");
        return Err(Error::usage(format!("no figure '{unknown}' in this run; there are: {names}")));
    }
    let target = args.out.unwrap_or_else(|| args.run.clone());
    for name in wanted {
        let suffix = if args.svg { "svg" } else { "png" };
        println!("{}", redraw(&args.run, &name, &target, suffix)?.display());
    }
    Ok(Outcome::Done)
}
