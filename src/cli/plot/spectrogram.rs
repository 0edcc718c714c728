//! `temblor plot spectrogram`: power over time and frequency.

use rayon::prelude::*;

use super::source::{
    ResponseArgs, Source, file_name, for_each_piece_of_rate, power_response, values,
};
use crate::cli::Outcome;
use crate::error::{Error, Result};
use crate::plot::spectrogram::SpectrogramFigure;
use crate::read::{Archive, Stations, StreamId};
use crate::signal::{SpectrogramMean, SpectrogramSettings};

/// Columns and rows of the picture, about one a pixel.
const COLUMNS: usize = 1316;
const ROWS: usize = 758;

/// Power spectral density over time and frequency in dB; long records are averaged, a pixel at a
/// time. One picture a channel.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    response: ResponseArgs,
    /// Equal steps of the logarithm of frequency.
    #[arg(long)]
    log: bool,
    /// Length of a section in seconds; by the length of the record if absent.
    #[arg(long, value_name = "SECONDS")]
    section: Option<f64>,
    /// Lowest frequency.
    #[arg(long, value_name = "HZ")]
    lowest: Option<f64>,
    /// Highest frequency.
    #[arg(long, value_name = "HZ")]
    highest: Option<f64>,
    /// Lowest and highest level of the colours, e.g. '-20,60'; by the data if absent.
    #[arg(long, value_name = "DB,DB", allow_hyphen_values = true)]
    levels: Option<Levels>,
}

/// Lowest and highest level of the colours in dB.
#[derive(Clone, Copy, Debug)]
struct Levels(f64, f64);

impl std::str::FromStr for Levels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::usage(format!("'{text}': expected two levels in dB, the lower first"));
        let (low, high) = text.split_once(',').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|level| level.is_finite());
        match (number(low), number(high)) {
            (Some(low), Some(high)) if low < high => Ok(Self(low, high)),
            _ => Err(wrong()),
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    check(&args)?;
    let (archive, report) = args.source.open()?;
    let stations = args.response.read()?;
    let channels = archive.channels();
    let drawn: Vec<Result<(SpectrogramFigure, bool)>> =
        channels.par_iter().map(|id| figure(&archive, id, stations.as_ref(), &args)).collect();
    let mut all_good = report.is_clean();
    for (id, drawn) in channels.iter().zip(drawn) {
        match drawn {
            Ok((figure, good)) => {
                all_good &= good;
                args.source.write(figure, &file_name(id), channels.len() > 1)?;
            }
            Err(error @ (Error::Interrupted | Error::Usage(_))) => return Err(error),
            Err(error) if channels.len() > 1 => {
                eprintln!("skipped {error}");
                all_good = false;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(if all_good { Outcome::Done } else { Outcome::SomeInputsFailed })
}

fn check(args: &Args) -> Result<()> {
    let numbers =
        [("--section", args.section), ("--lowest", args.lowest), ("--highest", args.highest)];
    for (flag, value) in numbers {
        if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
            return Err(Error::usage(format!("{flag}: expected a number above 0, found {value}")));
        }
    }
    Ok(())
}

fn figure(
    archive: &Archive,
    id: &StreamId,
    stations: Option<&Stations>,
    args: &Args,
) -> Result<(SpectrogramFigure, bool)> {
    let no_data = || Error::data(format!("{id}: no data for a spectrogram"));
    let span = archive.presence(id).extent().ok_or_else(no_data)?;
    let rate = archive.rate(id).ok_or_else(no_data)?;
    let settings = SpectrogramSettings {
        span,
        columns: COLUMNS,
        rows: ROWS,
        section_s: args.section,
        lowest_hz: args.lowest,
        highest_hz: args.highest,
        logarithmic: args.log,
    };
    let mut mean = SpectrogramMean::new(rate, &settings);
    let mut unit = "counts";
    let good = for_each_piece_of_rate(archive, (id, rate), span, |piece, of, continued| {
        unit = of;
        mean.push(piece.start, values(&piece.samples), continued);
    })?;
    let response = power_response(stations, id, span.start)?;
    let spectrogram = match &response {
        Some(response) => mean.finish(|hz| 1.0 / response.at(hz)),
        None => mean.finish(|_| 1.0),
    };
    let level = |power: &f64| match 10.0 * power.log10() {
        // A tenth is more than an eye can tell, and short in the file of the data.
        level if level.is_finite() => ((10.0 * level).round() / 10.0) as f32,
        _ => f32::NAN,
    };
    let columns: Vec<Vec<f32>> = spectrogram
        .columns
        .iter()
        .map(|column| column.iter().flatten().map(level).collect())
        .collect();
    let levels = match args.levels {
        Some(Levels(low, high)) => (low, high),
        None => usual_levels(&columns).ok_or_else(|| {
            let needed = spectrogram.section_s;
            Error::data(format!("{id}: no piece is as long as a section of {needed:.1} s"))
        })?,
    };
    let edges = &spectrogram.edges_hz;
    let unit = match (&response, unit) {
        (Some(_), _) => "dB re 1 (m/s)²/Hz".to_string(),
        (None, "counts") => "dB re 1 count²/Hz".to_string(),
        (None, unit) => format!("dB re 1 {unit}²/Hz"),
    };
    let section_s = (1000.0 * spectrogram.section_s).round() / 1000.0;
    let title = format!("{id}, sections of {section_s} s");
    let figure = SpectrogramFigure {
        title,
        unit,
        span,
        frequencies_hz: (edges[0], edges[edges.len() - 1]),
        logarithmic: args.log,
        columns,
        levels,
    };
    Ok((figure, good))
}

/// All but the outermost levels, on whole fives.
fn usual_levels(columns: &[Vec<f32>]) -> Option<(f64, f64)> {
    let mut levels: Vec<f32> =
        columns.iter().flatten().copied().filter(|l| l.is_finite()).collect();
    if levels.is_empty() {
        return None;
    }
    let last = (levels.len() - 1) as f64;
    let mut at = |share: f64| {
        let place = (share * last) as usize;
        f64::from(*levels.select_nth_unstable_by(place, f32::total_cmp).1)
    };
    let (low, high) = ((at(0.01) / 5.0).floor() * 5.0, (at(0.998) / 5.0).ceil() * 5.0);
    Some((low, high.max(low + 5.0)))
}
