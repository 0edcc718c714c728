//! `temblor plot psd`: how often a station has which noise.

use rayon::prelude::*;

use super::source::{
    ResponseArgs, Source, file_name, for_each_piece_of_rate, power_response, values,
};
use crate::cli::Outcome;
use crate::error::{Error, Result};
use crate::plot::noise_density::{Line, NoiseDensityFigure};
use crate::read::{Archive, Stations, StreamId};
use crate::signal::{NoiseDensity, NoiseHours, peterson};
use crate::time::Span;

/// Probabilistic power spectral density of one-hour segments over all the time (McNamara and Buland
/// 2004); with --response in acceleration, beside the noise models of Peterson (1993). One picture a
/// channel.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    response: ResponseArgs,
    /// Also a table of the hours: a row an hour, a column a period in seconds, dB; .csv.
    #[arg(long, value_name = "FILE")]
    table: Option<std::path::PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let (archive, report) = args.source.open()?;
    let stations = args.response.read()?;
    let channels = archive.channels();
    let computed: Vec<Result<Computed>> =
        channels.par_iter().map(|id| compute(&archive, id, stations.as_ref())).collect();
    let mut all_good = report.is_clean();
    for (id, computed) in channels.iter().zip(computed) {
        match computed {
            Ok(computed) => {
                all_good &= computed.all_good;
                let (name, several) = (file_name(id), channels.len() > 1);
                if let Some(table) = &args.table {
                    write_table(table, &name, several, &computed.hours)?;
                }
                args.source.write(figure(id, &computed), &name, several)?;
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

struct Computed {
    hours: NoiseHours,
    extent: Span,
    unit: &'static str,
    is_acceleration: bool,
    all_good: bool,
}

fn compute(archive: &Archive, id: &StreamId, stations: Option<&Stations>) -> Result<Computed> {
    let no_data = || Error::data(format!("{id}: no data"));
    let extent = archive.presence(id).extent().ok_or_else(no_data)?;
    let rate = archive.rate(id).ok_or_else(no_data)?;
    let response = power_response(stations, id, extent.start)?;
    let factor = |hz: f64| match &response {
        Some(response) => (std::f64::consts::TAU * hz).powi(2) / response.at(hz.max(1e-9)),
        None => 1.0,
    };
    let mut density = NoiseDensity::new(rate, factor)
        .ok_or_else(|| Error::data(format!("{id}: no spectrum of an hour at {rate}")))?;
    let mut unit = "counts";
    let all_good = for_each_piece_of_rate(archive, (id, rate), extent, |piece, of, continued| {
        unit = of;
        density.push(piece.start, values(&piece.samples), continued);
    })?;
    let hours = density.finish();
    if hours.hours.is_empty() {
        return Err(Error::data(format!("{id}: not one hour without a gap")));
    }
    Ok(Computed { hours, extent, unit, is_acceleration: response.is_some(), all_good })
}

/// Tenth, half and nine tenths of the hours lie below these.
const PERCENTILES: [(&str, f64); 3] =
    [("10th percentile", 0.1), ("median", 0.5), ("90th percentile", 0.9)];

fn figure(id: &StreamId, computed: &Computed) -> NoiseDensityFigure {
    let hours = &computed.hours;
    let periods = hours.periods.clone();
    let percentiles: Vec<Line> = PERCENTILES
        .iter()
        .map(|(name, quantile)| Line {
            name: (*name).to_string(),
            points: periods.iter().copied().zip(hours.quantile(*quantile)).collect(),
        })
        .collect();
    let models = if computed.is_acceleration { noise_models(&periods) } else { Vec::new() };
    let levels = || {
        let all = hours.hours.iter().flat_map(|(_, levels)| levels).map(|&level| f64::from(level));
        all.chain(models.iter().flat_map(|model| model.points.iter().map(|p| p.1)))
            // Silence has no level that belongs into a picture.
            .filter(|level| *level > -400.0)
    };
    let lowest = (levels().fold(f64::INFINITY, f64::min) / 10.0).floor() * 10.0;
    let highest = (levels().fold(f64::NEG_INFINITY, f64::max) / 10.0).ceil() * 10.0;
    let (lowest, highest) = if lowest < highest { (lowest, highest) } else { (-200.0, -50.0) };
    let count = hours.hours.len() as f32;
    let shares = hours
        .histogram(lowest as i32, (highest - lowest) as usize)
        .into_iter()
        .map(|bin| bin.into_iter().map(|n| n as f32 / count).collect())
        .collect();
    let (first, last) = (computed.extent.start, computed.extent.end.plus(-1));
    let left_out = match hours.left_out {
        0 => String::new(),
        broken => format!(", {broken} stretches cut short by gaps"),
    };
    let day = |time: crate::time::UtcTime| time.format("%Y-%m-%d");
    let days = match day(first) == day(last) {
        true => day(first),
        false => format!("{} to {}", day(first), day(last)),
    };
    let number = hours.hours.len();
    NoiseDensityFigure {
        title: format!("{id}, {days}: {number} hours, half overlapping{left_out}"),
        unit: match (computed.is_acceleration, computed.unit) {
            (true, _) => "dB re 1 (m/s²)²/Hz".to_string(),
            (false, "counts") => "dB re 1 count²/Hz".to_string(),
            (false, unit) => format!("dB re 1 {unit}²/Hz"),
        },
        periods,
        lowest: lowest as i32,
        shares,
        percentiles,
        models,
    }
}

fn noise_models(periods: &[f64]) -> Vec<Line> {
    let (first, last) = (periods.first().copied(), periods.last().copied());
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let fine = (0..=400).map(|n| first * (last / first).powf(f64::from(n) / 400.0));
    let both: Vec<(f64, f64, f64)> =
        fine.filter_map(|period| peterson(period).map(|(low, high)| (period, low, high))).collect();
    let low = both.iter().map(|&(period, low, _)| (period, low)).collect();
    let high = both.iter().map(|&(period, _, high)| (period, high)).collect();
    vec![
        Line { name: "noise models of Peterson (1993)".into(), points: low },
        Line { name: String::new(), points: high },
    ]
}

fn write_table(
    file: &std::path::Path,
    name: &str,
    several: bool,
    hours: &NoiseHours,
) -> Result<()> {
    let mut text = String::from("start");
    hours.periods.iter().for_each(|period| text.push_str(&format!(",{period}")));
    text.push('\n');
    for (start, levels) in &hours.hours {
        text.push_str(&start.to_string());
        levels.iter().for_each(|level| text.push_str(&format!(",{level}")));
        text.push('\n');
    }
    let path = crate::cli::figure_files::named(file, name, several);
    crate::output::write_atomically(&path, text.as_bytes())?;
    println!("{}", path.display());
    Ok(())
}
