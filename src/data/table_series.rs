//! Tables become series on a regular grid, and series become tables.

use std::collections::BTreeMap;

use crate::data::{Column, Series};
use crate::error::{Error, Result};
use crate::read::table::{ColumnValues, Table, TableColumn};
use crate::time::{DAY, UtcTime};

/// Most grid cells times columns of one series.
const MAX_VALUES: i64 = 1 << 28;

/// What to do with rows that share a time but differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// Refuse the table.
    #[default]
    Error,
    /// Keep the first in file order.
    First,
    /// Keep the last in file order.
    Last,
    /// One sample of their mean, whatever the aggregation of the cell.
    Mean,
}

/// How the samples of one grid cell become one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// Arithmetic mean.
    #[default]
    Mean,
    /// Sum: rain.
    Sum,
    /// The last in time: states.
    Last,
}

/// Which columns make the series and on which grid.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesOptions {
    /// Time column; unset: the first column of times.
    pub index: Option<String>,
    /// Column that names the station, well or bore; one series each.
    pub group: Option<String>,
    /// Value columns; empty: every column of numbers.
    pub values: Vec<String>,
    /// Units by column.
    pub units: BTreeMap<String, String>,
    /// Grid step in seconds; unset: the median step.
    pub step_seconds: Option<f64>,
    /// Rows of equal time.
    pub duplicates: Duplicates,
    /// Aggregation by column; mean for those not named.
    pub aggregation: BTreeMap<String, Aggregation>,
}

/// One series a group, in name order, on a regular grid; cells without samples are NaN.
/// A step of whole days starts at midnight of the first day.
pub fn series_of_table(table: &Table, options: &SeriesOptions) -> Result<Vec<Series>> {
    let times = index_times(table, options)?;
    let values = value_columns(table, options)?;
    let groups = match &options.group {
        Some(name) => Some(&table.column(name).map_err(Error::usage)?.values),
        None => None,
    };
    let mut members: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in (0..table.rows()).filter(|&r| times[r].is_some()) {
        let group = match groups {
            Some(ColumnValues::Text(v)) => v[row].clone().unwrap_or_default(),
            Some(ColumnValues::Number(v)) => v[row].to_string(),
            _ => String::new(),
        };
        members.entry(group).or_default().push(row);
    }
    members
        .into_iter()
        .map(|(group, mut rows)| {
            rows.sort_by_key(|&r| times[r]);
            one_series(group, &rows, times, &values, options)
        })
        .collect()
}

fn index_times<'a>(table: &'a Table, options: &SeriesOptions) -> Result<&'a [Option<i64>]> {
    let column = match &options.index {
        Some(name) => table.column(name).map_err(Error::usage)?,
        None => table
            .columns
            .iter()
            .find(|c| matches!(c.values, ColumnValues::Time(_)))
            .ok_or_else(|| Error::data("no column of times is recognised; name it with --time, and say with --time-format what bare numbers mean"))?,
    };
    match &column.values {
        ColumnValues::Time(v) => Ok(v),
        _ => Err(Error::data(format!(
            "column '{}' is not read as time; state its format",
            column.name
        ))),
    }
}

fn value_columns<'a>(
    table: &'a Table,
    options: &SeriesOptions,
) -> Result<Vec<(&'a TableColumn, &'a [f64])>> {
    let chosen: Vec<&TableColumn> = if options.values.is_empty() {
        let number = |c: &&TableColumn| matches!(c.values, ColumnValues::Number(_));
        table
            .columns
            .iter()
            .filter(number)
            .filter(|c| options.group.as_ref() != Some(&c.name))
            .collect()
    } else {
        let find = |n: &String| table.column(n).map_err(Error::usage);
        options.values.iter().map(find).collect::<Result<_>>()?
    };
    if chosen.is_empty() {
        return Err(Error::data("no column of numbers"));
    }
    chosen
        .into_iter()
        .map(|c| match &c.values {
            ColumnValues::Number(v) => Ok((c, v.as_slice())),
            _ => Err(Error::data(format!("column '{}' holds no numbers", c.name))),
        })
        .collect()
}

fn one_series(
    group: String,
    rows: &[usize],
    times: &[Option<i64>],
    values: &[(&TableColumn, &[f64])],
    options: &SeriesOptions,
) -> Result<Series> {
    let time = |r: usize| times[r].unwrap_or_default();
    let rows = without_duplicates(rows, &time, values, options)?;
    let (first, last) = match (rows.first(), rows.last()) {
        (Some(a), Some(b)) => (time(a[0]), time(b[0])),
        _ => return Err(Error::data("no row with a time")),
    };
    let step = match options.step_seconds {
        Some(s) if s > 0.0 && s < 1e9 => (s * 1e9).round().max(1.0) as i64,
        Some(s) => return Err(Error::usage(format!("a grid step of {s} s is not possible"))),
        None => {
            let mut steps: Vec<i64> = rows
                .windows(2)
                .map(|w| time(w[1][0]).saturating_sub(time(w[0][0])))
                .filter(|s| *s > 0)
                .collect();
            steps.sort_unstable();
            *steps
                .get(steps.len() / 2)
                .ok_or_else(|| Error::data("fewer than two times: state the grid step"))?
        }
    };
    let start = if step % DAY == 0 { UtcTime(first).day_start() } else { UtcTime(first) };
    let cells = last.saturating_sub(start.0) / step + 1;
    if cells.saturating_mul(values.len() as i64) > MAX_VALUES {
        return Err(Error::data(format!(
            "{} to {} at a step of {} s is {cells} rows; state a longer step or a plausible start",
            start,
            UtcTime(last),
            step as f64 / 1e9
        )));
    }
    let width = values.len();
    let mut grid = vec![f64::NAN; cells as usize * width];
    let mut counts = vec![0u32; grid.len()];
    for sample in &rows {
        let cell = ((time(sample[0]) - start.0) / step) as usize;
        for (c, (column, numbers)) in values.iter().enumerate() {
            let (value, at) = (mean(sample, numbers), cell * width + c);
            if value.is_nan() {
                continue;
            }
            let last = options.aggregation.get(&column.name) == Some(&Aggregation::Last);
            grid[at] = if counts[at] == 0 || last { value } else { grid[at] + value };
            counts[at] += 1;
        }
    }
    for (at, value) in grid.iter_mut().enumerate() {
        let kind = options.aggregation.get(&values[at % width].0.name).copied().unwrap_or_default();
        if kind == Aggregation::Mean && counts[at] > 1 {
            *value /= f64::from(counts[at]);
        }
    }
    let columns = values
        .iter()
        .map(|(c, _)| Column {
            name: c.name.clone(),
            unit: options.units.get(&c.name).cloned().or_else(|| c.unit.clone()),
        })
        .collect();
    Ok(Series { group, start, step, columns, values: grid })
}

/// Mean of the column over rows of one time; NaN where none has a value.
fn mean(rows: &[usize], numbers: &[f64]) -> f64 {
    let known = || rows.iter().map(|&r| numbers[r]).filter(|v| !v.is_nan());
    match known().count() {
        1 => known().sum(),
        n => known().sum::<f64>() / n as f64,
    }
}

/// Rows of one time each, in time order: one row where they are equal or one is chosen, all of
/// them for [`Duplicates::Mean`].
fn without_duplicates<'a>(
    rows: &'a [usize],
    time: &impl Fn(usize) -> i64,
    values: &[(&TableColumn, &[f64])],
    options: &SeriesOptions,
) -> Result<Vec<&'a [usize]>> {
    let same = |a: usize, b: usize| {
        values.iter().all(|(_, v)| v[a] == v[b] || (v[a].is_nan() && v[b].is_nan()))
    };
    let one_time = |together: &'a [usize]| {
        let different = together.iter().find(|&&row| !same(together[0], row));
        match (different, options.duplicates) {
            (None, _) | (_, Duplicates::First) => Ok(&together[..1]),
            (_, Duplicates::Last) => Ok(&together[together.len() - 1..]),
            (_, Duplicates::Mean) => Ok(together),
            (Some(other), Duplicates::Error) => Err(Error::data(format!(
                "{}: rows {} and {} share this time but differ; say which counts with --duplicates first, last or mean",
                UtcTime(time(together[0])),
                together[0] + 1,
                other + 1
            ))),
        }
    };
    rows.chunk_by(|&a, &b| time(a) == time(b)).map(one_time).collect()
}

/// Series as one table: `time`, `group` where any is named, then the columns of the first series.
/// All series must have the same columns.
pub fn table_of_series(series: &[Series]) -> Result<Table> {
    let Some(first) = series.first() else { return Ok(Table::default()) };
    if let Some(other) = series.iter().find(|s| s.columns != first.columns) {
        return Err(Error::data(format!(
            "series '{}' has other columns than '{}'",
            other.group, first.group
        )));
    }
    let mut times = Vec::new();
    let mut groups = Vec::new();
    let mut numbers = vec![Vec::new(); first.columns.len()];
    for one in series {
        times.extend((0..one.rows()).map(|r| Some(one.time(r).0)));
        groups.extend((0..one.rows()).map(|_| Some(one.group.clone())));
        for (c, column) in numbers.iter_mut().enumerate() {
            column.extend(one.column(c));
        }
    }
    let column = |name: &str, unit, values| TableColumn { name: name.into(), unit, values };
    let mut columns = vec![column("time", None, ColumnValues::Time(times))];
    if series.iter().any(|s| !s.group.is_empty()) {
        columns.push(column("group", None, ColumnValues::Text(groups)));
    }
    for (c, values) in first.columns.iter().zip(numbers) {
        columns.push(column(&c.name, c.unit.clone(), ColumnValues::Number(values)));
    }
    Ok(Table { columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(times: &[i64], values: &[f64]) -> Table {
        let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
        Table {
            columns: vec![
                column("time", ColumnValues::Time(times.iter().map(|t| Some(*t)).collect())),
                column("x", ColumnValues::Number(values.to_vec())),
            ],
        }
    }

    #[test]
    fn days_start_at_midnight_gaps_are_nan_and_gridding_again_changes_nothing() {
        let noon = DAY / 2;
        let given = table(&[noon, noon + DAY, noon + 2 * DAY, noon + 4 * DAY], &[1., 2., 3., 5.]);
        let series = series_of_table(&given, &SeriesOptions::default()).unwrap();
        assert_eq!((series[0].start, series[0].step, series[0].rows()), (UtcTime(0), DAY, 5));
        assert!(series[0].value(3, 0).is_nan());
        let again = series_of_table(&table_of_series(&series).unwrap(), &SeriesOptions::default());
        assert_eq!(format!("{:?}", again.unwrap()), format!("{series:?}"));
    }

    #[test]
    fn differing_duplicates_need_a_decision() {
        let given = table(&[0, DAY, DAY, 2 * DAY], &[1., 2., 4., 3.]);
        assert!(series_of_table(&given, &SeriesOptions::default()).is_err());
        for (duplicates, value) in
            [(Duplicates::First, 2.), (Duplicates::Last, 4.), (Duplicates::Mean, 3.)]
        {
            let options = SeriesOptions { duplicates, ..SeriesOptions::default() };
            assert_eq!(series_of_table(&given, &options).unwrap()[0].value(1, 0), value);
        }
        for (aggregation, values) in [(Aggregation::Sum, [4., 3.]), (Aggregation::Last, [3., 3.])] {
            let options = SeriesOptions {
                duplicates: Duplicates::Mean,
                step_seconds: Some(2.0 * 86_400.0),
                aggregation: [("x".to_string(), aggregation)].into(),
                ..SeriesOptions::default()
            };
            let series = series_of_table(&given, &options).unwrap();
            assert_eq!(series[0].values, values, "{aggregation:?}");
        }
    }
}
