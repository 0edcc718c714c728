//! A header index beside a large archive, so that a second look reads no data file.
//!
//! [`INDEX_NAME`] at the root of an archive: JSON lines, the first with the version, then one a file
//! with its size, its time of modification and its segments, at last one with the number of files and
//! the SHA-256 of all before it. An index that fails this sum, or is of another version, is passed
//! over; a file whose size or time differs is read again. Samples are read from the places that the
//! index names, and reading them notices if something else lies there.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files;
use super::format::{FORMATS, FormatOptions, SampleType, WaveformFile};
use super::recorder_state::RecorderSummary;
use super::scan::{self, FileScan, Segment};
use super::source::Source;
use super::trace::StreamId;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::time::{SampleRate, UtcTime};

/// Name of the index at the root of an archive.
pub const INDEX_NAME: &str = ".temblor-index.jsonl";

/// What is understood; anything else is passed over.
const VERSION: u32 = 1;

/// Larger indices are not read (about ten million segments).
const MOST_BYTES: u64 = 4 << 30;

#[derive(Serialize, Deserialize)]
struct FirstLine {
    temblor_index: u32,
}

#[derive(Serialize, Deserialize)]
struct LastLine {
    files: usize,
    sha256: String,
}

/// Size and time of modification: equal where a file was not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified_ns: i64,
}

impl Stamp {
    /// Of a file on disk; `None` if it has none.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let modified = metadata.modified().ok()?;
        let modified_ns = match modified.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).ok()?,
            Err(before) => -i64::try_from(before.duration().as_nanos()).ok()?,
        };
        Some(Self { size: metadata.len(), modified_ns })
    }
}

/// One file of the index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// From the root, with `/`.
    path: String,
    #[serde(flatten)]
    stamp: Stamp,
    /// Name of its format; `None` if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    late: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    segments: Vec<KeptSegment>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A [`Segment`] as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptSegment {
    id: [String; 4],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quality: Option<char>,
    start: i64,
    rate_hz: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<(u64, u64)>,
    samples: u64,
    #[serde(rename = "type")]
    sample_type: SampleType,
    encoding: String,
    order: char,
    length: u32,
    first: u64,
    last: u64,
    recorder: RecorderSummary,
}

impl From<&Segment> for KeptSegment {
    fn from(segment: &Segment) -> Self {
        let StreamId { network, station, location, channel } = segment.id.clone();
        Self {
            id: [network, station, location, channel],
            quality: segment.quality,
            start: segment.start.0,
            rate_hz: segment.rate_hz,
            rate: segment.rate.map(SampleRate::ratio),
            samples: segment.samples,
            sample_type: segment.sample_type,
            encoding: segment.encoding.to_string(),
            order: segment.byte_order,
            length: segment.record_length,
            first: segment.first_offset,
            last: segment.last_offset,
            recorder: segment.recorder.clone(),
        }
    }
}

impl KeptSegment {
    /// `None` if the rate is none.
    fn restore(&self) -> Option<Segment> {
        let [network, station, location, channel] = self.id.clone();
        let rate = match self.rate {
            Some((numerator, denominator)) => Some(SampleRate::from_ratio(numerator, denominator)?),
            None => None,
        };
        Some(Segment {
            id: StreamId { network, station, location, channel },
            quality: self.quality,
            start: UtcTime(self.start),
            rate_hz: self.rate_hz,
            rate,
            samples: self.samples,
            sample_type: self.sample_type,
            encoding: Cow::Owned(self.encoding.clone()),
            byte_order: self.order,
            record_length: self.length,
            first_offset: self.first,
            last_offset: self.last,
            recorder: self.recorder.clone(),
            sha256: None,
        })
    }
}

/// What a look at the headers of one file gives.
pub type Headers = Result<(WaveformFile, FileScan)>;

/// Reads the headers of a file itself.
pub(super) fn read_headers(source: &Source, options: &FormatOptions) -> Headers {
    let file = files::recognise(source)?;
    let scan = scan::scan(source, file.format, options, false)?;
    Ok((file, scan))
}

impl Entry {
    /// What was found in the file at `path` from the root; `None` where that is not for keeping:
    /// a format that needs more than the file, or a fault that may pass.
    pub fn new(path: &str, stamp: Stamp, headers: &Headers) -> Option<Self> {
        let mut entry = Self {
            path: path.to_string(),
            stamp,
            format: None,
            refused: None,
            notes: Vec::new(),
            late: 0,
            segments: Vec::new(),
        };
        match headers {
            Ok((file, scan)) if file.format.is_self_contained() => {
                entry.format = Some(file.format.name().to_string());
                entry.notes.clone_from(&scan.notes);
                entry.late = scan.late;
                entry.segments = scan.segments.iter().map(KeptSegment::from).collect();
                // JSON has no word for them.
                entry.segments.iter().all(|kept| kept.rate_hz.is_finite()).then_some(entry)
            }
            Err(Error::Input { problem, .. }) => {
                entry.refused = Some(problem.clone());
                Some(entry)
            }
            _ => None,
        }
    }

    /// What was found in the file, if it is what it was; `None` also if the entry makes no sense.
    pub fn headers(&self, source: &Source, stamp: Stamp) -> Option<Headers> {
        if self.stamp != stamp {
            return None;
        }
        if let Some(problem) = &self.refused {
            return Some(Err(Error::input(source, problem.clone())));
        }
        let name = self.format.as_ref()?;
        let format = FORMATS.into_iter().find(|format| format.name() == name)?;
        let segments = self.segments.iter().map(KeptSegment::restore).collect::<Option<_>>()?;
        let scan = FileScan { segments, notes: self.notes.clone(), late: self.late };
        Some(Ok((WaveformFile { source: source.clone(), format }, scan)))
    }
}

/// The files of an index by their path from the root.
pub(super) type Entries = HashMap<String, Entry>;

/// Reads an index; `Ok(None)` if there is none.
///
/// # Errors
/// `Input` if it is damaged or of another version.
pub(super) fn load(file: &Path) -> Result<Option<Entries>> {
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(file)(error)),
    };
    let mut bytes = Vec::new();
    opened.take(MOST_BYTES).read_to_end(&mut bytes).map_err(Error::io(file))?;
    parse(&bytes).map(Some).map_err(|problem| Error::input(file, problem))
}

fn parse(bytes: &[u8]) -> Result<Entries, String> {
    let damaged = |what: &str| format!("the index is damaged: {what}");
    let body = bytes.strip_suffix(b"\n").ok_or_else(|| damaged("it ends inside a line"))?;
    let before_last = body.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let (summed, last) = body.split_at(before_last);
    let mut lines = summed.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let first: Option<FirstLine> = lines.next().and_then(|l| serde_json::from_slice(l).ok());
    match first {
        Some(first) if first.temblor_index == VERSION => {}
        Some(first) => {
            return Err(format!(
                "the index is of version {}, expected {VERSION}",
                first.temblor_index
            ));
        }
        None => return Err(damaged("the first line is none of an index")),
    }
    let last: LastLine =
        serde_json::from_slice(last).map_err(|_| damaged("the last line is missing"))?;
    if hex(&Sha256::digest(summed)) != last.sha256 {
        return Err(damaged("its checksum is wrong"));
    }
    let entries = lines
        .map(|line| {
            let entry: Entry = serde_json::from_slice(line).map_err(|e| damaged(&e.to_string()))?;
            Ok((entry.path.clone(), entry))
        })
        .collect::<Result<Entries, String>>()?;
    match entries.len() == last.files {
        true => Ok(entries),
        false => Err(damaged("files are missing")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes an index, files in the order of their names; returns its length in bytes.
pub(super) fn save(file: &Path, entries: &Entries) -> Result<u64> {
    let mut sorted: Vec<&Entry> = entries.values().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut bytes = Vec::new();
    append(&mut bytes, &FirstLine { temblor_index: VERSION })?;
    for entry in sorted {
        append(&mut bytes, entry)?;
    }
    let sha256 = hex(&Sha256::digest(&bytes));
    append(&mut bytes, &LastLine { files: entries.len(), sha256 })?;
    write_atomically(file, &bytes)?;
    Ok(bytes.len() as u64)
}

fn append(bytes: &mut Vec<u8>, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *bytes, line).map_err(|e| Error::data(e.to_string()))?;
    bytes.push(b'\n');
    Ok(())
}

/// The path of `file` from `root`, with `/`; `None` if it lies elsewhere or is no Unicode.
pub(super) fn below(root: &Path, file: &Path) -> Option<String> {
    let parts = file.strip_prefix(root).ok()?.components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_index_is_refused_wherever_the_damage_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(INDEX_NAME);
        let stamp = Stamp { size: 512, modified_ns: 1 };
        let headers = Err(Error::input(Path::new("a"), "the file is empty"));
        let entry = |name: &str| (name.to_string(), Entry::new(name, stamp, &headers).unwrap());
        let entries: Entries = [entry("2024/a"), entry("2024/b")].into();
        save(&file, &entries).unwrap();
        assert_eq!(load(&file).unwrap().unwrap().len(), 2);
        let good = std::fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x04;
            assert!(parse(&bad).is_err(), "byte {at}");
            assert!(parse(&good[..at]).is_err(), "cut at {at}");
        }
        assert!(load(&folder.path().join("none")).unwrap().is_none());
    }
}
