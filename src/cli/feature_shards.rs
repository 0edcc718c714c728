//! Shares of the channels of `temblor features`, and the table they make together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::output;
use crate::read::table::{self, ColumnValues, CsvOptions, Table, TableColumn};

/// The share `number` of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
        });
        parsed
            .filter(|shard| shard.number >= 1 && shard.number <= shard.of)
            .ok_or_else(|| format!("expected I/N such as 2/4, I from 1 to N, found '{text}'"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} of {}", self.number, self.of)
    }
}

impl Shard {
    /// Its share of the units: every N-th, so that neighbours such as the components of a station
    /// are spread evenly.
    pub fn share<T>(self, units: Vec<T>) -> Vec<T> {
        units.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }

    /// Which of how many, from 1.
    pub fn numbers(self) -> (usize, usize) {
        (self.number, self.of)
    }

    /// The name of the shard's table: `rows.shard-2-of-4.csv` of `rows.csv`.
    pub fn table(self, out: &Path) -> PathBuf {
        let part = |text: Option<&std::ffi::OsStr>| {
            text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let (stem, suffix) = (part(out.file_stem()), part(out.extension()));
        out.with_file_name(format!("{stem}.shard-{}-of-{}.{suffix}", self.number, self.of))
    }

    /// The shard whose table has this name.
    fn of_table(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_str()?;
        let (number, of) = stem.rsplit_once(".shard-")?.1.split_once("-of-")?;
        format!("{number}/{of}").parse().ok()
    }
}

/// Writes the table that one run over all channels would have written, of the tables of all
/// shards; gives the number of channels.
///
/// # Errors
/// `Usage` if a shard is missing or given twice, or is of another division or format; `Input`
/// if one has other columns or a channel that another one has, too.
pub fn merge(shards: &[PathBuf], out: &Path) -> Result<usize> {
    check_complete(shards)?;
    if let Some(other) = shards.iter().find(|path| path.extension() != out.extension()) {
        return Err(Error::usage(format!(
            "--merge: {} and --out {} differ in format; shards are merged as they are",
            other.display(),
            out.display()
        )));
    }
    if out.extension().is_some_and(|e| e == "csv") {
        merge_text(shards, out)
    } else {
        merge_tables(shards, out)
    }
}

fn check_complete(shards: &[PathBuf]) -> Result<()> {
    let mut found: Vec<Option<&Path>> = Vec::new();
    for path in shards {
        let Some(shard) = Shard::of_table(path) else {
            return Err(Error::usage(format!(
                "--merge: expected tables that --shard wrote, named …shard-I-of-N…, found {}",
                path.display()
            )));
        };
        if found.is_empty() {
            // A name may say anything.
            if shard.of > 1_000_000 {
                return Err(Error::usage(format!("--merge: {}: too many shards", path.display())));
            }
            found.resize(shard.of, None);
        }
        if found.len() != shard.of {
            return Err(Error::usage(format!(
                "--merge: {} is one of {} shards, others are of {}",
                path.display(),
                shard.of,
                found.len()
            )));
        }
        if let Some(earlier) = found[shard.number - 1].replace(path) {
            return Err(Error::usage(format!(
                "--merge: {} and {} are the same shard",
                earlier.display(),
                path.display()
            )));
        }
    }
    match found.iter().position(Option::is_none) {
        Some(missing) => Err(Error::usage(format!(
            "--merge: shard {} of {} is missing",
            missing + 1,
            found.len()
        ))),
        None => Ok(()),
    }
}

/// In the order of an archive's channels: by code after code, not by the joined text.
fn order(channel: &str) -> Vec<&str> {
    channel.split('.').collect()
}

fn twice(path: &Path, channel: &str) -> Error {
    Error::input(path, format!("channel {channel} is in another shard, too"))
}

fn other_columns(path: &Path, first: &Path) -> Error {
    let first = first.display();
    Error::input(path, format!("other columns than {first}: give every shard the same flags"))
}

/// Lines of text stay as they are.
fn merge_text(shards: &[PathBuf], out: &Path) -> Result<usize> {
    let mut header: Option<String> = None;
    let mut channels: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for path in shards {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let mut lines = text.split_inclusive('\n');
        let head = lines.next().unwrap_or_default();
        if !head.starts_with("time,group,") {
            return Err(Error::input(path, "expected a table of features: time,group,…"));
        }
        if header.get_or_insert_with(|| head.to_string()) != head {
            return Err(other_columns(path, &shards[0]));
        }
        let mut here: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for (i, line) in lines.enumerate() {
            let channel = line
                .split(',')
                .nth(1)
                .ok_or_else(|| Error::input(path, format!("line {}: no channel", i + 2)))?;
            let codes = order(channel).into_iter().map(str::to_string).collect();
            here.entry(codes).or_default().push_str(line);
        }
        for (codes, lines) in here {
            if channels.contains_key(&codes) {
                return Err(twice(path, &codes.join(".")));
            }
            channels.insert(codes, lines);
        }
    }
    let count = channels.len();
    let text: String = header.into_iter().chain(channels.into_values()).collect();
    output::write_atomically(out, text.as_bytes())?;
    Ok(count)
}

/// Rows of a table from one to another that belong to one channel.
struct Rows {
    table: usize,
    rows: std::ops::Range<usize>,
}

fn merge_tables(shards: &[PathBuf], out: &Path) -> Result<usize> {
    let mut tables: Vec<Table> = Vec::new();
    let mut channels: BTreeMap<Vec<String>, Rows> = BTreeMap::new();
    for (index, path) in shards.iter().enumerate() {
        let (table, _) = table::read(path, &CsvOptions::default())?;
        let names = |table: &Table| -> Vec<(String, Option<String>)> {
            table.columns.iter().map(|c| (c.name.clone(), c.unit.clone())).collect()
        };
        if tables.first().is_some_and(|first| names(first) != names(&table)) {
            return Err(other_columns(path, &shards[0]));
        }
        let not_features = || Error::input(path, "expected a table of features: no column 'group'");
        let Ok(TableColumn { values: ColumnValues::Text(groups), .. }) = table.column("group")
        else {
            return Err(not_features());
        };
        let mut begin = 0;
        for chunk in groups.chunk_by(|a, b| a == b) {
            let channel = chunk[0].as_deref().ok_or_else(not_features)?;
            let codes = order(channel).into_iter().map(str::to_string).collect();
            let rows = begin..begin + chunk.len();
            begin = rows.end;
            if channels.insert(codes, Rows { table: index, rows }).is_some() {
                return Err(twice(path, channel));
            }
        }
        tables.push(table);
    }
    let Some(first) = tables.first() else { return Ok(0) };
    let columns = first.columns.iter().enumerate().map(|(c, column)| TableColumn {
        name: column.name.clone(),
        unit: column.unit.clone(),
        values: gathered(&tables, channels.values(), c),
    });
    table::write(out, &Table { columns: columns.collect() })?;
    Ok(channels.len())
}

/// Column `c` of all rows.
fn gathered<'a>(tables: &[Table], parts: impl Iterator<Item = &'a Rows>, c: usize) -> ColumnValues {
    let (mut times, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for Rows { table, rows } in parts {
        match &tables[*table].columns[c].values {
            ColumnValues::Time(values) => times.extend_from_slice(&values[rows.clone()]),
            ColumnValues::Number(values) => numbers.extend_from_slice(&values[rows.clone()]),
            ColumnValues::Text(values) => texts.extend_from_slice(&values[rows.clone()]),
        }
    }
    match &tables[0].columns[c].values {
        ColumnValues::Time(_) => ColumnValues::Time(times),
        ColumnValues::Number(_) => ColumnValues::Number(numbers),
        ColumnValues::Text(_) => ColumnValues::Text(texts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_named_and_found_by_their_names() {
        let shard: Shard = "2/4".parse().unwrap();
        let path = shard.table(Path::new("out/rows.v1.csv"));
        assert_eq!(path, Path::new("out/rows.v1.shard-2-of-4.csv"));
        assert_eq!(Shard::of_table(&path), Some(shard));
        for wrong in ["0/4", "5/4", "2", "a/b", "1/0", "2/4/8"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_all_units_once() {
        let mut all: Vec<usize> = Vec::new();
        for number in 1..=4 {
            all.extend(Shard { number, of: 4 }.share((0..10).collect()));
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_a_doubled_and_a_foreign_shard_are_refused() {
        let says = |names: &[&str]| {
            let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
            check_complete(&paths).err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert!(says(&["a.shard-1-of-3.csv", "a.shard-3-of-3.csv"]).contains("shard 2 of 3"));
        assert!(says(&["a.shard-1-of-1.csv", "b.shard-1-of-1.csv"]).contains("same shard"));
        assert!(says(&["a.shard-1-of-2.csv", "a.shard-2-of-3.csv"]).contains("one of 3"));
        assert!(says(&["a.csv"]).contains("shard-I-of-N"));
        assert_eq!(says(&["a.shard-1-of-2.csv", "a.shard-2-of-2.csv"]), "");
    }
}
