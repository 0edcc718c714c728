//! Picks as QuakeML.

use std::path::Path;

use crate::detect::annotate::PhasePick;
use crate::error::Result;
use crate::read::{Pick, StreamId, write_quakeml};

/// Writes all picks, which belong to no event yet.
pub fn write(path: &Path, picks: &[PhasePick]) -> Result<()> {
    let picks: Vec<Pick> = picks.iter().map(entry).collect();
    write_quakeml(path, &[], &picks)
}

fn entry(pick: &PhasePick) -> Pick {
    let mut codes = pick.trace_id.splitn(4, '.').map(str::to_string);
    let mut next = || codes.next().unwrap_or_default();
    let id = StreamId { network: next(), station: next(), location: next(), channel: next() };
    Pick {
        time: pick.time,
        uncertainty: pick.uncertainty_s,
        id,
        phase: pick.phase.clone(),
        polarity: String::new(),
        distance: None,
        residual: None,
        weight: None,
        probability: Some(f64::from(pick.probability)),
        mode: "automatic".into(),
    }
}
