//! Waveform windows from an index table, from class folders, or from an array alone.

use std::path::{Path, PathBuf};

use super::class_examples::ClassTable;
use super::class_settings::WindowSettings;
use super::floors::FeatureTable;
use super::metadata;
use super::split::Origins;
use super::window_examples::WindowExamples;
use crate::error::{Error, Result};
use crate::read::array::{Array, read_array};
use crate::read::{Archive, ArchiveOptions, IndexTable};
use crate::time::{SampleRate, UtcTime};

/// Windows with labels as far as known, and the inputs that failed.
pub struct ReadWindows {
    /// The windows.
    pub examples: WindowExamples,
    /// Files that were named and left out.
    pub failed: Vec<(PathBuf, String)>,
}

/// Reads what `settings` names. `classes` fixes the classes (labels not among them are errors);
/// without it they are the labels found, sorted.
pub fn read_windows(settings: &WindowSettings, classes: Option<&[String]>) -> Result<ReadWindows> {
    let rate = settings.rate()?;
    let raw = match (&settings.index, &settings.folder, &settings.array) {
        (Some(index), None, Some(array)) => from_array(settings, Some(index), array, classes)?,
        (None, None, Some(array)) => from_array(settings, None, array, classes)?,
        (Some(index), None, None) => from_index(settings, index, rate, classes)?,
        (None, Some(folder), None) => from_folders(settings, folder, rate, classes)?,
        _ => {
            return Err(Error::usage(
                "[windows] needs index and array, index alone (of waveform files), or folder",
            ));
        }
    };
    if raw.table.is_empty() {
        return Err(Error::data("no window could be read"));
    }
    let shape = (raw.channels, raw.samples);
    let noise = settings.noise_class.as_ref().map(|name| raw.table.class(name)).transpose()?;
    let mut examples = WindowExamples::prepare(&raw.values, shape, settings, raw.table)?;
    examples.augmentation = settings.augmentation.clone();
    examples.metadata = raw.metadata;
    examples.noise_class = noise;
    Ok(ReadWindows { examples, failed: raw.failed })
}

/// Windows as they are stored.
struct RawWindows {
    channels: usize,
    samples: usize,
    values: Vec<f32>,
    table: ClassTable,
    metadata: Option<FeatureTable>,
    failed: Vec<(PathBuf, String)>,
}

fn from_array(
    settings: &WindowSettings,
    index: Option<&Path>,
    path: &Path,
    classes: Option<&[String]>,
) -> Result<RawWindows> {
    let Array { shape, values } = read_array(path, settings.array_name.as_deref())?;
    let (count, channels, samples) = match shape[..] {
        [count, samples] => (count, 1, samples),
        [count, channels, samples] => (count, channels, samples),
        _ => {
            let problem = format!("shape {shape:?}, expected [N, T] or [N, C, T]");
            return Err(Error::input(path, problem));
        }
    };
    if channels == 0 || samples == 0 {
        return Err(Error::input(path, format!("shape {shape:?} holds no samples")));
    }
    let Some(index) = index else {
        let table = unlabelled(classes, "row", (0..count).map(|n| n.to_string()).collect());
        let failed = Vec::new();
        return Ok(RawWindows { channels, samples, values, table, metadata: None, failed });
    };
    let index = IndexTable::read(index)?;
    let column = index.column(&settings.columns.row)?;
    let mut picked = Vec::with_capacity(index.rows.len() * channels * samples);
    let mut names = Vec::with_capacity(index.rows.len());
    for line in 0..index.rows.len() {
        let row: usize = index.number(line, column)?;
        if row >= count {
            let problem = format!("row {row} is not in the array of {count} windows");
            return Err(Error::input(&index.path, problem));
        }
        picked.extend_from_slice(&values[row * channels * samples..][..channels * samples]);
        names.push(row.to_string());
    }
    let lines: Vec<usize> = (0..index.rows.len()).collect();
    let table = labelled(&index, settings, &lines, "row", names, classes)?;
    let metadata = metadata_of(&index, settings, &lines, classes)?;
    Ok(RawWindows { channels, samples, values: picked, table, metadata, failed: Vec::new() })
}

/// The columns that the floor of metadata sees, in training only.
fn metadata_of(
    index: &IndexTable,
    settings: &WindowSettings,
    lines: &[usize],
    classes: Option<&[String]>,
) -> Result<Option<FeatureTable>> {
    if settings.metadata.is_empty() || classes.is_some() {
        return Ok(None);
    }
    let cells = |name: &String| {
        let column = index.column(name)?;
        Ok(lines.iter().map(|&line| index.rows[line][column].clone()).collect())
    };
    let columns: Vec<Vec<String>> = settings.metadata.iter().map(cells).collect::<Result<_>>()?;
    Ok(Some(metadata::of_columns(&columns)))
}

/// Labels, groups and folds of the `lines` of an index.
fn labelled(
    index: &IndexTable,
    settings: &WindowSettings,
    lines: &[usize],
    key: &'static str,
    names: Vec<String>,
    classes: Option<&[String]>,
) -> Result<ClassTable> {
    let columns = &settings.columns;
    let cells = |name: &str| -> Option<Vec<String>> {
        let column = index.find(name)?;
        Some(lines.iter().map(|&line| index.rows[line][column].trim().to_string()).collect())
    };
    let texts = match classes {
        None => Some(
            cells(&columns.label)
                .map_or_else(|| index.column(&columns.label).map(|_| Vec::new()), Ok)?,
        ),
        Some(_) => cells(&columns.label),
    };
    let mut table = unlabelled(classes, key, names);
    if let Some(texts) = texts {
        if classes.is_none() {
            table.classes = texts.iter().filter(|t| !t.is_empty()).cloned().collect();
            table.classes.sort();
            table.classes.dedup();
        }
        for (label, text) in table.labels.iter_mut().zip(&texts).filter(|(_, t)| !t.is_empty()) {
            *label = table.classes.iter().position(|class| class == text);
            if label.is_none() {
                let there = table.classes.join(", ");
                let problem = format!("label '{text}' is none of the run's classes: {there}");
                return Err(Error::input(&index.path, problem));
            }
        }
    }
    if let Some(groups) = cells(&columns.group) {
        table.groups = numbered(&groups);
    }
    table.origins = origins(cells(&columns.stream), cells(&columns.time));
    if let Some(folds) = index.find(&columns.fold) {
        table.folds = lines.iter().map(|&line| index.number(line, folds)).collect::<Result<_>>()?;
    }
    Ok(table)
}

fn unlabelled(classes: Option<&[String]>, key: &'static str, names: Vec<String>) -> ClassTable {
    ClassTable {
        classes: classes.map(<[String]>::to_vec).unwrap_or_default(),
        labels: vec![None; names.len()],
        groups: (0..names.len()).collect(),
        key,
        names,
        ..ClassTable::default()
    }
}

/// Stations, networks and days, each known only if every cell tells it.
fn origins(streams: Option<Vec<String>>, times: Option<Vec<String>>) -> Origins {
    let part = |count: usize| {
        let short = |cell: &String| {
            let codes: Vec<&str> = cell.split('.').collect();
            (codes.len() == 4).then(|| codes[..count].join("."))
        };
        let cells: Option<Vec<String>> = streams.as_ref()?.iter().map(short).collect();
        cells.map(|cells| numbered(&cells))
    };
    let day = |cell: &String| Some(cell.parse::<UtcTime>().ok()?.day_start().to_string());
    let days: Option<Vec<String>> =
        times.as_ref().and_then(|cells| cells.iter().map(day).collect());
    Origins {
        stations: part(2).unwrap_or_default(),
        networks: part(1).unwrap_or_default(),
        days: days.map(|days| numbered(&days)).unwrap_or_default(),
    }
}

/// The number of each text among the sorted distinct ones.
pub(super) fn numbered(texts: &[String]) -> Vec<usize> {
    let mut distinct: Vec<&String> = texts.iter().collect();
    distinct.sort();
    distinct.dedup();
    texts.iter().map(|text| distinct.binary_search(&text).unwrap_or_default()).collect()
}

fn from_index(
    settings: &WindowSettings,
    path: &Path,
    rate: SampleRate,
    classes: Option<&[String]>,
) -> Result<RawWindows> {
    let index = IndexTable::read(path)?;
    let (file, start) =
        (index.column(&settings.columns.file)?, index.find(&settings.columns.start));
    let folder = path.parent().unwrap_or(Path::new("."));
    let samples = window_samples(settings, rate)?;
    let (mut values, mut lines, mut names, mut failed) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (line, cells) in index.rows.iter().enumerate() {
        let name = cells[file].trim();
        let start = match start.map(|column| cells[column].trim()).filter(|s| !s.is_empty()) {
            Some(text) => Some(
                text.parse::<UtcTime>()
                    .map_err(|e| Error::input(path, format!("row {line}, start '{text}': {e}")))?,
            ),
            None => None,
        };
        match read_window(&folder.join(name), start, samples, rate) {
            Ok(window) => {
                values.extend(window);
                lines.push(line);
                names.push(name.to_string());
            }
            Err(error) => failed.push((folder.join(name), error.to_string())),
        }
    }
    let table = labelled(&index, settings, &lines, "file", names, classes)?;
    let metadata = metadata_of(&index, settings, &lines, classes)?;
    Ok(RawWindows { channels: 1, samples, values, table, metadata, failed })
}

fn from_folders(
    settings: &WindowSettings,
    root: &Path,
    rate: SampleRate,
    classes: Option<&[String]>,
) -> Result<RawWindows> {
    let samples = window_samples(settings, rate)?;
    let folders = match classes {
        Some(classes) => classes.to_vec(),
        None => sorted_names(root, true)?,
    };
    let (mut values, mut labels, mut names, mut failed) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (class, folder) in folders.iter().enumerate() {
        for file in sorted_names(&root.join(folder), false)? {
            let path = root.join(folder).join(&file);
            match read_window(&path, None, samples, rate) {
                Ok(window) => {
                    values.extend(window);
                    labels.push(Some(class));
                    names.push(format!("{folder}/{file}"));
                }
                Err(error) => failed.push((path, error.to_string())),
            }
        }
    }
    let mut table = unlabelled(Some(&folders), "file", names);
    table.labels = labels;
    Ok(RawWindows { channels: 1, samples, values, table, metadata: None, failed })
}

/// Visible folders, or files, of a folder.
fn sorted_names(folder: &Path, folders: bool) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().is_dir() == folders {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Samples of a window cut from waveform files.
pub fn window_samples(settings: &WindowSettings, rate: SampleRate) -> Result<usize> {
    let seconds = settings
        .window_seconds
        .ok_or_else(|| Error::usage("[windows] needs window_seconds to cut waveform files"))?;
    let samples = (seconds * rate.hz()).round();
    if (1.0..1e8).contains(&samples) {
        Ok(samples as usize)
    } else {
        Err(Error::usage(format!("window_seconds = {seconds} at {} Hz is no window", rate.hz())))
    }
}

/// `samples` of the file's first channel from `start` on (or from its first sample).
fn read_window(
    path: &Path,
    start: Option<UtcTime>,
    samples: usize,
    rate: SampleRate,
) -> Result<Vec<f32>> {
    let (archive, _) = Archive::open(&[path.to_path_buf()], &ArchiveOptions::default())?;
    for id in archive.channels() {
        for piece in archive.pieces(&id) {
            let piece = piece?;
            if (piece.rate.hz() / rate.hz() - 1.0).abs() > 1e-6 {
                let problem = format!("{id} has {} Hz, expected {}", piece.rate.hz(), rate.hz());
                return Err(Error::input(path, problem));
            }
            let first = match start {
                None => 0,
                Some(start) => {
                    let offset = start.nanoseconds() - piece.start.nanoseconds();
                    (offset as f64 * 1e-9 * rate.hz()).round() as i64
                }
            };
            let length = piece.samples.len() as i64;
            if first >= 0 && first + samples as i64 <= length {
                let wave = piece.samples.to_f64();
                let part = &wave[first as usize..][..samples];
                return Ok(part.iter().map(|&x| x as f32).collect());
            }
        }
    }
    Err(Error::input(path, format!("holds no contiguous window of {samples} samples there")))
}
