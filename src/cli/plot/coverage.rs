//! `temblor plot coverage`: what each channel covers.

use super::source::Source;
use crate::cli::Outcome;
use crate::cli::waveform_figure::coverage;
use crate::error::Result;

/// A bar a channel over time, open where there are no data.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let (archive, report) = args.source.open()?;
    let channels: Vec<_> =
        archive.channels().into_iter().map(|id| (id.clone(), archive.presence(&id))).collect();
    args.source.write(coverage(&channels), "", false)?;
    Ok(if report.is_clean() { Outcome::Done } else { Outcome::SomeInputsFailed })
}
