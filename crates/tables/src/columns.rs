//! Text cells become numbers, times or text, column by column.

use std::path::Path;

use crate::number::{is_null, parse, replace_sentinels};
use crate::time::{TimeRules, ambiguous_fields, parse_time};
use crate::{ColumnValues, CsvOptions, Notes, TableColumn, TableError};

type Row = (usize, Vec<String>);

/// Name and unit from `head [m]`, `T (degC)`.
fn name_and_unit(text: &str) -> (String, Option<String>) {
    for (open, close) in [('[', ']'), ('(', ')')] {
        if let Some(body) = text.strip_suffix(close)
            && let Some((name, unit)) = body.split_once(open)
            && !name.trim().is_empty()
        {
            return (name.trim().to_string(), Some(unit.trim().to_string()));
        }
    }
    (text.to_string(), None)
}

/// The columns of the table, the time first where there is one.
pub fn typed_columns(
    path: &Path,
    header: &[String],
    rows: &[Row],
    comma: bool,
    mut rules: TimeRules,
    options: &CsvOptions,
    notes: &mut Notes,
) -> Result<Vec<TableColumn>, TableError> {
    let index = |wanted: &String| {
        header.iter().position(|h| h == wanted || name_and_unit(h).0 == *wanted).ok_or_else(|| {
            TableError::options(
                path,
                format!("no column '{wanted}'; there are: {}", header.join(", ")),
            )
        })
    };
    let mut time: Vec<usize> = options.time_columns.iter().map(index).collect::<Result<_, _>>()?;
    let declared = !time.is_empty();
    if !declared {
        // The first column that reads as time in nine of ten of its first cells.
        time = (0..header.len())
            .find(|&c| {
                let cells: Vec<&String> =
                    rows.iter().take(200).map(|r| &r.1[c]).filter(|t| !is_null(t)).collect();
                let good = cells.iter().filter(|t| parse_time(t, &rules).is_some()).count();
                let other = TimeRules { dayfirst: !rules.dayfirst, ..rules };
                let swapped = cells.iter().filter(|t| parse_time(t, &other).is_some()).count();
                !cells.is_empty() && good.max(swapped) * 10 >= cells.len() * 9
            })
            .into_iter()
            .collect();
    }
    let mut columns = Vec::new();
    if !time.is_empty() {
        columns.push(time_column(path, header, rows, &time, &mut rules, options, notes)?);
    }
    let kept: Vec<usize> = if options.columns.is_empty() {
        (0..header.len()).filter(|c| !time.contains(c)).collect()
    } else {
        options.columns.iter().map(index).collect::<Result<_, _>>()?
    };
    let mut empty = 0usize;
    for c in kept {
        let (name, unit) = name_and_unit(&header[c]);
        let unnamed = header[c] == format!("column{}", c + 1);
        if unnamed && rows.iter().all(|r| r.1[c].is_empty()) {
            empty += 1;
            continue;
        }
        let values = cells(rows, c, comma, options, &name, notes);
        columns.push(TableColumn { name, unit, values });
    }
    if empty > 0 {
        notes.0.push(format!("{empty} unnamed columns without any value left out"));
    }
    Ok(columns)
}

fn time_column(
    path: &Path,
    header: &[String],
    rows: &[Row],
    time: &[usize],
    rules: &mut TimeRules,
    options: &CsvOptions,
    notes: &mut Notes,
) -> Result<TableColumn, TableError> {
    let texts: Vec<String> = rows
        .iter()
        .map(|r| time.iter().map(|&c| r.1[c].as_str()).collect::<Vec<_>>().join(" "))
        .collect();
    let name = name_and_unit(&header[time[0]]).0;
    let pairs: Vec<(u32, u32)> = texts.iter().filter_map(|t| ambiguous_fields(t)).collect();
    if options.dayfirst.is_none() && !pairs.is_empty() {
        let (day, month) = (pairs.iter().any(|p| p.0 > 12), pairs.iter().any(|p| p.1 > 12));
        if day == month {
            return Err(TableError::options(
                path,
                format!(
                    "column '{name}': '{}' may be day/month or month/day; state dayfirst",
                    texts.iter().find(|t| ambiguous_fields(t).is_some()).map_or("", String::as_str)
                ),
            ));
        }
        rules.dayfirst = day;
    }
    let (mut values, mut rejected, mut naive) = (Vec::with_capacity(rows.len()), 0usize, false);
    let mut example = String::new();
    for (text, row) in texts.iter().zip(rows) {
        let parsed = parse_time(text, rules);
        if parsed.is_none() && !is_null(text.trim()) {
            rejected += 1;
            if example.is_empty() {
                example = format!("line {}: '{text}'", row.0);
            }
        }
        naive |= matches!(parsed, Some((_, false)));
        values.push(parsed.map(|(time, stated)| match (stated, options.utc_offset_seconds) {
            (false, Some(east)) => time.saturating_sub(east.saturating_mul(1_000_000_000)),
            _ => time,
        }));
    }
    if rejected > 0 {
        notes.0.push(format!("column '{name}': {rejected} cells are no time; first at {example}"));
    }
    let known: Vec<i64> = values.iter().flatten().copied().collect();
    let backwards = known.windows(2).filter(|w| w[1] < w[0]).count();
    if backwards > 0 {
        notes.0.push(format!("column '{name}': time runs backwards {backwards} times"));
    }
    if naive && options.utc_offset_seconds.is_none() {
        notes.0.push(format!(
            "column '{name}': no offset from UTC stated (timezone=unknown), taken as UTC"
        ));
    }
    Ok(TableColumn { name, unit: None, values: ColumnValues::Time(values) })
}

fn cells(
    rows: &[Row],
    c: usize,
    comma: bool,
    options: &CsvOptions,
    name: &str,
    notes: &mut Notes,
) -> ColumnValues {
    let filled = rows.iter().filter(|r| !is_null(&r.1[c])).count();
    let numbers: Vec<f64> =
        rows.iter().map(|r| parse(&r.1[c], comma).unwrap_or(f64::NAN)).collect();
    let good = numbers.iter().filter(|v| !v.is_nan()).count();
    if good * 10 < filled * 9 {
        let text = rows.iter().map(|r| (!is_null(&r.1[c])).then(|| r.1[c].clone())).collect();
        return ColumnValues::Text(text);
    }
    let mut numbers = numbers;
    if good < filled {
        let bad = rows.iter().find(|r| !is_null(&r.1[c]) && parse(&r.1[c], comma).is_none());
        let (line, cell) = bad.map_or((0, ""), |r| (r.0, r.1[c].as_str()));
        notes.0.push(format!(
            "column '{name}': {} cells are no number, now null; first at line {line}: '{cell}'",
            filled - good
        ));
    }
    for null in &options.nulls {
        let count = numbers.iter().filter(|v| *v == null).count();
        numbers.iter_mut().filter(|v| **v == *null).for_each(|v| *v = f64::NAN);
        if count > 0 {
            notes.0.push(format!("column '{name}': {count} cells of {null} declared null"));
        }
    }
    if !options.keep_sentinels {
        for (value, count) in replace_sentinels(&mut numbers) {
            notes.0.push(format!("column '{name}': {count} cells of {value} taken as null"));
        }
    }
    ColumnValues::Number(numbers)
}
