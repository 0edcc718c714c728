//! Parquet in and out through polars.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use polars::prelude::{
    Column, DataFrame, DataType, Int64Chunked, IntoSeries, NamedFrom, NewChunkedArray,
    ParquetReader, ParquetWriter, SerReader, Series, TimeUnit, TimeZone,
};

use crate::parquet_layout;
use crate::{ColumnValues, Table, TableColumn, TableError};

/// Reads a Parquet file: numbers as f64, times as UTC nanoseconds, the rest as text.
pub fn read_parquet(path: &Path) -> Result<Table, TableError> {
    let bytes = std::fs::read(path).map_err(TableError::io(path))?;
    let refuse = |problem: &str| {
        TableError::content(path, format!("not a readable Parquet file: {}", first_line(problem)))
    };
    parquet_layout::check(&bytes).map_err(|problem| refuse(&problem))?;
    // On damaged pages polars panics in a dozen places, each of its own; here they become errors.
    let read = || -> Result<Table, TableError> {
        let reader = ParquetReader::new(std::io::Cursor::new(bytes));
        let frame = reader.finish().map_err(|e| refuse(&e.to_string()))?;
        let columns = frame.columns().iter().map(|c| column(c, path)).collect::<Result<_, _>>()?;
        Ok(Table { columns })
    };
    std::panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(refuse("its pages are damaged")))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

fn column(column: &Column, path: &Path) -> Result<TableColumn, TableError> {
    let refuse = |e: polars::prelude::PolarsError| {
        TableError::content(
            path,
            format!("column '{}': {}", column.name(), first_line(&e.to_string())),
        )
    };
    let values = match column.dtype() {
        DataType::Datetime(_, _) | DataType::Date => {
            let cast = column
                .cast(&DataType::Datetime(TimeUnit::Nanoseconds, None))
                .and_then(|c| c.cast(&DataType::Int64))
                .map_err(refuse)?;
            ColumnValues::Time(cast.i64().map_err(refuse)?.iter().collect())
        }
        kind if kind.is_primitive_numeric() || kind.is_bool() => {
            let cast = column.cast(&DataType::Float64).map_err(refuse)?;
            ColumnValues::Number(
                cast.f64().map_err(refuse)?.iter().map(|v| v.unwrap_or(f64::NAN)).collect(),
            )
        }
        _ => {
            let cast = column.cast(&DataType::String).map_err(refuse)?;
            ColumnValues::Text(
                cast.str().map_err(refuse)?.iter().map(|v| v.map(str::to_string)).collect(),
            )
        }
    };
    Ok(TableColumn { name: column.name().to_string(), unit: None, values })
}

/// Writes a Parquet file; times are `Datetime[ns, UTC]`, NaN is null.
pub fn write_parquet(path: &Path, table: &Table) -> Result<(), TableError> {
    let columns: Vec<Column> = table
        .columns
        .iter()
        .map(|c| {
            let name = c.name.as_str().into();
            let series: Series = match &c.values {
                ColumnValues::Number(v) => {
                    let nullable: Vec<Option<f64>> =
                        v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect();
                    Series::new(name, nullable)
                }
                ColumnValues::Text(v) => Series::new(name, v.clone()),
                ColumnValues::Time(v) => Int64Chunked::from_iter_options(name, v.iter().copied())
                    .into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC))
                    .into_series(),
            };
            series.into()
        })
        .collect();
    let refuse = |e: polars::prelude::PolarsError| {
        TableError::content(path, first_line(&e.to_string()).to_string())
    };
    let mut frame = DataFrame::new(table.rows(), columns).map_err(refuse)?;
    let file = std::fs::File::create(path).map_err(TableError::io(path))?;
    ParquetWriter::new(file).finish(&mut frame).map(|_| ()).map_err(refuse)
}
