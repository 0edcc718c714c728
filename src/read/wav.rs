//! WAV through hound: every interleaved channel is a trace.
//!
//! WAV states neither time nor codes. Start and codes come from a sidecar `NAME.wav.json`
//! (`{"start": "2018-08-12T14:55:00Z", "id": "TA.C26K..BHZ"}`), else the start from an option,
//! else it is 1970-01-01 and the file is noted.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec};
use serde::Deserialize;

use super::format::{Block, Format, FormatOptions, SampleType, Visit};
use super::trace::{Samples, StreamId};
use crate::error::{Error, Result};
use crate::time::{SampleRate, UtcTime};

/// Frames decoded at a time.
const FRAMES: u64 = 1 << 16;

/// Channels beyond this are a broken header.
const MOST_CHANNELS: u16 = 64;

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

fn sidecar(file: &Path) -> Result<Sidecar> {
    let mut name = file.as_os_str().to_owned();
    name.push(".json");
    let path = PathBuf::from(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| Error::input(&path, e.to_string())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Sidecar::default()),
        Err(e) => Err(Error::io(&path)(e)),
    }
}

fn stream_id(text: &str, channel: u16, file: &Path) -> Result<StreamId> {
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

fn sample_type(file: &Path, spec: WavSpec) -> Result<(SampleType, &'static str)> {
    match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Int, 8) => Ok((SampleType::U8, "UINT8")),
        (SampleFormat::Int, 16) => Ok((SampleType::I16, "INT16")),
        (SampleFormat::Int, 24) => Ok((SampleType::I32, "INT24")),
        (SampleFormat::Int, 32) => Ok((SampleType::I32, "INT32")),
        (SampleFormat::Float, 32) => Ok((SampleType::F32, "FLOAT32")),
        (format, bits) => {
            Err(Error::input(file, format!("WAV with {bits} bits of {format:?} is not supported")))
        }
    }
}

fn fault(file: &Path, error: hound::Error) -> Error {
    match error {
        hound::Error::IoError(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::io(file)(source)
        }
        other => Error::input(file, format!("not a readable WAV file: {other}")),
    }
}

/// Reads `frames` frames and keeps one channel.
fn decode(file: &Path, from: u64, frames: u64, channel: u16) -> Result<Samples> {
    let mut reader = WavReader::open(file).map_err(|e| fault(file, e))?;
    let spec = reader.spec();
    let position = u32::try_from(from).map_err(|_| Error::input(file, "too long"))?;
    reader.seek(position).map_err(Error::io(file))?;
    let wanted = frames.saturating_mul(u64::from(spec.channels)) as usize;
    let (skip, step) = (usize::from(channel), usize::from(spec.channels));
    Ok(match spec.sample_format {
        SampleFormat::Float => Samples::F32(
            reader
                .samples::<f32>()
                .take(wanted)
                .skip(skip)
                .step_by(step)
                .collect::<Result<_, _>>()
                .map_err(|e| fault(file, e))?,
        ),
        SampleFormat::Int => {
            // Bytes are unsigned in WAV; hound moves them to -128..=127.
            let shift = if spec.bits_per_sample == 8 { 128 } else { 0 };
            let all: Result<Vec<i32>, _> =
                reader.samples::<i32>().take(wanted).skip(skip).step_by(step).collect();
            let mut all = all.map_err(|e| fault(file, e))?;
            all.iter_mut().for_each(|sample| *sample += shift);
            Samples::I32(all)
        }
    })
}

impl Format for Wav {
    fn name(&self) -> &'static str {
        "WAV"
    }

    fn probe(&self, head: &[u8]) -> bool {
        head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE")
    }

    fn walk(
        &self,
        file: &Path,
        offset: u64,
        options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let source = BufReader::new(File::open(file).map_err(Error::io(file))?);
        let reader = WavReader::new(source).map_err(|e| fault(file, e))?;
        let spec = reader.spec();
        let (sample_type, encoding) = sample_type(file, spec)?;
        let rate = SampleRate::from_ratio(u64::from(spec.sample_rate), 1)
            .ok_or_else(|| Error::input(file, "sample rate 0"))?;
        if !(1..=MOST_CHANNELS).contains(&spec.channels) {
            return Err(Error::input(
                file,
                format!("{} channels: expected 1 to 64", spec.channels),
            ));
        }
        let frames = u64::from(reader.duration());
        let sidecar = sidecar(file)?;
        let stated = sidecar.start.as_deref().map(str::parse::<UtcTime>).transpose()?;
        let start = stated.or(options.wav_start);
        let ids = (0..spec.channels)
            .map(|channel| stream_id(sidecar.id.as_deref().unwrap_or("..."), channel, file))
            .collect::<Result<Vec<_>>>()?;
        let mut from = offset;
        while from < frames {
            let count = FRAMES.min(frames - from);
            for (channel, id) in (0..).zip(&ids) {
                let block = Block {
                    id,
                    quality: None,
                    start: start.unwrap_or_default().plus(rate.offset(from)),
                    rate_hz: rate.hz(),
                    rate: Some(rate),
                    samples: count,
                    sample_type,
                    encoding,
                    byte_order: '<',
                    length: 0,
                    offset: from,
                    ends_earlier: 0,
                    decode: &|| decode(file, from, count, channel),
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
