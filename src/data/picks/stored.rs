//! The format on disk, `docs/datasets.md`: two tables, blocks of samples, and a description that is
//! written last.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorView};

use super::trace_set::{LabelledPick, LabelledTrace, SampleSource, TraceSet};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::read::table::{self, ColumnValues, CsvOptions, Table, TableColumn};
use crate::time::{SampleRate, UtcTime};

/// What this program writes; others are refused.
pub const FORMAT_VERSION: u32 = 1;
/// The description.
const DESCRIPTION: &str = "dataset.json";
/// One row a trace.
const TRACES: &str = "traces.parquet";
/// One row a pick.
const PICKS: &str = "picks.parquet";
/// The folder of the samples.
const SAMPLES: &str = "samples";
/// A block is closed when it holds this many bytes.
const BLOCK_BYTES: usize = 64 << 20;
/// A longer header of a block is refused.
const LONGEST_HEADER: u64 = 100 << 20;

/// `dataset.json`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SetDescription {
    /// Always `temblor traces`.
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// The program that wrote it.
    pub temblor_version: String,
    /// Number of traces.
    pub traces: usize,
    /// Number of picks.
    pub picks: usize,
    /// Where it comes from and how it was cut, in words.
    pub made: Vec<String>,
}

/// Writes a set as traces are handed to it; nothing counts before [`SetWriter::finish`].
pub(super) struct SetWriter {
    folder: PathBuf,
    traces: Vec<LabelledTrace>,
    blocks: Vec<usize>,
    pending: Vec<(usize, Vec<f32>)>,
    bytes: usize,
    block: usize,
}

impl SetWriter {
    /// Refuses a folder that holds anything; with `force` a data set in it is replaced.
    pub(super) fn create(folder: &Path, force: bool) -> Result<Self> {
        check_free(folder, force)?;
        if force && folder.join(DESCRIPTION).is_file() {
            std::fs::remove_dir_all(folder).map_err(Error::io(folder))?;
        }
        let samples = folder.join(SAMPLES);
        std::fs::create_dir_all(&samples).map_err(Error::io(&samples))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            traces: Vec::new(),
            blocks: Vec::new(),
            pending: Vec::new(),
            bytes: 0,
            block: 0,
        })
    }

    /// Adds a trace with its samples `[C, T]`.
    pub(super) fn add(&mut self, trace: LabelledTrace, values: Vec<f32>) -> Result<()> {
        self.bytes += 4 * values.len();
        self.blocks.push(self.block);
        self.pending.push((self.traces.len(), values));
        self.traces.push(trace);
        if self.bytes >= BLOCK_BYTES { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut tensors = Vec::new();
        for (number, values) in std::mem::take(&mut self.pending) {
            let rows = self.traces[number].components.chars().count();
            let shape = vec![rows, self.traces[number].samples];
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            tensors.push((number.to_string(), shape, bytes));
        }
        let failed = |e: safetensors::SafeTensorError| Error::data(format!("samples: {e}"));
        let views = tensors.iter().map(|(name, shape, bytes)| {
            Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(views, None).map_err(failed)?;
        write_atomically(&block_path(&self.folder, self.block), &bytes)?;
        self.block += 1;
        self.bytes = 0;
        Ok(())
    }

    /// Writes tables and description.
    pub(super) fn finish(mut self, made: Vec<String>) -> Result<SetDescription> {
        self.close_block()?;
        if self.traces.is_empty() {
            // What was made is this writer's own empty folder.
            let _ = std::fs::remove_dir_all(&self.folder);
            return Err(Error::data("no trace to write: nothing of the data fits the request"));
        }
        table::write(&self.folder.join(TRACES), &table_of_traces(&self.traces, &self.blocks))?;
        let picks = table_of_picks(&self.traces);
        let count = picks.rows();
        if count > 0 {
            table::write(&self.folder.join(PICKS), &picks)?;
        }
        let description = SetDescription {
            format: "temblor traces".into(),
            version: FORMAT_VERSION,
            temblor_version: env!("CARGO_PKG_VERSION").into(),
            traces: self.traces.len(),
            picks: count,
            made,
        };
        let mut text = serde_json::to_vec_pretty(&description)
            .map_err(|e| Error::data(format!("{DESCRIPTION}: {e}")))?;
        text.push(b'\n');
        write_atomically(&self.folder.join(DESCRIPTION), &text)?;
        Ok(description)
    }
}

/// Refuses a folder that holds anything; with `force` only one that is no data set.
pub(super) fn check_free(folder: &Path, force: bool) -> Result<()> {
    let taken =
        folder.exists() && std::fs::read_dir(folder).map_err(Error::io(folder))?.next().is_some();
    if taken && !force {
        let text = "exists already; choose another name, or overwrite it with --force";
        return Err(Error::usage(format!("{}: {text}", folder.display())));
    }
    if taken && !folder.join(DESCRIPTION).is_file() && !folder.join(SAMPLES).is_dir() {
        let text = "is not a data set, so --force will not empty it";
        return Err(Error::usage(format!("{}: {text}", folder.display())));
    }
    Ok(())
}

fn block_path(folder: &Path, block: usize) -> PathBuf {
    folder.join(SAMPLES).join(format!("{block:05}.safetensors"))
}

/// Writes a whole set into `folder`.
///
/// # Errors
/// A folder that holds something else; samples that cannot be read; a set without traces.
pub fn write_set(
    set: &TraceSet,
    folder: &Path,
    force: bool,
    made: Vec<String>,
) -> Result<SetDescription> {
    let mut writer = SetWriter::create(folder, force)?;
    for (number, trace) in set.traces.iter().enumerate() {
        crate::progress::check_interrupt()?;
        writer.add(trace.clone(), set.read(number)?)?;
    }
    writer.finish(made)
}

/// Whether there is a set in `folder`.
pub(super) fn is_set(folder: &Path) -> bool {
    folder.join(DESCRIPTION).is_file()
}

/// Opens a set; samples are read when they are asked for.
///
/// # Errors
/// No data set, one of another version, tables or blocks that do not fit one another.
pub fn open_set(folder: &Path) -> Result<(TraceSet, SetDescription)> {
    let path = folder.join(DESCRIPTION);
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    let description: SetDescription = serde_json::from_slice(&bytes)
        .map_err(|e| Error::input(&path, format!("describes no data set: {e}")))?;
    if description.version != FORMAT_VERSION {
        let version = description.version;
        let problem = format!("version {version}; this program reads version {FORMAT_VERSION}");
        return Err(Error::input(&path, problem));
    }
    let (mut traces, blocks) = read_traces(&folder.join(TRACES))?;
    let picks = folder.join(PICKS);
    if description.picks > 0 {
        read_picks_into(&picks, &mut traces)?;
    }
    let found: usize = traces.iter().map(|trace| trace.picks.len()).sum();
    if (traces.len(), found) != (description.traces, description.picks) {
        let problem = format!(
            "{} traces and {} picks; the tables hold {} and {found}",
            description.traces,
            description.picks,
            traces.len()
        );
        return Err(Error::input(&path, problem));
    }
    let samples = StoredSamples::open(folder, &traces, &blocks)?;
    let name = folder.display().to_string();
    Ok((TraceSet { name, traces, samples: Box::new(samples) }, description))
}

/// Where the samples of each trace lie: file, first byte, numbers.
struct StoredSamples {
    blocks: Vec<PathBuf>,
    places: Vec<(usize, u64, usize)>,
}

impl StoredSamples {
    fn open(folder: &Path, traces: &[LabelledTrace], of: &[usize]) -> Result<Self> {
        let count = of.iter().max().map_or(0, |last| last + 1);
        if count > traces.len() {
            return Err(Error::input(folder.join(TRACES), "more blocks than traces"));
        }
        let blocks: Vec<PathBuf> = (0..count).map(|block| block_path(folder, block)).collect();
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (trace, &block) in of.iter().enumerate() {
            members.entry(block).or_default().push(trace);
        }
        let mut places = vec![(0, 0, 0); traces.len()];
        for (block, members) in members {
            let path = &blocks[block];
            let (first, header) = read_header(path)?;
            for trace in members {
                let shape = [traces[trace].components.chars().count(), traces[trace].samples];
                let info = header.info(&trace.to_string()).ok_or_else(|| {
                    Error::input(path, format!("no samples of trace {trace} in this block"))
                })?;
                if info.dtype != Dtype::F32 || info.shape != shape {
                    let (kind, found) = (info.dtype, &info.shape);
                    let problem = format!(
                        "trace {trace} is {kind:?} {found:?}, the table says F32 {shape:?}"
                    );
                    return Err(Error::input(path, problem));
                }
                let at = (first + info.data_offsets.0) as u64;
                places[trace] = (block, at, shape[0] * shape[1]);
            }
        }
        Ok(Self { blocks, places })
    }
}

/// The header of a block, and where its data begin; the file is as long as the header says.
fn read_header(path: &Path) -> Result<(usize, Metadata)> {
    let broken = |problem: String| Error::input(path, format!("not a block of samples: {problem}"));
    let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
    let size = file.metadata().map_err(Error::io(path))?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|e| broken(e.to_string()))?;
    let header = u64::from_le_bytes(length);
    if header > LONGEST_HEADER.min(size.saturating_sub(8)) {
        return Err(broken(format!("a header of {header} bytes in a file of {size}")));
    }
    let mut bytes = vec![0; header as usize];
    file.read_exact(&mut bytes).map_err(|e| broken(e.to_string()))?;
    // Sizes and places that contradict one another are refused there.
    let metadata: Metadata = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
    if metadata.data_len() as u64 != size - 8 - header {
        let (found, expected) = (size - 8 - header, metadata.data_len());
        return Err(broken(format!("{found} bytes of samples, the header names {expected}")));
    }
    Ok((8 + bytes.len(), metadata))
}

impl SampleSource for StoredSamples {
    fn read(&self, trace: usize, into: &mut Vec<f32>) -> Result<()> {
        let place = self.places.get(trace);
        let &(block, at, count) =
            place.ok_or_else(|| Error::data(format!("trace {trace} has no samples")))?;
        let path = &self.blocks[block];
        let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
        let mut bytes = vec![0; 4 * count];
        file.seek(SeekFrom::Start(at)).map_err(Error::io(path))?;
        file.read_exact(&mut bytes).map_err(Error::io(path))?;
        let values = bytes.chunks_exact(4).filter_map(|b| b.first_chunk().copied());
        into.extend(values.map(f32::from_le_bytes));
        Ok(())
    }
}

fn column(name: &str, values: ColumnValues) -> TableColumn {
    TableColumn { name: name.into(), unit: None, values }
}

fn texts<'a, I>(items: &'a [I], text: impl Fn(&'a I) -> String) -> ColumnValues {
    let text = |item| Some(text(item)).filter(|text| !text.is_empty());
    ColumnValues::Text(items.iter().map(text).collect())
}

fn numbers<'a, I>(items: &'a [I], number: impl Fn(&'a I) -> f64) -> ColumnValues {
    ColumnValues::Number(items.iter().map(number).collect())
}

fn table_of_traces(traces: &[LabelledTrace], blocks: &[usize]) -> Table {
    let starts = traces.iter().map(|trace| trace.start.map(|start| start.0)).collect();
    Table {
        columns: vec![
            column("name", texts(traces, |t| t.name.clone())),
            column("trace_id", texts(traces, |t| t.trace_id.clone())),
            column("station", texts(traces, |t| t.station.clone())),
            column("start", ColumnValues::Time(starts)),
            column("day", texts(traces, LabelledTrace::day)),
            column("rate_hz", numbers(traces, |t| t.rate.hz())),
            column("samples", numbers(traces, |t| t.samples as f64)),
            column("components", texts(traces, |t| t.components.clone())),
            column("live", texts(traces, |t| t.live.clone())),
            column("event", texts(traces, |t| t.event.clone())),
            column("category", texts(traces, |t| t.category.clone())),
            column("split", texts(traces, |t| t.split.clone())),
            column("block", numbers(blocks, |&block| block as f64)),
        ],
    }
}

fn table_of_picks(traces: &[LabelledTrace]) -> Table {
    let picks: Vec<(usize, &LabelledTrace, &LabelledPick)> = traces
        .iter()
        .enumerate()
        .flat_map(|(number, trace)| trace.picks.iter().map(move |pick| (number, trace, pick)))
        .collect();
    let time = |(_, trace, pick): &(usize, &LabelledTrace, &LabelledPick)| {
        let after = (pick.sample / trace.rate.hz() * 1e9).round() as i64;
        trace.start.map(|start| start.plus(after).0)
    };
    Table {
        columns: vec![
            column("trace", numbers(&picks, |(number, ..)| *number as f64)),
            column("phase", texts(&picks, |(.., pick)| pick.phase.clone())),
            column("sample", numbers(&picks, |(.., pick)| pick.sample)),
            column("time", ColumnValues::Time(picks.iter().map(time).collect())),
            column("uncertainty_s", numbers(&picks, |(.., p)| p.uncertainty.unwrap_or(f64::NAN))),
            column("polarity", texts(&picks, |(.., pick)| pick.polarity.clone())),
            column("event", texts(&picks, |(.., pick)| pick.event.clone())),
        ],
    }
}

/// The columns of a table of ours.
struct Columns<'a> {
    path: &'a Path,
    table: Table,
}

impl<'a> Columns<'a> {
    fn read(path: &'a Path) -> Result<Self> {
        let (table, _) = table::read(path, &CsvOptions::default())?;
        Ok(Self { path, table })
    }

    fn fault(&self, problem: impl Into<String>) -> Error {
        Error::input(self.path, problem)
    }

    fn column(&self, name: &str) -> Result<&ColumnValues> {
        self.table.column(name).map(|c| &c.values).map_err(|e| self.fault(e))
    }

    /// Empty where there is none. A column without any text may come back as one of numbers.
    fn texts(&self, name: &str) -> Result<Vec<String>> {
        match self.column(name)? {
            ColumnValues::Text(cells) => {
                Ok(cells.iter().map(|cell| cell.clone().unwrap_or_default()).collect())
            }
            other if other.nulls() == other.len() => Ok(vec![String::new(); other.len()]),
            _ => Err(self.fault(format!("column '{name}' is not text"))),
        }
    }

    fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        match self.column(name)? {
            ColumnValues::Number(cells) => Ok(cells.clone()),
            other if other.nulls() == other.len() => Ok(vec![f64::NAN; other.len()]),
            _ => Err(self.fault(format!("column '{name}' is not of numbers"))),
        }
    }

    fn counts(&self, name: &str) -> Result<Vec<usize>> {
        let whole = |&number: &f64| {
            let fits = (0.0..4e9).contains(&number) && number.fract() == 0.0;
            let problem = || self.fault(format!("column '{name}' holds {number}, no count"));
            fits.then_some(number as usize).ok_or_else(problem)
        };
        self.numbers(name)?.iter().map(whole).collect()
    }

    fn times(&self, name: &str) -> Result<Vec<Option<UtcTime>>> {
        match self.column(name)? {
            ColumnValues::Time(cells) => Ok(cells.iter().map(|cell| cell.map(UtcTime)).collect()),
            other if other.nulls() == other.len() => Ok(vec![None; other.len()]),
            _ => Err(self.fault(format!("column '{name}' is not of times"))),
        }
    }
}

/// The traces without their picks, and the block of each.
fn read_traces(path: &Path) -> Result<(Vec<LabelledTrace>, Vec<usize>)> {
    let columns = Columns::read(path)?;
    let [name, trace_id, station, components, live, event, category, split] =
        ["name", "trace_id", "station", "components", "live", "event", "category", "split"]
            .map(|name| columns.texts(name));
    let (name, trace_id, station, components) = (name?, trace_id?, station?, components?);
    let (live, event, category, split) = (live?, event?, category?, split?);
    let (starts, rates) = (columns.times("start")?, columns.numbers("rate_hz")?);
    let samples = columns.counts("samples")?;
    let mut traces = Vec::with_capacity(name.len());
    for row in 0..name.len() {
        let rate = SampleRate::from_hz(rates[row]).ok_or_else(|| {
            columns.fault(format!("row {row}: rate_hz {} is no rate", rates[row]))
        })?;
        if components[row].chars().count() > 64 {
            return Err(columns.fault(format!("row {row}: more than 64 components")));
        }
        traces.push(LabelledTrace {
            name: name[row].clone(),
            trace_id: trace_id[row].clone(),
            station: station[row].clone(),
            start: starts[row],
            rate,
            samples: samples[row],
            components: components[row].clone(),
            live: live[row].clone(),
            event: event[row].clone(),
            category: category[row].clone(),
            split: split[row].clone(),
            picks: Vec::new(),
        });
    }
    Ok((traces, columns.counts("block")?))
}

fn read_picks_into(path: &Path, traces: &mut [LabelledTrace]) -> Result<()> {
    let columns = Columns::read(path)?;
    let [phase, polarity, event] = ["phase", "polarity", "event"].map(|name| columns.texts(name));
    let (phase, polarity, event) = (phase?, polarity?, event?);
    let samples = columns.numbers("sample")?;
    let uncertainty = columns.numbers("uncertainty_s")?;
    for (row, trace) in columns.counts("trace")?.into_iter().enumerate() {
        let there = traces.len();
        let trace = traces.get_mut(trace).ok_or_else(|| {
            columns.fault(format!("row {row} is of trace {trace}; there are {there}"))
        })?;
        if !samples[row].is_finite() {
            return Err(columns.fault(format!("row {row}: no sample")));
        }
        trace.picks.push(LabelledPick {
            phase: phase[row].clone(),
            sample: samples[row],
            uncertainty: Some(uncertainty[row]).filter(|u| u.is_finite()),
            polarity: polarity[row].clone(),
            event: event[row].clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::trace_set::tests::counting;
    use super::*;

    #[test]
    fn a_set_comes_back_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("set");
        let mut set = counting(&[&[("P", 10.25), ("Sg", 30.0)], &[], &[("P", 3.0)]], 50);
        set.traces[0].picks[1].uncertainty = Some(0.25);
        set.traces[0].picks[0].polarity = "positive".into();
        set.traces[1].start = None;
        set.traces[2].live = "Z".into();
        set.traces[2].split = "test".into();
        let made = write_set(&set, &folder, false, vec!["from nothing".into()]).unwrap();
        assert_eq!((made.traces, made.picks), (3, 3));
        let (again, description) = open_set(&folder).unwrap();
        assert_eq!(description, made);
        assert_eq!(again.traces, set.traces);
        for trace in 0..3 {
            assert_eq!(again.read(trace).unwrap(), set.read(trace).unwrap());
        }
        let refused = write_set(&set, &folder, false, Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("exists already"));
        write_set(&set, &folder, true, Vec::new()).unwrap();
        let empty = TraceSet { traces: Vec::new(), ..counting(&[], 1) };
        assert!(write_set(&empty, &place.path().join("none"), false, Vec::new()).is_err());
    }

    #[test]
    fn noise_alone_needs_no_picks() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("set");
        write_set(&counting(&[&[], &[]], 20), &folder, false, Vec::new()).unwrap();
        let (set, _) = open_set(&folder).unwrap();
        assert!(set.traces.iter().all(|trace| trace.is_noise() && trace.picks.is_empty()));
    }

    #[test]
    fn damage_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("set");
        let set = counting(&[&[("P", 10.0)], &[]], 50);
        write_set(&set, &folder, false, Vec::new()).unwrap();
        let block = block_path(&folder, 0);
        let whole = std::fs::read(&block).unwrap();
        for length in [0, 7, 20, whole.len() - 1] {
            std::fs::write(&block, &whole[..length]).unwrap();
            let error = open_set(&folder).err().unwrap().to_string();
            assert!(error.contains("00000.safetensors"), "{length}: {error}");
        }
        std::fs::write(&block, &whole).unwrap();
        let path = folder.join(DESCRIPTION);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"version\": 1", "\"version\": 9")).unwrap();
        assert!(open_set(&folder).err().unwrap().to_string().contains("version 9"));
        std::fs::write(&path, text.replace("\"traces\": 2", "\"traces\": 3")).unwrap();
        assert!(open_set(&folder).err().unwrap().to_string().contains("the tables hold 2"));
        let elsewhere = place.path().join("other");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("a"), "x").unwrap();
        assert!(check_free(&elsewhere, true).is_err());
    }
}
