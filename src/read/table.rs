//! Tables of measurements: CSV and Parquet in, CSV and Parquet out.

use std::path::Path;

pub use temblor_tables::{
    ColumnValues, CsvOptions, Layout, Notes, Table, TableColumn, TableError, TimeFormat,
};

use crate::error::{Error, Result};
use crate::output;

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Io { file, source } => Self::Io { path: file, source },
            TableError::Options { .. } => Self::usage(error.to_string()),
            TableError::Content { file, problem } => Self::Input { file, problem },
        }
    }
}

/// Reads a table: Parquet by its first bytes (`PAR1`), else CSV, gzip-compressed or not.
/// Of the options Parquet needs only the columns to keep. The notes say what was replaced or dropped on the reader's own account.
pub fn read(path: &Path, options: &CsvOptions) -> Result<(Table, Notes)> {
    let mut start = [0; 4];
    let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
    let parquet = std::io::Read::read_exact(&mut file, &mut start).is_ok() && &start == b"PAR1";
    if parquet {
        let table = temblor_tables::read_parquet(path)?;
        return Ok((chosen(table, path, options)?, Notes::default()));
    }
    Ok(temblor_tables::read_csv(path, options)?)
}

/// The time column and those the options name, or all.
fn chosen(table: Table, path: &Path, options: &CsvOptions) -> Result<Table> {
    if options.columns.is_empty() {
        return Ok(table);
    }
    let named = |name: &String| {
        let found = table.column(name).cloned();
        found.map_err(|e| Error::usage(format!("{}: {e}", path.display())))
    };
    let is_time = |c: &&TableColumn| matches!(c.values, ColumnValues::Time(_));
    let time = table.columns.iter().find(is_time).filter(|c| !options.columns.contains(&c.name));
    let mut columns: Vec<TableColumn> = time.cloned().into_iter().collect();
    for name in &options.columns {
        columns.push(named(name)?);
    }
    Ok(Table { columns })
}

/// Writes a table whole or not at all: Parquet by the suffix `.parquet`, else CSV.
pub fn write(path: &Path, table: &Table) -> Result<()> {
    output::replace_atomically(path, |temporary| {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
            temblor_tables::write_parquet(temporary, table)?;
        } else {
            temblor_tables::write_csv(temporary, table)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writing_then_reading_is_the_identity() {
        let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
        let table = Table {
            columns: vec![
                column(
                    "time",
                    ColumnValues::Time(vec![Some(-1), Some(1_696_181_572_000_000_001), Some(0)]),
                ),
                column("x", ColumnValues::Number(vec![0.1, 1e-300, -3.0])),
                column(
                    "name",
                    ColumnValues::Text(vec![Some("a,\"b\"".into()), None, Some("Ω".into())]),
                ),
            ],
        };
        let folder = tempfile::tempdir().unwrap();
        for file in ["t.csv", "t.parquet"] {
            let path = folder.path().join(file);
            write(&path, &table).unwrap();
            assert_eq!(read(&path, &CsvOptions::default()).unwrap().0, table, "{file}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_an_error(
            bytes in prop_oneof![
                vec(any::<u8>(), 0..400),
                "[0-9;, \\t\\n\"#./:TZ+eE-]{0,300}".prop_map(String::into_bytes),
            ],
            layout in prop_oneof![Just(Layout::Rows), Just(Layout::DaysByYear)],
            time_format in prop_oneof![
                Just(TimeFormat::Auto), Just(TimeFormat::Mjd), Just(TimeFormat::EpochSeconds),
                Just(TimeFormat::DecimalYear), Just(TimeFormat::YearDay),
            ],
            skip_lines in 0_usize..3,
        ) {
            let options = CsvOptions { layout, time_format, skip_lines, ..CsvOptions::default() };
            if let Ok((table, _)) = temblor_tables::parse_csv(Path::new("x"), &bytes, &options) {
                prop_assert!(table.columns.iter().all(|c| c.values.len() == table.rows()));
            }
        }

        #[test]
        fn any_table_survives_writing_and_reading(
            rows in vec(
                (any::<i32>(), 0_i64..1_000_000_000, option::of(-1e9..1e9_f64),
                 "t[a-zΩ,;\"' ]{0,8}x"),
                1..30,
            ),
        ) {
            let column =
                |name: &str, values| TableColumn { name: name.into(), unit: None, values };
            let table = Table {
                columns: vec![
                    column("time", ColumnValues::Time(
                        rows.iter().map(|r| Some(i64::from(r.0) * 1_000_000_000 + r.1)).collect(),
                    )),
                    column("x", ColumnValues::Number(
                        rows.iter().map(|r| r.2.unwrap_or(f64::NAN)).collect(),
                    )),
                    column("name", ColumnValues::Text(
                        rows.iter().map(|r| Some(r.3.clone())).collect(),
                    )),
                ],
            };
            let folder = tempfile::tempdir().unwrap();
            let options = CsvOptions { keep_sentinels: true, ..CsvOptions::default() };
            for file in ["t.csv", "t.parquet"] {
                let path = folder.path().join(file);
                write(&path, &table).unwrap();
                // NaN is not equal to itself, its text is.
                let again = format!("{:?}", read(&path, &options).unwrap().0);
                prop_assert_eq!(again, format!("{:?}", table), "{}", file);
            }
        }
    }
}
