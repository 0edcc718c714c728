//! Pictures of station-days: windows with their picks and probabilities, and whole days.

use std::path::{Path, PathBuf};

use super::outcome::hash;
use crate::cli::trace_files::safe;
use crate::detect::annotate::{AnnotateSettings, CurvePiece, DETECTION, PhasePick, SpanPicks};
use crate::error::{Error, Result};
use crate::plot::picks::{PickMark, PicksFigure, ProbabilityCurve};
use crate::plot::save;
use crate::plot::station_day::{MinuteMaxima, StationDayFigure};
use crate::plot::waveform::Channel;
use crate::read::{Archive, StreamId};
use crate::time::{DAY, SECOND, Span, UtcTime};

/// Parts of the time axis of which the extremes are kept, about one a pixel.
const COLUMNS: usize = 1_440;

/// Where pictures of windows lie in the folder of results.
const WINDOWS: &str = "pictures";

/// Where pictures of days lie.
const OVERVIEWS: &str = "overview";

/// What is drawn.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Pictures")]
pub struct PictureFlags {
    /// Draw the window around this time at every station, with picks and probabilities, into
    /// DIR/pictures; several parted by commas.
    #[arg(long, value_name = "TIME", value_delimiter = ',')]
    plot: Vec<UtcTime>,
    /// Length of these windows.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    plot_length: f64,
    /// Draw each station-day into DIR/overview: picks an hour, coverage, the largest probability of
    /// each minute.
    #[arg(long)]
    overview: bool,
}

impl PictureFlags {
    /// Whether anything is drawn, for which curves are needed.
    pub fn is_any(&self) -> bool {
        self.overview || !self.plot.is_empty()
    }

    /// Refuses lengths that cannot be drawn.
    ///
    /// # Errors
    /// `Usage` beyond a tenth of a second to a day.
    pub fn check(&self) -> Result<()> {
        match (0.1..=86_400.0).contains(&self.plot_length) {
            true => Ok(()),
            false => Err(Error::usage(format!(
                "--plot-length: expected 0.1 s to a day, found {}",
                self.plot_length
            ))),
        }
    }

    /// What outcomes depend on.
    pub fn key(&self) -> String {
        let text = format!("{self:?}");
        if self.is_any() { hash([text.as_bytes()]) } else { String::new() }
    }
}

/// What all pictures of a run have in common.
pub struct Pictures<'a> {
    pub flags: &'a PictureFlags,
    pub archive: &'a Archive,
    /// The network's labels.
    pub labels: &'a [String],
    pub settings: &'a AnnotateSettings,
    /// The folder of results.
    pub out: &'a Path,
}

/// A station-day, or a stream, that is picked.
pub struct PickedDay<'a> {
    pub trace_id: &'a str,
    pub span: Span,
    pub channels: Vec<StreamId>,
    pub found: &'a SpanPicks,
}

impl Pictures<'_> {
    /// Draws what is asked for of a day; the paths in the folder of results.
    ///
    /// # Errors
    /// What cannot be read or written.
    pub fn draw(&self, day: &PickedDay<'_>) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for &time in self.flags.plot.iter().filter(|time| day.span.contains(**time)) {
            let name = format!("{}.{}.png", safe(day.trace_id), time.format("%Y%m%dT%H%M%S"));
            let path = Path::new(WINDOWS).join(name);
            save(&self.window(day, time)?, &self.out.join(&path))?;
            files.push(path);
        }
        if self.flags.overview {
            let mut midnight = day.span.start.day_start();
            while midnight < day.span.end {
                let name = format!("{}.{}.png", safe(day.trace_id), midnight.format("%Y.%j"));
                let path = Path::new(OVERVIEWS).join(name);
                save(&self.overview(day, midnight), &self.out.join(&path))?;
                files.push(path);
                midnight = midnight.plus(DAY);
            }
        }
        Ok(files)
    }

    /// The window around `time`.
    fn window(&self, day: &PickedDay<'_>, time: UtcTime) -> Result<PicksFigure> {
        let half = (self.flags.plot_length * SECOND as f64 / 2.0) as i64;
        let span = Span { start: time.plus(-half), end: time.plus(half) };
        let mut channels = Vec::new();
        for id in &day.channels {
            let mut channel = Channel::new(id.to_string(), "counts");
            let mut end = None;
            for piece in self.archive.pieces_within(id, span) {
                let piece = piece?;
                let continued = end.is_some_and(|end| piece.start <= end);
                end = Some(piece.end().plus(piece.rate.period() / 2));
                let values = piece.samples.to_f64().into_iter().enumerate();
                let samples = values.map(|(at, value)| (piece.time_of(at as u64), value));
                let samples = samples.filter(|(time, _)| span.contains(*time));
                channel.append(samples, continued, (span, COLUMNS));
            }
            channels.push(channel);
        }
        let curves = self.shown().map(|(label, threshold)| {
            let own = day.found.curves.iter().filter(|piece| piece.label == label);
            let cut = |piece: &CurvePiece| -> Vec<(UtcTime, f64)> {
                values(piece).filter(|(time, _)| span.contains(*time)).collect()
            };
            let pieces = own.map(cut).filter(|piece| !piece.is_empty()).collect();
            let label = self.labels.get(label).cloned().unwrap_or_default();
            ProbabilityCurve { label, pieces, threshold: Some(threshold) }
        });
        let inside = |pick: &&PhasePick| span.contains(pick.time);
        Ok(PicksFigure {
            title: format!("{}, {}", day.trace_id, time.format("%Y-%m-%d %H:%M:%S")),
            span: Some(span),
            channels,
            picks: day.found.picks.iter().filter(inside).map(mark).collect(),
            curves: curves.collect(),
        })
    }

    fn overview(&self, day: &PickedDay<'_>, midnight: UtcTime) -> StationDayFigure {
        let whole = Span { start: midnight, end: midnight.plus(DAY) };
        let curves = self.shown().map(|(label, threshold)| {
            let mut maxima = MinuteMaxima::new(midnight);
            for piece in day.found.curves.iter().filter(|piece| piece.label == label) {
                maxima.push(values(piece));
            }
            maxima.curve(self.labels.get(label).map_or("", String::as_str), Some(threshold))
        });
        let phases = self.labels.iter().filter(|label| self.settings.threshold(label).is_some());
        let picks = day.found.picks.iter().filter(|pick| whole.contains(pick.time));
        let covered = day.found.covered.iter().filter(|span| span.overlaps(&whole));
        let cut =
            |span: &Span| Span { start: span.start.max(whole.start), end: span.end.min(whole.end) };
        StationDayFigure {
            title: format!("{}, {}", day.trace_id, midnight.format("%Y-%m-%d")),
            day: midnight,
            phases: phases.cloned().collect(),
            picks: picks.map(mark).collect(),
            covered: covered.map(cut).collect(),
            curves: curves.collect(),
        }
    }

    /// The labels that have a threshold, and it.
    fn shown(&self) -> impl Iterator<Item = (usize, f64)> {
        self.labels.iter().enumerate().filter_map(|(number, label)| {
            let threshold = match label == DETECTION {
                true => Some(self.settings.detection_threshold),
                false => self.settings.threshold(label),
            };
            Some((number, threshold?))
        })
    }
}

fn values(piece: &CurvePiece) -> impl Iterator<Item = (UtcTime, f64)> {
    let time = |at: usize| piece.start.plus(piece.rate.offset(at as u64));
    piece.values.iter().enumerate().map(move |(at, &value)| (time(at), f64::from(value)))
}

fn mark(pick: &PhasePick) -> PickMark {
    let probability = f64::from(pick.probability);
    PickMark { time: pick.time, phase: pick.phase.clone(), probability }
}
