//! Tables of measurements: CSV and Parquet in, CSV and Parquet out.

use std::path::Path;

pub use temblor_tables::{
    ColumnValues, CsvOptions, Notes, Table, TableColumn, TableError, TimeFormat,
};

use crate::error::{Error, Result};
use crate::output;

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Io { file, source } => Self::Io { path: file, source },
            TableError::Content { file, problem } => Self::Input { file, problem },
        }
    }
}

/// Reads a table: Parquet by its first bytes (`PAR1`), else CSV, gzip-compressed or not.
/// The notes say what was replaced or dropped on the reader's own account.
pub fn read(path: &Path, options: &CsvOptions) -> Result<(Table, Notes)> {
    let mut start = [0; 4];
    let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
    let parquet = std::io::Read::read_exact(&mut file, &mut start).is_ok() && &start == b"PAR1";
    if parquet {
        return Ok((temblor_tables::read_parquet(path)?, Notes::default()));
    }
    Ok(temblor_tables::read_csv(path, options)?)
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
}
