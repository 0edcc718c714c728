//! From paths, folders and globs to waveform files, each with its format.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::container::{self, Input};
use super::format::{HEAD, WaveformFile, format_of};
use super::report::ReadReport;
use super::source::Source;
use crate::error::{Error, Result};
use crate::progress;

/// Folders deeper than this are not entered.
const DEEPEST: usize = 32;

/// Files that lie in archives and are not waveforms; in a folder they are passed over in silence.
const COMPANIONS: [&str; 16] = [
    "md", "txt", "csv", "json", "xml", "toml", "yaml", "yml", "py", "sh", "log", "parquet", "png",
    "svg", "pdf", "html",
];

/// Names by which a folder pretends to be a file.
const WAVEFORM_SUFFIXES: [&str; 13] = [
    "mseed", "miniseed", "mseed3", "ms", "seed", "sac", "gse", "gse2", "segy", "sgy", "su", "wav",
    "wave",
];

/// Suffixes of compressed files; the name before it says what is inside.
const PACKED: [&str; 3] = ["gz", "zst", "zstd"];

/// Names of documents about stations and earthquakes; in a folder only these are read as such.
const DOCUMENTS: [&str; 6] = ["xml", "sxml", "stationxml", "qml", "quakeml", "txt"];

/// What was found under the paths given.
pub struct Found {
    /// Regular files, in order, none twice; of compressed files and archives what is in them.
    pub files: Vec<Source>,
    /// What is not there or cannot be read, and why.
    pub failed: Vec<(PathBuf, String)>,
    seen: HashSet<PathBuf>,
    /// Which files of a folder are taken; those named are taken in any case.
    wanted: fn(&Path) -> bool,
}

/// Expands files, folders (walked to the bottom, in name order) and globs into waveform files.
pub fn find(paths: &[PathBuf]) -> Result<Found> {
    find_where(paths, |path| !suffix_is_one_of(path, &COMPANIONS))
}

/// The same for documents: StationXML, QuakeML and FDSN text.
pub fn find_documents(paths: &[PathBuf]) -> Result<Found> {
    find_where(paths, |path| suffix_is_one_of(path, &DOCUMENTS))
}

/// Reads every document under the paths with `read_one` and hands what it is with the name of its
/// file to `take`. A bad file costs only itself and is named in the report.
pub fn read_documents<T>(
    paths: &[PathBuf],
    read_one: impl Fn(&Source) -> Result<T>,
    mut take: impl FnMut(T, &Path, &mut ReadReport),
) -> Result<ReadReport> {
    let found = find_documents(paths)?;
    let mut report = ReadReport { failed: found.failed, ..ReadReport::default() };
    for source in &found.files {
        progress::check_interrupt()?;
        match read_one(source) {
            Ok(document) => {
                report.files += 1;
                take(document, source.path(), &mut report);
            }
            Err(error) => report.fail(source.path(), &error),
        }
    }
    Ok(report)
}

fn find_where(paths: &[PathBuf], wanted: fn(&Path) -> bool) -> Result<Found> {
    let (files, failed, seen) = Default::default();
    let mut found = Found { files, failed, seen, wanted };
    for path in paths {
        let text = path.to_string_lossy();
        if path.exists() || !text.contains(['*', '?', '[']) {
            found.add(path, 0, true);
            continue;
        }
        let matches = glob::glob(&text).map_err(|e| Error::usage(format!("'{text}': {e}")))?;
        let before = (found.files.len(), found.failed.len());
        for entry in matches.flatten() {
            found.add(&entry, 0, true);
        }
        if before == (found.files.len(), found.failed.len()) {
            found.failed.push((path.clone(), "no file matches".to_string()));
        }
    }
    found.look_into_containers();
    Ok(found)
}

impl Found {
    fn add(&mut self, path: &Path, depth: usize, named: bool) {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.failed.push((path.to_path_buf(), error.to_string())),
        };
        if metadata.is_dir() {
            self.add_folder(path, depth, named);
        } else if !metadata.is_file() {
            self.failed.push((path.to_path_buf(), "not a regular file".to_string()));
        } else if named || (self.wanted)(path) {
            let identity = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
            if self.seen.insert(identity) {
                self.files.push(Source::file(path));
            }
        }
    }

    /// Replaces compressed files and archives by what is in them.
    fn look_into_containers(&mut self) {
        let wanted = self.wanted;
        let inputs = |source: Source| match source.on_disk() {
            // So named, it is a waveform file: it is not opened before it is read.
            Some(path) if is_named_as_waveforms(path) => vec![Ok(source)],
            _ => container::inputs(source, wanted),
        };
        let files = std::mem::take(&mut self.files);
        // A single file needs no thread pool; its start-up would be felt.
        let inputs: Vec<Vec<Input>> = match files.len() {
            0 | 1 => files.into_iter().map(inputs).collect(),
            _ => files.into_par_iter().map(inputs).collect(),
        };
        for input in inputs.into_iter().flatten() {
            match input {
                Ok(source) => self.files.push(source),
                Err(failed) => self.failed.push(failed),
            }
        }
    }

    fn add_folder(&mut self, folder: &Path, depth: usize, named: bool) {
        // A link may lead back up; each folder is entered once.
        let identity = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        if depth > DEEPEST || !self.seen.insert(identity) {
            return;
        }
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.failed.push((folder.to_path_buf(), error.to_string())),
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| !is_hidden(path));
        paths.sort();
        if paths.is_empty() && (named || suffix_is_one_of(folder, &WAVEFORM_SUFFIXES)) {
            let problem = "a folder without files; expected a waveform file";
            self.failed.push((folder.to_path_buf(), problem.to_string()));
        }
        for path in paths {
            self.add(&path, depth + 1, false);
        }
    }
}

fn suffix(path: &Path) -> Option<String> {
    path.extension().map(|suffix| suffix.to_string_lossy().to_ascii_lowercase())
}

/// `data.csv.gz` has the suffix of `data.csv`.
fn suffix_is_one_of(path: &Path, suffixes: &[&str]) -> bool {
    let own = match suffix(path) {
        Some(own) if PACKED.contains(&own.as_str()) => suffix(&path.with_extension("")),
        own => own,
    };
    own.is_some_and(|own| suffixes.contains(&own.as_str()))
}

/// By its suffix, or by a day of the year at the end as in an SDS tree.
fn is_named_as_waveforms(path: &Path) -> bool {
    suffix(path).is_some_and(|own| {
        WAVEFORM_SUFFIXES.contains(&own.as_str())
            || (own.len() == 3 && own.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Looks at the first bytes of a file and names its format.
pub fn recognise(source: impl Into<Source>) -> Result<WaveformFile> {
    let source = source.into();
    let file = source.open()?;
    let length = file.length();
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head).map_err(Error::io(&source))?;
    if head.is_empty() {
        return Err(Error::input(&source, "the file is empty"));
    }
    match format_of(&head, length) {
        Some(format) => Ok(WaveformFile { source, format }),
        None if container::is_container(&head) => Err(Error::input(
            &source,
            "compressed or an archive, though its name says otherwise; name it as what it is (.gz, .tar …)",
        )),
        None => {
            let begin = head.get(..8).unwrap_or(&head).escape_ascii();
            Err(Error::input(
                &source,
                format!("no known waveform format; it begins with '{begin}'"),
            ))
        }
    }
}
