//! miniSEED 2 and 3: files to blocks, traces to files.

use std::cell::Cell;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use temblor_miniseed as seed;
use temblor_miniseed::{ByteOrder, Encoding, RecordReader};

pub use temblor_miniseed::WriteOptions;

use super::format::{Block, Format, FormatOptions, SampleType, Visit};
use super::recorder_state::{LEAP_SECOND, RecorderState};
use super::segy::SegY;
use super::source::Source;
use super::trace::{Samples, StreamId, Trace};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::time::{SampleRate, UtcTime};

/// Flags of version 3 that stand in the extra headers, below `FDSN.Flags`, with their bits in the
/// data quality flags of version 2.
const QUALITY_FLAGS: [(&str, u8); 7] = [
    ("AmplifierSaturation", 0x01),
    ("DigitizerClipping", 0x02),
    ("Spikes", 0x04),
    ("Glitches", 0x08),
    ("MissingData", 0x10),
    ("TelemetrySyncError", 0x20),
    ("FilterCharging", 0x40),
];

/// What the recorder says in the header; of version 3 also in the extra headers.
fn recorder_state(record: &seed::Record<'_>) -> RecorderState {
    let header = &record.header;
    let mut state = RecorderState {
        timing_quality: header.timing_quality.map(f64::from),
        activity: header.activity,
        clock: header.clock,
        data_quality: header.data_quality,
    };
    // Extra headers that are no JSON say nothing; the samples stand without them.
    if header.version == 3
        && let Ok(extra) = serde_json::from_slice::<serde_json::Value>(record.extra_headers())
    {
        let extra = &extra["FDSN"];
        state.timing_quality = extra["Time"]["Quality"].as_f64().filter(|q| q.is_finite());
        if extra["Time"]["LeapSecond"] == 1 {
            state.activity |= LEAP_SECOND;
        }
        for (name, bit) in QUALITY_FLAGS {
            if extra["Flags"][name] == true {
                state.data_quality |= bit;
            }
        }
    }
    state
}

/// The format's entry in the registry.
pub struct MiniSeed;

fn sample_type(header: &seed::Header) -> SampleType {
    match header.encoding {
        // Header-only records have no samples of any type; other readers call that f8.
        _ if header.samples == 0 => SampleType::F64,
        Encoding::Text => SampleType::Text,
        Encoding::Float64 => SampleType::F64,
        Encoding::Float32
        | Encoding::Geoscope24
        | Encoding::Geoscope16Exponent3
        | Encoding::Geoscope16Exponent4 => SampleType::F32,
        _ => SampleType::I32,
    }
}

/// The samples; a last one that is not as the record states is counted in `unlike`.
fn decode(file: &Source, record: &seed::Record<'_>, unlike: &Cell<u64>) -> Result<Samples> {
    let (samples, last_agrees) = record.decode_checked().map_err(|e| fault(file, e))?;
    if last_agrees == Some(false) {
        unlike.set(unlike.get() + 1);
    }
    match samples {
        seed::Samples::I32(samples) => Ok(Samples::I32(samples)),
        seed::Samples::F32(samples) => Ok(Samples::F32(samples)),
        seed::Samples::F64(samples) => Ok(Samples::F64(samples)),
        seed::Samples::Text(bytes) => Ok(Samples::I32(bytes.into_iter().map(i32::from).collect())),
    }
}

fn fault(file: &Source, error: seed::Error) -> Error {
    match error {
        seed::Error::Io(source) => Error::io(file)(source),
        other => Error::input(file, other.to_string()),
    }
}

/// Records named in a note before the rest is only counted.
const NAMED: usize = 5;

/// The bad records of a file that is read leniently.
#[derive(Default)]
struct LeftOut {
    first: Vec<seed::Error>,
    count: u64,
}

impl LeftOut {
    /// Takes note of a bad record, or ends the file with it.
    fn take(&mut self, error: seed::Error, file: &Source, options: &FormatOptions) -> Result<()> {
        // What stops the disk stops the file.
        if !options.lenient || matches!(error, seed::Error::Io(_)) {
            return Err(fault(file, error));
        }
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(error);
        }
        Ok(())
    }

    /// A line each; an error if not one record of the file was good.
    fn notes(self, visited: u64, file: &Source) -> Result<Vec<String>> {
        let more = self.count - self.first.len() as u64;
        let mut notes = Vec::new();
        for error in self.first {
            if visited == 0 {
                return Err(fault(file, error));
            }
            notes.push(format!("left out: {error}"));
        }
        if more > 0 {
            notes.push(format!("left out: {more} further records"));
        }
        Ok(notes)
    }
}

fn stream_id(codes: &seed::Codes) -> StreamId {
    StreamId {
        network: codes.network(),
        station: codes.station(),
        location: codes.location(),
        channel: codes.channel(),
    }
}

impl Format for MiniSeed {
    fn name(&self) -> &'static str {
        "MSEED"
    }

    fn probe(&self, head: &[u8], length: u64) -> bool {
        // A blank record may stand first, but so may the blank text of a SEG-Y file.
        let is_blank = head.starts_with(&[b' '; 7]);
        seed::looks_like_seed(head) && !(is_blank && SegY.probe(head, length))
    }

    fn walk(
        &self,
        file: &Source,
        offset: u64,
        options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>> {
        let mut source = file.open()?;
        source.seek(SeekFrom::Start(offset)).map_err(Error::io(file))?;
        let mut reader = RecordReader::at(source, offset);
        // Most records repeat the channel of the one before.
        let mut last: Option<(seed::Codes, StreamId)> = None;
        let mut left_out = LeftOut::default();
        let mut visited = 0u64;
        let unlike = Cell::new(0);
        loop {
            let record = match reader.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    left_out.take(error, file, options)?;
                    continue;
                }
            };
            if let Err(error) = record.verify() {
                left_out.take(error, file, options)?;
                continue;
            }
            visited += 1;
            let header = &record.header;
            let (_, id) = match last.take() {
                Some(known) if known.0 == header.codes => last.insert(known),
                _ => last.insert((header.codes, stream_id(&header.codes))),
            };
            let recorder = recorder_state(&record);
            // A positive leap second inside: the end is one second earlier.
            let has_leap_second = recorder.activity & LEAP_SECOND != 0;
            let block = Block {
                id,
                quality: Some(header.quality),
                start: UtcTime(header.start),
                rate_hz: header.rate.hz,
                rate: header.rate.ratio.and_then(|(n, d)| SampleRate::from_ratio(n, d)),
                samples: u64::from(header.samples),
                covered: u64::from(header.stated_samples),
                sample_type: sample_type(header),
                encoding: header.encoding.name(),
                byte_order: if header.data_order == ByteOrder::Big { '>' } else { '<' },
                length: header.record_length,
                offset: record.offset,
                begins_trace: false,
                ends_earlier: if has_leap_second { crate::time::SECOND } else { 0 },
                recorder,
                decode: &|| decode(file, &record, &unlike),
            };
            if visit(&block)?.is_break() {
                return Ok(Vec::new());
            }
        }
        let mut notes = left_out.notes(visited, file)?;
        if let Some(at) = reader.truncated_at() {
            notes.push(format!("byte {at}: the file ends inside a record, which is left out"));
        }
        if reader.skipped_bytes() > 0 {
            notes.push(format!("{} bytes that are no record skipped", reader.skipped_bytes()));
        }
        if unlike.get() > 0 {
            notes.push(format!(
                "{} records end in another sample than they state for checking; kept as decoded",
                unlike.get()
            ));
        }
        Ok(notes)
    }
}

/// A trace as miniSEED records: integers by `options.integers`, floats as they are.
pub fn to_bytes(trace: &Trace, options: &WriteOptions) -> Result<Vec<u8>> {
    let series = seed::Series {
        network: &trace.id.network,
        station: &trace.id.station,
        location: &trace.id.location,
        channel: &trace.id.channel,
        start: trace.start.0,
        rate: trace.rate.ratio(),
        samples: match &trace.samples {
            Samples::I32(samples) => seed::SampleSlice::I32(samples),
            Samples::F32(samples) => seed::SampleSlice::F32(samples),
            Samples::F64(samples) => seed::SampleSlice::F64(samples),
        },
    };
    seed::encode(&series, options).map_err(|e| Error::data(format!("{}: {e}", trace.id)))
}

/// Writes traces, one after the other, to a file (whole or not at all).
pub fn write(path: &Path, traces: &[Trace], options: &WriteOptions) -> Result<()> {
    let mut bytes = Vec::new();
    for trace in traces {
        bytes.extend(to_bytes(trace, options)?);
    }
    write_atomically(path, &bytes)
}
