//! Parquet files with damaged bytes are a table or an error, never a panic.

use temblor_tables::{ColumnValues, Table, TableColumn, TableError, read_parquet, write_parquet};

/// Numbers that come again on every machine (Marsaglia 2003, xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Every kind of column, with and without holes.
fn table() -> Table {
    let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
    let rows = 0..60_i64;
    let hole = |row: &i64| row % 7 == 3;
    Table {
        columns: vec![
            column(
                "time",
                ColumnValues::Time(rows.clone().map(|r| Some(r * 1_000_000_007)).collect()),
            ),
            column(
                "x",
                ColumnValues::Number(
                    rows.clone()
                        .map(|r| if hole(&r) { f64::NAN } else { r as f64 / 3.0 })
                        .collect(),
                ),
            ),
            column(
                "place",
                ColumnValues::Text(
                    rows.map(|r| (!hole(&r)).then(|| format!("well {}", r % 5))).collect(),
                ),
            ),
        ],
    }
}

/// Which part of the file is damaged.
#[derive(Clone, Copy, Debug)]
enum Damage {
    CutOff,
    BitOfFooter,
    ByteOfPages,
    BytesAnywhere,
}

fn damaged(whole: &[u8], damage: Damage, random: &mut Random) -> Vec<u8> {
    let length = u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().unwrap()) as usize;
    let footer = whole.len() - 8 - length;
    let mut bytes = whole.to_vec();
    match damage {
        Damage::CutOff => bytes.truncate(random.below(whole.len())),
        Damage::BitOfFooter => bytes[footer + random.below(length + 8)] ^= 1 << random.below(8),
        Damage::ByteOfPages => bytes[random.below(footer)] = random.below(256) as u8,
        Damage::BytesAnywhere => {
            (0..3).for_each(|_| bytes[random.below(whole.len())] = random.below(256) as u8);
        }
    }
    bytes
}

#[test]
fn damaged_bytes_are_a_table_or_one_line() {
    // polars panics on some of these; the reader contains it, the message would only litter.
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.parquet");
    write_parquet(&file, &table()).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut random = Random(20_240_229);
    let mut faults = Vec::new();
    let mut refused = 0;
    for case in 0..200 {
        for damage in
            [Damage::CutOff, Damage::BitOfFooter, Damage::ByteOfPages, Damage::BytesAnywhere]
        {
            std::fs::write(&file, damaged(&whole, damage, &mut random)).unwrap();
            match std::panic::catch_unwind(|| read_parquet(&file)) {
                Err(_) => faults.push(format!("{damage:?} {case}: a panic")),
                Ok(Err(TableError::Content { problem, .. })) => {
                    refused += 1;
                    if problem.lines().count() != 1 || problem.len() > 300 {
                        faults.push(format!("{damage:?} {case}: {problem}"));
                    }
                }
                Ok(Err(other)) => faults.push(format!("{damage:?} {case}: {other:?}")),
                Ok(Ok(table)) => {
                    let rows = table.rows();
                    if table.columns.iter().any(|c| c.values.len() != rows) {
                        faults.push(format!("{damage:?} {case}: columns of different length"));
                    }
                }
            }
        }
    }
    std::panic::set_hook(loud);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Every cut and most of the other damage is seen.
    assert!(refused > 300, "{refused}");
}

#[test]
fn the_refusal_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.parquet");
    write_parquet(&file, &table()).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let refusal = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        read_parquet(&file).unwrap_err().to_string()
    };
    let cut = refusal(&whole[..whole.len() / 2]);
    assert!(cut.contains("x.parquet") && cut.contains("cut off"), "{cut}");
    let mut long_footer = whole.clone();
    let at = whole.len() - 8;
    long_footer[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let footer = refusal(&long_footer);
    assert!(footer.contains("a footer of 4294967295 bytes"), "{footer}");
}
