//! SAC: one evenly sampled trace a file, binary in either byte order (header versions 6 and 7) or text.
//!
//! Layout of the header: SAC Users Manual, chapter "SAC data file format". -12345 stands for "not
//! stated" everywhere. The start is the reference time plus `b`, whatever the reference stands for.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::format::{Block, Format, FormatOptions, SampleType, Visit};
use super::recorder_state::RecorderState;
use super::source::{Content, Source};
use super::trace::{Samples, StreamId, Trace};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::time::{SECOND, SampleRate, UtcTime};

/// Bytes of the header.
const HEADER: usize = 632;

/// Bytes of the doubles that version 7 appends.
const FOOTER: u64 = 22 * 8;

/// "Not stated".
const ABSENT: f64 = -12345.0;

/// Samples decoded at a time.
const CHUNK: u64 = 1 << 16;

/// Largest text file that is read; it is held in memory.
const LONGEST_TEXT: u64 = 1 << 28;

/// Where the integers and the texts begin among the 4-byte words of the header.
const INTEGERS: usize = 70;
const TEXTS: usize = 440;

/// The binary form's entry in the registry.
pub struct Sac;

/// The text form's entry in the registry.
pub struct SacText;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn word(self, bytes: &[u8], at: usize) -> [u8; 4] {
        let mut word =
            bytes.get(at..).and_then(|b| b.first_chunk::<4>()).copied().unwrap_or([0; 4]);
        if self == Self::Big {
            word.reverse();
        }
        word
    }

    fn i32(self, bytes: &[u8], at: usize) -> i32 {
        i32::from_le_bytes(self.word(bytes, at))
    }

    fn f32(self, bytes: &[u8], at: usize) -> f32 {
        f32::from_le_bytes(self.word(bytes, at))
    }

    fn f64(self, bytes: &[u8], at: usize) -> f64 {
        let mut word =
            bytes.get(at..).and_then(|b| b.first_chunk::<8>()).copied().unwrap_or([0; 8]);
        if self == Self::Big {
            word.reverse();
        }
        f64::from_le_bytes(word)
    }

    fn of(head: &[u8]) -> Option<Self> {
        [Self::Little, Self::Big].into_iter().find(|order| (1..=7).contains(&order.i32(head, 304)))
    }
}

/// What the header says, however it was written.
struct Header {
    id: StreamId,
    start: UtcTime,
    /// False where the reference time is not stated: then the start counts from 1970.
    is_dated: bool,
    rate: SampleRate,
    samples: u64,
}

/// The fields that decide, before they are judged.
struct Fields<'a> {
    delta: f64,
    begin: f64,
    /// Year, day of the year, hour, minute, second, millisecond.
    reference: [i32; 6],
    samples: i32,
    kind: i32,
    evenly_sampled: i32,
    /// Network, station, location (hole), channel.
    codes: [&'a [u8]; 4],
}

impl Fields<'_> {
    fn judge(self, file: &Source) -> Result<Header> {
        let wrong = |problem: String| Error::input(file, format!("SAC: {problem}"));
        let kind_is_series = matches!(self.kind, 1 | -12345);
        if !kind_is_series || self.evenly_sampled == 0 {
            return Err(wrong(format!(
                "file type {} with leven {}: expected an evenly sampled time series (1 and 1)",
                self.kind, self.evenly_sampled
            )));
        }
        let samples =
            u64::try_from(self.samples).map_err(|_| wrong(format!("{} samples", self.samples)))?;
        let rate = rate_of(self.delta).ok_or_else(|| {
            wrong(format!("sampling interval {} s: expected above 0", self.delta))
        })?;
        let begin = if self.begin == ABSENT { 0.0 } else { self.begin };
        let reference = reference_time(self.reference);
        // 2^53 ns is 104 days, beyond which no double holds a nanosecond; the cast saturates.
        let offset = (begin * SECOND as f64).round() as i64;
        let [network, station, location, channel] = self.codes.map(text);
        Ok(Header {
            id: StreamId { network, station, location, channel },
            start: reference.unwrap_or_default().plus(offset),
            is_dated: reference.is_some(),
            rate,
            samples,
        })
    }
}

/// The rate of an interval stated to about 7 digits: the ratio with the smallest denominator up to
/// 1000 that it can be told from no better, else the interval's own value.
fn rate_of(delta: f64) -> Option<SampleRate> {
    if !(delta.is_finite() && delta > 0.0) {
        return None;
    }
    (1..=1000u64)
        .find_map(|denominator| {
            let numerator = (denominator as f64 / delta).round();
            let off = (numerator * delta / denominator as f64 - 1.0).abs();
            ((1.0..1e12).contains(&numerator) && off < f64::from(f32::EPSILON))
                .then(|| SampleRate::from_ratio(numerator as u64, denominator))?
        })
        .or_else(|| SampleRate::from_hz(1.0 / delta))
}

/// `None` where a part is not stated or is none.
fn reference_time([year, day, hour, minute, second, millisecond]: [i32; 6]) -> Option<UtcTime> {
    let year = if (0..100).contains(&year) { year + 1900 } else { year };
    let in_range = (1678..=2261).contains(&year)
        && (1..=366).contains(&day)
        && (0..=24).contains(&hour)
        && (0..=60).contains(&minute)
        && (0..=60).contains(&second)
        && (0..=999).contains(&millisecond);
    if !in_range {
        return None;
    }
    let seconds = i64::from(day - 1) * 86_400
        + i64::from(hour) * 3600
        + i64::from(minute) * 60
        + i64::from(second);
    let offset = seconds * SECOND + i64::from(millisecond) * 1_000_000;
    Some(UtcTime::from_date(i16::try_from(year).ok()?, 1, 1)?.plus(offset))
}

/// Cut at the first NUL, trimmed; empty if not stated.
fn text(bytes: &[u8]) -> String {
    let bytes: Vec<u8> = bytes.iter().copied().take_while(|&b| b != 0).collect();
    match String::from_utf8_lossy(&bytes).trim() {
        "-12345" => String::new(),
        text => text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect(),
    }
}

/// A binary file's header, its size checked.
fn binary_header(file: &Source, source: &mut Content) -> Result<(Header, Order)> {
    let length = source.length();
    let mut head = Vec::new();
    source.take(HEADER as u64).read_to_end(&mut head).map_err(Error::io(file))?;
    let order = Order::of(&head).filter(|_| head.len() == HEADER);
    let order = order.ok_or_else(|| Error::input(file, "not a SAC header"))?;
    let integer = |index: usize| order.i32(&head, 4 * (INTEGERS + index));
    let at = |offset: usize, width: usize| {
        head.get(TEXTS + offset..TEXTS + offset + width).unwrap_or_default()
    };
    let version = integer(6);
    let mut fields = Fields {
        delta: f64::from(order.f32(&head, 0)),
        begin: f64::from(order.f32(&head, 20)),
        reference: [0, 1, 2, 3, 4, 5].map(integer),
        samples: integer(9),
        kind: integer(15),
        evenly_sampled: integer(35),
        codes: [at(168, 8), at(0, 8), at(24, 8), at(160, 8)],
    };
    let (kind, even, samples) = (fields.kind, fields.evenly_sampled, fields.samples);
    let components = if matches!(kind, 1 | -12345) && even != 0 { 1 } else { 2 };
    let footer = if version == 7 { FOOTER } else { 0 };
    let data = 4 * components * u64::try_from(samples).unwrap_or(0);
    let expected = HEADER as u64 + data + footer;
    if samples < 0 || length != expected {
        return Err(Error::input(
            file,
            format!("SAC: {samples} samples make a file of {expected} bytes; it has {length}"),
        ));
    }
    if version == 7 {
        // Doubles of the same fields, where stated, replace the singles.
        let mut doubles = [0; 16];
        source.seek(SeekFrom::Start(HEADER as u64 + data)).map_err(Error::io(file))?;
        source.read_exact(&mut doubles).map_err(Error::io(file))?;
        let stated = |at: usize| Some(order.f64(&doubles, at)).filter(|&value| value != ABSENT);
        fields.delta = stated(0).unwrap_or(fields.delta);
        fields.begin = stated(8).unwrap_or(fields.begin);
    }
    Ok((fields.judge(file)?, order))
}

fn visit_chunks(
    header: &Header,
    (from, order, encoding): (u64, char, &'static str),
    visit: &mut Visit<'_>,
    decode: impl Fn(u64, u64) -> Result<Samples>,
) -> Result<Vec<String>> {
    let mut at = from;
    loop {
        let count = CHUNK.min(header.samples.saturating_sub(at));
        let block = Block {
            id: &header.id,
            quality: None,
            start: header.start.plus(header.rate.offset(at)),
            rate_hz: header.rate.hz(),
            rate: Some(header.rate),
            samples: count,
            covered: count,
            sample_type: SampleType::F32,
            encoding,
            byte_order: order,
            length: 0,
            offset: at,
            begins_trace: at == 0,
            ends_earlier: 0,
            recorder: RecorderState::default(),
            decode: &|| decode(at, count),
        };
        if visit(&block)?.is_break() || at + count >= header.samples {
            break;
        }
        at += count;
    }
    let undated = "SAC without a reference time: taken as 1970-01-01";
    Ok(if header.is_dated { Vec::new() } else { vec![undated.to_string()] })
}

impl Format for Sac {
    fn name(&self) -> &'static str {
        "SAC"
    }

    fn probe(&self, head: &[u8], length: u64) -> bool {
        let Some(order) = Order::of(head).filter(|_| length >= HEADER as u64) else { return false };
        let delta = order.f32(head, 0);
        delta.is_finite()
            && delta > 0.0
            && order.i32(head, 316) >= 0
            && [420, 424, 428, 432].iter().all(|&at| matches!(order.i32(head, at), 0 | 1 | -12345))
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        _options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let mut source = file.open()?;
        let (header, order) = binary_header(file, &mut source)?;
        let name = if order == Order::Little { '<' } else { '>' };
        visit_chunks(&header, (offset, name, "FLOAT32"), visit, |from, count| {
            let mut source = file.open()?;
            let start = HEADER as u64 + 4 * from;
            source.seek(SeekFrom::Start(start)).map_err(Error::io(file))?;
            let mut bytes = Vec::new();
            source.take(4 * count).read_to_end(&mut bytes).map_err(Error::io(file))?;
            Ok(Samples::F32(bytes.chunks_exact(4).map(|word| order.f32(word, 0)).collect()))
        })
    }
}

/// The text form: 14 lines of 5 floats, 8 of 5 integers, 8 of texts, then the samples.
struct TextFile {
    header: Header,
    samples: Vec<f32>,
}

const TEXT_LINES: usize = 30;

fn read_text(file: &Source) -> Result<TextFile> {
    let wrong = |problem: String| Error::input(file, format!("SAC text: {problem}"));
    let bytes = file.bytes(LONGEST_TEXT)?;
    let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    // Columns are 15 and 10 wide by the manual, and drift in practice; blanks part them.
    let field = |row: usize, column: usize| -> Result<&str> {
        let line = std::str::from_utf8(lines.get(row).copied().unwrap_or_default())
            .map_err(|_| wrong(format!("line {}: bytes that are no text", row + 1)))?;
        Ok(line.split_ascii_whitespace().nth(column).unwrap_or(""))
    };
    let float = |index: usize| -> Result<f64> {
        let row = index / 5;
        let found = field(row, index % 5)?;
        found.parse().map_err(|_| wrong(format!("line {}: '{found}' is no number", row + 1)))
    };
    let integer = |index: usize| -> Result<i32> {
        let row = 14 + index / 5;
        let found = field(row, index % 5)?;
        found.parse().map_err(|_| wrong(format!("line {}: '{found}' is no integer", row + 1)))
    };
    let code = |offset: usize| -> &[u8] {
        let line = lines.get(22 + offset / 24).copied().unwrap_or_default();
        let start = offset % 24;
        line.get(start..line.len().min(start + 8)).unwrap_or_default()
    };
    let samples = integer(9)?;
    let header = Fields {
        delta: float(0)?,
        begin: float(5)?,
        reference: [integer(0)?, integer(1)?, integer(2)?, integer(3)?, integer(4)?, integer(5)?],
        samples,
        kind: integer(15)?,
        evenly_sampled: integer(35)?,
        codes: [code(168), code(0), code(24), code(160)],
    }
    .judge(file)?;
    let mut values = Vec::new();
    for (row, line) in lines.iter().enumerate().skip(TEXT_LINES) {
        for number in String::from_utf8_lossy(line).split_ascii_whitespace() {
            let value = number.parse::<f32>();
            values.push(value.map_err(|_| wrong(format!("line {}: '{number}'", row + 1)))?);
        }
    }
    if values.len() as u64 != header.samples {
        return Err(wrong(format!("{samples} samples stated, {} found", values.len())));
    }
    Ok(TextFile { header, samples: values })
}

impl Format for SacText {
    fn name(&self) -> &'static str {
        "SACXY"
    }

    fn probe(&self, head: &[u8], _length: u64) -> bool {
        let mut lines = head.split(|&b| b == b'\n');
        let mut row = |is_field: fn(&str) -> bool| {
            lines.next().and_then(|line| std::str::from_utf8(line).ok()).is_some_and(|line| {
                let mut fields = line.split_ascii_whitespace();
                fields.by_ref().take(5).filter(|field| is_field(field)).count() == 5
                    && fields.next().is_none()
            })
        };
        (0..14).all(|_| row(|field| field.parse::<f64>().is_ok()))
            && (0..8).all(|_| row(|field| field.parse::<i64>().is_ok()))
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        _options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let TextFile { header, samples } = read_text(file)?;
        visit_chunks(&header, (offset, '<', "TEXT"), visit, |from, count| {
            let (from, to) = (from as usize, (from + count) as usize);
            Ok(Samples::F32(samples.get(from..to).unwrap_or_default().to_vec()))
        })
    }
}

/// A trace as a version 6 file, little-endian, and whether integers lost digits in single
/// precision. The reference time is the start cut to the millisecond; `b` holds the rest.
pub fn to_bytes(trace: &Trace) -> Result<(Vec<u8>, bool)> {
    let values = trace.samples.to_f64();
    let singles: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let loses = values.iter().zip(&singles).any(|(&value, &single)| f64::from(single) != value);
    let samples = i32::try_from(singles.len())
        .map_err(|_| Error::data(format!("{}: too many samples for one SAC file", trace.id)))?;
    let mut header = Vec::with_capacity(HEADER);
    let (year, day) = trace.start.year_and_day();
    let begin_of_year = UtcTime::from_date(year, 1, 1)
        .ok_or_else(|| Error::data(format!("{}: a start outside 1678 to 2261", trace.id)))?;
    let within = trace.start.0 - begin_of_year.0;
    let milliseconds = within.div_euclid(1_000_000);
    let rest = (within - milliseconds * 1_000_000) as f64 / SECOND as f64;
    let delta = 1.0 / trace.rate.hz();
    let end = rest + (f64::from(samples) - 1.0).max(0.0) * delta;
    let finite = || singles.iter().copied().filter(|value| value.is_finite());
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    for index in 0..INTEGERS {
        let value = match index {
            0 => delta as f32,
            1 => finite().fold(f32::INFINITY, f32::min),
            2 => finite().fold(f32::NEG_INFINITY, f32::max),
            5 => rest as f32,
            6 => end as f32,
            56 => mean as f32,
            _ => ABSENT as f32,
        };
        let value = if value.is_finite() { value } else { ABSENT as f32 };
        header.extend_from_slice(&value.to_le_bytes());
    }
    let of_day = milliseconds - i64::from(day - 1) * 86_400_000;
    for index in 0..40 {
        let value = match index {
            0 => i64::from(year),
            1 => i64::from(day),
            2 => of_day / 3_600_000,
            3 => of_day / 60_000 % 60,
            4 => of_day / 1000 % 60,
            5 => of_day % 1000,
            6 => 6,
            9 => i64::from(samples),
            15 => 1, // a time series
            17 => 9, // the reference is the beginning
            35 => 1, // evenly sampled
            36..=38 => 1,
            39 => 0,
            _ => -12345,
        };
        header.extend_from_slice(&(value as i32).to_le_bytes());
    }
    let mut texts = [b' '; HEADER - TEXTS];
    for field in texts.chunks_mut(8) {
        field.copy_from_slice(b"-12345  ");
    }
    texts[16..24].fill(b' '); // the second half of the event's name
    for (at, code) in [
        (168, &trace.id.network),
        (0, &trace.id.station),
        (24, &trace.id.location),
        (160, &trace.id.channel),
    ] {
        if code.len() > 8 || !code.is_ascii() {
            return Err(Error::data(format!("{}: SAC holds codes of up to 8 letters", trace.id)));
        }
        if !code.is_empty() {
            texts[at..at + 8].fill(b' ');
            texts[at..at + code.len()].copy_from_slice(code.as_bytes());
        }
    }
    header.extend_from_slice(&texts);
    header.extend(singles.iter().flat_map(|single| single.to_le_bytes()));
    Ok((header, loses))
}

/// Writes a trace to a file (whole or not at all); whether digits were lost, as [`to_bytes`] says.
pub fn write(path: &Path, trace: &Trace) -> Result<bool> {
    let (bytes, loses) = to_bytes(trace)?;
    write_atomically(path, &bytes)?;
    Ok(loses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::scan::scan;

    fn trace() -> Trace {
        Trace {
            id: StreamId {
                network: "TA".into(),
                station: "C26K".into(),
                location: String::new(),
                channel: "BHZ".into(),
            },
            start: "2018-08-12T14:55:03.123456Z".parse().unwrap(),
            rate: SampleRate::from_ratio(40, 1).unwrap(),
            samples: Samples::I32((0..100_000).map(|i| i % 977 - 400).collect()),
        }
    }

    #[test]
    fn what_is_written_reads_back_in_either_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sac");
        let trace = trace();
        let (bytes, loses) = to_bytes(&trace).unwrap();
        assert!(!loses);
        let mut swapped = bytes.clone();
        swapped[..TEXTS].chunks_mut(4).for_each(<[u8]>::reverse);
        swapped[HEADER..].chunks_mut(4).for_each(<[u8]>::reverse);
        for (bytes, order) in [(&bytes, '<'), (&swapped, '>')] {
            std::fs::write(&path, bytes).unwrap();
            assert!(Sac.probe(bytes, bytes.len() as u64));
            let scan = scan(&path, &Sac, &FormatOptions::default(), true).unwrap();
            let [segment] = &scan.segments[..] else { panic!("{}", scan.segments.len()) };
            assert_eq!((segment.samples, segment.byte_order), (100_000, order));
            assert_eq!(segment.id, trace.id);
            assert_eq!(segment.rate, Some(trace.rate));
            assert!((segment.start.0 - trace.start.0).abs() <= 1, "{}", segment.start);
        }
    }

    #[test]
    fn a_wrong_size_and_every_broken_header_byte_are_errors_or_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sac");
        let mut short = trace();
        short.samples = Samples::F32(vec![0.5; 50]);
        let (good, _) = to_bytes(&short).unwrap();
        for bytes in [&good[..good.len() - 4], &good[..400]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(scan(&path, &Sac, &FormatOptions::default(), true).is_err());
        }
        for at in 0..HEADER {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bytes = good.clone();
                bytes[at] = value;
                std::fs::write(&path, &bytes).unwrap();
                if let Ok(scan) = scan(&path, &Sac, &FormatOptions::default(), true) {
                    assert!(scan.segments.iter().all(|segment| segment.samples <= 50));
                }
            }
        }
    }

    #[test]
    fn intervals_of_seven_digits_mean_their_plain_rates() {
        for (delta, ratio) in
            [(0.01f32, (100, 1)), (0.003, (1000, 3)), (0.0078125, (128, 1)), (10.0, (1, 10))]
        {
            assert_eq!(rate_of(f64::from(delta)).unwrap().ratio(), ratio, "{delta}");
        }
        assert!(rate_of(0.0).is_none() && rate_of(f64::NAN).is_none());
    }
}
