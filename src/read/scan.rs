//! Joins the blocks of a file into contiguous segments, without decoding them.
//!
//! A block continues the last segment of its channel and quality when both have samples of the
//! same type (or none), their rates agree to 1e-4 and the block starts within half a sample of
//! where the segment ends. Otherwise it begins a new segment. Nothing is sorted: a late or repeated block
//! begins a new segment too, as in ObsPy.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use super::format::{Block, Format, FormatOptions, SampleType};
use super::recorder_state::RecorderSummary;
use super::source::Source;
use super::trace::{Samples, StreamId};
use crate::error::Result;
use crate::time::{SampleRate, UtcTime};

/// Rates closer than this are one rate for joining.
const SAME_RATE: f64 = 1e-4;

/// A contiguous run of blocks of one channel in one file.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Which channel.
    pub id: StreamId,
    /// miniSEED's quality letter.
    pub quality: Option<char>,
    /// Time of the first sample.
    pub start: UtcTime,
    /// The first block's rate in Hz; 0 where samples have no times.
    pub rate_hz: f64,
    /// The first block's exact rate; `None` where samples have no times.
    pub rate: Option<SampleRate>,
    /// Number of samples.
    pub samples: u64,
    /// How they are stored.
    pub sample_type: SampleType,
    /// The first block's encoding.
    pub encoding: Cow<'static, str>,
    /// The first block's byte order, `>` or `<`.
    pub byte_order: char,
    /// The first block's length.
    pub record_length: u32,
    /// The first block's offset.
    pub first_offset: u64,
    /// The last block's offset.
    pub last_offset: u64,
    /// What the recorder says of itself in all blocks.
    pub recorder: RecorderSummary,
    /// SHA-256 over the samples as little-endian `sample_type`, if asked for.
    pub sha256: Option<String>,
}

impl Segment {
    /// Time of the last sample.
    pub fn last_time(&self) -> UtcTime {
        match self.rate {
            Some(rate) => self.start.plus(rate.offset(self.samples.saturating_sub(1))),
            None => self.start,
        }
    }

    /// Where the next sample would be.
    pub fn end(&self) -> UtcTime {
        self.rate.map_or(self.start, |rate| self.start.plus(rate.offset(self.samples)))
    }
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct FileScan {
    /// By channel and quality in order of first appearance, within those in file order.
    pub segments: Vec<Segment>,
    /// Harmless oddities.
    pub notes: Vec<String>,
    /// Segments that begin before an earlier one of their channel in the file.
    pub late: u64,
}

/// Breaks of more than half a sample between the segments of a channel, in time order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaks {
    /// Segments that begin after everything before them has ended.
    pub gaps: usize,
    /// Segments that begin before something before them has ended.
    pub overlaps: usize,
}

impl FileScan {
    /// The breaks of each channel, whatever the quality and order of its segments.
    pub fn breaks(&self) -> BTreeMap<&StreamId, Breaks> {
        let mut channels: BTreeMap<&StreamId, Vec<&Segment>> = BTreeMap::new();
        for segment in &self.segments {
            let segments = channels.entry(&segment.id).or_default();
            if segment.samples > 0 && segment.rate.is_some() {
                segments.push(segment);
            }
        }
        let count = |mut segments: Vec<&Segment>| {
            segments.sort_by_key(|segment| segment.start);
            let mut breaks = Breaks::default();
            let mut covered: Option<UtcTime> = None;
            for segment in segments {
                if let (Some(end), Some(rate)) = (covered, segment.rate)
                    && !within_half_a_sample(end, segment.start, rate)
                {
                    let is_gap = segment.start > end;
                    breaks.gaps += usize::from(is_gap);
                    breaks.overlaps += usize::from(!is_gap);
                }
                covered = covered.max(Some(segment.end()));
            }
            breaks
        };
        channels.into_iter().map(|(id, segments)| (id, count(segments))).collect()
    }
}

/// Takes the samples of one segment in order, as they are decoded.
pub trait SampleSink {
    /// The samples of the next block.
    fn take(&mut self, samples: &Samples);
}

/// Takes nothing.
impl SampleSink for () {
    fn take(&mut self, _samples: &Samples) {}
}

/// A segment that may still grow.
struct Growing<S> {
    segment: Segment,
    /// Where the next block is expected.
    expected: UtcTime,
    digest: Option<Sha256>,
    /// Largest distance of a block's start from where the segment's start and rate put it.
    drift: i64,
    sink: Option<S>,
}

impl<S: SampleSink> Growing<S> {
    fn new(block: &Block<'_>, checksum: bool, sink: Option<S>) -> Self {
        let segment = Segment {
            id: block.id.clone(),
            quality: block.quality,
            start: block.start,
            rate_hz: block.rate_hz,
            rate: block.rate,
            samples: 0,
            sample_type: block.sample_type,
            encoding: Cow::Borrowed(block.encoding),
            byte_order: block.byte_order,
            record_length: block.length,
            first_offset: block.offset,
            last_offset: block.offset,
            recorder: RecorderSummary::default(),
            sha256: None,
        };
        let digest = checksum.then(Sha256::new);
        Self { segment, expected: block.start, digest, drift: 0, sink }
    }

    fn is_continued_by(&self, block: &Block<'_>) -> bool {
        let (Some(rate), Some(_)) = (self.segment.rate, block.rate) else { return false };
        !block.begins_trace
            && (self.segment.samples > 0) == (block.samples > 0)
            && self.segment.sample_type == block.sample_type
            && (1.0 - self.segment.rate_hz / block.rate_hz).abs() < SAME_RATE
            && within_half_a_sample(self.expected, block.start, rate)
    }

    fn push(&mut self, block: &Block<'_>) -> Result<()> {
        if block.samples > 0 {
            let off = block.start.0.saturating_sub(self.segment.end().0);
            self.drift = self.drift.max(off.saturating_abs());
        }
        self.segment.samples += block.samples;
        self.segment.last_offset = block.offset;
        self.segment.recorder.add(&block.recorder);
        if let (Some(own), Some(rate)) = (block.rate, self.segment.rate) {
            let last = own.offset(block.covered.saturating_sub(1));
            self.expected = block.start.plus(last).plus(rate.period()).plus(-block.ends_earlier);
        }
        if block.samples > 0 && (self.digest.is_some() || self.sink.is_some()) {
            let samples = (block.decode)()?;
            if let Some(digest) = &mut self.digest {
                update(digest, &samples, self.segment.sample_type);
            }
            if let Some(sink) = &mut self.sink {
                sink.take(&samples);
            }
        }
        Ok(())
    }

    fn finish(self) -> (Segment, Option<S>) {
        let sha256 = self
            .digest
            .map(|digest| digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        (Segment { sha256, ..self.segment }, self.sink)
    }
}

/// Whether two instants differ by at most half a sample.
pub(super) fn within_half_a_sample(expected: UtcTime, found: UtcTime, rate: SampleRate) -> bool {
    let gap = i128::from(found.0) - i128::from(expected.0);
    2 * gap.abs() <= i128::from(rate.period())
}

/// Feeds samples in their stored type, little-endian.
fn update(digest: &mut Sha256, samples: &Samples, stored: SampleType) {
    let bytes: Vec<u8> = match (samples, stored) {
        (Samples::I32(v), SampleType::I8 | SampleType::U8 | SampleType::Text) => {
            v.iter().map(|&x| x as u8).collect()
        }
        (Samples::I32(v), SampleType::I16) => {
            v.iter().flat_map(|&x| (x as i16).to_le_bytes()).collect()
        }
        (Samples::I32(v), _) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Samples::F32(v), _) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Samples::F64(v), _) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    digest.update(&bytes);
}

/// Reads the headers of a file; with `checksum` the samples too, block by block.
pub fn scan(
    file: impl Into<Source>,
    format: &dyn Format,
    options: &FormatOptions,
    checksum: bool,
) -> Result<FileScan> {
    Ok(scan_samples(file, format, options, checksum, |_| None::<()>)?.0)
}

/// Like [`scan`], and hands the samples of each segment to the sink that `begin` makes for its
/// first block; the sinks come back in the order of the segments.
pub fn scan_samples<S: SampleSink>(
    file: impl Into<Source>,
    format: &dyn Format,
    options: &FormatOptions,
    checksum: bool,
    begin: impl Fn(&Block<'_>) -> Option<S>,
) -> Result<(FileScan, Vec<Option<S>>)> {
    let mut groups: Vec<Vec<Growing<S>>> = Vec::new();
    let mut by_channel: HashMap<(StreamId, Option<char>), usize> = HashMap::new();
    let mut current: Option<usize> = None;
    let mut late = 0;
    let mut notes = format.walk(&file.into(), 0, options, &mut |block| {
        let is_same = |group: usize| {
            groups.get(group).and_then(|group: &Vec<Growing<S>>| group.last()).is_some_and(|last| {
                last.segment.quality == block.quality && &last.segment.id == block.id
            })
        };
        let group = match current {
            Some(group) if is_same(group) => group,
            _ => *by_channel.entry((block.id.clone(), block.quality)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            }),
        };
        current = Some(group);
        let group = &mut groups[group];
        match group.last_mut() {
            Some(last) if last.is_continued_by(block) => last.push(block)?,
            last => {
                late += u64::from(last.is_some_and(|last| block.start < last.segment.start));
                let mut growing = Growing::new(block, checksum, begin(block));
                growing.push(block)?;
                group.push(growing);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let drifting = |growing: &&Growing<S>| {
        growing.segment.rate.is_some_and(|rate| growing.drift > rate.period())
    };
    if let Some(worst) = groups.iter().flatten().filter(drifting).max_by_key(|g| g.drift) {
        notes.push(format!(
            "{}: records lie up to {:.3} s from where start and rate put them",
            worst.segment.id,
            worst.drift as f64 * 1e-9
        ));
    }
    let (segments, sinks) = groups.into_iter().flatten().map(Growing::finish).unzip();
    Ok((FileScan { segments, notes, late }, sinks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::miniseed::{self, MiniSeed, WriteOptions};
    use crate::read::trace::Trace;

    /// Ten samples, `after` microseconds after 2021.
    fn record(after: i64, rate: (u64, u64)) -> Trace {
        Trace {
            id: StreamId { station: "JOIN".into(), ..StreamId::default() },
            start: UtcTime(1_609_459_200_000_000_000 + after * 1000),
            rate: SampleRate::from_ratio(rate.0, rate.1).unwrap(),
            samples: Samples::I32((0..10).collect()),
        }
    }

    fn scan_of(records: &[Trace]) -> FileScan {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.mseed");
        miniseed::write(&file, records, &WriteOptions::default()).unwrap();
        scan(&file, &MiniSeed, &FormatOptions::default(), true).unwrap()
    }

    #[test]
    fn half_a_sample_joins_and_more_does_not() {
        for (after, segments, gaps, overlaps) in [
            (500_000, 1, 0, 0),
            (525_000, 1, 0, 0),
            (475_000, 1, 0, 0),
            (525_100, 2, 1, 0),
            (474_900, 2, 0, 1),
            (-500_000, 2, 0, 0),
        ] {
            let scan = scan_of(&[record(0, (20, 1)), record(after, (20, 1))]);
            assert_eq!(scan.segments.len(), segments, "{after}");
            assert_eq!(scan.late, u64::from(after < 0));
            let breaks = Breaks { gaps, overlaps };
            assert_eq!(scan.breaks().values().next(), Some(&breaks), "{after}");
        }
    }

    #[test]
    fn rates_join_to_one_in_ten_thousand() {
        for (rate, segments) in [((20_001, 1000), 1), ((20_004, 1000), 2)] {
            let scan = scan_of(&[record(0, (20, 1)), record(500_000, rate)]);
            assert_eq!(scan.segments.len(), segments, "{rate:?}");
            assert_eq!(scan.segments[0].rate_hz, 20.0);
        }
    }

    #[test]
    fn records_whose_samples_are_missing_join_by_the_time_they_cover() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.mseed");
        let mut bytes = Vec::new();
        for after in [0, 500_000, 1_000_000] {
            let mut record =
                miniseed::to_bytes(&record(after, (20, 1)), &WriteOptions::default()).unwrap();
            if after < 1_000_000 {
                // A data offset of zero.
                record[44..46].fill(0);
            }
            bytes.extend(record);
        }
        std::fs::write(&file, bytes).unwrap();
        let scan = scan(&file, &MiniSeed, &FormatOptions::default(), true).unwrap();
        let samples: Vec<u64> = scan.segments.iter().map(|s| s.samples).collect();
        assert_eq!(samples, [0, 10]);
    }

    #[test]
    fn drift_within_a_trace_is_noted() {
        let late = |i: i64| record(i * 520_000, (20, 1));
        let scan = scan_of(&[late(0), late(1), late(2), late(3), late(4)]);
        assert_eq!(scan.segments.len(), 1);
        assert!(scan.notes[0].contains("0.080 s"), "{:?}", scan.notes);
        assert!(scan_of(&[late(0), late(1)]).notes.is_empty());
    }
}
