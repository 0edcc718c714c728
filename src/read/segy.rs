//! SEG-Y (revisions 0 and 1) and Seismic Unix: traces with 240-byte headers, one after the other.
//!
//! Layout: SEG Y rev 1, Society of Exploration Geophysicists 2002; Seismic Unix writes the same
//! trace headers without file headers. Neither holds codes; traces are told apart by their place.

use std::io::{Read, Seek, SeekFrom};

use super::format::{Block, Format, FormatOptions, SampleType, Visit};
use super::recorder_state::RecorderState;
use super::source::Source;
use super::trace::{Samples, StreamId};
use crate::error::{Error, Result};
use crate::time::{SECOND, SampleRate, UtcTime};

/// Bytes of the textual header, of the textual and the binary header, of a trace header.
const TEXT: u64 = 3200;
const FILE_HEADER: usize = 3600;
const TRACE_HEADER: usize = 240;

/// Extended textual headers beyond this are a broken file.
const MOST_TEXTS: u64 = 64;

/// SEG-Y's entry in the registry.
pub struct SegY;

/// Seismic Unix's entry in the registry.
pub struct SeismicUnix;

/// How samples are stored (binary header, bytes 24 and 25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Ibm,
    I32,
    I16,
    Ieee,
    I8,
}

impl Sample {
    fn of(code: i16) -> Option<Self> {
        Some(match code {
            1 => Self::Ibm,
            2 => Self::I32,
            3 => Self::I16,
            5 => Self::Ieee,
            8 => Self::I8,
            _ => return None,
        })
    }

    fn width(self) -> usize {
        match self {
            Self::Ibm | Self::I32 | Self::Ieee => 4,
            Self::I16 => 2,
            Self::I8 => 1,
        }
    }

    fn stored_as(self) -> (SampleType, &'static str) {
        match self {
            Self::Ibm => (SampleType::F32, "IBM32"),
            Self::Ieee => (SampleType::F32, "FLOAT32"),
            Self::I32 => (SampleType::I32, "INT32"),
            Self::I16 => (SampleType::I16, "INT16"),
            Self::I8 => (SampleType::I8, "INT8"),
        }
    }
}

/// Big-endian, or each word turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    is_big: bool,
}

impl Order {
    const BOTH: [Self; 2] = [Self { is_big: true }, Self { is_big: false }];

    fn word<const N: usize>(self, bytes: &[u8], at: usize) -> [u8; N] {
        let found = bytes.get(at..).and_then(|b| b.first_chunk::<N>());
        let mut word = found.copied().unwrap_or([0; N]);
        if !self.is_big {
            word.reverse();
        }
        word
    }

    fn i16(self, bytes: &[u8], at: usize) -> i16 {
        i16::from_be_bytes(self.word(bytes, at))
    }

    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        u16::from_be_bytes(self.word(bytes, at))
    }

    fn name(self) -> char {
        if self.is_big { '>' } else { '<' }
    }
}

/// An IBM System/360 single: sign, exponent of 16 with bias 64, 24 bits of fraction; exact in
/// double precision and rounded once.
fn ibm(word: u32) -> f32 {
    let fraction = f64::from(word & 0x00FF_FFFF) / f64::from(1u32 << 24);
    let exponent = (word >> 24 & 0x7F) as i32 - 64;
    let value = fraction * 16f64.powi(exponent);
    (if word >> 31 == 1 { -value } else { value }) as f32
}

fn samples_of(bytes: &[u8], sample: Sample, order: Order) -> Samples {
    let words = |width: usize| bytes.chunks_exact(width);
    match sample {
        Sample::Ibm => Samples::F32(
            words(4).map(|word| ibm(u32::from_be_bytes(order.word(word, 0)))).collect(),
        ),
        Sample::Ieee => {
            Samples::F32(words(4).map(|w| f32::from_be_bytes(order.word(w, 0))).collect())
        }
        Sample::I32 => {
            Samples::I32(words(4).map(|w| i32::from_be_bytes(order.word(w, 0))).collect())
        }
        Sample::I16 => Samples::I32(words(2).map(|w| i32::from(order.i16(w, 0))).collect()),
        Sample::I8 => Samples::I32(bytes.iter().map(|&b| i32::from(b as i8)).collect()),
    }
}

/// How the traces of a file lie.
struct Layout {
    order: Order,
    sample: Sample,
    first: u64,
    /// Samples and interval in microseconds, for traces that do not state theirs.
    samples: u16,
    interval: u16,
}

/// The start by bytes 156 to 164; `None` where no year is stated.
fn start_of(header: &[u8], order: Order) -> Result<Option<UtcTime>, String> {
    let [year, day, hour, minute, second] =
        [156, 158, 160, 162, 164].map(|at| order.i16(header, at));
    if year == 0 {
        return Ok(None);
    }
    let year = match year {
        0..30 => year + 2000,
        30..100 => year + 1900,
        _ => year,
    };
    let day = if [day, hour, minute, second] == [0; 4] { 1 } else { day };
    let in_range = (1..=366).contains(&day)
        && (0..=24).contains(&hour)
        && (0..=60).contains(&minute)
        && (0..=60).contains(&second);
    let midnight = UtcTime::from_date(year, 1, 1)
        .filter(|_| in_range)
        .ok_or_else(|| format!("year {year}, day {day}, {hour}:{minute}:{second}: no such time"))?;
    let [day, hour, minute, second] = [day, hour, minute, second].map(i64::from);
    let seconds = ((day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    Ok(Some(midnight.plus(seconds * SECOND)))
}

fn walk(
    file: &Source,
    layout: &Layout,
    offset: u64,
    name: &str,
    visit: &mut Visit<'_>,
) -> Result<Vec<String>> {
    let wrong = |at: u64, problem: String| {
        Error::input(file, format!("{name}: trace at byte {at}: {problem}"))
    };
    let mut source = file.open()?;
    let length = source.length();
    let (sample_type, encoding) = layout.sample.stored_as();
    let id = StreamId::default();
    let mut at = offset.max(layout.first);
    let (mut traces, mut undated) = (0u64, 0u64);
    while at + TRACE_HEADER as u64 <= length {
        let mut header = [0; TRACE_HEADER];
        source.seek(SeekFrom::Start(at)).map_err(Error::io(file))?;
        source.read_exact(&mut header).map_err(Error::io(file))?;
        let or = |stated: u16, general: u16| if stated == 0 { general } else { stated };
        let samples = or(layout.order.u16(&header, 114), layout.samples);
        let interval = or(layout.order.u16(&header, 116), layout.interval);
        let rate = SampleRate::from_ratio(1_000_000, u64::from(interval))
            .filter(|_| samples > 0)
            .ok_or_else(|| wrong(at, format!("{samples} samples every {interval} us")))?;
        let start = start_of(&header, layout.order).map_err(|problem| wrong(at, problem))?;
        let bytes = u64::from(samples) * layout.sample.width() as u64;
        let data = at + TRACE_HEADER as u64;
        if data + bytes > length {
            let there = length - data;
            return Err(wrong(at, format!("{bytes} bytes of samples stated, {there} are there")));
        }
        traces += 1;
        undated += u64::from(start.is_none());
        let block = Block {
            id: &id,
            quality: None,
            start: start.unwrap_or_default(),
            rate_hz: rate.hz(),
            rate: Some(rate),
            samples: u64::from(samples),
            covered: u64::from(samples),
            sample_type,
            encoding,
            byte_order: layout.order.name(),
            length: 0,
            offset: at,
            begins_trace: true,
            ends_earlier: 0,
            recorder: RecorderState::default(),
            decode: &|| {
                let mut source = file.open()?;
                source.seek(SeekFrom::Start(data)).map_err(Error::io(file))?;
                let mut body = Vec::new();
                source.take(bytes).read_to_end(&mut body).map_err(Error::io(file))?;
                Ok(samples_of(&body, layout.sample, layout.order))
            },
        };
        if visit(&block)?.is_break() {
            return Ok(Vec::new());
        }
        at = data + bytes;
    }
    if traces == 0 {
        return Err(Error::input(file, format!("{name}: no trace")));
    }
    let note = format!("{undated} of {traces} traces state no year: taken as 1970-01-01");
    Ok(if undated > 0 { vec![note] } else { Vec::new() })
}

/// The byte order of a SEG-Y binary header, by its format code.
fn order_of(head: &[u8]) -> Option<Order> {
    Order::BOTH
        .into_iter()
        .find(|order| matches!(order.i16(head, 3224), 1..=5 | 8))
        .filter(|_| head.len() >= FILE_HEADER)
}

impl Format for SegY {
    fn name(&self) -> &'static str {
        "SEGY"
    }

    fn probe(&self, head: &[u8], _length: u64) -> bool {
        order_of(head).is_some_and(|order| {
            order.u16(head, 3216) > 0
                && order.u16(head, 3220) > 0
                && matches!(order.i16(head, 3500), 0 | 1 | 0x0010 | 0x0100)
                && [3212, 3214, 3502, 3504].iter().all(|&at| order.i16(head, at) >= 0)
        })
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        _options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let mut head = Vec::new();
        let source = file.open()?;
        source.take(FILE_HEADER as u64).read_to_end(&mut head).map_err(Error::io(file))?;
        let order = order_of(&head).ok_or_else(|| Error::input(file, "not a SEG-Y header"))?;
        let code = order.i16(&head, 3224);
        let sample = Sample::of(code).ok_or_else(|| {
            let problem = "fixed point with gain is not supported; expected 1, 2, 3, 5 or 8";
            Error::input(file, format!("SEGY: sample format {code}: {problem}"))
        })?;
        let texts = u64::try_from(order.i16(&head, 3504)).unwrap_or(0);
        if texts > MOST_TEXTS {
            return Err(Error::input(file, format!("SEGY: {texts} extended textual headers")));
        }
        let layout = Layout {
            order,
            sample,
            first: FILE_HEADER as u64 + texts * TEXT,
            samples: order.u16(&head, 3220),
            interval: order.u16(&head, 3216),
        };
        walk(file, &layout, offset, "SEGY", visit)
    }
}

/// Whether the first trace header makes sense in `order` for a Seismic Unix file of `length` bytes.
fn is_plausible(head: &[u8], length: u64, order: Order) -> bool {
    let [year, day, hour, minute, second] = [156, 158, 160, 162, 164].map(|at| order.i16(head, at));
    let samples = order.i16(head, 114);
    samples > 0
        && length.is_multiple_of(TRACE_HEADER as u64 + 4 * u64::from(samples.unsigned_abs()))
        && order.u16(head, 116) > 0
        && matches!(year, 0..=99 | 1930..=2029)
        && matches!(day, 0..=366 | 9999)
        && (0..=24).contains(&hour)
        && (0..=60).contains(&minute)
        && (0..=60).contains(&second)
}

/// The one byte order in which the file makes sense, if there is exactly one.
fn unix_order(head: &[u8], length: u64) -> Option<Order> {
    if head.len() < TRACE_HEADER || length < TRACE_HEADER as u64 + 4 || !length.is_multiple_of(4) {
        return None;
    }
    match Order::BOTH.map(|order| is_plausible(head, length, order)) {
        [true, false] => Some(Order::BOTH[0]),
        [false, true] => Some(Order::BOTH[1]),
        _ => None,
    }
}

impl Format for SeismicUnix {
    fn name(&self) -> &'static str {
        "SU"
    }

    fn probe(&self, head: &[u8], length: u64) -> bool {
        unix_order(head, length).is_some()
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        _options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let mut head = Vec::new();
        let source = file.open()?;
        let length = source.length();
        source.take(TRACE_HEADER as u64).read_to_end(&mut head).map_err(Error::io(file))?;
        let order = unix_order(&head, length)
            .ok_or_else(|| Error::input(file, "not a Seismic Unix trace header"))?;
        let layout = Layout { order, sample: Sample::Ieee, first: 0, samples: 0, interval: 0 };
        walk(file, &layout, offset, "SU", visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::scan::{FileScan, scan};

    #[test]
    fn ibm_floats_are_exact() {
        for (word, value) in [
            (0x4264_0000, 100.0),
            (0xC276_A000, -118.625),
            (0x4080_0000, 0.5),
            (0x60FF_FFFF, f32::MAX),
            (0x7FFF_FFFF, f32::INFINITY),
            (0x0000_0001, 0.0),
        ] {
            assert_eq!(ibm(word), value, "{word:08x}");
        }
        assert!(ibm(0x8000_0000).is_sign_negative());
    }

    fn trace_header(samples: u16, order: Order) -> Vec<u8> {
        let mut header = vec![0; TRACE_HEADER];
        for (at, value) in
            [(114, samples), (116, 250), (156, 5), (158, 353), (160, 15), (162, 7), (164, 54)]
        {
            let bytes = if order.is_big { value.to_be_bytes() } else { value.to_le_bytes() };
            header[at..at + 2].copy_from_slice(&bytes);
        }
        header
    }

    fn segy(code: u16, order: Order, texts: u16, width: usize) -> Vec<u8> {
        let mut bytes = vec![b' '; TEXT as usize];
        bytes.resize(FILE_HEADER, 0);
        for (at, value) in [(3216, 250), (3220, 6), (3224, code), (3500, 0x0100), (3504, texts)] {
            let value: u16 = value;
            let word = if order.is_big { value.to_be_bytes() } else { value.to_le_bytes() };
            bytes[at..at + 2].copy_from_slice(&word);
        }
        bytes.resize(FILE_HEADER + usize::from(texts) * TEXT as usize, b' ');
        for _ in 0..2 {
            bytes.extend(trace_header(0, order));
            let sample: Vec<u8> = (1..=width as u8).collect();
            (0..6).for_each(|_| bytes.extend(&sample));
        }
        bytes
    }

    fn read(bytes: &[u8], format: &dyn Format) -> Result<FileScan> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        scan(&path, format, &FormatOptions::default(), true)
    }

    #[test]
    fn every_sample_format_in_both_orders_gives_two_traces() {
        for order in Order::BOTH {
            for (code, width) in [(1, 4), (2, 4), (3, 2), (5, 4), (8, 1)] {
                let bytes = segy(code, order, 1, width);
                assert!(SegY.probe(&bytes, bytes.len() as u64), "{code}");
                let scan = read(&bytes, &SegY).unwrap();
                assert_eq!(scan.segments.len(), 2, "format {code}");
                assert!(scan.segments.iter().all(|s| s.samples == 6 && s.rate_hz == 4000.0));
                assert_eq!(scan.segments[1].start.to_string(), "2005-12-19T15:07:54Z");
                assert!(read(&bytes[..bytes.len() - 1], &SegY).is_err());
            }
        }
        assert!(read(&segy(4, Order::BOTH[0], 0, 4), &SegY).is_err());
    }

    #[test]
    fn seismic_unix_is_told_by_its_size_and_one_order() {
        for order in Order::BOTH {
            let mut bytes = trace_header(3, order);
            let value = if order.is_big { 2.5f32.to_be_bytes() } else { 2.5f32.to_le_bytes() };
            (0..3).for_each(|_| bytes.extend(value));
            assert!(SeismicUnix.probe(&bytes, bytes.len() as u64));
            let scan = read(&bytes.repeat(4), &SeismicUnix).unwrap();
            assert_eq!(scan.segments.len(), 4);
            assert_eq!(scan.segments[0].byte_order, order.name());
            assert!(!SeismicUnix.probe(&bytes, bytes.len() as u64 + 4));
        }
    }
}
