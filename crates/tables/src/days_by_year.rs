//! Wide daily tables: the month in the first column (empty: as above), the day of the month in
//! the second, one column a year.

use std::path::Path;

use crate::time::{TimeRules, parse_time};
use crate::{Notes, TableError};

type Row = (usize, Vec<String>);

/// The table in long form: `date` and `value`, in time order, empty cells left out. A value on a
/// day that the calendar does not have (29 February 2003) is rejected with its line and column.
pub fn long_rows(
    path: &Path,
    header: &[String],
    rows: &[Row],
    notes: &mut Notes,
) -> Result<(Vec<String>, Vec<Row>), TableError> {
    let years: Vec<(usize, u16)> = header
        .iter()
        .enumerate()
        .skip(2)
        .filter_map(|(c, name)| Some((c, name.parse().ok().filter(|y| (1600..2400).contains(y))?)))
        .collect();
    if years.is_empty() {
        return Err(TableError::options(
            path,
            format!("expected years as names of columns, found {}", header.join(", ")),
        ));
    }
    let number = |cell: &str| cell.parse::<u8>().ok();
    let mut month = None;
    let mut long: Vec<(i64, Row)> = Vec::new();
    for (line, cells) in rows {
        if !cells[0].is_empty() {
            month = number(&cells[0]);
        }
        let (Some(month), Some(day)) = (month, number(&cells[1])) else {
            notes.0.push(format!("line {line}: no month and day of the month; dropped"));
            continue;
        };
        for &(c, year) in years.iter().filter(|y| !cells[y.0].is_empty()) {
            let date = format!("{year}-{month:02}-{day:02}");
            match parse_time(&date, &TimeRules::default()) {
                Some((time, _)) => long.push((time, (*line, vec![date, cells[c].clone()]))),
                None => notes.0.push(format!(
                    "line {line}, column '{year}': there is no {date}; '{}' rejected",
                    cells[c]
                )),
            }
        }
    }
    long.sort_by_key(|r| r.0);
    Ok((vec!["date".into(), "value".into()], long.into_iter().map(|r| r.1).collect()))
}
