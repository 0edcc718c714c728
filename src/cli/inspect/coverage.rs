//! `temblor inspect --coverage`: what each channel of an archive covers.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::printer::in_hz;
use crate::cli::Outcome;
use crate::cli::waveform_figure::FigureArgs;
use crate::error::{Error, Result};
use crate::read::format::FormatOptions;
use crate::read::{Archive, Presence, Share, StreamId};
use crate::time::{SECOND, Span, UtcTime};

/// What stands on a line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// A channel.
    All,
    /// A day of a channel.
    Day,
}

/// One line: a channel. Ends are exclusive: where the next sample would be.
#[derive(Serialize)]
struct ChannelLine {
    id: String,
    start_ns: i64,
    end_ns: i64,
    rates_hz: Vec<f64>,
    present: f64,
    present_s: f64,
    gaps: usize,
    longest_gap: Option<Gap>,
    overlaps: u64,
    duplicates: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<Vec<Day>>,
}

#[derive(Serialize)]
struct Gap {
    start_ns: i64,
    seconds: f64,
}

#[derive(Serialize)]
struct Day {
    day: String,
    present: f64,
    gaps: u64,
}

fn seconds(span: Span) -> f64 {
    span.end.0.saturating_sub(span.start.0) as f64 / SECOND as f64
}

fn date(time: UtcTime) -> String {
    time.format("%Y-%m-%d")
}

/// Prints the table and draws it if asked to.
pub fn run(
    paths: &[PathBuf],
    by: By,
    json: bool,
    format: FormatOptions,
    figure: &FigureArgs,
) -> Result<Outcome> {
    let (archive, report) = Archive::open(paths, &figure.archive_options(format)?)?;
    report.say();
    let channels: Vec<(StreamId, Presence)> =
        archive.channels().into_iter().map(|id| (id.clone(), archive.presence(&id))).collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut print = || match json {
        true => print_json(&channels, by, &mut out),
        false => print_table(&channels, by, &mut out),
    };
    print().and_then(|()| out.flush()).map_err(Error::io("standard output"))?;
    figure.draw_coverage(&channels)?;
    Ok(if report.is_clean() { Outcome::Done } else { Outcome::SomeInputsFailed })
}

fn print_json(
    channels: &[(StreamId, Presence)],
    by: By,
    out: &mut impl Write,
) -> std::io::Result<()> {
    for (id, presence) in channels {
        let Some(extent) = presence.extent() else { continue };
        let longest_gap = presence.longest_gap();
        let day = |share: Share| Day {
            day: date(share.span.start),
            present: share.present,
            gaps: share.gaps,
        };
        let line = ChannelLine {
            id: id.to_string(),
            start_ns: extent.start.0,
            end_ns: extent.end.0,
            rates_hz: presence.rates.iter().map(|rate| rate.hz()).collect(),
            present: presence.share(extent).present,
            present_s: presence.covered() as f64 / SECOND as f64,
            gaps: presence.gaps().count(),
            longest_gap: longest_gap
                .map(|gap| Gap { start_ns: gap.start.0, seconds: seconds(gap) }),
            overlaps: presence.overlaps,
            duplicates: presence.duplicates,
            days: (by == By::Day).then(|| presence.days().map(day).collect()),
        };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

fn print_table(
    channels: &[(StreamId, Presence)],
    by: By,
    out: &mut impl Write,
) -> std::io::Result<()> {
    if by == By::Day {
        writeln!(out, "{:<17} {:<10} {:>9} {:>6}", "id", "day", "present", "gaps")?;
        for (id, presence) in channels {
            for Share { span, present, gaps } in presence.days() {
                let (id, day) = (id.to_string(), date(span.start));
                writeln!(out, "{id:<17} {day:<10} {:>9} {gaps:>6}", percent(present))?;
            }
        }
        return Ok(());
    }
    writeln!(
        out,
        "{:<17} {:<20} {:<20} {:>9} {:>6} {:>14} {:>8} {:>10}  rate",
        "id", "from", "to", "present", "gaps", "longest", "overlaps", "duplicates"
    )?;
    for (id, presence) in channels {
        let Some(extent) = presence.extent() else { continue };
        let rates: Vec<f64> = presence.rates.iter().map(|rate| rate.hz()).collect();
        writeln!(
            out,
            "{:<17} {:<20} {:<20} {:>9} {:>6} {:>14} {:>8} {:>10}  {}",
            id.to_string(),
            extent.start.format("%Y-%m-%dT%H:%M:%SZ"),
            extent.end.format("%Y-%m-%dT%H:%M:%SZ"),
            percent(presence.share(extent).present),
            presence.gaps().count(),
            presence.longest_gap().map_or_else(|| "-".into(), |gap| length(seconds(gap))),
            presence.overlaps,
            presence.duplicates,
            in_hz(&rates)
        )?;
    }
    Ok(())
}

/// Never 100 % where something is missing, never 0 % where something is there.
fn percent(share: f64) -> String {
    let text = format!("{:.2} %", 100.0 * share);
    match text.as_str() {
        "100.00 %" if share < 1.0 => ">99.99 %".into(),
        "0.00 %" if share > 0.0 => "<0.01 %".into(),
        _ => text,
    }
}

/// A length of time in the unit that suits it.
fn length(seconds: f64) -> String {
    match seconds {
        s if s >= 2.0 * 86_400.0 => format!("{:.1} d", s / 86_400.0),
        s if s >= 2.0 * 3600.0 => format!("{:.1} h", s / 3600.0),
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s => format!("{s:.2} s"),
    }
}
