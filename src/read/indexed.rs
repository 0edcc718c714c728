//! Headers of files: from the index above them where it knows them, else from the files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::files;
use super::format::FormatOptions;
use super::header_index::{self, Entries, Entry, Headers, INDEX_NAME, Stamp};
use super::source::Source;
use crate::error::{Error, Result};
use crate::progress::{self, Progress};

/// An index and the root of its archive.
struct Index {
    root: PathBuf,
    entries: Entries,
}

/// The indices that lie at the root of archives above some files.
#[derive(Default)]
pub struct Indices {
    found: Vec<Index>,
    /// By folder: which of them is the nearest above.
    nearest: HashMap<PathBuf, Option<usize>>,
    /// Files read since no index knew them as they are, though one lies above them.
    read: AtomicU64,
    answered: AtomicU64,
}

impl Indices {
    /// Loads the indices above `files`. A damaged one is named on stderr and not used.
    pub fn above(files: &[Source]) -> Self {
        let mut indices = Self::default();
        for folder in files.iter().filter_map(|source| source.on_disk()?.parent()) {
            indices.search(folder);
        }
        indices
    }

    fn search(&mut self, folder: &Path) -> Option<usize> {
        if let Some(known) = self.nearest.get(folder) {
            return *known;
        }
        let file = folder.join(INDEX_NAME);
        let own = header_index::load(&file).unwrap_or_else(|error| {
            progress::note(format_args!("{error}; not used, `temblor index` makes it anew"));
            None
        });
        let nearest = match own {
            Some(entries) => {
                self.found.push(Index { root: folder.to_path_buf(), entries });
                Some(self.found.len() - 1)
            }
            None => folder.parent().and_then(|above| self.search(above)),
        };
        self.nearest.insert(folder.to_path_buf(), nearest);
        nearest
    }

    /// The headers of a file.
    pub fn headers(&self, source: &Source, options: &FormatOptions) -> Headers {
        let index = source
            .on_disk()
            .and_then(|path| (*self.nearest.get(path.parent()?)?)?.into())
            .and_then(|number: usize| self.found.get(number));
        let Some(index) = index else { return header_index::read_headers(source, options) };
        let known = source.on_disk().and_then(|path| {
            let entry = index.entries.get(&header_index::below(&index.root, path)?)?;
            let headers = entry.headers(source, Stamp::of(path)?)?;
            // Of a refused file more may be read leniently.
            (headers.is_ok() || !options.lenient).then_some(headers)
        });
        let counter = if known.is_some() { &self.answered } else { &self.read };
        counter.fetch_add(1, Ordering::Relaxed);
        known.unwrap_or_else(|| header_index::read_headers(source, options))
    }

    /// Says on stderr how far the indices are behind: files of `paths` that are new, changed or gone.
    pub fn say_what_is_stale(&self, paths: &[PathBuf], files: &[Source]) {
        let there: HashSet<&Path> = files.iter().filter_map(Source::on_disk).collect();
        let is_asked_for = |file: &Path| paths.iter().any(|path| file.starts_with(path));
        let gone = self.found.iter().flat_map(|index| {
            index
                .entries
                .keys()
                .map(|path| index.root.join(path))
                .filter(|file| is_asked_for(file) && !there.contains(file.as_path()))
        });
        let (gone, read) = (gone.count(), self.read.load(Ordering::Relaxed));
        if gone > 0 || read > 0 {
            let answered = self.answered.load(Ordering::Relaxed);
            progress::note(format_args!(
                "index: {answered} files as they were, {read} read again (new, changed or not for an \
                 index), {gone} gone; `temblor index` brings it up to date"
            ));
        }
    }
}

/// What [`update`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct IndexReport {
    /// The index.
    pub index: PathBuf,
    /// Files in the index now.
    pub files: usize,
    /// Files that had not changed.
    pub unchanged: u64,
    /// Files that were not known.
    pub new: u64,
    /// Files that had changed.
    pub changed: u64,
    /// Files that are no longer there.
    pub removed: u64,
    /// Files that are read at each look: WAV (a sidecar may change), compressed ones, and those
    /// that could not be read at all.
    pub not_kept: u64,
    /// Files that are no waveforms, or damaged, and why.
    pub refused: Vec<(PathBuf, String)>,
    /// Length of the index.
    pub bytes: u64,
}

/// Makes the index of the archive at `root`, or brings it up to date: reads the headers of files
/// that are new or changed. `anew` reads all of them.
///
/// # Errors
/// `Usage` if `root` is no folder, `Io` if the index cannot be written.
pub fn update(root: &Path, anew: bool) -> Result<IndexReport> {
    if !root.is_dir() {
        let problem = format!("{}: expected the folder of an archive", root.display());
        return Err(Error::usage(problem));
    }
    let index = root.join(INDEX_NAME);
    let known = match header_index::load(&index) {
        Ok(known) if !anew => known.unwrap_or_default(),
        Ok(_) => Entries::new(),
        Err(error) => {
            progress::note(format_args!("{error}; made anew"));
            Entries::new()
        }
    };
    let found = files::find(&[root.to_path_buf()])?;
    let mut report =
        IndexReport { index: index.clone(), refused: found.failed, ..Default::default() };
    let progress = std::sync::Mutex::new(Progress::new("index", "files", found.files.len() as u64));
    let looked: Vec<Looked> = found
        .files
        .par_iter()
        .map(|source| {
            let looked = look(root, source, &known);
            if let Ok(mut progress) = progress.lock() {
                progress.advance(1);
            }
            looked
        })
        .collect();
    progress::check_interrupt()?;
    let mut entries = Entries::new();
    for (source, Looked { path, entry, change, refused }) in found.files.iter().zip(looked) {
        match change {
            Change::None => report.unchanged += 1,
            Change::New => report.new += 1,
            Change::Changed => report.changed += 1,
        }
        if let Some(problem) = refused {
            report.refused.push((source.path().to_path_buf(), problem));
        }
        match entry {
            Some(entry) => drop(entries.insert(path, entry)),
            None => report.not_kept += 1,
        }
    }
    report.removed = known.keys().filter(|path| !root.join(path).exists()).count() as u64;
    report.files = entries.len();
    report.bytes = header_index::save(&index, &entries)?;
    Ok(report)
}

enum Change {
    None,
    New,
    Changed,
}

/// One file while an index is made.
struct Looked {
    path: String,
    entry: Option<Entry>,
    change: Change,
    refused: Option<String>,
}

fn look(root: &Path, source: &Source, known: &Entries) -> Looked {
    let path = source.on_disk().and_then(|file| header_index::below(root, file));
    let stamp = || source.on_disk().and_then(Stamp::of);
    let (old, before) = (path.as_ref().and_then(|path| known.get(path)), stamp());
    let path = path.unwrap_or_default();
    if let (Some(old), Some(before)) = (old, before)
        && let Some(headers) = old.headers(source, before)
    {
        let refused = headers.err().map(|error| problem_of(&error));
        return Looked { path, entry: Some(old.clone()), change: Change::None, refused };
    }
    let change = if old.is_some() { Change::Changed } else { Change::New };
    if progress::check_interrupt().is_err() {
        return Looked { path, entry: None, change, refused: None };
    }
    let headers = header_index::read_headers(source, &FormatOptions::default());
    // Written to meanwhile: what was read is not what lies there.
    let entry = before
        .filter(|before| !path.is_empty() && stamp() == Some(*before))
        .and_then(|before| Entry::new(&path, before, &headers));
    Looked { path, entry, change, refused: headers.err().map(|error| problem_of(&error)) }
}

fn problem_of(error: &Error) -> String {
    match error {
        Error::Input { problem, .. } => problem.clone(),
        Error::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}
