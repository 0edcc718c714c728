//! SeisBench's and STEAD's data sets: samples in HDF5, a table of traces in CSV beside it.

use std::path::{Path, PathBuf};

use hdf5_reader::{Datatype, H5Type, Hdf5File, SliceInfo, SliceInfoElem};

use super::trace_set::{LabelledPick, LabelledTrace, NOISE, SampleSource, TraceSet};
use crate::error::{Error, Result};
use crate::read::IndexTable;
use crate::time::{SampleRate, UtcTime};

/// The files of a set of SeisBench.
pub(super) const SEISBENCH: [&str; 2] = ["waveforms.hdf5", "metadata.csv"];

/// STEAD's rows, rate and length.
const STEAD: (&str, f64, usize) = ("ENZ", 100.0, 6000);

/// Reads the set whose samples are in `path`; the table is `metadata.csv` beside
/// `waveforms.hdf5`, else the file's own name with `.csv`.
///
/// # Errors
/// No table; columns or traces that are missing; a shape that is no trace.
pub(super) fn read(path: &Path, components: Option<&str>) -> Result<TraceSet> {
    let table = match path.file_name() {
        Some(name) if name == SEISBENCH[0] => path.with_file_name(SEISBENCH[1]),
        _ => path.with_extension("csv"),
    };
    let index = IndexTable::read(&table)?;
    let file = Hdf5File::open(path).map_err(|e| Error::input(path, format!("not HDF5: {e}")))?;
    let format = Format::of(&file, components);
    let columns = Columns::of(&index)?;
    let (mut traces, mut places) = (Vec::new(), Vec::new());
    for row in 0..index.rows.len() {
        let place = Place::parse(columns.cell(&index, row, Some(columns.name)));
        let samples = match place.samples(&format) {
            Some(samples) => samples,
            None => columns.samples(&index, row, &file, &place, &format).ok_or_else(|| {
                let problem = format!("row {row}: no trace '{}' in the HDF5 file", place.dataset);
                Error::input(&table, problem)
            })?,
        };
        traces.push(columns.trace(&index, row, samples, &format)?);
        places.push(place);
    }
    let samples = Hdf5Samples { path: path.to_path_buf(), file, format, places };
    Ok(TraceSet { name: path.display().to_string(), traces, samples: Box::new(samples) })
}

/// What `data_format` of SeisBench says; STEAD's, where there is no such group.
struct Format {
    components: String,
    /// Components before samples.
    components_first: bool,
    rate_hz: Option<f64>,
    length: Option<usize>,
}

impl Format {
    fn of(file: &Hdf5File, components: Option<&str>) -> Self {
        let text =
            |name: &str| file.dataset(&format!("data_format/{name}")).ok()?.read_string().ok();
        let Some(order) = text("dimension_order") else {
            let (letters, rate, length) = STEAD;
            return Self {
                components: components.unwrap_or(letters).into(),
                components_first: false,
                rate_hz: Some(rate),
                length: Some(length),
            };
        };
        let rate = file.dataset("data_format/sampling_rate").ok();
        let rate_hz =
            rate.and_then(|data| numbers(&data, &SliceInfo::all(0)).ok()?.first().copied());
        Self {
            components: components
                .map(String::from)
                .or_else(|| text("component_order"))
                .unwrap_or_else(|| "ZNE".into()),
            components_first: order.find('C') < order.find('W'),
            rate_hz: rate_hz.map(f64::from),
            length: None,
        }
    }

    fn rows(&self) -> usize {
        self.components.chars().count()
    }
}

/// Where a trace lies: `DATASET` or `DATASET$N,:C,:T`.
struct Place {
    dataset: String,
    parts: Vec<(u64, Option<u64>)>,
}

impl Place {
    fn parse(name: &str) -> Self {
        let Some((dataset, parts)) = name.split_once('$') else {
            return Self { dataset: name.into(), parts: Vec::new() };
        };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let parts = parts.split(',').filter_map(|part| match part.split_once(':') {
            Some((from, until)) => Some((number(from).unwrap_or(0), Some(number(until)?))),
            None => Some((number(part)?, None)),
        });
        Self { dataset: dataset.into(), parts: parts.collect() }
    }

    /// Samples by the name alone.
    fn samples(&self, format: &Format) -> Option<usize> {
        let ranges: Vec<u64> =
            self.parts.iter().filter_map(|&(from, until)| until?.checked_sub(from)).collect();
        let [a, b] = ranges.as_slice() else { return None };
        usize::try_from(if format.components_first { *b } else { *a }).ok()
    }

    fn selection(&self, axes: usize) -> SliceInfo {
        if self.parts.is_empty() {
            return SliceInfo::all(axes);
        }
        let selections = self.parts.iter().map(|&(start, end)| match end {
            Some(end) => SliceInfoElem::Slice { start, end, step: 1 },
            None => SliceInfoElem::Index(start),
        });
        SliceInfo { selections: selections.collect() }
    }
}

struct Hdf5Samples {
    path: PathBuf,
    file: Hdf5File,
    format: Format,
    places: Vec<Place>,
}

impl SampleSource for Hdf5Samples {
    fn read(&self, trace: usize, into: &mut Vec<f32>) -> Result<()> {
        let place = self
            .places
            .get(trace)
            .ok_or_else(|| Error::data(format!("trace {trace} has no samples")))?;
        let fault = |e: hdf5_reader::error::Error| {
            Error::input(&self.path, format!("'{}': {e}", place.dataset))
        };
        let data = self.file.dataset(&format!("data/{}", place.dataset)).map_err(fault)?;
        let values = numbers(&data, &place.selection(data.ndim())).map_err(fault)?;
        let rows = self.format.rows();
        if self.format.components_first {
            into.extend(values);
            return Ok(());
        }
        for row in 0..rows {
            into.extend(values.iter().skip(row).step_by(rows));
        }
        Ok(())
    }
}

/// Numbers of any kind as float32.
fn numbers(data: &hdf5_reader::Dataset, part: &SliceInfo) -> hdf5_reader::error::Result<Vec<f32>> {
    fn read<T: H5Type>(
        data: &hdf5_reader::Dataset,
        part: &SliceInfo,
        single: fn(T) -> f32,
    ) -> hdf5_reader::error::Result<Vec<f32>> {
        Ok(data.read_slice::<T>(part)?.into_iter().map(single).collect())
    }
    match data.dtype() {
        Datatype::FloatingPoint { size: 8, .. } => read::<f64>(data, part, |v| v as f32),
        Datatype::FixedPoint { size: 2, signed: true, .. } => read::<i16>(data, part, f32::from),
        Datatype::FixedPoint { size: 4, signed: true, .. } => read::<i32>(data, part, |v| v as f32),
        Datatype::FixedPoint { size: 8, signed: true, .. } => read::<i64>(data, part, |v| v as f32),
        _ => read::<f32>(data, part, |v| v),
    }
}

struct Columns {
    name: usize,
    network: Option<usize>,
    station: Option<usize>,
    location: Option<usize>,
    channel: Option<usize>,
    start: Option<usize>,
    rate: Option<usize>,
    samples: Option<usize>,
    category: Option<usize>,
    event: Option<usize>,
    split: Option<usize>,
    /// Phase, place, uncertainty and polarity of each kind of arrival.
    arrivals: Vec<(String, usize, Option<usize>, Option<usize>)>,
}

impl Columns {
    fn of(index: &IndexTable) -> Result<Self> {
        let find = |names: &[&str]| names.iter().find_map(|name| index.find(name));
        let mut arrivals = Vec::new();
        for (column, name) in index.columns.iter().enumerate() {
            let bare = name.strip_prefix("trace_").unwrap_or(name);
            let Some(phase) = bare.strip_suffix("_arrival_sample") else { continue };
            let of = |end: &str| index.find(&format!("trace_{phase}_{end}"));
            let phase_name = if phase.len() == 1 { phase.to_uppercase() } else { phase.into() };
            let polarity = of("polarity").or_else(|| index.find("trace_polarity"));
            let polarity = polarity.filter(|_| phase_name.starts_with('P'));
            arrivals.push((phase_name, column, of("arrival_uncertainty_s"), polarity));
        }
        Ok(Self {
            name: index.column("trace_name")?,
            network: find(&["station_network_code", "network_code"]),
            station: find(&["station_code", "receiver_code"]),
            location: find(&["station_location_code"]),
            channel: find(&["trace_channel", "receiver_type"]),
            start: find(&["trace_start_time"]),
            rate: find(&["trace_sampling_rate_hz"]),
            samples: find(&["trace_npts"]),
            category: find(&["trace_category"]),
            event: find(&["source_id"]),
            split: find(&["split"]),
            arrivals,
        })
    }

    fn cell<'a>(&self, index: &'a IndexTable, row: usize, column: Option<usize>) -> &'a str {
        column.map(|column| index.rows[row][column].trim()).unwrap_or_default()
    }

    /// Samples by the table, by STEAD's rule, or by the file.
    fn samples(
        &self,
        index: &IndexTable,
        row: usize,
        file: &Hdf5File,
        place: &Place,
        format: &Format,
    ) -> Option<usize> {
        let stated = self.cell(index, row, self.samples).parse::<f64>().ok();
        if let Some(stated) = stated.filter(|n| (1.0..1e9).contains(n)) {
            return Some(stated as usize);
        }
        if format.length.is_some() {
            return format.length;
        }
        let data = file.dataset(&format!("data/{}", place.dataset)).ok()?;
        let [a, b] = data.shape() else { return None };
        usize::try_from(if format.components_first { *b } else { *a }).ok()
    }

    fn trace(
        &self,
        index: &IndexTable,
        row: usize,
        samples: usize,
        format: &Format,
    ) -> Result<LabelledTrace> {
        let cell = |column| self.cell(index, row, column);
        let fault = |problem: String| Error::input(&index.path, format!("row {row}: {problem}"));
        let hz = cell(self.rate).parse::<f64>().ok().or(format.rate_hz);
        let rate = hz.and_then(SampleRate::from_hz);
        let rate = rate.ok_or_else(|| fault("no sampling rate".into()))?;
        let event = cell(self.event).to_string();
        let mut picks = Vec::new();
        for (phase, place, uncertainty, polarity) in &self.arrivals {
            let text = cell(Some(*place));
            if text.is_empty() || text.eq_ignore_ascii_case("nan") || text == "None" {
                continue;
            }
            let sample: f64 =
                text.parse().map_err(|_| fault(format!("'{text}' is no arrival sample")))?;
            picks.push(LabelledPick {
                phase: phase.clone(),
                sample,
                uncertainty: cell(*uncertainty).parse().ok().filter(|u: &f64| u.is_finite()),
                polarity: cell(*polarity).to_string(),
                event: event.clone(),
            });
        }
        picks.sort_by(|a, b| a.sample.total_cmp(&b.sample));
        let (network, station) = (cell(self.network), cell(self.station));
        let category = match cell(self.category) {
            "" if picks.is_empty() => NOISE,
            "" => "earthquake",
            other => other,
        };
        // STEAD writes a blank between date and time.
        let start = cell(self.start).replacen(' ', "T", 1).parse::<UtcTime>().ok();
        let (location, channel) = (cell(self.location), cell(self.channel));
        Ok(LabelledTrace {
            name: cell(Some(self.name)).to_string(),
            trace_id: format!("{network}.{station}.{location}.{channel}"),
            station: format!("{network}.{station}"),
            start,
            rate,
            samples,
            components: format.components.clone(),
            live: format.components.clone(),
            event,
            category: category.into(),
            split: cell(self.split).into(),
            picks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_where_a_trace_lies() {
        let format = |components_first| Format {
            components: "ZNE".into(),
            components_first,
            rate_hz: None,
            length: None,
        };
        let place = Place::parse("bucket7$12,:3,:6000");
        assert_eq!((place.dataset.as_str(), place.samples(&format(true))), ("bucket7", Some(6000)));
        assert_eq!(place.samples(&format(false)), Some(3));
        assert_eq!(Place::parse("single").samples(&format(true)), None);
    }

    fn fixture(name: &str) -> TraceSet {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/picks").join(name);
        read(&path, None).unwrap()
    }

    #[test]
    fn a_set_of_seisbench_is_read() {
        let set = fixture("seisbench/waveforms.hdf5");
        let lengths: Vec<usize> = set.traces.iter().map(|trace| trace.samples).collect();
        assert_eq!(lengths, [20, 18, 15, 20]);
        // Row c, sample t of trace n of the first bucket hold 100 n + 1000 c + t.
        let second = set.read(1).unwrap();
        assert_eq!([second[0], second[17], second[18]], [100.0, 117.0, 1100.0]);
        assert_eq!(set.read(2).unwrap()[14], -114.0);
        assert_eq!(set.read(3).unwrap()[40], 2000.0);
        let first = &set.traces[0];
        assert_eq!((first.trace_id.as_str(), first.components.as_str()), ("XX.AAA..HH", "ZNE"));
        let [p, s] = &first.picks[..] else { panic!("{:?}", first.picks) };
        assert_eq!((p.phase.as_str(), p.sample, p.uncertainty), ("P", 5.5, Some(0.05)));
        assert_eq!((p.polarity.as_str(), s.phase.as_str()), ("positive", "S"));
        assert_eq!((set.traces[1].picks.len(), set.traces[1].split.as_str()), (1, "dev"));
        assert!(set.traces[2].is_noise() && set.traces[2].rate.hz() == 50.0);
        assert_eq!(set.traces[3].picks[0].phase, "Pn");
    }

    #[test]
    fn a_set_of_stead_is_read() {
        let set = fixture("stead/chunk.hdf5");
        let values = set.read(1).unwrap();
        // Stored sample by sample: row c, sample t hold t + 1000 c + 2.
        assert_eq!([values[19], values[6000], values[12001]], [21.0, 1002.0, 2003.0]);
        let event = &set.traces[0];
        assert_eq!(event.start.unwrap().to_string(), "2006-11-03T16:12:23.64Z");
        assert_eq!((event.components.as_str(), event.picks[1].sample), ("ENZ", 1894.0));
        assert!(set.traces[1].is_noise());
    }
}
