//! Compressed bytes expanded where they are needed, within limits that no file can lift.
//!
//! Small contents stay in memory, large ones go to a temporary file that has no name. The last few
//! are remembered, so that a file that is looked at several times is expanded once.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use flate2::bufread::{DeflateDecoder, GzDecoder};

use super::source::{Bytes, Content, Place};
use crate::error::{Error, Result};
use crate::progress;

/// All that one input may expand to, unless `--most-expanded` says otherwise.
const MOST_EXPANDED: u64 = 8 << 30;

/// Beyond [`FREE`] bytes no input expands to more than this many times its length.
const MOST_RATIO: u64 = 1000;

const FREE: u64 = 16 << 20;

/// Contents up to this length stay in memory.
const IN_MEMORY: usize = 4 << 20;

/// Contents remembered.
const REMEMBERED: usize = 8;

/// Logarithm of the largest zstd window: 128 MiB.
const LARGEST_WINDOW: u32 = 27;

/// What the user allows; 0: the defaults.
static ALLOWED: AtomicU64 = AtomicU64::new(0);

static RECENT: Mutex<VecDeque<Arc<Bytes>>> = Mutex::new(VecDeque::new());

/// Lets each input expand to `bytes`, whatever its ratio.
pub fn allow_expansion_to(bytes: u64) {
    ALLOWED.store(bytes, Ordering::Relaxed);
}

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    /// As in a zip archive.
    Deflate,
}

impl Packing {
    /// By the first bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        // A skippable zstd frame may stand first.
        let skippable = matches!(head, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]);
        match head {
            [0x1F, 0x8B, 8, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            _ if skippable => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name of the packing for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "zip",
        }
    }
}

/// What one file on disk has expanded to so far, all its layers together.
#[derive(Debug)]
pub(super) struct Account {
    length: u64,
    expanded: AtomicU64,
}

impl Account {
    /// For a file of `length` bytes.
    pub fn new(length: u64) -> Arc<Self> {
        Arc::new(Self { length, expanded: AtomicU64::new(0) })
    }
}

/// Compressed bytes and, while somebody needs them, what they expand to.
#[derive(Debug)]
pub(super) struct Layer {
    packed: Place,
    name: PathBuf,
    packing: Packing,
    account: Arc<Account>,
    /// Known once it has been expanded to its end.
    length: OnceLock<u64>,
    expanded: Mutex<Weak<Bytes>>,
}

impl Layer {
    /// `name` is for messages.
    pub fn new(packed: Place, name: &Path, packing: Packing, account: &Arc<Account>) -> Arc<Self> {
        Arc::new(Self {
            packed,
            name: name.to_path_buf(),
            packing,
            account: account.clone(),
            length: OnceLock::new(),
            expanded: Mutex::default(),
        })
    }

    /// What went wrong below, as a fault of the input.
    pub fn fault(&self, error: &io::Error) -> Error {
        let problem = match error.kind() {
            // Its own words for a limit.
            io::ErrorKind::QuotaExceeded => error.to_string(),
            io::ErrorKind::UnexpectedEof => format!("{}: ends too early", self.packing.name()),
            _ => format!("{}: {error}", self.packing.name()),
        };
        Error::input(&self.name, problem)
    }

    /// The expanded bytes as a stream, within the limits.
    pub fn reader(&self) -> Result<impl Read + use<>> {
        let packed = Arc::new(AtomicU64::new(0));
        let counting = Counting { content: self.packed.open(&self.name)?, read: packed.clone() };
        let buffered = BufReader::new(counting);
        let stream: Box<dyn Read> = match self.packing {
            Packing::Gzip => Box::new(GzipMembers { member: Some(GzDecoder::new(buffered)) }),
            Packing::Deflate => Box::new(DeflateDecoder::new(buffered)),
            Packing::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(buffered);
                let mut decoder = decoder.map_err(|error| self.fault(&error))?;
                let limited = decoder.window_log_max(LARGEST_WINDOW);
                limited.map_err(|error| self.fault(&error))?;
                Box::new(decoder)
            }
        };
        // What has been counted once is not counted again.
        let account = self.length.get().is_none().then(|| self.account.clone());
        Ok(Limited { stream, packed, produced: 0, account })
    }

    /// The expanded bytes, all of them.
    pub fn bytes(&self) -> Result<Arc<Bytes>> {
        let mut expanded = self.expanded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = expanded.upgrade() {
            return Ok(bytes);
        }
        let bytes = Arc::new(self.expand()?);
        if *self.length.get_or_init(|| bytes.length()) != bytes.length() {
            return Err(Error::input(&self.name, "changed while it was being read"));
        }
        *expanded = Arc::downgrade(&bytes);
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(bytes.clone());
        let forgotten = if recent.len() > REMEMBERED { recent.pop_front() } else { None };
        drop(recent);
        drop(forgotten);
        Ok(bytes)
    }

    fn expand(&self) -> Result<Bytes> {
        let mut reader = self.reader()?;
        let mut memory = Vec::new();
        let mut spool: Option<(File, u64)> = None;
        let mut buffer = vec![0; 1 << 16];
        let unwritable = || Error::io(std::env::temp_dir());
        loop {
            progress::check_interrupt()?;
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.fault(&error)),
            };
            if spool.is_none() && memory.len() + read <= IN_MEMORY {
                memory.extend_from_slice(&buffer[..read]);
                continue;
            }
            let (file, length) = match &mut spool {
                Some(spool) => spool,
                None => {
                    let mut file = tempfile::tempfile().map_err(unwritable())?;
                    file.write_all(&memory).map_err(unwritable())?;
                    let length = memory.len() as u64;
                    memory = Vec::new();
                    spool.insert((file, length))
                }
            };
            file.write_all(&buffer[..read]).map_err(unwritable())?;
            *length += read as u64;
        }
        Ok(match spool {
            Some((file, length)) => Bytes::File(file, length),
            None => Bytes::Memory(memory),
        })
    }
}

/// Counts the compressed bytes taken.
struct Counting {
    content: Content,
    read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Refuses to go on beyond the limits.
struct Limited {
    stream: Box<dyn Read>,
    /// Compressed bytes taken so far.
    packed: Arc<AtomicU64>,
    produced: u64,
    /// Where to count; `None` if it has been.
    account: Option<Arc<Account>>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.produced += read as u64;
        let Some(account) = &self.account else { return Ok(read) };
        let total = account.expanded.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        let refused = |text: String| Err(io::Error::new(io::ErrorKind::QuotaExceeded, text));
        let allowed = ALLOWED.load(Ordering::Relaxed);
        let most = if allowed == 0 { MOST_EXPANDED } else { allowed };
        if total > most {
            return refused(format!(
                "expands to more than {most} bytes, the limit of --most-expanded"
            ));
        }
        let packed = self.packed.load(Ordering::Relaxed);
        let beyond = |bytes: u64, of: u64| bytes > FREE && bytes / MOST_RATIO > of;
        if allowed == 0 && (beyond(self.produced, packed) || beyond(total, account.length)) {
            return refused(format!(
                "expands to more than {MOST_RATIO} times its length; if that is right, say how \
                 far with --most-expanded"
            ));
        }
        Ok(read)
    }
}

/// The members of a gzip file one after the other, each with its checksum; zeros may follow.
struct GzipMembers<R: BufRead> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let mut rest = match self.member.take() {
                Some(member) => member.into_inner(),
                None => return Ok(0),
            };
            match rest.fill_buf()? {
                [] | [0, ..] => return Ok(0),
                [0x1F, ..] => self.member = Some(GzDecoder::new(rest)),
                _ => return Err(io::Error::other("bytes that are no member follow the last one")),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::source::Source;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn expanded(packed: &[u8]) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        std::fs::write(&path, packed).unwrap();
        let file = Source::file(&path);
        let account = Account::new(packed.len() as u64);
        let packing = Packing::of(packed).unwrap();
        let layer = Layer::new(file.place().clone(), Path::new("a.gz"), packing, &account);
        let source = Source::new("a.gz".into(), Place::layer(layer.clone()));
        let mut bytes = Vec::new();
        source.open()?.read_to_end(&mut bytes).unwrap();
        // Again, from what is remembered and as a stream.
        let again = source.open()?.length();
        assert_eq!((again, layer.bytes()?.length()), (bytes.len() as u64, bytes.len() as u64));
        assert_eq!(source.bytes(1 << 30).unwrap(), bytes);
        Ok(bytes)
    }

    #[test]
    fn members_and_frames_follow_each_other_and_long_contents_leave_memory() {
        let long: Vec<u8> = (0..6_000_000u32).flat_map(|i| (i / 3).to_le_bytes()).collect();
        let two = [gzip(b"one "), gzip(&long), vec![0; 512]].concat();
        assert_eq!(expanded(&two).unwrap(), [b"one ", &long[..]].concat());
        let frame = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
        let skippable = [&[0x51, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let frames = [skippable.clone(), frame(b"one "), skippable, frame(b"two")].concat();
        assert_eq!(expanded(&frames).unwrap(), b"one two");
        assert_eq!(expanded(&gzip(b"")).unwrap(), b"");
    }

    #[test]
    fn damage_is_told() {
        let mut wrong = gzip(b"some text that is long enough");
        let at = wrong.len() - 6;
        wrong[at] ^= 1;
        assert!(expanded(&wrong).unwrap_err().to_string().starts_with("a.gz: gzip:"));
        let cut = gzip(b"some text that is long enough");
        let message = expanded(&cut[..cut.len() - 3]).unwrap_err().to_string();
        assert!(message.contains("ends too early"), "{message}");
        let garbage = [cut, b"garbage".to_vec()].concat();
        assert!(expanded(&garbage).unwrap_err().to_string().contains("no member"));
        let zstd = zstd::encode_all(&b"some text"[..], 3).unwrap();
        assert!(expanded(&zstd[..zstd.len() - 2]).is_err());
    }

    #[test]
    fn a_bomb_is_refused_early() {
        let start = std::time::Instant::now();
        for bomb in
            [gzip(&vec![0; 64 << 20]), zstd::encode_all(&vec![0; 64 << 20][..], 19).unwrap()]
        {
            let message = expanded(&bomb).unwrap_err().to_string();
            assert!(message.contains("--most-expanded"), "{message}");
        }
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        // A window of 2 GiB, as `zstd --long=31` writes.
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x00];
        assert!(expanded(&[&frame[..], &[1, 0, 0]].concat()).is_err());
    }
}
