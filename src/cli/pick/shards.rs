//! Shares of the station-days, and the results they make together.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::cli::feature_shards::Shard;
use crate::error::{Error, Result};
use crate::output::{replace_atomically, write_atomically};

/// What a shard's folder holds instead of results.
const OUTCOMES: &str = "units.jsonl";

/// What the results of a run depend on beside its outcomes; the same for all shards of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Hash of data, weights and settings.
    pub key: String,
    /// Seconds between picks of a phase.
    pub distance_s: f64,
    /// Longest time from P to S.
    pub pair_s: Option<f64>,
    /// Whether PhaseNet's table is written, too.
    pub phasenet: bool,
    /// Whether QuakeML is written, too.
    pub quakeml: bool,
    /// What is written to `settings.json`.
    pub settings: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct ShardHeader {
    number: usize,
    of: usize,
    header: Header,
}

/// The folder of a shard's results: `DIR.shard-1-of-2` beside `DIR`.
pub fn folder(shard: Shard, out: &Path) -> PathBuf {
    let (number, of) = shard.numbers();
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".shard-{number}-of-{of}"));
    out.with_file_name(name)
}

fn line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|e| Error::data(e.to_string()))?;
    Ok(text + "\n")
}

/// Writes the outcomes of a shard into its folder.
pub fn write(folder: &Path, shard: Shard, header: &Header, outcomes: &[Outcome]) -> Result<()> {
    let (number, of) = shard.numbers();
    let mut text = line(&ShardHeader { number, of, header: header.clone() })?;
    for outcome in outcomes {
        text += &line(outcome)?;
    }
    write_atomically(&folder.join(OUTCOMES), text.as_bytes())
}

/// The outcomes of all shards of one run, in the order of the units.
///
/// # Errors
/// `Usage` if a shard is missing or given twice, or is of another run; `Input` for a folder that is
/// none of a shard.
pub fn read(folders: &[PathBuf]) -> Result<(Header, Vec<Outcome>)> {
    let mut all: Option<Header> = None;
    let mut seen: Vec<Option<&Path>> = Vec::new();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for folder in folders {
        let path = folder.join(OUTCOMES);
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let fault = |i: usize, e: serde_json::Error| {
            Error::input(&path, format!("line {}: {e}; expected what --shard wrote", i + 1))
        };
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().unwrap_or((0, ""));
        let ShardHeader { number, of, header } =
            serde_json::from_str(first).map_err(|e| fault(0, e))?;
        if number == 0 || number > of || of > 1_000_000 {
            return Err(Error::input(&path, format!("shard {number} of {of} cannot be")));
        }
        if seen.is_empty() {
            seen.resize(of, None);
        }
        if seen.len() != of || all.as_ref().is_some_and(|all| *all != header) {
            return Err(Error::usage(format!(
                "--merge: {} and {} are of other data, weights or settings: give every shard the \
                 same flags",
                folders[0].display(),
                folder.display()
            )));
        }
        if let Some(earlier) = seen[number - 1].replace(folder) {
            return Err(Error::usage(format!(
                "--merge: {} and {} are the same shard",
                earlier.display(),
                folder.display()
            )));
        }
        all = Some(header);
        for (i, text) in lines {
            outcomes.push(serde_json::from_str(text).map_err(|e| fault(i, e))?);
        }
    }
    if let Some(missing) = seen.iter().position(Option::is_none) {
        let of = seen.len();
        return Err(Error::usage(format!("--merge: shard {} of {of} is missing", missing + 1)));
    }
    outcomes.sort_by_key(|outcome| outcome.number);
    let header = all.ok_or_else(|| Error::usage("--merge: no shard is given"))?;
    Ok((header, outcomes))
}

/// Copies the files of probabilities of all shards.
pub fn copy_files(folders: &[PathBuf], outcomes: &[Outcome], out: &Path) -> Result<()> {
    for file in outcomes.iter().flat_map(|outcome| &outcome.files) {
        let from = folders.iter().map(|folder| folder.join(file)).find(|path| path.exists());
        let from = from
            .ok_or_else(|| Error::usage(format!("--merge: no shard holds {}", file.display())))?;
        replace_atomically(&out.join(file), |temporary| {
            fs::copy(&from, temporary).map_err(Error::io(&from))?;
            Ok(())
        })?;
    }
    Ok(())
}
