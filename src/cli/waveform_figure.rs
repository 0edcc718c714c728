//! `temblor inspect --figure`: the waveforms themselves, gaps shown.

use std::path::PathBuf;

use super::figure_files;
use crate::error::{Error, Result};
use crate::plot;
use crate::plot::coverage::{CoverageFigure, Row};
use crate::plot::waveform::{Channel, WaveformFigure, common_axis};
use crate::progress;
use crate::read::format::FormatOptions;
use crate::read::{Archive, ArchiveOptions, Presence, Samples, StreamId, StreamPattern, Trace};
use crate::time::{Span, UtcTime};

/// Most channels in one figure.
const MOST_CHANNELS: usize = 9;

/// Parts of the time axis of which the extremes are kept, about one a pixel.
const COLUMNS: usize = 1_440;

/// What is drawn, and where.
#[derive(clap::Args)]
#[command(next_help_heading = "Figure")]
pub struct FigureArgs {
    /// Draw the waveforms (with --coverage what is there), gaps shown: .png, .svg, or .toml for `temblor plot`; repeatable.
    #[arg(long, value_name = "FILE")]
    figure: Vec<PathBuf>,
    /// Draw (or with --coverage list) only these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    channels: Vec<StreamPattern>,
    /// Draw (or with --coverage list) only from this time on.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Draw (or with --coverage list) only what lies before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcTime>,
}

impl FigureArgs {
    /// Refuses names that cannot be drawn to, and choices that would choose nothing.
    pub fn check(&self, coverage: bool) -> Result<()> {
        let chosen = !self.channels.is_empty() || self.from.is_some() || self.to.is_some();
        if chosen && !coverage && self.figure.is_empty() {
            return Err(Error::usage(
                "--channels, --from and --to choose what is drawn: they need --figure or --coverage",
            ));
        }
        figure_files::check(&self.figure)
    }

    /// What to open: the channels and the time that were chosen.
    pub fn archive_options(&self, format: FormatOptions) -> Result<ArchiveOptions> {
        let span = Span::between(self.from, self.to)?;
        Ok(ArchiveOptions { span, channels: self.channels.clone(), format })
    }

    /// Draws what the channels cover, if asked to.
    pub fn draw_coverage(&self, channels: &[(StreamId, Presence)]) -> Result<()> {
        for file in &self.figure {
            plot::write(file, coverage(channels))?;
            progress::note(format_args!("drawn: {}", file.display()));
        }
        Ok(())
    }

    /// Draws what was asked for; whether everything could be read.
    pub fn draw(&self, paths: &[PathBuf], format: FormatOptions) -> Result<bool> {
        if self.figure.is_empty() {
            return Ok(true);
        }
        let (archive, _) = Archive::open(paths, &self.archive_options(format)?)?;
        let (figure, failed) = waveforms(&archive)?;
        failed.iter().for_each(|error| eprintln!("skipped {error}"));
        for file in &self.figure {
            plot::write(file, figure.clone())?;
            progress::note(format_args!("drawn: {}", file.display()));
        }
        Ok(failed.is_empty())
    }
}

/// What the channels of an archive cover, a bar a channel.
pub fn coverage(channels: &[(StreamId, Presence)]) -> CoverageFigure {
    let row = |(id, presence): &(StreamId, Presence)| Row {
        name: id.to_string(),
        present: presence.extent().map_or(0.0, |extent| presence.share(extent).present),
        gaps: presence.gaps().count(),
        stretches: presence.stretches.clone(),
    };
    let rows: Vec<Row> = channels.iter().map(row).collect();
    let title = match rows.len() {
        1 => format!("Data of {}", rows[0].name),
        many => format!("Data of {many} channels"),
    };
    CoverageFigure { title, rows }
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
