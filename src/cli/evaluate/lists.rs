//! `temblor evaluate --picks … --reference …`.

use std::path::Path;

use super::curve_thresholds;
use super::report::Report;
use crate::data::picks::{PickColumns, read_picks};
use crate::detect::evaluation::{ListedPicks, listed_answers};
use crate::error::{Error, Result};
use crate::progress::note;
use crate::score::picks::Tolerances;

/// Scores of one list against another.
pub fn report(
    picks: &Path,
    reference: &Path,
    tolerances: Tolerances,
    threshold: Option<f64>,
) -> Result<Report> {
    let mut found = listed(picks)?;
    if let Some(threshold) = threshold {
        found.retain(|pick| pick.probability >= threshold);
    }
    let labels = listed(reference)?;
    if labels.is_empty() {
        return Err(Error::input(reference, "no arrival is listed"));
    }
    let name = picks.file_stem().unwrap_or_default().to_string_lossy();
    let (judged, notes) = listed_answers(&name, &found, &labels, tolerances, &curve_thresholds());
    notes.iter().for_each(note);
    let data = format!("{} against {}", picks.display(), reference.display());
    Ok(Report { data, tolerances, judged, training: Vec::new() })
}

fn listed(path: &Path) -> Result<Vec<ListedPicks>> {
    let list = read_picks(path, &PickColumns::default())?;
    if list.without_time > 0 {
        note(format_args!("{}: {} rows without a time", path.display(), list.without_time));
    }
    Ok(list
        .picks
        .into_iter()
        .map(|row| ListedPicks {
            station: match row.network.as_str() {
                "" => row.station,
                network => format!("{network}.{}", row.station),
            },
            phase: row.phase,
            time: row.time.nanoseconds(),
            probability: row.probability.unwrap_or(1.0),
        })
        .collect())
}
