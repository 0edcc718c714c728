//! Packs a series into records of version 2 or 3, each with its exact start time.

use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::steim;
use crate::{time, write2, write3};

/// Samples to write.
#[derive(Clone, Copy, Debug)]
pub enum SampleSlice<'a> {
    /// Integers: Steim-2, Steim-1, INT32 or INT16.
    I32(&'a [i32]),
    /// Single precision: FLOAT32.
    F32(&'a [f32]),
    /// Double precision: FLOAT64.
    F64(&'a [f64]),
}

impl SampleSlice<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::I32(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
            Self::F64(samples) => samples.len(),
        }
    }
}

/// A contiguous, evenly sampled series of one channel.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Network code, in version 2 at most 2 ASCII characters.
    pub network: &'a str,
    /// Station code, in version 2 at most 5.
    pub station: &'a str,
    /// Location code, in version 2 at most 2.
    pub location: &'a str,
    /// Channel code, in version 2 at most 3; in version 3 exactly 3, or three parts as `B_HH_Z1`.
    pub channel: &'a str,
    /// Time of the first sample, nanoseconds since 1970; rounded once to the microsecond in
    /// version 2.
    pub start: i64,
    /// Sampling rate in Hz as numerator and denominator.
    pub rate: (u64, u64),
    /// The samples, `[T]`.
    pub samples: SampleSlice<'a>,
}

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Version of the format, 2 or 3.
    pub version: u8,
    /// Record length in bytes, from 256 to 65536: in version 2 a power of two and the length of
    /// every record, in version 3 the most a record may have.
    pub record_length: usize,
    /// Encoding of integers: Steim-2 (records it cannot hold fall back to Steim-1), Steim-1,
    /// INT32, or INT16 (an error if a sample is wider). Floats are always written as they are.
    pub integers: Encoding,
    /// `D`, `R`, `Q` or `M`; version 3 writes it as its publication version.
    pub quality: char,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { version: 2, record_length: 512, integers: Encoding::Steim2, quality: 'D' }
    }
}

/// Packs `series`; the whole file as bytes.
pub fn encode(series: &Series<'_>, options: &WriteOptions) -> Result<Vec<u8>> {
    check(series, options)?;
    match options.version {
        2 => write2::encode(series, options),
        3 => write3::encode(series, options),
        other => unencodable(format!("version {other}: expected 2 or 3")),
    }
}

pub(crate) fn unencodable<T>(problem: impl Into<String>) -> Result<T> {
    Err(Error::Unencodable(problem.into()))
}

/// What both versions ask for.
fn check(series: &Series<'_>, options: &WriteOptions) -> Result<()> {
    if !(256..=65_536).contains(&options.record_length) {
        let length = options.record_length;
        return unencodable(format!("record length {length}: expected 256 to 65536"));
    }
    match (options.integers, series.samples) {
        (Encoding::Steim1 | Encoding::Steim2 | Encoding::Int32, _) => {}
        (Encoding::Int16, SampleSlice::I32(samples)) => {
            if let Some(wide) = samples.iter().find(|&&sample| i16::try_from(sample).is_err()) {
                return unencodable(format!("sample {wide} does not fit INT16; take STEIM2"));
            }
        }
        (Encoding::Int16, _) => {}
        (other, _) => {
            return unencodable(format!("integers cannot be written as {}", other.name()));
        }
    }
    if !matches!(options.quality, 'D' | 'R' | 'Q' | 'M') {
        return unencodable(format!("quality '{}': expected D, R, Q or M", options.quality));
    }
    if series.rate.0 == 0 || series.rate.1 == 0 {
        return unencodable("a rate of zero or infinity");
    }
    Ok(())
}

impl Series<'_> {
    /// Nanoseconds of sample `index`, exact.
    pub(crate) fn time_of(&self, index: usize) -> Option<i64> {
        let (p, q) = (i128::from(self.rate.0), i128::from(self.rate.1));
        let scaled = (index as i128 * i128::from(time::SECOND)).checked_mul(q)?;
        let offset = scaled.checked_add(p / 2)? / p;
        self.start.checked_add(i64::try_from(offset).ok()?)
    }
}

/// What a record's payload came to hold.
pub(crate) struct Packed {
    /// Samples.
    pub count: usize,
    pub encoding: Encoding,
    /// Bytes of the payload, from its start.
    pub used: usize,
}

/// Fills a zeroed payload with the samples from `from` on: whole Steim frames in big-endian order,
/// words in the order of `version` (2 big-endian, 3 little-endian).
pub(crate) fn pack(
    series: &Series<'_>,
    integers: Encoding,
    from: usize,
    payload: &mut [u8],
    version: u8,
) -> Packed {
    let big = version == 2;
    match series.samples {
        SampleSlice::I32(all) => match integers {
            Encoding::Int32 => {
                let words = all[from..].iter().map(|&x| in_order(x.to_be_bytes(), big));
                words_of(payload, words, Encoding::Int32)
            }
            Encoding::Int16 => {
                let words = all[from..].iter().map(|&x| in_order((x as i16).to_be_bytes(), big));
                words_of(payload, words, Encoding::Int16)
            }
            _ => steim_of(all, from, integers, payload),
        },
        SampleSlice::F32(all) => {
            let words = all[from..].iter().map(|x| in_order(x.to_be_bytes(), big));
            words_of(payload, words, Encoding::Float32)
        }
        SampleSlice::F64(all) => {
            let words = all[from..].iter().map(|x| in_order(x.to_be_bytes(), big));
            words_of(payload, words, Encoding::Float64)
        }
    }
}

fn in_order<const N: usize>(mut word: [u8; N], big: bool) -> [u8; N] {
    if !big {
        word.reverse();
    }
    word
}

/// Writes as many whole words as fit, at most 65535 (the count of version 2 is 16 bits wide).
fn words_of<const N: usize>(
    payload: &mut [u8],
    words: impl Iterator<Item = [u8; N]>,
    encoding: Encoding,
) -> Packed {
    let (slots, _) = payload.as_chunks_mut::<N>();
    let mut count = 0;
    for (slot, word) in slots.iter_mut().zip(words).take(usize::from(u16::MAX)) {
        *slot = word;
        count += 1;
    }
    Packed { count, encoding, used: count * N }
}

fn steim_of(all: &[i32], from: usize, integers: Encoding, payload: &mut [u8]) -> Packed {
    let samples = &all[from..];
    let samples = &samples[..samples.len().min(usize::from(u16::MAX))];
    let previous = if from == 0 { samples[0] } else { all[from - 1] };
    let fits = steim::fits_steim2(samples[0].wrapping_sub(previous));
    let (level, encoding) = match integers == Encoding::Steim2 && fits {
        true => (2, Encoding::Steim2),
        false => (1, Encoding::Steim1),
    };
    let (count, frames) = steim::pack(samples, previous, level, payload);
    Packed { count, encoding, used: frames * steim::FRAME }
}
