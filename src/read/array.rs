//! NumPy arrays: `.npy` files and the members of `.npz` archives.

use std::io::Read;
use std::path::Path;

use npyz::npz::NpzArchive;

use crate::error::{Error, Result};

/// A larger array is refused, bytes.
const MAX_BYTES: u64 = 8 << 30;
/// The longest header that is read; real ones have some hundred bytes.
const MAX_HEADER: usize = 1 << 16;
/// Numbers of one array with their shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Length of each axis; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, the last axis fastest.
    pub values: Vec<f32>,
}

/// Reads the array `name` of an `.npz` archive, or a `.npy` file (which has no names). Without a
/// name, the archive must hold one array only.
///
/// # Errors
/// [`Error::Input`] naming what is there if there is no such array, and if it is not made of
/// real numbers in C order or ends too early.
pub fn read_array(path: &Path, name: Option<&str>) -> Result<Array> {
    let bytes = member_bytes(path, name)?;
    parse(&bytes).map_err(|problem| match name {
        Some(name) => Error::input(path, format!("array '{name}': {problem}")),
        None => Error::input(path, problem),
    })
}

/// Names of the arrays of an `.npz` archive, in stored order.
pub fn array_names(path: &Path) -> Result<Vec<String>> {
    let archive = NpzArchive::open(path)
        .map_err(|e| Error::input(path, format!("not a readable .npz archive: {e}")))?;
    Ok(archive.array_names().map(str::to_string).collect())
}

fn member_bytes(path: &Path, name: Option<&str>) -> Result<Vec<u8>> {
    let mut head = [0; 4];
    let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
    let got = file.read(&mut head).map_err(Error::io(path))?;
    if got < 4 || &head != b"PK\x03\x04" {
        let size = file.metadata().map_err(Error::io(path))?.len();
        if size > MAX_BYTES {
            return Err(Error::input(path, format!("{size} bytes; arrays end at {MAX_BYTES}")));
        }
        return std::fs::read(path).map_err(Error::io(path));
    }
    let mut archive = NpzArchive::open(path)
        .map_err(|e| Error::input(path, format!("not a readable .npz archive: {e}")))?;
    let there: Vec<String> = archive.array_names().map(str::to_string).collect();
    let wanted = match (name, there.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, _) => {
            let problem = format!("holds several arrays, name one: {}", there.join(", "));
            return Err(Error::input(path, problem));
        }
    };
    let member = npyz::npz::file_name_from_array_name(wanted);
    let entry = archive.zip_archive().by_name(&member).map_err(|_| {
        Error::input(path, format!("no array '{wanted}'; there are: {}", there.join(", ")))
    })?;
    let mut bytes = Vec::new();
    entry
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::input(path, format!("array '{wanted}' cannot be unpacked: {e}")))?;
    Ok(bytes)
}

/// Layout: magic, version, header length, header text (a Python dictionary), data; see
/// `numpy.lib.format`.
fn parse(bytes: &[u8]) -> Result<Array, String> {
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err("not a NumPy array: the magic bytes are missing".into());
    }
    let (start, length) = match bytes.get(6..12) {
        Some(&[1, _, a, b, _, _]) => (10, usize::from(u16::from_le_bytes([a, b]))),
        Some(&[2 | 3, _, a, b, c, d]) => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        Some(_) => return Err("a NumPy format version that is not read".into()),
        None => return Err("ends within the header".into()),
    };
    let header = length <= MAX_HEADER;
    let header = if header { bytes.get(start..start + length) } else { None };
    let header = header.and_then(|h| std::str::from_utf8(h).ok()).ok_or("a broken header")?;
    let kind = field(header, "descr").ok_or("a header without 'descr'")?;
    let kind = kind.trim_start().trim_start_matches(['\'', '"']);
    let kind: String = kind.chars().take_while(|c| !matches!(c, '\'' | '"')).collect();
    if field(header, "fortran_order").is_none_or(|f| !f.trim_start().starts_with("False")) {
        return Err("stored in Fortran order; save it in C order".into());
    }
    let shape = shape(field(header, "shape").ok_or("a header without 'shape'")?)?;
    let count = shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis));
    let data = &bytes[start + length..];
    let values = numbers(data, &kind, count.ok_or("a shape beyond all bounds")?)?;
    Ok(Array { shape, values })
}

/// What follows `'name':` in the header.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{name}'"))? + name.len() + 2;
    header.get(at..)?.trim_start().strip_prefix(':')
}

fn shape(text: &str) -> Result<Vec<usize>, String> {
    let inner = text.trim_start().strip_prefix('(').and_then(|t| t.split(')').next());
    inner
        .ok_or("a shape that is no tuple")?
        .split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty())
        .map(|axis| axis.parse().map_err(|_| format!("a shape with '{axis}'")))
        .collect()
}

fn numbers(data: &[u8], kind: &str, count: usize) -> Result<Vec<f32>, String> {
    let size = match kind.get(2..) {
        Some("1") => 1,
        Some("2") => 2,
        Some("4") => 4,
        Some("8") => 8,
        _ => return Err(format!("numbers of kind '{kind}', expected floats or integers")),
    };
    let expected = count.checked_mul(size).ok_or("a shape beyond all bounds")?;
    if data.len() < expected {
        return Err(format!("{} bytes of data, expected {expected}", data.len()));
    }
    macro_rules! read {
        ($number:ty, $from:ident) => {
            data[..expected]
                .chunks_exact(size)
                .map(|c| c.try_into().map(<$number>::$from).unwrap_or_default() as f32)
                .collect()
        };
    }
    Ok(match kind {
        "<f4" => read!(f32, from_le_bytes),
        "<f8" => read!(f64, from_le_bytes),
        ">f4" => read!(f32, from_be_bytes),
        ">f8" => read!(f64, from_be_bytes),
        "<i2" => read!(i16, from_le_bytes),
        "<i4" => read!(i32, from_le_bytes),
        "<i8" => read!(i64, from_le_bytes),
        ">i2" => read!(i16, from_be_bytes),
        ">i4" => read!(i32, from_be_bytes),
        "|u1" => read!(u8, from_le_bytes),
        "|i1" => read!(i8, from_le_bytes),
        _ => return Err(format!("numbers of kind '{kind}', expected floats or integers")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn numbers_of_every_kind_become_floats() {
        let array = parse(&npy("<f4", "(1, 2)", &[0, 0, 128, 63, 0, 0, 0, 64])).unwrap();
        assert_eq!(array, Array { shape: vec![1, 2], values: vec![1.0, 2.0] });
        assert_eq!(parse(&npy(">i2", "(2,)", &[0, 7, 255, 255])).unwrap().values, [7.0, -1.0]);
        assert_eq!(parse(&npy("|u1", "()", &[9])).unwrap().values, [9.0]);
    }

    #[test]
    fn a_claim_beyond_the_bytes_and_every_prefix_are_errors() {
        let huge = npy("<f4", "(4000000000, 4000000000)", &[0; 8]);
        assert!(parse(&huge).unwrap_err().contains("beyond"));
        let long = npy("<f4", "(4000000000,)", &[0; 8]);
        assert!(parse(&long).unwrap_err().contains("expected 16000000000"));
        let whole = npy("<f8", "(2,)", &[1; 16]);
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err());
        }
    }
}
