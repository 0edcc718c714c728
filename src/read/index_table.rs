//! Index tables: a CSV file with one line an example, naming file or row, label, group and fold.
//! Cells stay text: labels and group names such as `007` are not numbers.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A larger file is refused, bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Text cells under named columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTable {
    /// The file.
    pub path: PathBuf,
    /// Column names from the first line.
    pub columns: Vec<String>,
    /// Rows of as many cells as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl IndexTable {
    /// Reads a comma-separated file with a header line; cells may be quoted with `"`.
    ///
    /// # Errors
    /// [`Error::Input`] naming the line whose number of cells differs from the header's, or a
    /// quote left open.
    pub fn read(path: &Path) -> Result<Self> {
        let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
        if size > MAX_BYTES {
            return Err(Error::input(path, format!("{size} bytes; tables end at {MAX_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = records(text.trim_start_matches('\u{feff}'))
            .map_err(|problem| Error::input(path, problem))?
            .into_iter();
        let Some((_, columns)) = lines.next() else {
            return Err(Error::input(path, "an empty file, expected a table with a header line"));
        };
        let mut rows = Vec::new();
        for (line, cells) in lines {
            if cells.len() != columns.len() {
                let (found, expected) = (cells.len(), columns.len());
                let problem = format!("line {line}: {found} cells, the header has {expected}");
                return Err(Error::input(path, problem));
            }
            rows.push(cells);
        }
        Ok(Self { path: path.to_path_buf(), columns, rows })
    }

    /// The number of the column called `name`; the error lists what is there.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            let there = self.columns.join(", ");
            Error::input(&self.path, format!("no column '{name}'; there are: {there}"))
        })
    }

    /// The number of the column called `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// A cell as a number.
    pub fn number<N: std::str::FromStr>(&self, row: usize, column: usize) -> Result<N> {
        let cell = &self.rows[row][column];
        cell.trim().parse().map_err(|_| {
            let name = &self.columns[column];
            Error::input(
                &self.path,
                format!("row {row}, '{name}': expected a number, found '{cell}'"),
            )
        })
    }
}

/// Records with the number of their first line; blank lines are passed over (RFC 4180).
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let (mut records, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut first, mut quoted) = (1, 1, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        line += usize::from(character == '\n');
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                cell.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            _ if quoted => cell.push(character),
            ',' => cells.push(std::mem::take(&mut cell)),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                if !cells.is_empty() || !cell.trim().is_empty() {
                    cells.push(std::mem::take(&mut cell));
                    records.push((first, std::mem::take(&mut cells)));
                }
                cell.clear();
                first = line;
            }
            other => cell.push(other),
        }
    }
    if quoted {
        return Err(format!("line {first}: a quote is never closed"));
    }
    if !cells.is_empty() || !cell.trim().is_empty() {
        cells.push(cell);
        records.push((first, cells));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_blank_lines_and_line_ends_are_understood() {
        let text = "a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n2,\n3,w";
        let rows = records(text).unwrap();
        assert_eq!(rows[1], (2, vec!["1".to_string(), "x, \"y\"\nz".to_string()]));
        assert_eq!(rows[2].1, ["2", ""]);
        assert_eq!(rows[3].1, ["3", "w"]);
        assert!(records("a\n\"b").is_err());
    }

    #[test]
    fn faults_name_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.csv");
        std::fs::write(&path, "row,label\n0,a\n1\n").unwrap();
        let short = IndexTable::read(&path).unwrap_err().to_string();
        assert!(short.contains("line 3: 1 cells, the header has 2"), "{short}");
        std::fs::write(&path, "row,label\nx,a\n").unwrap();
        let table = IndexTable::read(&path).unwrap();
        assert!(table.column("fold").unwrap_err().to_string().contains("row, label"));
        assert!(table.number::<usize>(0, 0).unwrap_err().to_string().contains("found 'x'"));
    }
}
