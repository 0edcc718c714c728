//! The members of a zip archive, by its central directory (APPNOTE 6.3.10, PKWARE): stored or
//! deflated, without encryption. Archives beyond 4 GiB (zip64) are not read.

use std::io::{Read, Seek, SeekFrom};

use super::expansion::Packing;
use super::source::Content;

/// The end of the directory lies within this many bytes of the end of the file.
const TAIL: u64 = 22 + 65_535;

/// Directories longer than this are a broken archive.
const LONGEST_DIRECTORY: u64 = 64 << 20;

/// A member, in the archive as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub start: u64,
    pub length: u64,
    pub packing: Option<Packing>,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub members: Vec<Member>,
    /// Encrypted members, and those compressed in other ways, which are passed over.
    pub others: u64,
    /// Why the list ends early.
    pub broken: Option<String>,
}

/// Whether a file begins with a member, or is an empty archive.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// The members of an archive, as far as it can be followed.
pub(super) fn list(content: &mut Content) -> Contents {
    let mut contents = Contents::default();
    if let Err(problem) = walk(content, &mut contents) {
        contents.broken = Some(format!("zip: {problem}"));
    }
    contents
}

fn walk(content: &mut Content, contents: &mut Contents) -> Result<(), String> {
    let length = content.length();
    let tail = read_at(content, length.saturating_sub(TAIL), length.min(TAIL))?;
    let end = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|&at| tail[at..].starts_with(b"PK\x05\x06"))
        .ok_or("no directory at its end")?;
    let end = &tail[end..];
    let (count, size, offset) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
        return Err("zip64 is not read".to_string());
    }
    if size > LONGEST_DIRECTORY {
        return Err(format!("a directory of {size} bytes"));
    }
    let directory = read_at(content, offset, size)?;
    let mut rest = &directory[..];
    for number in 0..count {
        if !rest.starts_with(b"PK\x01\x02") || rest.len() < 46 {
            return Err(format!("the directory ends at entry {number} of {count}"));
        }
        let (flags, method) = (u16_at(rest, 8), u16_at(rest, 10));
        let (packed, start) = (u32_at(rest, 20), u32_at(rest, 42));
        let widths = [28, 30, 32].map(|at| u16_at(rest, at) as usize);
        let name = rest.get(46..46 + widths[0]).unwrap_or_default();
        let name = String::from_utf8_lossy(name).replace('\\', "/");
        rest = rest.get(46 + widths.iter().sum::<usize>()..).unwrap_or_default();
        let packing = match method {
            0 => None,
            8 => Some(Packing::Deflate),
            _ => {
                contents.others += 1;
                continue;
            }
        };
        if flags & 1 != 0 {
            contents.others += 1;
        } else if !name.ends_with('/') {
            // The member's own header may be longer than the directory's entry says.
            let own = read_at(content, start, 30)?;
            if !own.starts_with(b"PK\x03\x04") {
                return Err(format!("byte {start}: no member"));
            }
            let start = start + 30 + u16_at(&own, 26) + u16_at(&own, 28);
            if start + packed > length {
                return Err(format!("byte {start}: the archive ends inside a member"));
            }
            contents.members.push(Member { name, start, length: packed, packing });
        }
    }
    Ok(())
}

fn read_at(content: &mut Content, at: u64, size: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = content
        .seek(SeekFrom::Start(at))
        .and_then(|_| content.by_ref().take(size).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 == size => Ok(bytes),
        _ => Err(format!("byte {at}: {size} bytes are not there")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |&b| u64::from(u16::from_le_bytes(b)))
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |&b| u64::from(u32::from_le_bytes(b)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::read::source::Source;

    /// An archive of a stored and a deflated member.
    fn archive() -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(b"deflated deflated").unwrap();
        let deflated = encoder.finish().unwrap();
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, method, body) in [("one", 0u16, &b"stored"[..]), ("b/two", 8, &deflated)] {
            let offset = bytes.len() as u32;
            let mut fields = vec![20, 0, 0, 0];
            fields.extend(method.to_le_bytes());
            fields.extend([0; 8]);
            fields.extend((body.len() as u32).to_le_bytes());
            fields.extend([0; 4]);
            fields.extend((name.len() as u16).to_le_bytes());
            fields.extend([0; 2]);
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&fields);
            bytes.extend(name.as_bytes());
            bytes.extend(body);
            directory.extend(b"PK\x01\x02\x14\0");
            directory.extend(&fields);
            directory.extend([0; 10]);
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let (size, offset) = (directory.len() as u32, bytes.len() as u32);
        bytes.extend(directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0\x02\0\x02\0");
        bytes.extend(size.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend([0; 2]);
        bytes
    }

    fn listed(bytes: &[u8]) -> Contents {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        std::fs::write(&path, bytes).unwrap();
        list(&mut Source::file(&path).open().unwrap())
    }

    #[test]
    fn stored_and_deflated_members_are_found_and_damage_is_told() {
        let good = archive();
        let contents = listed(&good);
        assert_eq!((contents.others, &contents.broken), (0, &None));
        let names: Vec<_> = contents.members.iter().map(|m| (m.name.as_str(), m.packing)).collect();
        assert_eq!(names, [("one", None), ("b/two", Some(Packing::Deflate))]);
        let member = &contents.members[0];
        let at = member.start as usize;
        assert_eq!(&good[at..at + member.length as usize], b"stored");
        assert!(listed(&good[..good.len() - 10]).broken.is_some());
        assert!(listed(&good[30..]).broken.is_some());
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0xFF;
            assert!(listed(&bytes).members.len() <= 2);
        }
    }
}
