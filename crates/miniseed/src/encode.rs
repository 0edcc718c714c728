//! Packs a series into miniSEED 2 records, big-endian, each with its exact start time.

use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::rate::Rate;
use crate::steim;
use crate::time;

/// Samples to write.
#[derive(Clone, Copy, Debug)]
pub enum SampleSlice<'a> {
    /// Integers: Steim-2, Steim-1 or INT32.
    I32(&'a [i32]),
    /// Single precision: FLOAT32.
    F32(&'a [f32]),
    /// Double precision: FLOAT64.
    F64(&'a [f64]),
}

impl SampleSlice<'_> {
    fn len(&self) -> usize {
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
    /// Network code, at most 2 ASCII characters.
    pub network: &'a str,
    /// Station code, at most 5.
    pub station: &'a str,
    /// Location code, at most 2.
    pub location: &'a str,
    /// Channel code, at most 3.
    pub channel: &'a str,
    /// Time of the first sample, nanoseconds since 1970; rounded once to the microsecond.
    pub start: i64,
    /// Sampling rate in Hz as numerator and denominator.
    pub rate: (u64, u64),
    /// The samples, `[T]`.
    pub samples: SampleSlice<'a>,
}

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Record length in bytes, a power of two from 256 to 65536.
    pub record_length: usize,
    /// Encoding of integers: Steim-2 (records it cannot hold fall back to Steim-1), Steim-1 or
    /// INT32. Floats are always written as they are.
    pub integers: Encoding,
    /// `D`, `R`, `Q` or `M`.
    pub quality: char,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { record_length: 512, integers: Encoding::Steim2, quality: 'D' }
    }
}

/// Packs `series`; the whole file as bytes.
pub fn encode(series: &Series<'_>, options: &WriteOptions) -> Result<Vec<u8>> {
    let writer = Writer::new(series, options)?;
    let mut out = Vec::new();
    let mut done = 0;
    while done < series.samples.len() {
        done += writer.append_record(&mut out, done)?;
    }
    Ok(out)
}

struct Writer<'a> {
    series: &'a Series<'a>,
    record_length: usize,
    integers: Encoding,
    /// The parts of the header that all records share.
    template: [u8; 128],
    data_offset: usize,
}

fn unencodable<T>(problem: impl Into<String>) -> Result<T> {
    Err(Error::Unencodable(problem.into()))
}

impl<'a> Writer<'a> {
    fn new(series: &'a Series<'a>, options: &WriteOptions) -> Result<Self> {
        let length = options.record_length;
        if !length.is_power_of_two() || !(256..=65_536).contains(&length) {
            return unencodable(format!(
                "record length {length}: expected a power of two, 256 to 65536"
            ));
        }
        if !matches!(options.integers, Encoding::Steim1 | Encoding::Steim2 | Encoding::Int32) {
            return unencodable(format!(
                "integers cannot be written as {}",
                options.integers.name()
            ));
        }
        if !matches!(options.quality, 'D' | 'R' | 'Q' | 'M') {
            return unencodable(format!("quality '{}': expected D, R, Q or M", options.quality));
        }
        let (numerator, denominator) = series.rate;
        if numerator == 0 || denominator == 0 {
            return unencodable("a rate of zero or infinity");
        }
        let (factor, multiplier, exact) = Rate::to_factors(numerator, denominator);
        let mut template = [0; 128];
        template[6] = options.quality as u8;
        template[7] = b' ';
        for (at, width, code) in [
            (8, 5, series.station),
            (13, 2, series.location),
            (15, 3, series.channel),
            (18, 2, series.network),
        ] {
            if code.len() > width || !code.bytes().all(|b| b.is_ascii_graphic()) {
                return unencodable(format!(
                    "code '{code}': expected at most {width} ASCII characters"
                ));
            }
            template[at..at + width].fill(b' ');
            template[at..at + code.len()].copy_from_slice(code.as_bytes());
        }
        template[32..34].copy_from_slice(&factor.to_be_bytes());
        template[34..36].copy_from_slice(&multiplier.to_be_bytes());
        template[39] = if exact { 2 } else { 3 };
        let data_offset: usize = if exact { 64 } else { 128 };
        template[45] = data_offset as u8;
        template[47] = 48;
        template[48..52].copy_from_slice(&[0x03, 0xE8, 0, 56]);
        template[53] = 1;
        template[54] = length.trailing_zeros() as u8;
        template[56..60].copy_from_slice(&[0x03, 0xE9, 0, if exact { 0 } else { 64 }]);
        if !exact {
            let hz = numerator as f64 / denominator as f64;
            template[65] = 100;
            template[68..72].copy_from_slice(&(hz as f32).to_be_bytes());
        }
        Ok(Self {
            series,
            record_length: length,
            integers: options.integers,
            template,
            data_offset,
        })
    }

    /// Nanoseconds of sample `index`, exact.
    fn time_of(&self, index: usize) -> Option<i64> {
        let (p, q) = (i128::from(self.series.rate.0), i128::from(self.series.rate.1));
        let scaled = (index as i128 * i128::from(time::SECOND)).checked_mul(q)?;
        let offset = scaled.checked_add(p / 2)? / p;
        self.series.start.checked_add(i64::try_from(offset).ok()?)
    }

    /// Appends the record that begins with sample `from`; returns how many samples it holds.
    fn append_record(&self, out: &mut Vec<u8>, from: usize) -> Result<usize> {
        let begin = out.len();
        out.resize(begin + self.record_length, 0);
        let (header, payload) = out[begin..].split_at_mut(self.data_offset);
        header.copy_from_slice(&self.template[..self.data_offset]);
        let (count, encoding) = match self.series.samples {
            SampleSlice::I32(all) => self.pack_integers(all, from, payload),
            SampleSlice::F32(all) => {
                (fill(payload, all[from..].iter().map(|x| x.to_be_bytes())), Encoding::Float32)
            }
            SampleSlice::F64(all) => {
                (fill(payload, all[from..].iter().map(|x| x.to_be_bytes())), Encoding::Float64)
            }
        };
        let sequence = (begin / self.record_length + 1) % 1_000_000;
        header[..6].copy_from_slice(format!("{sequence:06}").as_bytes());
        let Some((btime, microseconds)) = self.time_of(from).and_then(time::write) else {
            return unencodable("a time outside the years 1900 to 2100");
        };
        header[20..30].copy_from_slice(&btime);
        header[30..32].copy_from_slice(&(count as u16).to_be_bytes());
        header[52] = encoding.code();
        header[61] = microseconds as u8;
        if matches!(encoding, Encoding::Steim1 | Encoding::Steim2) {
            let used =
                payload.chunks_exact(steim::FRAME).filter(|f| f.iter().any(|&b| b != 0)).count();
            header[63] = used.min(127) as u8;
        }
        Ok(count)
    }

    fn pack_integers(&self, all: &[i32], from: usize, payload: &mut [u8]) -> (usize, Encoding) {
        let samples = &all[from..];
        if self.integers == Encoding::Int32 {
            return (fill(payload, samples.iter().map(|x| x.to_be_bytes())), Encoding::Int32);
        }
        // The count in the header is 16 bits wide.
        let samples = &samples[..samples.len().min(usize::from(u16::MAX))];
        let previous = if from == 0 { samples[0] } else { all[from - 1] };
        if self.integers == Encoding::Steim2
            && steim::fits_steim2(samples[0].wrapping_sub(previous))
        {
            let count = steim::pack(samples, previous, 2, payload);
            return (count, Encoding::Steim2);
        }
        (steim::pack(samples, previous, 1, payload), Encoding::Steim1)
    }
}

/// Writes as many whole words as fit, at most 65535; returns how many.
fn fill<const N: usize>(payload: &mut [u8], words: impl Iterator<Item = [u8; N]>) -> usize {
    let (slots, _) = payload.as_chunks_mut::<N>();
    let mut count = 0;
    for (slot, word) in slots.iter_mut().zip(words).take(usize::from(u16::MAX)) {
        *slot = word;
        count += 1;
    }
    count
}
