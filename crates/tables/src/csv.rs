//! Text tables: dialect, header, cells.

use std::io::Read;
use std::path::Path;

use crate::columns::typed_columns;
use crate::days_by_year::long_rows;
use crate::dialect::{Delimiter, count_fields, decimal_comma, detect, is_comment, split};
use crate::time::TimeRules;
use crate::{Notes, Table, TableColumn, TableError, TimeFormat};

/// Largest text, after decompression: its cells take about ten times as much memory.
const MAX_BYTES: u64 = 1 << 29;
/// Most fields of a line.
const MAX_FIELDS: usize = 100_000;

/// How the cells of the file become rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// A line is a row.
    #[default]
    Rows,
    /// Month and day of the month, then a column a year; becomes `date` and `value`.
    DaysByYear,
}

/// What the file does not say by itself. Everything unset is detected.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    /// Mark between fields; `" "` means runs of blanks.
    pub delimiter: Option<char>,
    /// Decimal comma or point.
    pub decimal_comma: Option<bool>,
    /// Skip everything up to and including the line with this text.
    pub start_after: Option<String>,
    /// Skip so many lines (after `start_after`, where that is given).
    pub skip_lines: usize,
    /// How the cells become rows.
    pub layout: Layout,
    /// Names of the columns where the file has no header.
    pub names: Option<Vec<String>>,
    /// Columns that make up the time, joined by a blank; the result is called as the first.
    pub time_columns: Vec<String>,
    /// How bare numbers in the time are meant.
    pub time_format: TimeFormat,
    /// Seconds east of Greenwich of times that state no offset; unset: UTC, with a note.
    pub utc_offset_seconds: Option<i64>,
    /// Day before month; unset: decided by any field above 12, else refused.
    pub dayfirst: Option<bool>,
    /// Two-digit years from this on are 19xx; 69 if unset.
    pub pivot: Option<u16>,
    /// Columns to keep besides the time; empty: all.
    pub columns: Vec<String>,
    /// Further numbers that mean "nothing measured".
    pub nulls: Vec<f64>,
    /// Keep listed sentinels (-1, -999, 9999 …) as numbers.
    pub keep_sentinels: bool,
}

/// Tables of text shrink to a tenth, seldom to a hundredth; what grows more is made to harm.
const MOST_EXPANDED: u64 = 200;

/// So many bytes may come out of any gzip stream.
const ALWAYS_EXPANDED: u64 = 16 << 20;

/// Reads a CSV file, gzip-compressed or not.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<(Table, Notes), TableError> {
    let file = std::fs::File::open(path).map_err(TableError::io(path))?;
    let raw = bounded(path, file, |e| TableError::io(path)(e))?;
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return parse_csv(path, &raw, options);
    }
    parse_csv(path, &expanded(path, &raw)?, options)
}

/// The text in a gzip stream, given up where it grows as no text does.
fn expanded(path: &Path, raw: &[u8]) -> Result<Vec<u8>, TableError> {
    let mut decoder = flate2::read::MultiGzDecoder::new(raw);
    let mut text = Vec::new();
    loop {
        let broken = |e| TableError::content(path, format!("broken gzip stream: {e}"));
        let before = text.len();
        decoder.by_ref().take(ALWAYS_EXPANDED).read_to_end(&mut text).map_err(broken)?;
        if text.len() == before {
            return Ok(text);
        }
        let taken = (raw.len() - decoder.get_ref().len()) as u64;
        let length = text.len() as u64;
        if length > MAX_BYTES || length > ALWAYS_EXPANDED + taken * MOST_EXPANDED {
            let problem = format!(
                "{taken} bytes of gzip grow to more than {length}; expected a table of at most \
                 {} MiB that grows at most {MOST_EXPANDED} times",
                MAX_BYTES >> 20
            );
            return Err(TableError::content(path, problem));
        }
    }
}

/// Everything `reader` gives, up to [`MAX_BYTES`].
fn bounded(
    path: &Path,
    reader: impl Read,
    failed: impl FnOnce(std::io::Error) -> TableError,
) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(TableError::content(
            path,
            format!("more than {} MiB of text; split the file or use Parquet", MAX_BYTES >> 20),
        ));
    }
    Ok(bytes)
}

/// UTF-8, else Latin-1, where every byte is a character.
fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

/// Fields of the table's lines with their line numbers, and the header.
struct Lines {
    header: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

/// Reads CSV from bytes; `path` is for messages.
pub fn parse_csv(
    path: &Path,
    bytes: &[u8],
    options: &CsvOptions,
) -> Result<(Table, Notes), TableError> {
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        let problem =
            format!("byte {at} is 0; expected text in UTF-8 or Latin-1 (UTF-16 is not read)");
        return Err(TableError::content(path, problem));
    }
    let text = decode(bytes);
    let mut notes = Notes::default();
    let mut lines: Vec<&str> = text.lines().collect();
    let mut first = 0;
    if let Some(marker) = &options.start_after {
        first = lines.iter().position(|l| l.trim() == marker).map(|i| i + 1).ok_or_else(|| {
            TableError::options(path, format!("expected a line '{marker}', found none"))
        })?;
    }
    first = first.saturating_add(options.skip_lines).min(lines.len());
    lines.drain(..first);
    let delimiter = match options.delimiter {
        Some(' ') => Delimiter::Blanks,
        Some(mark) => Delimiter::Mark(mark),
        None => detect(&lines),
    };
    if let Some(i) =
        lines.iter().position(|l| l.len() > MAX_FIELDS && count_fields(l, delimiter) > MAX_FIELDS)
    {
        return Err(TableError::content(
            path,
            format!("line {}: more than {MAX_FIELDS} fields; is this a table?", first + i + 1),
        ));
    }
    let mut table = locate(path, &lines, first, delimiter, options, &mut notes)?;
    if options.layout == Layout::DaysByYear {
        (table.header, table.rows) = long_rows(path, &table.header, &table.rows, &mut notes)?;
    }
    // Every row: a column may write whole numbers for years before its first comma.
    let comma = options.decimal_comma.unwrap_or_else(|| {
        (delimiter != Delimiter::Mark(',') || text.contains('"'))
            && decimal_comma(table.rows.iter().flat_map(|r| &r.1).map(String::as_str))
    });
    let rules = TimeRules {
        format: options.time_format,
        dayfirst: options.dayfirst.unwrap_or(true),
        pivot: options.pivot.unwrap_or(69),
    };
    let columns: Vec<TableColumn> =
        typed_columns(path, &table.header, &table.rows, comma, rules, options, &mut notes)?;
    Ok((Table { columns }, notes))
}

/// Finds the header and the rows; drops repeated headers and text lines and counts them.
fn locate(
    path: &Path,
    lines: &[&str],
    first: usize,
    delimiter: Delimiter,
    options: &CsvOptions,
    notes: &mut Notes,
) -> Result<Lines, TableError> {
    let split_all: Vec<(usize, Vec<String>)> = lines
        .iter()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty() && !is_comment(l))
        .map(|(i, l)| (first + i + 1, split(l, delimiter)))
        .collect();
    let comments = lines.iter().filter(|l| is_comment(l)).count();
    if comments > 0 {
        notes.0.push(format!("{comments} comment lines skipped"));
    }
    if split_all.is_empty() {
        return Err(TableError::content(path, "no table: no line with fields"));
    }
    // The table starts where a line and (up to) five following lines have as many fields.
    let start = (0..split_all.len())
        .find(|&i| {
            let n = split_all[i].1.len();
            let following = &split_all[i + 1..split_all.len().min(i + 6)];
            n > 1 && following.iter().all(|r| r.1.len() == n)
        })
        .or_else(|| (0..split_all.len() - 1).find(|&i| split_all[i].1.len() > 1))
        .unwrap_or(0);
    if start > 0 {
        notes.0.push(format!("{start} lines of text before the table skipped"));
    }
    let mut rows: Vec<(usize, Vec<String>)> = split_all.into_iter().skip(start).collect();
    let width = rows[0].1.len();
    let numeric =
        |r: &[String]| r.iter().any(|c| c.bytes().next().is_some_and(|b| b.is_ascii_digit()));
    let comment_header = lines[..rows[0].0 - 1 - first]
        .iter()
        .rev()
        .filter(|l| is_comment(l))
        .map(|l| split(l.trim_start().trim_start_matches(['#', '%', '/']), delimiter))
        .find(|fields| fields.len() == width);
    let header = if let Some(names) = &options.names {
        names.clone()
    } else if let Some(header) = comment_header.filter(|_| numeric(&rows[0].1)) {
        header
    } else if options.layout == Layout::Rows
        && numeric(&rows[0].1)
        && !rows[0].1.iter().skip(1).any(|c| c.chars().next().is_some_and(char::is_alphabetic))
    {
        (1..=width).map(|i| format!("column{i}")).collect()
    } else {
        rows.remove(0).1
    };
    let header = unique_names(header);
    let before = rows.len();
    let width = header.len();
    // With blanks between fields a longer line is text, elsewhere an error of its own.
    rows.retain(|r| {
        let fits = r.1.len() <= width || delimiter != Delimiter::Blanks;
        r.1 != header && fits && r.1.len() >= width.min(3) && r.1.len() * 2 >= width
    });
    if before > rows.len() {
        notes.0.push(format!(
            "{} lines inside the data are no rows (headers, text); dropped",
            before - rows.len()
        ));
    }
    for (line, row) in &mut rows {
        if row.len() > width && row[width..].iter().any(|c| !c.is_empty()) {
            return Err(TableError::content(
                path,
                format!(
                    "line {line}: expected {width} fields ({}), found {}",
                    header.join(", "),
                    row.len()
                ),
            ));
        }
        row.resize(width, String::new());
    }
    Ok(Lines { header, rows })
}

/// Unnamed columns get their number; a repeated name gets a suffix.
fn unique_names(header: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    // The last suffix tried of a name: many equal names must not try them all again.
    let mut suffix = std::collections::HashMap::new();
    header
        .into_iter()
        .enumerate()
        .map(|(i, name)| {
            let base = if name.is_empty() { format!("column{}", i + 1) } else { name };
            let mut name = base.clone();
            let n = suffix.entry(base.clone()).or_insert(2usize);
            while !seen.insert(name.clone()) {
                name = format!("{base}_{n}");
                *n += 1;
            }
            name
        })
        .collect()
}
