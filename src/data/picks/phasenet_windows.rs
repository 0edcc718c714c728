//! PhaseNet's own training files: one `.npz` a window, `data` `[T, 3]`, `itp` and `its` in samples.

use std::path::{Path, PathBuf};

use super::trace_set::{LabelledPick, LabelledTrace, MemorySamples, NOISE, TraceSet};
use crate::error::{Error, Result};
use crate::read::array::{array_names, read_array};
use crate::time::SampleRate;

/// PhaseNet's windows have this rate, Hz.
const RATE: f64 = 100.0;

/// The `.npz` files of `folder`, in order of their names.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "npz") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads all windows of a folder. Names `NET_STA_TIME….npz` give station and event: the first
/// twelve digits of the time (to the minute), as the catalogue behind the files has them. Files
/// without arrivals are noise.
pub(super) fn read(folder: &Path, components: &str) -> Result<TraceSet> {
    let rate = SampleRate::from_hz(RATE).ok_or_else(|| Error::data("no rate"))?;
    let (mut traces, mut values) = (Vec::new(), Vec::new());
    for path in files(folder)? {
        crate::progress::check_interrupt()?;
        let array = read_array(&path, Some("data"))?;
        let &[samples, rows] = array.shape.as_slice() else {
            let problem = format!("'data' of shape {:?}, expected (samples, 3)", array.shape);
            return Err(Error::input(&path, problem));
        };
        if rows != components.chars().count() {
            let problem = format!("{rows} components, \"{components}\" names others");
            return Err(Error::input(&path, problem));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut parts = name.split('_');
        let (network, station) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let event: String = parts.next().unwrap_or("").chars().take(12).collect();
        let mut live = String::new();
        for (row, letter) in components.chars().enumerate() {
            let start = values.len();
            values.extend((0..samples).map(|at| array.values[at * rows + row]));
            if values[start..].iter().any(|&v| v != 0.0) {
                live.push(letter);
            }
        }
        let picks = arrivals(&path, &event)?;
        traces.push(LabelledTrace {
            trace_id: format!("{network}.{station}.."),
            station: format!("{network}.{station}"),
            start: None,
            rate,
            samples,
            components: components.into(),
            live,
            event,
            category: if picks.is_empty() { NOISE.into() } else { "earthquake".into() },
            split: String::new(),
            picks,
            name,
        });
    }
    if traces.is_empty() {
        return Err(Error::input(folder, "no .npz file in this folder"));
    }
    let sizes: Vec<usize> =
        traces.iter().map(|t| t.samples * t.components.chars().count()).collect();
    let samples = MemorySamples::new(values, sizes.into_iter());
    Ok(TraceSet { name: folder.display().to_string(), traces, samples: Box::new(samples) })
}

fn arrivals(path: &Path, event: &str) -> Result<Vec<LabelledPick>> {
    let there = array_names(path)?;
    let mut picks = Vec::new();
    for (array, phase) in [("itp", "P"), ("its", "S")] {
        if !there.iter().any(|name| name == array) {
            continue;
        }
        let samples = read_array(path, Some(array))?.values;
        picks.extend(samples.into_iter().filter(|s| s.is_finite() && *s >= 0.0).map(|sample| {
            LabelledPick {
                phase: phase.into(),
                sample: f64::from(sample),
                event: event.into(),
                ..LabelledPick::default()
            }
        }));
    }
    Ok(picks)
}
