//! GSE1 and GSE2: text with one waveform after the other, each with a checksum.
//!
//! Layout of the headers: GSE 2.0 message formats (GSETT-3, CRP/243), sections WID2, STA2, DAT2,
//! CHK2, and their forms of GSE 1. Data types INT and CM6 (six-bit compressed second differences).

use super::format::{Block, Format, FormatOptions, SampleType, Visit};
use super::recorder_state::RecorderState;
use super::source::Source;
use super::trace::{Samples, StreamId};
use crate::error::{Error, Result};
use crate::time::{SECOND, SampleRate, UtcTime};

/// Largest file that is read; it is held in memory.
const LONGEST: u64 = 1 << 29;

/// Characters of a data line in CM6.
const LINE: usize = 80;

/// Beyond this the checksum folds.
const FOLD: i64 = 100_000_000;

/// The format's entry in the registry.
pub struct Gse;

/// Which of the two, and what differs between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    fn of(line: &[u8]) -> Option<Self> {
        match line.get(..4)? {
            b"WID1" => Some(Self::One),
            b"WID2" => Some(Self::Two),
            _ => None,
        }
    }

    fn begins_data(self, line: &[u8]) -> bool {
        line.trim_ascii() == if self == Self::One { b"DAT1" } else { b"DAT2" }
    }

    /// A data line may begin like a checksum; only the blank tells them apart.
    fn ends_data(self, line: &[u8]) -> bool {
        line.starts_with(if self == Self::One { b"CHK1 " } else { b"CHK2 " })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Integers,
    SixBit,
}

struct Header {
    id: StreamId,
    start: UtcTime,
    rate_hz: f64,
    rate: SampleRate,
    samples: usize,
    packing: Packing,
}

/// One waveform, decoded and proved by its checksum.
struct Waveform {
    header: Header,
    /// Where its first line begins in the file.
    offset: u64,
    samples: Vec<i32>,
}

/// Columns `from..to` of a line, trimmed.
fn columns(line: &[u8], from: usize, to: usize) -> &str {
    let field = line.get(from.min(line.len())..to.min(line.len())).unwrap_or_default();
    std::str::from_utf8(field).unwrap_or("").trim()
}

/// The lines of a file with their offsets.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split(|&b| b == b'\n').next().unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let offset = self.at as u64;
        let line = self.peek()?;
        let length = rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |at| at + 1);
        self.at += length;
        Some((offset, line))
    }
}

fn header_two(line: &[u8], station_line: Option<&[u8]>) -> Result<Header, String> {
    let text = |from, to| columns(line, from, to);
    let number = |from, to, what: &str| {
        let found = text(from, to);
        found.parse::<i64>().map_err(|_| format!("{what} '{found}' in columns {from} to {to}"))
    };
    let date = (number(5, 9, "year")?, number(10, 12, "month")?, number(13, 15, "day")?);
    let day = i16::try_from(date.0)
        .ok()
        .zip(i8::try_from(date.1).ok().zip(i8::try_from(date.2).ok()))
        .and_then(|(year, (month, day))| UtcTime::from_date(year, month, day))
        .ok_or_else(|| format!("date '{}'", text(5, 15)))?;
    let clock = [
        number(16, 18, "hour")?,
        number(19, 21, "minute")?,
        number(22, 24, "second")?,
        if text(25, 28).is_empty() { 0 } else { number(25, 28, "millisecond")? },
    ];
    // Writers drift by a column; the network is the first word in any case.
    let network = station_line
        .filter(|line| line.starts_with(b"STA2"))
        .map(|line| columns(line, 5, 14).split_ascii_whitespace().next().unwrap_or("").to_string());
    let (rate_hz, rate) = rate_of(text(57, 68))?;
    Ok(Header {
        id: StreamId {
            network: network.unwrap_or_default(),
            station: text(29, 34).to_string(),
            location: String::new(),
            channel: text(35, 38).to_ascii_uppercase(),
        },
        start: at_clock(day, clock)?,
        rate_hz,
        rate,
        samples: usize::try_from(number(48, 56, "number of samples")?)
            .map_err(|_| "a negative number of samples".to_string())?,
        packing: packing(text(44, 48))?,
    })
}

fn header_one(line: &[u8]) -> Result<Header, String> {
    let text = |from, to| columns(line, from, to);
    let number = |from, to, what: &str| {
        let found = text(from, to);
        found.parse::<i64>().map_err(|_| format!("{what} '{found}' in columns {from} to {to}"))
    };
    let year = i16::try_from(number(5, 10, "year")?).ok();
    let day_of_year = number(10, 13, "day of the year")?;
    if !(1..=366).contains(&day_of_year) {
        return Err(format!("day {day_of_year} of the year: expected 1 to 366"));
    }
    let day = year
        .and_then(|year| UtcTime::from_date(year, 1, 1))
        .ok_or_else(|| format!("year '{}'", text(5, 10)))?
        .plus((day_of_year - 1) * 86_400 * SECOND);
    let clock = [
        number(14, 16, "hour")?,
        number(17, 19, "minute")?,
        number(20, 22, "second")?,
        if text(23, 26).is_empty() { 0 } else { number(23, 26, "millisecond")? },
    ];
    let (rate_hz, rate) = rate_of(text(55, 66))?;
    Ok(Header {
        id: StreamId {
            network: String::new(),
            station: text(36, 42).to_string(),
            location: String::new(),
            channel: text(52, 54).to_ascii_uppercase(),
        },
        start: at_clock(day, clock)?,
        rate_hz,
        rate,
        samples: usize::try_from(number(27, 35, "number of samples")?)
            .map_err(|_| "a negative number of samples".to_string())?,
        packing: packing(text(74, 78))?,
    })
}

fn at_clock(
    day: UtcTime,
    [hour, minute, second, millisecond]: [i64; 4],
) -> Result<UtcTime, String> {
    let in_range = (0..=24).contains(&hour)
        && (0..=60).contains(&minute)
        && (0..=60).contains(&second)
        && (0..=999).contains(&millisecond);
    if !in_range {
        return Err(format!("time {hour}:{minute}:{second}.{millisecond:03}"));
    }
    let milliseconds = ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
    Ok(day.plus(milliseconds * 1_000_000))
}

fn rate_of(text: &str) -> Result<(f64, SampleRate), String> {
    let hz = text.parse::<f64>().ok();
    hz.and_then(|hz| Some((hz, SampleRate::from_hz(hz)?)))
        .ok_or_else(|| format!("sampling rate '{text}'"))
}

fn packing(name: &str) -> Result<Packing, String> {
    match name {
        "INT" | "INTV" => Ok(Packing::Integers),
        "CM6" | "CMP6" => Ok(Packing::SixBit),
        other => Err(format!("data type '{other}': INT and CM6 can be read")),
    }
}

/// The value of a CM6 character, `+-0-9A-Za-z` from 0 to 63.
fn six_bits(character: u8) -> Option<i64> {
    Some(i64::from(match character {
        b'+' => 0,
        b'-' => 1,
        b'0'..=b'9' => character - b'0' + 2,
        b'A'..=b'Z' => character - b'A' + 12,
        b'a'..=b'z' => character - b'a' + 38,
        _ => return None,
    }))
}

/// Second differences from the data lines: a character has a flag that more follow (32), the first
/// of a value its sign (16) and 4 bits, the others 5 bits.
fn six_bit_values(lines: &[&[u8]], wanted: usize) -> Result<Vec<i64>, String> {
    let mut values = Vec::new();
    let mut open: Option<(bool, i64)> = None;
    for line in lines {
        let line = line.get(..LINE).unwrap_or(line);
        let end = line.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(line.len());
        for &character in line.get(..end).unwrap_or_default() {
            if values.len() == wanted {
                return Ok(values);
            }
            let bits = six_bits(character).ok_or_else(|| {
                format!("'{}' among the data", char::from(character).escape_default())
            })?;
            let (negative, value) = match open {
                None => (bits & 16 != 0, bits & 15),
                Some((negative, value)) => (negative, (value << 5) + (bits & 31)),
            };
            if value > 1 << 31 {
                return Err("a difference above 2^31 among the data".to_string());
            }
            open = (bits & 32 != 0).then_some((negative, value));
            if open.is_none() {
                values.push(if negative { -value } else { value });
            }
        }
    }
    Ok(values)
}

/// Two running sums, wrapping as the 32-bit counts do.
fn sum_twice(values: Vec<i64>) -> Vec<i32> {
    let (mut slope, mut level) = (0i32, 0i32);
    let sum = |value: i64| {
        slope = slope.wrapping_add(value as i32);
        level = level.wrapping_add(slope);
        level
    };
    values.into_iter().map(sum).collect()
}

fn integers(lines: &[&[u8]], wanted: usize) -> Result<Vec<i32>, String> {
    let mut values = Vec::new();
    for word in lines.iter().flat_map(|line| line.split(|b| b.is_ascii_whitespace())) {
        if values.len() == wanted {
            break;
        }
        if !word.is_empty() {
            let text = String::from_utf8_lossy(word);
            values.push(text.parse().map_err(|_| format!("'{text}' among the data"))?);
        }
    }
    Ok(values)
}

/// GSE 2.0, section CHK2: the sum of the samples, folded at 10^8 after each step.
fn checksum(samples: &[i32]) -> i64 {
    samples.iter().fold(0, |sum, &sample| (sum + i64::from(sample) % FOLD) % FOLD)
}

/// The next waveform; `None` at the end of the file.
fn next_waveform(lines: &mut Lines<'_>) -> Result<Option<Waveform>, String> {
    let (offset, version, first) = loop {
        let Some((offset, line)) = lines.next() else { return Ok(None) };
        if let Some(version) = Version::of(line) {
            break (offset, version, line);
        }
    };
    let at = |problem: String| format!("byte {offset}: {problem}");
    let header = match version {
        Version::One => header_one(first),
        Version::Two => header_two(first, lines.peek()),
    };
    let header = header.map_err(at)?;
    loop {
        match lines.next() {
            Some((_, line)) if version.begins_data(line) => break,
            Some((_, line)) if Version::of(line).is_none() => {}
            _ => return Err(at("a header without data".to_string())),
        }
    }
    let mut data = Vec::new();
    let stated = loop {
        match lines.next() {
            Some((_, line)) if version.ends_data(line) => {
                let text = columns(line, 5, line.len());
                break text.parse::<i64>().map_err(|_| at(format!("checksum '{text}'")))?;
            }
            Some((_, line)) => data.push(line),
            None => break 0,
        }
    };
    let samples = match header.packing {
        Packing::Integers => integers(&data, header.samples),
        Packing::SixBit => six_bit_values(&data, header.samples).map(sum_twice),
    };
    let samples = samples.map_err(at)?;
    if samples.len() < header.samples {
        let wanted = header.samples;
        return Err(at(format!("{wanted} samples stated, {} found", samples.len())));
    }
    let found = checksum(&samples);
    if found.abs() != stated.abs() {
        return Err(at(format!("checksum {stated} stated, {found} found: the data changed")));
    }
    Ok(Some(Waveform { header, offset, samples }))
}

impl Format for Gse {
    fn name(&self) -> &'static str {
        "GSE"
    }

    fn probe(&self, head: &[u8], _length: u64) -> bool {
        head.split(|&b| b == b'\n').any(|line| Version::of(line).is_some())
            && head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        _options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let fault = |problem: String| Error::input(file, format!("GSE: {problem}"));
        let bytes = file.bytes(LONGEST)?;
        let start = usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
        let mut lines = Lines { bytes: &bytes, at: start };
        let mut waveforms = 0;
        while let Some(waveform) = next_waveform(&mut lines).map_err(fault)? {
            waveforms += 1;
            let Waveform { header, offset, samples } = &waveform;
            let block = Block {
                id: &header.id,
                quality: None,
                start: header.start,
                rate_hz: header.rate_hz,
                rate: Some(header.rate),
                samples: samples.len() as u64,
                covered: samples.len() as u64,
                sample_type: SampleType::I32,
                encoding: if header.packing == Packing::SixBit { "CM6" } else { "INT" },
                byte_order: '-',
                length: 0,
                offset: *offset,
                begins_trace: true,
                ends_earlier: 0,
                recorder: RecorderState::default(),
                decode: &|| Ok(Samples::I32(samples.clone())),
            };
            if visit(&block)?.is_break() {
                return Ok(Vec::new());
            }
        }
        match waveforms {
            0 => Err(fault("no waveform".to_string())),
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::scan::{FileScan, scan};

    /// CM6 by its definition, as lines of 80 characters.
    fn six_bit_text(samples: &[i32]) -> String {
        const ALPHABET: &[u8; 64] =
            b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let at = |i: usize, back: usize| {
            i.checked_sub(back).map_or(0, |before| i64::from(samples[before]))
        };
        let mut text = Vec::new();
        for i in 0..samples.len() {
            let difference = at(i, 0) - 2 * at(i, 1) + at(i, 2);
            let mut groups = vec![difference.abs() & 31];
            let mut rest = difference.abs() >> 5;
            while rest > 0 || *groups.last().unwrap() > 15 {
                groups.push(rest & 31);
                rest >>= 5;
            }
            let (last, sign) = (groups.len() - 1, if difference < 0 { 16 } else { 0 });
            for (k, group) in groups.iter().rev().enumerate() {
                let more = if k < last { 32 } else { 0 };
                let sign = if k == 0 { sign } else { 0 };
                text.push(ALPHABET[(group + more + sign) as usize]);
            }
        }
        let lines = text.chunks(LINE).map(|line| String::from_utf8_lossy(line).to_string());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn message(samples: &[i32], packing: &str, sum: i64) -> String {
        let data = match packing {
            "CM6" => six_bit_text(samples),
            _ => samples.iter().map(i32::to_string).collect::<Vec<_>>().join(" "),
        };
        format!(
            "BEGIN GSE2.0\nWID2 2009/05/18 06:47:20.255 RNHA  EHN      {packing} {:>8}  200.000000  \
             9.49e-02   1.000  M24/LE  -1.0 -0.0\nSTA2 XY\nDAT2\n{data}\nCHK2 {sum:>8}\n\n",
            samples.len()
        )
    }

    fn read(text: &str) -> Result<FileScan> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gse2");
        std::fs::write(&path, text).unwrap();
        assert!(Gse.probe(&text.as_bytes()[..text.len().min(512)], text.len() as u64));
        scan(&path, &Gse, &FormatOptions::default(), true)
    }

    #[test]
    fn packed_and_plain_integers_read_alike_and_several_messages_follow_each_other() {
        let samples: Vec<i32> = (0..700).map(|i| (i * i % 7919 * 31) % 100_003 - 50_000).collect();
        let sum = checksum(&samples);
        let text = message(&samples, "CM6", sum) + &message(&samples, "INT", -sum);
        let scan = read(&text).unwrap();
        let [packed, plain] = &scan.segments[..] else { panic!("{}", scan.segments.len()) };
        assert_eq!(packed.sha256, plain.sha256);
        assert_eq!((packed.samples, packed.id.to_string().as_str()), (700, "XY.RNHA..EHN"));
        assert_eq!(packed.start.to_string(), "2009-05-18T06:47:20.255Z");
        assert_eq!(read(&text.replace('\n', "\r\n")).unwrap().segments.len(), 2);
    }

    #[test]
    fn a_wrong_checksum_a_missing_sample_and_foreign_characters_are_refused() {
        let samples = [3, -4, 5, 1000, -70_000];
        let sum = checksum(&samples);
        assert!(read(&message(&samples, "CM6", sum)).is_ok());
        assert!(read(&message(&samples, "CM6", sum + 1)).is_err());
        let problem = read(&message(&samples, "CM8", sum)).unwrap_err().to_string();
        assert!(problem.contains("'CM8'"), "{problem}");
        let short = message(&samples, "INT", sum).replace("INT        5", "INT        6");
        assert!(read(&short).unwrap_err().to_string().contains("5 found"));
        assert!(read(&message(&samples, "INT", sum).replace("1000", "1o00")).is_err());
    }

    #[test]
    fn the_checksum_folds_with_the_sign_of_what_is_divided() {
        assert_eq!(checksum(&[99_999_999, 2, -5]), -4);
        assert_eq!(checksum(&[i32::MIN]), -47_483_648);
    }
}
