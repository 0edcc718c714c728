//! WAV through hound: every interleaved channel is a trace.
//!
//! WAV states neither time nor codes. They come from a sidecar `NAME.wav.json`
//! (`{"start": "2018-08-12T14:55:00Z", "id": "TA.C26K..BHZ"}`), else the start from the file's
//! `bext` chunk, else from an option, else it is 1970-01-01 and the file is noted.
//!
//! hound decodes; where the samples lie is found here, since recorders that were switched off
//! leave the size of the data chunk as 0, -1 or too large, which hound refuses, and so are the
//! 64-bit sizes of RF64 and BW64 (EBU Tech 3306) and samples of double precision.

use std::io::{Cursor, Read, Seek, SeekFrom};

use hound::{SampleFormat, WavReader, WavSpec};
use serde::Deserialize;

use super::format::{Block, Format, FormatOptions, SampleType, Visit};
use super::recorder_state::RecorderState;
use super::source::{Content, Source};
use super::trace::{Samples, StreamId};
use super::wav_writer::sidecar_of;
use crate::error::{Error, Result};
use crate::time::{SampleRate, UtcTime};

/// Frames decoded at a time.
const FRAMES: u64 = 1 << 16;

/// Channels beyond this are a broken header.
const MOST_CHANNELS: u16 = 64;

/// Chunks beyond this are a broken file.
const MOST_CHUNKS: usize = 10_000;

/// The format's entry in the registry.
pub struct Wav;

/// What a sidecar may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar {
    /// Time of the first sample.
    start: Option<String>,
    /// `NET.STA.LOC.CHA` of the first channel; further ones get a digit appended.
    id: Option<String>,
}

impl Sidecar {
    /// A member of an archive has none.
    fn beside(file: &Source) -> Result<Self> {
        let Some(file) = file.on_disk() else { return Ok(Self::default()) };
        let path = sidecar_of(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| Error::input(&path, e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::io(&path)(e)),
        }
    }
}

fn stream_id(text: &str, channel: u16, file: &Source) -> Result<StreamId> {
    let parts: Vec<&str> = text.split('.').collect();
    let [network, station, location, code] = parts[..] else {
        return Err(Error::input(file, format!("sidecar id '{text}': expected NET.STA.LOC.CHA")));
    };
    let suffix = if channel == 0 { String::new() } else { channel.to_string() };
    Ok(StreamId {
        network: network.into(),
        station: station.into(),
        location: location.into(),
        channel: format!("{code}{suffix}"),
    })
}

/// Where the samples of a file lie and what they are.
struct Layout {
    /// Body of the `fmt ` chunk.
    fmt: Vec<u8>,
    spec: WavSpec,
    /// Offset of the first sample.
    data: u64,
    /// Bytes a frame (one sample of each channel).
    frame: u64,
    /// Whole frames that are there.
    frames: u64,
    /// Start of the recording, if a `bext` chunk states it: day and samples since midnight.
    origination: Option<(UtcTime, u64)>,
}

impl Layout {
    fn of(file: &Source) -> Result<Self> {
        let wrong = |problem: &str| Error::input(file, format!("WAV: {problem}"));
        let mut source = file.open()?;
        let length = source.length();
        let mut fmt: Option<Vec<u8>> = None;
        let (mut origination, mut at, mut long_size) = (None, 12u64, None);
        for _ in 0..MOST_CHUNKS {
            let mut head = [0; 8];
            source.seek(SeekFrom::Start(at)).map_err(Error::io(file))?;
            if at + 8 > length || source.read_exact(&mut head).is_err() {
                break;
            }
            let [a, b, c, d, size @ ..] = head;
            let (name, size) = ([a, b, c, d], u64::from(u32::from_le_bytes(size)));
            let body = at + 8;
            match (&name, &fmt) {
                (b"data", Some(fmt)) => {
                    let is_long = size == u64::from(u32::MAX);
                    let size = long_size.filter(|_| is_long).unwrap_or(size);
                    return Self::complete(file, fmt, body, size, length, origination);
                }
                (b"ds64", _) => {
                    let sizes = read_body(file, &mut source, size.min(28))?;
                    let data = sizes.get(8..16).and_then(|bytes| bytes.first_chunk::<8>());
                    long_size = data.map(|bytes| u64::from_le_bytes(*bytes));
                }
                (b"data", None) => return Err(wrong("samples before their format")),
                (b"fmt ", None) => fmt = Some(read_body(file, &mut source, size.min(64))?),
                (b"bext", _) => {
                    origination = bext(&read_body(file, &mut source, size.min(602))?);
                }
                _ => {}
            }
            at = body + size + size % 2;
        }
        Err(wrong("no data chunk"))
    }

    fn complete(
        file: &Source,
        fmt: &[u8],
        data: u64,
        stated: u64,
        length: u64,
        origination: Option<(UtcTime, u64)>,
    ) -> Result<Self> {
        let spec = match double_precision(fmt) {
            Some(spec) => spec,
            None => {
                WavReader::new(Cursor::new(canonical(fmt, &[]))).map_err(|e| fault(file, e))?.spec()
            }
        };
        let frame = u64::from(spec.channels) * u64::from(spec.bits_per_sample.div_ceil(8));
        if !(1..=MOST_CHANNELS).contains(&spec.channels) || frame == 0 {
            let problem = format!("WAV with {} channels: expected 1 to 64", spec.channels);
            return Err(Error::input(file, problem));
        }
        let there = length.saturating_sub(data);
        let bytes = if stated == 0 { there } else { stated.min(there) };
        Ok(Self { fmt: fmt.to_vec(), spec, data, frame, frames: bytes / frame, origination })
    }

    fn sample_type(&self, file: &Source) -> Result<(SampleType, &'static str)> {
        match (self.spec.sample_format, self.spec.bits_per_sample) {
            (SampleFormat::Int, 8) => Ok((SampleType::U8, "UINT8")),
            (SampleFormat::Int, 16) => Ok((SampleType::I16, "INT16")),
            (SampleFormat::Int, 24) => Ok((SampleType::I32, "INT24")),
            (SampleFormat::Int, 32) => Ok((SampleType::I32, "INT32")),
            (SampleFormat::Float, 32) => Ok((SampleType::F32, "FLOAT32")),
            (SampleFormat::Float, 64) => Ok((SampleType::F64, "FLOAT64")),
            (format, bits) => {
                let problem = format!("WAV with {bits} bits of {format:?} is not supported");
                Err(Error::input(file, problem))
            }
        }
    }

    /// Samples `from..from + frames` of one channel.
    fn decode(&self, file: &Source, from: u64, frames: u64, channel: u16) -> Result<Samples> {
        let mut source = file.open()?;
        source.seek(SeekFrom::Start(self.data + from * self.frame)).map_err(Error::io(file))?;
        let bytes = read_body(file, &mut source, frames * self.frame)?;
        let (skip, step) = (usize::from(channel), usize::from(self.spec.channels));
        if self.spec.bits_per_sample == 64 {
            let (samples, _) = bytes.as_chunks::<8>();
            let samples = samples.iter().skip(skip).step_by(step);
            return Ok(Samples::F64(samples.map(|bytes| f64::from_le_bytes(*bytes)).collect()));
        }
        let mut reader = WavReader::new(Cursor::new(canonical(&self.fmt, &bytes)))
            .map_err(|e| fault(file, e))?;
        if self.spec.sample_format == SampleFormat::Float {
            let samples: Result<_, _> = reader.samples().skip(skip).step_by(step).collect();
            return Ok(Samples::F32(samples.map_err(|e| fault(file, e))?));
        }
        // Bytes are unsigned in WAV; hound moves them to -128..=127.
        let shift = if self.spec.bits_per_sample == 8 { 128 } else { 0 };
        let samples: Result<Vec<i32>, _> = reader.samples().skip(skip).step_by(step).collect();
        let samples = samples.map_err(|e| fault(file, e))?;
        Ok(Samples::I32(samples.into_iter().map(|sample| sample + shift).collect()))
    }
}

/// What a `fmt ` chunk says if samples are of double precision, which hound does not read.
fn double_precision(fmt: &[u8]) -> Option<WavSpec> {
    let word = |at: usize| Some(u16::from_le_bytes(*fmt.get(at..)?.first_chunk::<2>()?));
    // An extensible format states its kind at the begin of its sub-format.
    let kind = if word(0)? == 0xFFFE { word(24)? } else { word(0)? };
    let rate = u32::from_le_bytes(*fmt.get(4..)?.first_chunk::<4>()?);
    (kind == 3 && word(14)? == 64).then_some(WavSpec {
        channels: word(2)?,
        sample_rate: rate,
        bits_per_sample: 64,
        sample_format: SampleFormat::Float,
    })
}

/// Up to `size` bytes from where `source` stands.
fn read_body(file: &Source, source: &mut Content, size: u64) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    source.take(size).read_to_end(&mut body).map_err(Error::io(file))?;
    Ok(body)
}

/// A WAV file of one format and one data chunk, with the right sizes.
fn canonical(fmt: &[u8], data: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(28 + fmt.len() + data.len());
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&size(20 + fmt.len() + data.len()));
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&size(fmt.len()));
    file.extend_from_slice(fmt);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&size(data.len()));
    file.extend_from_slice(data);
    file
}

/// Day and samples since midnight of a broadcast-wave chunk.
fn bext(body: &[u8]) -> Option<(UtcTime, u64)> {
    let day = std::str::from_utf8(body.get(320..330)?).ok()?.parse::<UtcTime>().ok()?;
    let samples = body.get(338..346)?.first_chunk::<8>()?;
    Some((day, u64::from_le_bytes(*samples)))
}

fn fault(file: &Source, error: hound::Error) -> Error {
    Error::input(file, format!("not a readable WAV file: {error}"))
}

impl Format for Wav {
    fn name(&self) -> &'static str {
        "WAV"
    }

    fn is_self_contained(&self) -> bool {
        false
    }

    fn probe(&self, head: &[u8], _length: u64) -> bool {
        let begins = [b"RIFF", b"RF64", b"BW64"].iter().any(|magic| head.starts_with(*magic));
        begins && head.get(8..12) == Some(b"WAVE")
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let layout = Layout::of(file)?;
        let (sample_type, encoding) = layout.sample_type(file)?;
        let rate = SampleRate::from_ratio(u64::from(layout.spec.sample_rate), 1)
            .ok_or_else(|| Error::input(file, "WAV with a sample rate of 0"))?;
        let sidecar = Sidecar::beside(file)?;
        let stated = sidecar.start.as_deref().map(str::parse::<UtcTime>).transpose();
        let stated = stated.map_err(|e| Error::input(file, format!("sidecar: {e}")))?;
        let origination = layout
            .origination
            .map(|(day, samples)| day.plus(rate.offset(samples.min(u64::from(u32::MAX)))));
        let start = stated.or(origination).or(options.wav_start);
        let ids = (0..layout.spec.channels)
            .map(|channel| stream_id(sidecar.id.as_deref().unwrap_or("..."), channel, file))
            .collect::<Result<Vec<_>>>()?;
        let mut from = offset;
        while from < layout.frames {
            let count = FRAMES.min(layout.frames - from);
            for (channel, id) in (0..).zip(&ids) {
                let block = Block {
                    id,
                    quality: None,
                    start: start.unwrap_or_default().plus(rate.offset(from)),
                    rate_hz: rate.hz(),
                    rate: Some(rate),
                    samples: count,
                    covered: count,
                    sample_type,
                    encoding,
                    byte_order: '<',
                    length: 0,
                    offset: from,
                    begins_trace: false,
                    ends_earlier: 0,
                    recorder: RecorderState::default(),
                    decode: &|| layout.decode(file, from, count, channel),
                };
                if visit(&block)?.is_break() {
                    return Ok(Vec::new());
                }
            }
            from += count;
        }
        let mut notes = Vec::new();
        if start.is_none() {
            notes.push("WAV without a start time: taken as 1970-01-01".to_string());
        }
        Ok(notes)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::read::scan::scan;

    fn write(folder: &Path, channels: u16, samples: &[i16]) -> PathBuf {
        let path = folder.join("a.wav");
        let spec = WavSpec {
            channels,
            sample_rate: 100,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        path
    }

    #[test]
    fn interleaved_channels_become_traces_with_the_sidecars_start_and_codes() {
        let folder = tempfile::tempdir().unwrap();
        let samples: Vec<i16> = (0..200_000).map(|i| (i % 1000) as i16).collect();
        let path = write(folder.path(), 2, &samples);
        std::fs::write(
            folder.path().join("a.wav.json"),
            r#"{"start": "2018-08-12T14:55:00Z", "id": "TA.C26K..BHZ"}"#,
        )
        .unwrap();
        let scan = scan(&path, &Wav, &FormatOptions::default(), false).unwrap();
        let ids: Vec<String> = scan.segments.iter().map(|s| s.id.to_string()).collect();
        assert_eq!(ids, ["TA.C26K..BHZ", "TA.C26K..BHZ1"]);
        assert_eq!(scan.segments[0].start.to_string(), "2018-08-12T14:55:00Z");
        assert_eq!(scan.segments[1].samples, 100_000);
        let source = Source::file(path);
        let layout = Layout::of(&source).unwrap();
        assert_eq!(layout.decode(&source, 3, 2, 1).unwrap(), Samples::I32(vec![7, 9]));
    }

    #[test]
    fn an_unfinished_recording_gives_the_whole_frames_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), 1, &[5; 100]);
        let good = std::fs::read(&path).unwrap();
        for size in [0, u32::MAX, 1 << 20] {
            let mut bytes = good[..good.len() - 1].to_vec();
            bytes[40..44].copy_from_slice(&size.to_le_bytes());
            std::fs::write(&path, &bytes).unwrap();
            let scan = scan(&path, &Wav, &FormatOptions::default(), true).unwrap();
            assert_eq!(scan.segments[0].samples, 99, "{size}");
            assert_eq!(scan.segments[0].start, UtcTime(0));
            assert_eq!(scan.notes.len(), 1);
        }
    }

    #[test]
    fn doubles_with_a_64_bit_size_stop_before_the_chunk_that_follows() {
        let samples = [0.5f64, -1e-300, f64::MAX, 3.0];
        let mut bytes = b"RF64\xFF\xFF\xFF\xFFWAVEds64".to_vec();
        bytes.extend(28u32.to_le_bytes());
        for size in [0u64, 32, 4] {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(b"fmt \x10\0\0\0\x03\0\x02\0");
        bytes.extend(100u32.to_le_bytes());
        bytes.extend(1600u32.to_le_bytes());
        bytes.extend([16, 0, 64, 0]);
        bytes.extend(b"data\xFF\xFF\xFF\xFF");
        samples.iter().for_each(|sample| bytes.extend(sample.to_le_bytes()));
        bytes.extend(b"LIST\x10\0\0\0");
        bytes.extend([7; 16]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        std::fs::write(&path, &bytes).unwrap();
        assert!(Wav.probe(&bytes, bytes.len() as u64));
        let scan = scan(&path, &Wav, &FormatOptions::default(), true).unwrap();
        let found: Vec<_> = scan.segments.iter().map(|s| (s.samples, s.sample_type)).collect();
        assert_eq!(found, [(2, SampleType::F64); 2]);
        let source = Source::file(&path);
        let layout = Layout::of(&source).unwrap();
        let decoded = layout.decode(&source, 0, 2, 1).unwrap();
        assert_eq!(decoded, Samples::F64(vec![samples[1], samples[3]]));
    }

    #[test]
    fn broken_headers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), 1, &[5; 100]);
        let good = std::fs::read(&path).unwrap();
        for at in 0..44 {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bytes = good.clone();
                bytes[at] = value;
                std::fs::write(&path, &bytes).unwrap();
                // An error or not: it returns, and gives no more than is there.
                if let Ok(scan) = scan(&path, &Wav, &FormatOptions::default(), true) {
                    assert!(scan.segments.iter().map(|s| s.samples).sum::<u64>() <= 200);
                }
            }
        }
        std::fs::write(&path, &good[..40]).unwrap();
        assert!(scan(&path, &Wav, &FormatOptions::default(), false).is_err());
    }
}
