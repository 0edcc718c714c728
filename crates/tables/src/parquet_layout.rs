//! What a Parquet file says of its own layout, checked before polars believes it.
//!
//! polars makes room by the numbers in the footer and the page headers; a damaged number ends the
//! program where no error can be caught. So these are read here first: every stretch must lie in
//! the file, every count agree with the others. The layout is that of the Parquet format
//! (`parquet.thrift`) in Thrift's compact protocol.

/// Most values of one file, rows times columns.
const MOST_VALUES: i64 = 1 << 28;
/// Largest page once decompressed.
const MOST_PAGE_BYTES: i64 = 1 << 30;
/// Structures nested deeper than this are none of Parquet's.
const DEEPEST: usize = 16;

type Checked<T> = Result<T, String>;

/// A value of Thrift's compact protocol, as far as the layout needs it.
enum Value {
    Number(i64),
    List(Vec<Value>),
    Struct(Vec<(i64, Value)>),
    /// Text, doubles, flags and maps.
    Other,
}

impl Value {
    fn field(&self, id: i64) -> Option<&Value> {
        match self {
            Self::Struct(fields) => fields.iter().find(|f| f.0 == id).map(|f| &f.1),
            _ => None,
        }
    }

    fn number(&self, id: i64) -> Option<i64> {
        match self.field(id)? {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn required(&self, id: i64, what: &str) -> Checked<i64> {
        let number = self.number(id).ok_or_else(|| format!("{what} is missing"))?;
        if number < 0 { Err(format!("{what} is {number}")) } else { Ok(number) }
    }

    fn list(&self, id: i64) -> &[Value] {
        match self.field(id) {
            Some(Self::List(values)) => values,
            _ => &[],
        }
    }
}

/// Reads values from bytes; nothing is allocated that the bytes do not hold.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Thrift<'_> {
    fn byte(&mut self) -> Checked<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or("a header ends too early")?;
        self.at += 1;
        Ok(byte)
    }

    fn skip(&mut self, count: u64) -> Checked<()> {
        if count > (self.bytes.len() - self.at) as u64 {
            return Err("a header ends too early".to_string());
        }
        self.at += count as usize;
        Ok(())
    }

    fn unsigned(&mut self) -> Checked<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number of more than 64 bits".to_string())
    }

    fn signed(&mut self) -> Checked<i64> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn structure(&mut self, depth: usize) -> Checked<Value> {
        let (mut fields, mut id) = (Vec::new(), 0_i64);
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(Value::Struct(fields));
            }
            id = match head >> 4 {
                0 => self.signed()?,
                step => id.saturating_add(i64::from(step)),
            };
            // A flag as a field lies in its type.
            let value = match head & 15 {
                1 | 2 => Value::Other,
                kind => self.value(kind, depth + 1)?,
            };
            fields.push((id, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Checked<Value> {
        if depth > DEEPEST {
            return Err(format!("structures nested more than {DEEPEST} deep"));
        }
        match kind {
            1..=3 => self.skip(1).map(|()| Value::Other),
            4..=6 => self.signed().map(Value::Number),
            7 => self.skip(8).map(|()| Value::Other),
            8 => {
                let length = self.unsigned()?;
                self.skip(length).map(|()| Value::Other)
            }
            9 | 10 => self.list(depth),
            11 => self.map(depth),
            12 => self.structure(depth),
            _ => Err(format!("a field of unknown type {kind}")),
        }
    }

    fn list(&mut self, depth: usize) -> Checked<Value> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
        // Every element takes a byte at least, so that a wrong count ends with the bytes.
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(head & 15, depth + 1)?);
        }
        Ok(Value::List(values))
    }

    fn map(&mut self, depth: usize) -> Checked<Value> {
        let count = self.unsigned()?;
        if count > 0 {
            let kinds = self.byte()?;
            for _ in 0..count {
                self.value(kinds >> 4, depth + 1)?;
                self.value(kinds & 15, depth + 1)?;
            }
        }
        Ok(Value::Other)
    }
}

/// Checks the whole layout; the error says what is wrong and where.
pub fn check(file: &[u8]) -> Checked<()> {
    const ENDS: usize = 4 + 8;
    if file.len() < ENDS || !file.starts_with(b"PAR1") || !file.ends_with(b"PAR1") {
        return Err("it must begin and end with PAR1; it was cut off or is something else".into());
    }
    let mut length = [0; 4];
    length.copy_from_slice(&file[file.len() - 8..file.len() - 4]);
    let length = u32::from_le_bytes(length) as usize;
    if length > file.len() - ENDS {
        return Err(format!("a footer of {length} bytes in a file of {}", file.len()));
    }
    let (pages, footer) = file[..file.len() - 8].split_at(file.len() - 8 - length);
    let footer =
        Thrift { bytes: footer, at: 0 }.structure(0).map_err(|e| format!("footer: {e}"))?;
    check_footer(&footer, pages)
}

fn check_footer(footer: &Value, pages: &[u8]) -> Checked<()> {
    const REPEATED: i64 = 2;
    let flat = footer.list(2).iter().all(|element| element.number(3) != Some(REPEATED));
    let rows = footer.required(3, "footer: number of rows")?;
    let (mut rows_found, mut values) = (0_i64, 0_i64);
    for (number, group) in footer.list(4).iter().enumerate() {
        let group_rows = group.required(3, "footer: number of rows of a row group")?;
        rows_found = rows_found.saturating_add(group_rows);
        for (column, chunk) in group.list(1).iter().enumerate() {
            let name = |e: String| format!("row group {number}, column {column}: {e}");
            let chunk = chunk.field(3).ok_or_else(|| name("no description".into()))?;
            let count = chunk.required(5, "number of values").map_err(name)?;
            if flat && count != group_rows {
                return Err(name(format!("{count} values in {group_rows} rows")));
            }
            values = values.saturating_add(count);
            if values > MOST_VALUES {
                return Err(format!("more than {MOST_VALUES} values"));
            }
            check_chunk(chunk, count, pages).map_err(name)?;
        }
    }
    if rows_found != rows {
        return Err(format!("footer: {rows} rows, its row groups have {rows_found}"));
    }
    Ok(())
}

/// The pages of one column in one row group.
fn check_chunk(chunk: &Value, count: i64, pages: &[u8]) -> Checked<()> {
    let length = chunk.required(7, "length")?;
    let data = chunk.required(9, "offset of its data")?;
    let start = chunk.number(11).unwrap_or(data);
    let outside = || format!("{length} bytes from byte {start} do not lie in the file");
    let end = start.checked_add(length).ok_or_else(outside)?;
    if !(0..=end).contains(&data) {
        return Err(format!("its data begin at byte {data}, behind its end at byte {end}"));
    }
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let bytes = range.and_then(|(start, end)| pages.get(start..end)).ok_or_else(outside)?;
    let mut reader = Thrift { bytes, at: 0 };
    let mut found = 0_i64;
    // Some writers leave bytes behind the last page.
    while reader.at < bytes.len() && found < count {
        let at = start + reader.at as i64;
        let page = check_page(&mut reader).map_err(|e| format!("page at byte {at}: {e}"))?;
        found = found.saturating_add(page);
    }
    if found != count {
        return Err(format!("{count} values, its pages have {found}"));
    }
    Ok(())
}

/// Steps over a page; the number of its values, 0 of a dictionary.
fn check_page(reader: &mut Thrift<'_>) -> Checked<i64> {
    let header = reader.structure(0)?;
    let unpacked = header.required(2, "decompressed size")?;
    if unpacked > MOST_PAGE_BYTES {
        return Err(format!("{unpacked} bytes once decompressed, more than {MOST_PAGE_BYTES}"));
    }
    let packed = header.required(3, "size")?;
    reader.skip(packed as u64).map_err(|_| format!("{packed} bytes, more than there are"))?;
    let kind = |id: i64| header.field(id).ok_or_else(|| "no description".to_string());
    match header.required(1, "type")? {
        0 => kind(5)?.required(1, "number of values"),
        1 => Ok(0),
        2 => {
            let entries = kind(7)?.required(1, "number of entries")?;
            // Most types take a bit an entry at least.
            let most = unpacked.saturating_mul(8);
            if entries > most {
                Err(format!("{entries} entries in {unpacked} bytes"))
            } else {
                Ok(0)
            }
        }
        3 => {
            let page = kind(8)?;
            let levels = page.required(5, "length of levels")?;
            let repeats = page.required(6, "length of levels")?;
            if levels.saturating_add(repeats) > packed {
                return Err(format!(
                    "{} bytes of levels in {packed}",
                    levels.saturating_add(repeats)
                ));
            }
            page.required(1, "number of values")
        }
        other => Err(format!("unknown type {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_thrift_writes_them() {
        let number = |bytes: &[u8]| Thrift { bytes, at: 0 }.signed();
        assert_eq!(number(&[0x00]), Ok(0));
        assert_eq!(number(&[0x01]), Ok(-1));
        assert_eq!(number(&[0xac, 0x02]), Ok(150));
        assert!(number(&[0xff; 12]).is_err() && number(&[0x80]).is_err());
    }

    #[test]
    fn a_wrong_count_ends_with_the_bytes() {
        // A list of 2^62 numbers, two of which are there.
        let bytes = [0x19, 0xf6, 255, 255, 255, 255, 255, 255, 255, 255, 63, 2, 4];
        assert!(Thrift { bytes: &bytes, at: 0 }.structure(0).is_err());
        let nested = [0x1c; 1000];
        let error = Thrift { bytes: &nested, at: 0 }.structure(0).err().unwrap();
        assert!(error.contains("nested"), "{error}");
    }
}
