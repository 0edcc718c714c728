//! Windows in one NumPy array `[N, C, T]` with an index table beside it.

use std::path::Path;

use super::trace_set::{LabelledPick, LabelledTrace, MemorySamples, NOISE, TraceSet};
use crate::error::{Error, Result};
use crate::read::IndexTable;
use crate::read::array::read_array;
use crate::time::{SampleRate, UtcTime};

/// The names of the two files in a folder.
pub(super) const FILES: [&str; 2] = ["windows.npz", "index.csv"];

/// Reads `windows.npz` and `index.csv` of `folder`; `components` are the letters of the rows.
///
/// Columns: `row`, `p_sample`, `s_sample` (empty for none), and, where they are there, `name`,
/// `network`, `station`, `event_key`, `category`, `start`, `sampling_rate`, `live`, `split`.
/// Windows without any arrival are noise, unless the category says otherwise.
pub(super) fn read(folder: &Path, components: &str) -> Result<TraceSet> {
    let (array_path, index_path) = (folder.join(FILES[0]), folder.join(FILES[1]));
    let array = read_array(&array_path, None)?;
    let index = IndexTable::read(&index_path)?;
    let &[windows, rows, samples] = array.shape.as_slice() else {
        let problem = format!("an array of shape {:?}, expected (N, C, T)", array.shape);
        return Err(Error::input(&array_path, problem));
    };
    if components.chars().count() != rows {
        return Err(Error::usage(format!(
            "{}: {rows} rows a window, components = \"{components}\" names {}",
            array_path.display(),
            components.chars().count()
        )));
    }
    let mut traces = Vec::with_capacity(index.rows.len());
    let mut values = Vec::with_capacity(array.values.len());
    let columns = Columns::of(&index);
    for row in 0..index.rows.len() {
        let place = match columns.place {
            Some(column) => index.number::<usize>(row, column)?,
            None => row,
        };
        if place >= windows {
            let problem = format!("line of row {place}; the array has {windows}");
            return Err(Error::input(&index_path, problem));
        }
        values.extend_from_slice(&array.values[place * rows * samples..][..rows * samples]);
        traces.push(columns.trace(&index, row, samples, components)?);
    }
    let samples = MemorySamples::new(values, traces.iter().map(|_| rows * samples));
    Ok(TraceSet { name: folder.display().to_string(), traces, samples: Box::new(samples) })
}

struct Columns {
    place: Option<usize>,
    name: Option<usize>,
    network: Option<usize>,
    station: Option<usize>,
    event: Option<usize>,
    category: Option<usize>,
    start: Option<usize>,
    rate: Option<usize>,
    live: Option<usize>,
    split: Option<usize>,
    phases: [Option<usize>; 2],
}

impl Columns {
    fn of(index: &IndexTable) -> Self {
        let find = |name| index.find(name);
        Self {
            place: find("row"),
            name: find("name"),
            network: find("network"),
            station: find("station"),
            event: find("event_key").or_else(|| find("event_id")).or_else(|| find("event")),
            category: find("category"),
            start: find("start"),
            rate: find("sampling_rate"),
            live: find("live"),
            split: find("split"),
            phases: [find("p_sample"), find("s_sample")],
        }
    }

    fn trace(
        &self,
        index: &IndexTable,
        row: usize,
        samples: usize,
        components: &str,
    ) -> Result<LabelledTrace> {
        let cell = |column: Option<usize>| {
            column.map(|column| index.rows[row][column].trim()).unwrap_or_default()
        };
        let hz = match self.rate {
            Some(column) => index.number::<f64>(row, column)?,
            None => 100.0,
        };
        let rate = SampleRate::from_hz(hz).ok_or_else(|| {
            Error::input(&index.path, format!("row {row}: {hz} is no sampling rate"))
        })?;
        let event = cell(self.event).to_string();
        let mut picks = Vec::new();
        for (column, phase) in self.phases.into_iter().zip(["P", "S"]) {
            if let Some(column) =
                column.filter(|&column| !index.rows[row][column].trim().is_empty())
            {
                picks.push(LabelledPick {
                    phase: phase.into(),
                    sample: index.number(row, column)?,
                    event: event.clone(),
                    ..LabelledPick::default()
                });
            }
        }
        let category = match cell(self.category) {
            "" if picks.is_empty() => NOISE,
            "" => "earthquake",
            "noise" | "noise_local" => NOISE,
            other => other,
        };
        let (network, station) = (cell(self.network), cell(self.station));
        let name = match cell(self.name) {
            "" => format!("row {row}"),
            name => name.to_string(),
        };
        let live = match cell(self.live) {
            "" => components,
            live => live,
        };
        Ok(LabelledTrace {
            name,
            trace_id: format!("{network}.{station}.."),
            station: format!("{network}.{station}"),
            start: cell(self.start).parse::<UtcTime>().ok(),
            rate,
            samples,
            components: components.into(),
            live: live.into(),
            event,
            category: category.into(),
            split: cell(self.split).into(),
            picks,
        })
    }
}
