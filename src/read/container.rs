//! Compressed files and archives as inputs: what lies in them, each with a name of its own.
//!
//! A name in an archive is only ever shown: nothing is written to it and nothing opened by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::expansion::{Account, Layer, Packing};
use super::source::{Place, Source};
use super::tar;
use super::zip;
use crate::error::{Error, Result};
use crate::progress;

/// Compressed files and archives inside each other; an archive in a compressed file counts twice.
const DEEPEST: usize = 3;

/// Bytes by which a compressed file or an archive is told.
const HEAD: u64 = 512;

/// A name from an archive is cut to this many characters.
const LONGEST_NAME: usize = 200;

/// An input, or the name of one that cannot be read, and why.
pub(super) type Input = Result<Source, (PathBuf, String)>;

/// The inputs in a file on disk: itself, unless it is compressed or an archive. Of the members of an
/// archive those whose names are `wanted`.
pub(super) fn inputs(file: Source, wanted: fn(&Path) -> bool) -> Vec<Input> {
    let length = file.on_disk().and_then(|path| std::fs::metadata(path).ok()).map(|m| m.len());
    let head = file.place().head(file.path(), HEAD);
    // Of a file that cannot be read whoever reads it will say so.
    let (Some(length), Ok(head)) = (length, head) else { return vec![Ok(file)] };
    if !is_container(&head) {
        return vec![Ok(file)];
    }
    let account = Account::new(length);
    let mut found = Unpacking { wanted, account, inputs: Vec::new() };
    let name = file.path().to_path_buf();
    if let Err(error) = found.enter(file.place(), &name, &head, 0) {
        found.fail(&name, &error);
    }
    found.inputs
}

/// Whether a file that begins so is looked into.
pub(super) fn is_container(head: &[u8]) -> bool {
    Packing::of(head).is_some() || tar::is_tar(head) || zip::is_zip(head) || is_bzip2(head)
}

fn is_bzip2(head: &[u8]) -> bool {
    matches!(head, [b'B', b'Z', b'h', b'1'..=b'9', ..])
}

struct Unpacking {
    wanted: fn(&Path) -> bool,
    account: Arc<Account>,
    inputs: Vec<Input>,
}

impl Unpacking {
    fn fail(&mut self, name: &Path, error: &Error) {
        let problem = match error {
            Error::Input { problem, .. } => problem.clone(),
            Error::Io { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        self.inputs.push(Err((name.to_path_buf(), problem)));
    }

    /// Takes what lies at `place` and begins with `head`; `depth` containers are around it.
    fn enter(&mut self, place: &Place, name: &Path, head: &[u8], depth: usize) -> Result<()> {
        if !is_container(head) {
            self.inputs.push(Ok(Source::new(name.to_path_buf(), place.clone())));
            return Ok(());
        }
        if depth == DEEPEST {
            let problem = format!("compressed files and archives nested deeper than {DEEPEST}");
            return Err(Error::input(name, problem));
        }
        if let Some(packing) = Packing::of(head) {
            let place = Place::layer(Layer::new(place.clone(), name, packing, &self.account));
            let head = place.head(name, HEAD)?;
            return self.enter(&place, name, &head, depth + 1);
        }
        if is_bzip2(head) {
            return Err(Error::input(name, "bzip2 is not read; expand it first"));
        }
        self.enter_archive(place, name, head, depth)
    }

    fn enter_archive(
        &mut self,
        place: &Place,
        name: &Path,
        head: &[u8],
        depth: usize,
    ) -> Result<()> {
        let mut content = place.open(name)?;
        if tar::is_tar(head) {
            let contents = tar::list(&mut content);
            for member in contents.members {
                let part = place.part(member.start, member.length);
                self.enter_member(part, name, &member.name, depth)?;
            }
            self.told(name, contents.others, contents.broken);
            return Ok(());
        }
        let contents = zip::list(&mut content);
        for member in contents.members {
            let packed = place.part(member.start, member.length);
            let part = match member.packing {
                None => packed,
                Some(packing) => {
                    let name = inner_name(name, &member.name);
                    Place::layer(Layer::new(packed, &name, packing, &self.account))
                }
            };
            self.enter_member(part, name, &member.name, depth)?;
        }
        self.told(name, contents.others, contents.broken);
        Ok(())
    }

    /// A member that cannot be read costs only itself.
    fn enter_member(&mut self, part: Place, archive: &Path, own: &str, depth: usize) -> Result<()> {
        progress::check_interrupt()?;
        let base = Path::new(own.rsplit('/').next().unwrap_or(own));
        if own.split('/').any(|part| part.starts_with('.') && part != "." && part != "..")
            || !(self.wanted)(base)
        {
            return Ok(());
        }
        let name = inner_name(archive, own);
        let head = part.head(&name, HEAD);
        if let Err(error) = head.and_then(|head| self.enter(&part, &name, &head, depth + 1)) {
            self.fail(&name, &error);
        }
        Ok(())
    }

    fn told(&mut self, name: &Path, others: u64, broken: Option<String>) {
        if others > 0 {
            progress::note(format_args!(
                "{}: {others} links, devices, encrypted or sparse members left out",
                name.display()
            ));
        }
        if let Some(problem) = broken {
            self.inputs.push(Err((name.to_path_buf(), problem)));
        }
    }
}

/// `archive!member`, the member's name made fit to be shown.
fn inner_name(archive: &Path, member: &str) -> PathBuf {
    let shown = member.chars().map(|c| if c.is_control() { '_' } else { c });
    let shown: String = shown.take(LONGEST_NAME).collect();
    let mut name = archive.as_os_str().to_owned();
    name.push("!");
    name.push(shown);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::read::tar::tests::member;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Names with what they hold, and failures with why.
    fn found(bytes: &[u8]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        let wanted = |name: &Path| name.extension().is_none_or(|suffix| suffix != "md");
        let text = |input: Input| match input {
            Ok(source) => {
                let bytes = source.bytes(1 << 20);
                let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                (source.path().to_path_buf(), text.unwrap_or_else(|error| error.to_string()))
            }
            Err(failed) => failed,
        };
        let named = |(name, text): (PathBuf, String)| {
            let name = name.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
            (name, text)
        };
        inputs(Source::file(&path), wanted).into_iter().map(text).map(named).collect()
    }

    #[test]
    fn members_of_archives_in_compressed_files_have_names_of_their_own() {
        let zstd = zstd::encode_all(&b"inner"[..], 1).unwrap();
        let archive = [
            member("../../etc/one", b'0', b"first"),
            member("read.md", b'0', b"no data"),
            member("folder/.hidden", b'0', b"no"),
            member("two\n.zst", b'0', &zstd),
            member("broken.gz", b'0', &gzip(b"text")[..12]),
        ]
        .concat();
        let names = |bytes: &[u8]| {
            let found = found(bytes);
            let all: Vec<String> = found.iter().map(|(n, text)| format!("{n} {text}")).collect();
            all.join("|")
        };
        let expected = "a!../../etc/one first|a!two_.zst inner|a!broken.gz gzip: ends too early";
        assert_eq!(names(&archive), expected);
        assert_eq!(names(&gzip(&archive)), expected);
        assert_eq!(names(&gzip(b"plain")), "a plain");
        assert_eq!(names(b"plain"), "a plain");
        assert_eq!(names(b""), "a ");
        assert_eq!(names(b"BZh9"), "a bzip2 is not read; expand it first");
        let cut = names(&archive[..archive.len() - 600]);
        let whole = "a!../../etc/one first|a!two_.zst inner";
        assert_eq!(cut, format!("{whole}|a byte 4096: the archive ends inside a header"));
    }

    #[test]
    fn nesting_ends_at_three() {
        let three = gzip(&gzip(&gzip(b"deep")));
        assert_eq!(found(&three)[0].1, "deep");
        assert!(found(&gzip(&three))[0].1.contains("deeper than 3"));
        let mut tar = member("a", b'0', b"x");
        for _ in 0..4 {
            tar = member("a", b'0', &tar);
        }
        assert!(found(&tar)[0].1.contains("deeper than 3"));
    }
}
