//! The members of a tar archive: POSIX ustar and pax, and GNU's long names. Only where they lie is
//! found here; nothing is ever written to a path that an archive names.

use std::io::{Read, Seek, SeekFrom};

use super::source::Content;

const BLOCK: u64 = 512;

/// Members beyond this are a broken archive.
const MOST_MEMBERS: u64 = 100_000;

/// Extended headers longer than this are a broken archive.
const LONGEST_HEADER: u64 = 1 << 20;

/// A regular file in an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    /// Where its bytes begin.
    pub start: u64,
    pub length: u64,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub members: Vec<Member>,
    /// Links, devices and sparse files, which are passed over.
    pub others: u64,
    /// Why the list ends early.
    pub broken: Option<String>,
}

/// Whether a file begins with the header of a member.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk()
        .is_some_and(|header| header.get(257..262) == Some(b"ustar") && checksum_is_right(header))
}

/// The members of an archive, as far as it can be followed.
pub(super) fn list(content: &mut Content) -> Contents {
    let mut contents = Contents::default();
    if let Err(problem) = walk(content, &mut contents) {
        contents.broken = Some(problem);
    }
    contents
}

fn walk(content: &mut Content, contents: &mut Contents) -> Result<(), String> {
    let length = content.length();
    let (mut at, mut headers) = (0, 0);
    let mut extended = Extended::default();
    // A file that ends without the two blocks of zeros has lost nothing.
    while at < length {
        let mut header = [0; BLOCK as usize];
        read_at(content, at, &mut header)?;
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        if !checksum_is_right(&header) {
            return Err(format!("byte {at}: no header of a member (wrong checksum)"));
        }
        headers += 1;
        if headers > 3 * MOST_MEMBERS || contents.members.len() as u64 >= MOST_MEMBERS {
            return Err(format!("more than {MOST_MEMBERS} members"));
        }
        let kind = header[156];
        let is_extension = matches!(kind, b'x' | b'g' | b'L' | b'K');
        let stated = number(&header[124..136])
            .ok_or_else(|| format!("byte {at}: a member without length"))?;
        let size = extended.size.filter(|_| !is_extension).unwrap_or(stated);
        let start = at + BLOCK;
        let end = start.checked_add(size).filter(|&end| end <= length).ok_or_else(|| {
            format!("byte {at}: the archive ends inside a member of {size} bytes")
        })?;
        match kind {
            b'x' | b'L' if size > LONGEST_HEADER => {
                return Err(format!("byte {at}: an extended header of {size} bytes"));
            }
            b'x' => extended.add_pax(&body(content, start, size)?),
            b'L' => extended.name = Some(text(&body(content, start, size)?)),
            b'g' | b'K' => {}
            b'0' | b'7' | 0 if !extended.sparse => {
                let name = extended.name.take().unwrap_or_else(|| own_name(&header));
                // Before POSIX a folder was a file whose name ends so.
                if !name.ends_with('/') {
                    contents.members.push(Member { name, start, length: size });
                }
            }
            b'5' => {}
            _ => contents.others += 1,
        }
        if !is_extension {
            extended = Extended::default();
        }
        at = end.next_multiple_of(BLOCK);
    }
    Ok(())
}

/// What the headers before a member say of it.
#[derive(Default)]
struct Extended {
    name: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

impl Extended {
    /// Records `LENGTH KEY=VALUE\n`.
    fn add_pax(&mut self, mut records: &[u8]) {
        while let Some(blank) = records.iter().position(|&byte| byte == b' ') {
            let length = text(&records[..blank]).parse::<usize>().unwrap_or(0);
            let Some(record) = records.get(blank + 1..length) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(equals) = record.iter().position(|&byte| byte == b'=') {
                let value = text(&record[equals + 1..]);
                match &record[..equals] {
                    b"path" => self.name = Some(value),
                    b"size" => self.size = value.parse().ok(),
                    key => self.sparse |= key.starts_with(b"GNU.sparse"),
                }
            }
            records = &records[length..];
        }
    }
}

fn read_at(content: &mut Content, at: u64, buffer: &mut [u8]) -> Result<(), String> {
    let read = content.seek(SeekFrom::Start(at)).and_then(|_| content.read_exact(buffer));
    read.map_err(|_| format!("byte {at}: the archive ends inside a header"))
}

fn body(content: &mut Content, at: u64, size: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; usize::try_from(size.min(LONGEST_HEADER)).unwrap_or(0)];
    read_at(content, at, &mut bytes)?;
    Ok(bytes)
}

/// Up to the first NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Prefix and name of a ustar header.
fn own_name(header: &[u8; BLOCK as usize]) -> String {
    let name = text(&header[..100]);
    // GNU's own format has times where POSIX has the prefix.
    let prefix = if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { "".into() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// Octal, or binary where the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let high = rest.len().saturating_sub(8);
        let is_small = first & 0x7F == 0 && rest[..high].iter().all(|&byte| byte == 0);
        let value = rest[high..].iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        return is_small.then_some(value);
    }
    let digits = text(field);
    u64::from_str_radix(digits.trim(), 8).ok()
}

/// The sum of all bytes, those of the sum itself taken as blanks.
fn checksum_is_right(header: &[u8; BLOCK as usize]) -> bool {
    let without = header
        .iter()
        .enumerate()
        .map(|(i, &byte)| u64::from(if (148..156).contains(&i) { b' ' } else { byte }));
    number(&header[148..156]) == Some(without.sum())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::read::source::Source;

    /// One member.
    pub fn member(name: &str, kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        let size = format!("{:011o}", bytes.len());
        header[124..135].copy_from_slice(size.as_bytes());
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        seal(&mut header);
        header.extend(bytes);
        header.resize(header.len().next_multiple_of(512), 0);
        header
    }

    fn seal(header: &mut [u8]) {
        header[148..156].fill(b' ');
        let sum: u64 = header[..512].iter().map(|&byte| u64::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }

    fn listed(bytes: &[u8]) -> Contents {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, bytes).unwrap();
        list(&mut Source::file(&path).open().unwrap())
    }

    #[test]
    fn names_of_every_kind_and_only_regular_files() {
        let pax = |records: &str| member("pax", b'x', records.as_bytes());
        let long = "folder/".repeat(30) + "file";
        let mut prefixed = member("name", b'0', b"4");
        prefixed[345..351].copy_from_slice(b"prefix");
        seal(&mut prefixed);
        let archive = [
            member("plain", b'0', b"1"),
            member("link", b'2', b""),
            member("folder/", b'5', b""),
            [member("././@LongLink", b'L', long.as_bytes()), member("cut", b'0', b"22")].concat(),
            [pax("17 path=extended\n11 a=b=c d\n"), member("cut", b'0', b"333")].concat(),
            [pax("22 GNU.sparse.major=1\n"), member("sparse", b'0', b"333")].concat(),
            prefixed,
            vec![0; 1024],
        ];
        let contents = listed(&archive.concat());
        let found: Vec<(&str, u64)> =
            contents.members.iter().map(|m| (m.name.as_str(), m.length)).collect();
        assert_eq!(found, [("plain", 1), (long.as_str(), 2), ("extended", 3), ("prefix/name", 1)]);
        assert_eq!((contents.others, contents.broken), (2, None));
        assert!(is_tar(&archive[0]) && !is_tar(&[0; 512]) && !is_tar(&archive[0][..300]));
    }

    #[test]
    fn a_broken_archive_gives_what_stands_before() {
        let good = member("a", b'0', &[7; 600]);
        let both = [good.clone(), good.clone()].concat();
        for (cut, members) in [(both.len(), 2), (both.len() - 600, 1), (good.len() + 100, 1)] {
            let contents = listed(&both[..cut]);
            assert_eq!(
                (contents.members.len(), contents.broken.is_none()),
                (members, members == 2)
            );
        }
        let mut wrong = both.clone();
        wrong[good.len()] ^= 1;
        assert!(listed(&wrong).broken.unwrap().contains("byte 1536: no header"));
        let mut endless = good.clone();
        // 2^63 bytes, in binary.
        endless[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);
        seal(&mut endless);
        assert!(listed(&endless).broken.unwrap().contains("ends inside a member"));
        let crowd = member("a", b'0', b"").repeat(100_001);
        assert_eq!(listed(&crowd).members.len(), 100_000);
    }
}
