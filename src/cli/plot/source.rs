//! What pictures of station files have in common: what is drawn, and where to.

use std::path::PathBuf;

use crate::cli::figure_files;
use crate::cli::waveform_reading::WaveformReading;
use crate::error::{Error, Result};
use crate::plot::{self, Drawing};
use crate::progress;
use crate::read::format::FormatOptions;
use crate::read::{
    Archive, ArchiveOptions, ReadReport, Samples, Stations, StreamId, StreamPattern, Trace,
};
use crate::signal::{GroundMotion, TransferFunction};
use crate::time::{SampleRate, Span, UtcTime};

/// Station files, the part of them that is drawn, and the picture.
#[derive(clap::Args)]
pub struct Source {
    /// Files, folders, globs or SDS trees.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The picture: .png, .svg, or .toml for its data; repeatable. Of several, channel and day come
    /// before the suffix.
    #[arg(long, short, required = true, value_name = "FILE")]
    out: Vec<PathBuf>,
    /// Only these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    channels: Vec<StreamPattern>,
    /// Only from this time on.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only what lies before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcTime>,
    #[command(flatten)]
    reading: WaveformReading,
}

impl Source {
    /// Opens the archive.
    pub fn open(&self) -> Result<(Archive, ReadReport)> {
        figure_files::check(&self.out)?;
        let span = Span::between(self.from, self.to)?;
        let format = FormatOptions::from(&self.reading);
        let options = ArchiveOptions { span, channels: self.channels.clone(), format };
        let (archive, report) = Archive::open(&self.paths, &options)?;
        report.say();
        Ok((archive, report))
    }

    /// Draws a picture to each file asked for; `name` tells it from `several` others.
    pub fn write(&self, drawing: impl Into<Drawing>, name: &str, several: bool) -> Result<()> {
        let drawing = drawing.into();
        for file in &self.out {
            let path = figure_files::named(file, name, several);
            plot::write(&path, drawing.clone())?;
            println!("{}", path.display());
        }
        Ok(())
    }
}

/// Reads the pieces of a channel one after the other; those that cannot be read are named on stderr.
/// Returns whether all could be.
pub fn for_each_piece(
    archive: &Archive,
    id: &StreamId,
    span: Span,
    mut take: impl FnMut(&Trace, bool),
) -> Result<bool> {
    let mut before: Option<Trace> = None;
    let mut all_good = true;
    for piece in archive.pieces_within(id, span) {
        progress::check_interrupt()?;
        match piece {
            Ok(piece) => {
                let continued = before.as_ref().is_some_and(|last| last.is_continued_by(&piece));
                take(&piece, continued);
                before = Some(piece);
            }
            Err(error) => {
                eprintln!("skipped {error}");
                all_good = false;
            }
        }
    }
    Ok(all_good)
}

/// [`for_each_piece`] of those at `rate` only: a spectrum is of one rate. That others are left out
/// is said. `take` is handed the unit of each piece too.
pub fn for_each_piece_of_rate(
    archive: &Archive,
    (id, rate): (&StreamId, SampleRate),
    span: Span,
    mut take: impl FnMut(&Trace, &'static str, bool),
) -> Result<bool> {
    let mut passed_over = false;
    let all_good = for_each_piece(archive, id, span, |piece, continued| {
        if (piece.rate.hz() / rate.hz() - 1.0).abs() > 1e-3 {
            passed_over = true;
        } else {
            take(piece, unit_of(piece), continued);
        }
    })?;
    if passed_over {
        eprintln!("{id}: only data at {rate} are used, others left out");
    }
    Ok(all_good)
}

/// All samples of a piece as numbers, without a copy of them.
pub fn values(samples: &Samples) -> Box<dyn Iterator<Item = f64> + '_> {
    match samples {
        Samples::I32(samples) => Box::new(samples.iter().map(|&x| f64::from(x))),
        Samples::F32(samples) => Box::new(samples.iter().map(|&x| f64::from(x))),
        Samples::F64(samples) => Box::new(samples.iter().copied()),
    }
}

/// `counts` of integers; floats may be anything.
pub fn unit_of(trace: &Trace) -> &'static str {
    if matches!(trace.samples, Samples::I32(_)) { "counts" } else { "units" }
}

/// Where responses are looked up.
#[derive(clap::Args)]
#[command(next_help_heading = "Response")]
pub struct ResponseArgs {
    /// StationXML with the responses: power of ground motion instead of counts; repeatable.
    #[arg(long, value_name = "FILE")]
    response: Vec<PathBuf>,
}

/// The power response of a channel, `|H(f)|²` to velocity in (counts per m/s)².
pub struct PowerResponse(TransferFunction);

impl PowerResponse {
    /// At a frequency in Hz.
    pub fn at(&self, hz: f64) -> f64 {
        let found = self.0.evaluate(&[hz], GroundMotion::Velocity);
        found.first().map_or(f64::NAN, |h| h.norm_sqr())
    }
}

impl ResponseArgs {
    /// Reads the metadata, if any are named.
    pub fn read(&self) -> Result<Option<Stations>> {
        if self.response.is_empty() {
            return Ok(None);
        }
        let (stations, report) = Stations::read(&self.response)?;
        report.say();
        Ok(Some(stations))
    }
}

/// The response of a channel at a time; `None` without metadata.
pub fn power_response(
    stations: Option<&Stations>,
    id: &StreamId,
    time: UtcTime,
) -> Result<Option<PowerResponse>> {
    let Some(stations) = stations else { return Ok(None) };
    let epoch = stations.channel_or_say(id, time)?;
    let response = epoch.response.as_ref();
    let response = response
        .ok_or_else(|| Error::data(format!("the station metadata hold no response of {id}")))?;
    Ok(Some(PowerResponse(TransferFunction::new(response)?)))
}

/// A name for files: what a path may not hold is replaced.
pub fn file_name(id: &StreamId) -> String {
    id.to_string().replace(['/', '\\'], "_")
}
