//! CSV out.

use std::fmt::Write as _;
use std::path::Path;

use crate::{ColumnValues, Table, TableError};

/// ISO 8601 UTC, with nanoseconds only where there are any.
pub fn format_time(nanoseconds: i64) -> String {
    let (days, rest) =
        (nanoseconds.div_euclid(86_400_000_000_000), nanoseconds.rem_euclid(86_400_000_000_000));
    // Gregorian date of a day number, counted in 400-year eras that start on 1 March.
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (seconds, ns) = (rest / 1_000_000_000, rest % 1_000_000_000);
    let fraction = if ns == 0 { String::new() } else { format!(".{ns:09}") };
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{fraction}Z")
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r', ';']) || text.trim() != text || text.starts_with('#') {
        return format!("\"{}\"", text.replace('"', "\"\"").replace(['\n', '\r'], " "));
    }
    text.to_string()
}

/// The table as CSV text: comma, decimal point, null as an empty field.
pub fn csv_text(table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|c| quoted(&c.name)).collect();
    let mut out = names.join(",") + "\n";
    for row in 0..table.rows() {
        for (i, c) in table.columns.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            // Writing to a String cannot fail.
            let _ = match &c.values {
                ColumnValues::Number(v) if v[row].is_nan() => Ok(()),
                ColumnValues::Number(v) => write!(out, "{}", v[row]),
                ColumnValues::Text(v) => write!(out, "{}", quoted(v[row].as_deref().unwrap_or(""))),
                ColumnValues::Time(v) => {
                    write!(out, "{}", v[row].map_or(String::new(), format_time))
                }
            };
        }
        out.push('\n');
    }
    out
}

/// Writes a CSV file.
pub fn write_csv(path: &Path, table: &Table) -> Result<(), TableError> {
    std::fs::write(path, csv_text(table)).map_err(TableError::io(path))
}
