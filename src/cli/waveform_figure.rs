//! `temblor inspect --figure`: the waveforms themselves, gaps shown.

use std::path::PathBuf;

use super::figure_files;
use crate::error::{Error, Result};
use crate::plot;
use crate::plot::waveform::{Channel, WaveformFigure, common_axis};
use crate::progress;
use crate::read::format::FormatOptions;
use crate::read::{Archive, ArchiveOptions, Samples, StreamId, StreamPattern, Trace};
use crate::time::{Span, UtcTime};

/// Most channels in one figure.
const MOST_CHANNELS: usize = 9;

/// Parts of the time axis of which the extremes are kept, about one a pixel.
const COLUMNS: usize = 1_440;

/// What is drawn, and where.
#[derive(clap::Args)]
#[command(next_help_heading = "Figure")]
pub struct FigureArgs {
    /// Draw the waveforms, gaps shown: .png, .svg, or .toml for `temblor plot`; repeatable.
    #[arg(long, value_name = "FILE")]
    figure: Vec<PathBuf>,
    /// Draw only these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN", requires = "figure")]
    channels: Vec<StreamPattern>,
    /// Draw only from this time on.
    #[arg(long, value_name = "TIME", requires = "figure")]
    from: Option<UtcTime>,
    /// Draw only what lies before this time.
    #[arg(long, value_name = "TIME", requires = "figure")]
    to: Option<UtcTime>,
}

impl FigureArgs {
    /// Refuses names that cannot be drawn to.
    pub fn check(&self) -> Result<()> {
        figure_files::check(&self.figure)
    }

    /// Draws what was asked for; whether everything could be read.
    pub fn draw(&self, paths: &[PathBuf], format: FormatOptions) -> Result<bool> {
        if self.figure.is_empty() {
            return Ok(true);
        }
        let span = Span {
            start: self.from.unwrap_or(Span::ALL.start),
            end: self.to.unwrap_or(Span::ALL.end),
        };
        let options = ArchiveOptions { span, channels: self.channels.clone(), format };
        let (archive, _) = Archive::open(paths, &options)?;
        let (figure, failed) = waveforms(&archive)?;
        failed.iter().for_each(|error| eprintln!("skipped {error}"));
        for file in &self.figure {
            plot::write(file, figure.clone())?;
            progress::note(format_args!("drawn: {}", file.display()));
        }
        Ok(failed.is_empty())
    }
}

/// The channels of an archive one under another, and what could not be read.
fn waveforms(archive: &Archive) -> Result<(WaveformFigure, Vec<Error>)> {
    let mut channels = archive.channels();
    if channels.len() > MOST_CHANNELS {
        let left_out: Vec<String> =
            channels.split_off(MOST_CHANNELS).iter().map(StreamId::to_string).collect();
        progress::note(format_args!(
            "the figure shows {MOST_CHANNELS} channels; choose others with --channels: {}",
            left_out.join(", ")
        ));
    }
    let extents: Vec<Span> = channels.iter().filter_map(|id| archive.extent(id)).collect();
    let common = common_axis(&extents);
    let mut failed = Vec::new();
    let mut drawn = Vec::new();
    for id in &channels {
        let span = common.or(archive.extent(id)).unwrap_or(Span::ALL);
        drawn.push(channel(archive, id, span, &mut failed)?);
    }
    let title = match &channels[..] {
        [one] => format!("{one}: gaps are shaded"),
        more => format!("{} channels, gaps are shaded", more.len()),
    };
    Ok((WaveformFigure { title, channels: drawn, marks: Vec::new() }, failed))
}

fn channel(
    archive: &Archive,
    id: &StreamId,
    span: Span,
    failed: &mut Vec<Error>,
) -> Result<Channel> {
    let mut channel = Channel::new(id.to_string(), "");
    // All that is needed to see whether the next piece goes on.
    let mut before: Option<Trace> = None;
    for piece in archive.pieces(id) {
        progress::check_interrupt()?;
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                failed.push(error);
                continue;
            }
        };
        if matches!(piece.samples, Samples::I32(_)) {
            channel.unit = "counts".into();
        }
        let continued = before.as_ref().is_some_and(|before| before.is_continued_by(&piece));
        let values = piece.samples.to_f64();
        let timed = values.into_iter().enumerate().map(|(n, y)| (piece.time_of(n as u64), y));
        channel.append(timed, continued, (span, COLUMNS));
        before = Some(piece);
    }
    Ok(channel)
}
