//! `temblor plot`: draws the figures of a run folder, or a kept figure, again.

use std::path::{Path, PathBuf};

use super::Outcome;
use crate::error::{Error, Result};
use crate::plot::{kept, redraw, redraw_file};

/// Draw the figures of a run folder, or one kept with --figure FILE.toml, again, as PNG or SVG.
#[derive(clap::Args)]
pub struct Args {
    /// The run folder, or the file of a figure's data.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Only these figures, e.g. forecast; all if absent.
    #[arg(value_name = "FIGURE")]
    figures: Vec<String>,
    /// Where to; beside the data if absent.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// SVG instead of PNG.
    #[arg(long)]
    svg: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let suffix = if args.svg { "svg" } else { "png" };
    if args.run.is_file() {
        if let Some(name) = args.figures.first() {
            return Err(Error::usage(format!("'{name}': a file holds one figure; name none")));
        }
        let beside = args.run.parent().unwrap_or(Path::new("")).to_path_buf();
        let target = args.out.unwrap_or(beside);
        println!("{}", redraw_file(&args.run, &target, suffix)?.display());
        return Ok(Outcome::Done);
    }
    let there = kept(&args.run)?;
    let wanted = if args.figures.is_empty() { there.clone() } else { args.figures };
    if let Some(unknown) = wanted.iter().find(|name| !there.contains(name)) {
        let names = there.join(", ");
        return Err(Error::usage(format!("no figure '{unknown}' in this run; there are: {names}")));
    }
    let target = args.out.unwrap_or_else(|| args.run.clone());
    for name in wanted {
        println!("{}", redraw(&args.run, &name, &target, suffix)?.display());
    }
    Ok(Outcome::Done)
}
