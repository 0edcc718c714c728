//! `temblor plot dayplot`: a day in lines one under another.

use clap::builder::TypedValueParser;
use rayon::prelude::*;

use super::source::{Source, file_name, for_each_piece, unit_of, values};
use crate::cli::Outcome;
use crate::error::{Error, Result};
use crate::plot::dayplot::{DayLines, DayplotFigure};
use crate::progress;
use crate::read::{Archive, StreamId};
use crate::time::{DAY, UtcTime};

/// Days drawn at once; their lines are all in memory.
const BATCH: usize = 64;

/// As a share of a day.
const A_MINUTE: f64 = 1.0 / 1440.0;

/// A day of a channel in lines one under another, as a drum recorder would write it; one picture a
/// channel and day.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Minutes in a line.
    #[arg(long, value_name = "MINUTES", default_value_t = 30,
        value_parser = clap::builder::PossibleValuesParser::new(["10", "15", "20", "30", "60"])
            .map(|text| text.parse::<u32>().unwrap_or(30)))]
    minutes: u32,
    /// Amplitude that reaches the next line; by the usual amplitude of the day if absent.
    #[arg(long, value_name = "AMPLITUDE", allow_hyphen_values = true)]
    scale: Option<f64>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    if let Some(scale) = args.scale.filter(|scale| !(scale.is_finite() && *scale > 0.0)) {
        return Err(Error::usage(format!("--scale: expected an amplitude above 0, found {scale}")));
    }
    let (archive, report) = args.source.open()?;
    let days: Vec<(StreamId, UtcTime)> = archive
        .channels()
        .into_iter()
        .flat_map(|id| {
            let presence = archive.presence(&id);
            let mut days: Vec<_> = presence.days().filter(|day| day.present > 0.0).collect();
            // Day files often reach a few samples into the next day.
            if days.iter().any(|day| day.present >= A_MINUTE) {
                days.retain(|day| day.present >= A_MINUTE);
            }
            days.into_iter().map(move |day| (id.clone(), day.span.start))
        })
        .collect();
    let mut all_good = report.is_clean();
    for batch in days.chunks(BATCH) {
        let drawn: Vec<Result<(DayplotFigure, bool)>> =
            batch.par_iter().map(|(id, day)| figure(&archive, id, *day, &args)).collect();
        for ((id, day), drawn) in batch.iter().zip(drawn) {
            let (figure, good) = drawn?;
            all_good &= good;
            let name = format!("{}.{}", file_name(id), day.format("%Y-%m-%d"));
            args.source.write(figure, &name, days.len() > 1)?;
        }
    }
    progress::check_interrupt()?;
    Ok(if all_good { Outcome::Done } else { Outcome::SomeInputsFailed })
}

fn figure(
    archive: &Archive,
    id: &StreamId,
    day: UtcTime,
    args: &Args,
) -> Result<(DayplotFigure, bool)> {
    let mut lines = DayLines::new(day, args.minutes);
    let mut unit = "";
    let span = crate::time::Span { start: day, end: day.plus(DAY) };
    let good = for_each_piece(archive, id, span, |piece, _| {
        unit = unit_of(piece);
        let times = (0..).map(|n| piece.time_of(n));
        lines.push(times.zip(values(&piece.samples)));
    })?;
    Ok((lines.figure(id.to_string(), unit.to_string(), args.scale), good))
}
