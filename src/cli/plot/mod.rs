//! `temblor plot`: pictures of station files, one file a kind; and the figures of a run folder, or a
//! kept figure, drawn again.

mod coverage;
mod dayplot;
mod psd;
mod source;
mod spectrogram;
mod waveform;

use std::path::{Path, PathBuf};

use super::Outcome;
use crate::error::{Error, Result};
use crate::plot::{kept, redraw, redraw_file};

/// Draw station files; or the figures of a run folder, or one kept with --figure FILE.toml, again.
///
/// `temblor plot waveform|dayplot|spectrogram|psd|coverage PATH… -o FILE` draws station files, as PNG, SVG
/// or, with a name ending in .toml, as data to be drawn again. `temblor plot RUN` draws what a run folder
/// holds; one that is named like a picture is called ./NAME.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    picture: Option<Picture>,
    /// The run folder, or the file of a figure's data.
    #[arg(value_name = "RUN", required = true)]
    run: Option<PathBuf>,
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

/// A picture of station files. To add one: a file beside this one and a line here.
#[derive(clap::Subcommand)]
enum Picture {
    Coverage(coverage::Args),
    Dayplot(dayplot::Args),
    Psd(psd::Args),
    Spectrogram(spectrogram::Args),
    Waveform(waveform::Args),
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    match args.picture {
        Some(Picture::Coverage(args)) => coverage::run(args),
        Some(Picture::Dayplot(args)) => dayplot::run(args),
        Some(Picture::Psd(args)) => psd::run(args),
        Some(Picture::Spectrogram(args)) => spectrogram::run(args),
        Some(Picture::Waveform(args)) => waveform::run(args),
        None => draw_again(args),
    }
}

fn draw_again(args: Args) -> Result<Outcome> {
    let suffix = if args.svg { "svg" } else { "png" };
    let Some(run) = args.run else {
        return Err(Error::usage("expected a run folder, the file of a figure, or a picture"));
    };
    if run.is_file() {
        if let Some(name) = args.figures.first() {
            return Err(Error::usage(format!("'{name}': a file holds one figure; name none")));
        }
        let beside = run.parent().unwrap_or(Path::new("")).to_path_buf();
        let target = args.out.unwrap_or(beside);
        println!("{}", redraw_file(&run, &target, suffix)?.display());
        return Ok(Outcome::Done);
    }
    let there = kept(&run)?;
    let wanted = if args.figures.is_empty() { there.clone() } else { args.figures };
    if let Some(unknown) = wanted.iter().find(|name| !there.contains(name)) {
        let names = there.join(", ");
        return Err(Error::usage(format!("no figure '{unknown}' in this run; there are: {names}")));
    }
    let target = args.out.unwrap_or_else(|| run.clone());
    for name in wanted {
        println!("{}", redraw(&run, &name, &target, suffix)?.display());
    }
    Ok(Outcome::Done)
}
