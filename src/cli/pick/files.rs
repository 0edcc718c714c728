//! The files of a run.

use std::path::Path;

use super::results::Results;
use crate::detect::annotate::PhasePick;
use crate::error::Result;
use crate::output::write_atomically;
use crate::read::table::{self, ColumnValues, Table, TableColumn};
use crate::time::{DAY, SECOND, Span, UtcTime};

/// ISO 8601 with nine digits.
fn iso(time: UtcTime) -> String {
    let fraction = time.0.rem_euclid(SECOND);
    format!("{}.{fraction:09}Z", time.format("%Y-%m-%dT%H:%M:%S"))
}

fn optional(value: Option<f64>) -> String {
    value.map(|x| (x as f32).to_string()).unwrap_or_default()
}

/// A field of text; quoted where it has to be.
fn text(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_string(),
    }
}

fn write(path: &Path, header: &str, lines: impl Iterator<Item = String>) -> Result<()> {
    let mut all = format!("{header}\n");
    for line in lines {
        all.push_str(&line);
        all.push('\n');
    }
    write_atomically(path, all.as_bytes())
}

/// Writes `picks.csv`, `picks.parquet`, `detections.csv`, `coverage.csv` and, where asked for, `pairs.csv`,
/// `sweep.csv` and `picks_phasenet.csv` into `folder`.
pub fn write_all(folder: &Path, results: &Results, phasenet: bool) -> Result<()> {
    write(
        &folder.join("picks.csv"),
        "trace_id,phase,time,probability,start_time,end_time,threshold,amplitude,snr,uncertainty_s",
        results.picks.iter().map(pick_line),
    )?;
    table::write(&folder.join("picks.parquet"), &pick_table(&results.picks))?;
    let detections = results.detections.iter().map(|d| {
        format!("{},{},{},{}", text(&d.trace_id), iso(d.start), iso(d.end), d.probability)
    });
    let header = "trace_id,start_time,end_time,probability";
    write(&folder.join("detections.csv"), header, detections)?;
    let covered = results.covered.iter().flat_map(|(trace_id, spans)| {
        let line =
            move |span: &Span| format!("{},{},{}", text(trace_id), iso(span.start), iso(span.end));
        spans.iter().map(line)
    });
    write(&folder.join("coverage.csv"), "trace_id,start_time,end_time", covered)?;
    if let Some(pairs) = &results.pairs {
        let line = |pair: &super::results::Pair| {
            let apart = (pair.s.time.0 - pair.p.time.0) as f64 / SECOND as f64;
            format!(
                "{},{},{},{apart},{},{}",
                text(&pair.p.trace_id),
                iso(pair.p.time),
                iso(pair.s.time),
                pair.p.probability,
                pair.s.probability
            )
        };
        let header = "trace_id,p_time,s_time,s_minus_p_s,p_probability,s_probability";
        write(&folder.join("pairs.csv"), header, pairs.iter().map(line))?;
    }
    if !results.sweep.is_empty() {
        let lines =
            results.sweep.iter().map(|c| format!("{},{},{}", c.threshold, text(&c.label), c.picks));
        write(&folder.join("sweep.csv"), "threshold,phase,picks", lines)?;
    }
    if phasenet {
        write_phasenet(&folder.join("picks_phasenet.csv"), results)?;
    }
    Ok(())
}

fn pick_line(pick: &PhasePick) -> String {
    format!(
        "{},{},{},{},{},{},{},{},{},{}",
        text(&pick.trace_id),
        text(&pick.phase),
        iso(pick.time),
        pick.probability,
        iso(pick.start),
        iso(pick.end),
        pick.threshold,
        optional(pick.amplitude),
        optional(pick.snr),
        optional(pick.uncertainty_s)
    )
}

fn pick_table(picks: &[PhasePick]) -> Table {
    let texts = |of: fn(&PhasePick) -> &String| {
        ColumnValues::Text(picks.iter().map(|p| Some(of(p).clone())).collect())
    };
    let times = |of: fn(&PhasePick) -> UtcTime| {
        ColumnValues::Time(picks.iter().map(|p| Some(of(p).0)).collect())
    };
    let numbers = |of: fn(&PhasePick) -> Option<f64>| {
        let value = |p: &PhasePick| of(p).unwrap_or(f64::NAN);
        ColumnValues::Number(picks.iter().map(value).collect())
    };
    let columns = [
        ("trace_id", None, texts(|p| &p.trace_id)),
        ("phase", None, texts(|p| &p.phase)),
        ("time", None, times(|p| p.time)),
        ("probability", None, numbers(|p| Some(f64::from(p.probability)))),
        ("start_time", None, times(|p| p.start)),
        ("end_time", None, times(|p| p.end)),
        ("threshold", None, numbers(|p| Some(p.threshold))),
        ("amplitude", None, numbers(|p| p.amplitude)),
        ("snr", None, numbers(|p| p.snr)),
        ("uncertainty_s", None, numbers(|p| p.uncertainty_s)),
    ];
    let column = |(name, unit, values): (&str, Option<String>, _)| TableColumn {
        name: name.into(),
        unit,
        values,
    };
    Table { columns: columns.into_iter().map(column).collect() }
}

/// The columns of PhaseNet's own table; a day of an instrument stands for a file.
fn write_phasenet(path: &Path, results: &Results) -> Result<()> {
    let milliseconds = |time: UtcTime| {
        let thousandth = time.0.rem_euclid(SECOND) / 1_000_000;
        format!("{}.{thousandth:03}", time.format("%Y-%m-%dT%H:%M:%S"))
    };
    let line = |pick: &PhasePick| {
        let begin = pick.time.day_start();
        let rate = results.rates.get(&pick.trace_id).copied().unwrap_or(100.0);
        let index = (pick.time.0.rem_euclid(DAY) as f64 * 1e-9 * rate).round();
        let amplitude = optional(pick.amplitude);
        format!(
            "{},{},{index},{},{:.3},{},{},{amplitude},{amplitude}",
            text(&pick.trace_id),
            milliseconds(begin),
            milliseconds(pick.time),
            pick.probability,
            text(&pick.phase),
            text(&format!("{}.{}", pick.trace_id, begin.format("%Y.%j"))),
        )
    };
    let header = "station_id,begin_time,phase_index,phase_time,phase_score,phase_type,file_name,\
                  phase_amplitude,phase_amp";
    write(path, header, results.picks.iter().map(line))
}
