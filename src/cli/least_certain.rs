//! `temblor classify --least-certain`: the list of what an analyst should look at first.

use std::path::Path;

use temblor_tables::{ColumnValues, Table, TableColumn};

use crate::detect::continuous::ClassifiedWindow;
use crate::detect::{ClassTable, Doubt, least_certain};
use crate::error::Result;
use crate::progress::note;
use crate::read::table;
use crate::time::UtcTime;

/// Writes `least_certain.csv` of `count` examples of a table, and returns them.
pub fn of_table(
    count: usize,
    table: &ClassTable,
    probabilities: &[f64],
    folder: &Path,
) -> Result<Vec<Doubt>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let doubts = least_certain(probabilities, table.classes.len(), count, |_, _| false);
    let text =
        |of: &dyn Fn(&Doubt) -> Option<String>| ColumnValues::Text(doubts.iter().map(of).collect());
    let mut columns =
        vec![column(table.key, text(&|doubt| Some(table.names[doubt.example].clone())))];
    if !table.labelled().is_empty() {
        let label = |doubt: &Doubt| table.labels[doubt.example].map(|c| table.classes[c].clone());
        columns.push(column("label", text(&label)));
    }
    write(columns, &doubts, &table.classes, folder)?;
    Ok(doubts)
}

/// Writes `least_certain.csv` of `count` windows of continuous data, none overlapping another of
/// its channel, and returns them.
pub fn of_windows(
    count: usize,
    windows: &[ClassifiedWindow],
    classes: &[String],
    folder: &Path,
) -> Result<Vec<Doubt>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let probabilities: Vec<f64> = windows.iter().flat_map(|w| w.probabilities.clone()).collect();
    let overlap = |one: usize, other: usize| {
        let (one, other) = (&windows[one], &windows[other]);
        one.id == other.id && one.start < other.end && other.start < one.end
    };
    let doubts = least_certain(&probabilities, classes.len(), count, overlap);
    let time = |of: fn(&ClassifiedWindow) -> UtcTime| {
        ColumnValues::Time(doubts.iter().map(|doubt| Some(of(&windows[doubt.example]).0)).collect())
    };
    let ids = doubts.iter().map(|doubt| Some(windows[doubt.example].id.to_string()));
    let columns = vec![
        column("trace_id", ColumnValues::Text(ids.collect())),
        column("start_time", time(|window| window.start)),
        column("end_time", time(|window| window.end)),
    ];
    write(columns, &doubts, classes, folder)?;
    Ok(doubts)
}

/// The columns that say which example, then the two classes between which it stands.
fn write(
    mut columns: Vec<TableColumn>,
    doubts: &[Doubt],
    classes: &[String],
    folder: &Path,
) -> Result<()> {
    let class = |of: fn(&Doubt) -> usize| {
        ColumnValues::Text(doubts.iter().map(|doubt| Some(classes[of(doubt)].clone())).collect())
    };
    let number = |of: fn(&Doubt) -> f64| {
        let rounded = doubts.iter().map(|doubt| (of(doubt) * 1e6).round() / 1e6);
        ColumnValues::Number(rounded.collect())
    };
    columns.extend([
        column("class", class(|doubt| doubt.first.0)),
        column("probability", number(|doubt| doubt.first.1)),
        column("second_class", class(|doubt| doubt.second.0)),
        column("second_probability", number(|doubt| doubt.second.1)),
        column("margin", number(Doubt::margin)),
    ]);
    let path = folder.join("least_certain.csv");
    table::write(&path, &Table { columns })?;
    note(format_args!("{} least certain answers: {}", doubts.len(), path.display()));
    Ok(())
}

fn column(name: &str, values: ColumnValues) -> TableColumn {
    TableColumn { name: name.into(), unit: None, values }
}
