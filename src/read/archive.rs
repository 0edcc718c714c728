//! A station archive: an index of what is where, and contiguous pieces in time order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use rayon::prelude::*;

use super::coverage::{self, Placed, Take};
use super::files;
use super::format::{FormatOptions, SampleType, WaveformFile};
use super::header_index::Headers;
use super::indexed::Indices;
use super::piece;
use super::presence::Presence;
use super::report::ReadReport;
use super::scan::FileScan;
use super::stream_pattern::StreamPattern;
use super::trace::{StreamId, Trace};
use crate::error::{Error, Result};
use crate::progress;
use crate::time::{SampleRate, Span};

/// A piece holds at most this many samples (a day at 194 Hz).
const MOST_SAMPLES: u64 = 1 << 24;

/// What to read of an archive.
#[derive(Clone, Debug)]
pub struct ArchiveOptions {
    /// Only this range of time.
    pub span: Span,
    /// Only channels that match one of these; all if empty.
    pub channels: Vec<StreamPattern>,
    /// What formats must be told.
    pub format: FormatOptions,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        Self { span: Span::ALL, channels: Vec::new(), format: FormatOptions::default() }
    }
}

/// One channel: its segments in all files, and which of their samples are taken.
#[derive(Default)]
struct Stream {
    segments: Vec<Placed>,
    takes: Vec<Take>,
    overlaps: u64,
    duplicates: u64,
}

/// An index of the waveforms under some paths. Nothing is decoded until pieces are asked for.
pub struct Archive {
    files: Vec<WaveformFile>,
    streams: BTreeMap<StreamId, Stream>,
    options: ArchiveOptions,
}

impl Archive {
    /// Scans the headers of files, folders, globs or an SDS tree, in parallel.
    ///
    /// A bad file is named in the report and costs only itself.
    ///
    /// # Errors
    /// If nothing usable is left, or if no channel matches the selection.
    pub fn open(paths: &[PathBuf], options: &ArchiveOptions) -> Result<(Self, ReadReport)> {
        let found = files::find(paths)?;
        let mut report = ReadReport { failed: found.failed, ..ReadReport::default() };
        let indices = Indices::above(&found.files);
        let scans: Vec<Headers> = found
            .files
            .par_iter()
            .map(|source| {
                progress::check_interrupt()?;
                indices.headers(source, &options.format)
            })
            .collect();
        indices.say_what_is_stale(paths, &found.files);
        let mut archive =
            Self { files: Vec::new(), streams: BTreeMap::new(), options: options.clone() };
        let mut left_out = Vec::new();
        for (source, scan) in found.files.iter().zip(scans) {
            match scan {
                Ok((file, scan)) => archive.add(file, scan, &mut report, &mut left_out),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => report.fail(source.path(), &error),
            }
        }
        if archive.streams.is_empty() {
            return Err(nothing_to_read(paths, options, &report, left_out));
        }
        for stream in archive.streams.values_mut() {
            let resolved = coverage::resolve(&stream.segments);
            stream.takes = resolved.takes;
            (stream.overlaps, stream.duplicates) = (resolved.overlaps, resolved.duplicates);
            report.gaps += resolved.gaps;
            report.overlaps += resolved.overlaps;
            report.duplicates += resolved.duplicates;
        }
        Ok((archive, report))
    }

    fn add(
        &mut self,
        file: WaveformFile,
        scan: FileScan,
        report: &mut ReadReport,
        left_out: &mut Vec<StreamId>,
    ) {
        report.files += 1;
        report.late += scan.late;
        report
            .notes
            .extend(scan.notes.into_iter().map(|note| (file.source.path().to_path_buf(), note)));
        let index = self.files.len();
        let mut untimed = 0;
        for segment in scan.segments {
            if segment.rate.is_none()
                || segment.samples == 0
                || segment.sample_type == SampleType::Text
            {
                untimed += 1;
                continue;
            }
            let selected = &self.options.channels;
            if !selected.is_empty() && !selected.iter().any(|p| p.matches(&segment.id)) {
                left_out.push(segment.id);
                continue;
            }
            let extent = Span { start: segment.start, end: segment.end() };
            if extent.overlaps(&self.options.span) {
                let stream = self.streams.entry(segment.id.clone()).or_default();
                stream.segments.push(Placed { file: index, segment });
            }
        }
        if untimed > 0 {
            let note = format!("{untimed} runs of text, or of samples without times, left out");
            report.notes.push((file.source.path().to_path_buf(), note));
        }
        self.files.push(file);
    }

    /// The channels, sorted.
    pub fn channels(&self) -> Vec<StreamId> {
        self.streams.keys().cloned().collect()
    }

    /// First and last instant (exclusive) of a channel's data.
    pub fn extent(&self, id: &StreamId) -> Option<Span> {
        let segments = || self.streams.get(id).into_iter().flat_map(|s| &s.segments);
        let start = segments().map(|placed| placed.segment.start).min()?;
        let end = segments().map(|placed| placed.segment.end()).max()?;
        Some(Span {
            start: start.max(self.options.span.start),
            end: end.min(self.options.span.end),
        })
    }

    /// Where a channel has data, by its headers alone.
    pub fn presence(&self, id: &StreamId) -> Presence {
        let Some(stream) = self.streams.get(id) else { return Presence::default() };
        let mut presence = Presence {
            overlaps: stream.overlaps,
            duplicates: stream.duplicates,
            ..Presence::default()
        };
        for take in &stream.takes {
            let Some(Placed { segment, .. }) = stream.segments.get(take.segment) else { continue };
            let Some(rate) = segment.rate else { continue };
            let time = |index: u64| segment.start.plus(rate.offset(index));
            let (start, end) = (time(take.range.start), time(take.range.end));
            let start = start.max(self.options.span.start);
            let end = end.min(self.options.span.end);
            if start >= end {
                continue;
            }
            if !presence.rates.contains(&rate) {
                presence.rates.push(rate);
            }
            match presence.stretches.last_mut() {
                Some(last) if start.0.saturating_sub(last.end.0) <= rate.period() / 2 => {
                    last.end = last.end.max(end);
                }
                _ => presence.stretches.push(Span { start, end }),
            }
        }
        presence
    }

    /// The rate of a channel's first data.
    pub fn rate(&self, id: &StreamId) -> Option<SampleRate> {
        let stream = self.streams.get(id)?;
        let first = stream.takes.first()?;
        stream.segments.get(first.segment)?.segment.rate
    }

    /// The contiguous pieces of a channel in time order, none overlapping another.
    ///
    /// Read as they are asked for: at most one piece (of one file, at most 2²⁴ samples) is in
    /// memory. Pieces that go on without a gap satisfy [`Trace::is_continued_by`]. A piece that
    /// can no longer be read is an `Err`; the iterator goes on behind it.
    pub fn pieces(&self, id: &StreamId) -> impl Iterator<Item = Result<Trace>> + use<'_> {
        self.pieces_within(id, self.options.span)
    }

    /// Like [`Archive::pieces`], for a part of the time only.
    pub fn pieces_within(
        &self,
        id: &StreamId,
        span: Span,
    ) -> impl Iterator<Item = Result<Trace>> + use<'_> {
        let span = Span {
            start: span.start.max(self.options.span.start),
            end: span.end.min(self.options.span.end),
        };
        self.parts(id, span).map(|(placed, part)| self.read_part(placed, part))
    }

    /// Like [`Archive::pieces`], without the first `seen` of them, which are not read.
    pub fn pieces_after(
        &self,
        id: &StreamId,
        seen: usize,
    ) -> impl Iterator<Item = Result<Trace>> + use<'_> {
        let parts = self.parts(id, self.options.span).skip(seen);
        parts.map(|(placed, part)| self.read_part(placed, part))
    }

    /// The segments of a channel as they lie in the files, cut to a part of the time: in the order
    /// of the files, overlapping and repeated where the files are.
    pub fn segments_within(
        &self,
        id: &StreamId,
        span: Span,
    ) -> impl Iterator<Item = Result<Trace>> + use<'_> {
        let span = Span {
            start: span.start.max(self.options.span.start),
            end: span.end.min(self.options.span.end),
        };
        let segments = self.streams.get(id).into_iter().flat_map(|stream| &stream.segments);
        segments.flat_map(move |placed| {
            let all = Take { segment: 0, range: 0..placed.segment.samples };
            let range = coverage::within(&placed.segment, &all, span);
            let starts = range.clone().step_by(MOST_SAMPLES as usize);
            starts.map(move |start| {
                let end = range.end.min(start.saturating_add(MOST_SAMPLES));
                self.read_part(placed, start..end)
            })
        })
    }

    /// Where the pieces of a channel lie.
    fn parts(
        &self,
        id: &StreamId,
        span: Span,
    ) -> impl Iterator<Item = (&Placed, Range<u64>)> + use<'_> {
        let stream = self.streams.get(id);
        let takes = stream.into_iter().flat_map(move |stream| {
            // In time order and disjoint: of a long record only those near the span are looked at.
            let ends_before = |take: &Take| {
                let segment = stream.segments.get(take.segment).map(|placed| &placed.segment);
                let end = segment.and_then(|s| Some(s.start.plus(s.rate?.offset(take.range.end))));
                end.is_some_and(|end| end <= span.start)
            };
            let first = stream.takes.partition_point(ends_before);
            let starts_within = move |take: &&Take| {
                let segment = stream.segments.get(take.segment).map(|placed| &placed.segment);
                let start =
                    segment.and_then(|s| Some(s.start.plus(s.rate?.offset(take.range.start))));
                start.is_none_or(|start| start < span.end)
            };
            let near = stream.takes[first..].iter().take_while(starts_within);
            near.map(move |take| (stream, take))
        });
        takes.flat_map(move |(stream, take)| {
            let placed = stream.segments.get(take.segment);
            let range = placed.map_or(0..0, |p| coverage::within(&p.segment, take, span));
            let starts = range.clone().step_by(MOST_SAMPLES as usize);
            starts.filter_map(move |start| {
                Some((placed?, start..range.end.min(start.saturating_add(MOST_SAMPLES))))
            })
        })
    }

    fn read_part(&self, placed: &Placed, part: Range<u64>) -> Result<Trace> {
        let file = self.files.get(placed.file).ok_or_else(|| Error::data("no such file"))?;
        piece::read(file, &placed.segment, part, &self.options.format)
    }

    /// Texts that stay the same as long as a channel's data do: the part of the time that is read,
    /// and for each stretch its file, how long that is and when it was last changed, and where in
    /// it what lies.
    pub fn provenance(&self, id: &StreamId) -> Vec<String> {
        let segments = self.streams.get(id).into_iter().flat_map(|stream| &stream.segments);
        let files = segments.map(|placed| {
            let path = self.files.get(placed.file).map(|file| file.source.path());
            let metadata = path.and_then(|path| std::fs::metadata(path).ok());
            let state = metadata.map(|m| (m.len(), m.modified().ok()));
            format!("{path:?} {state:?} {:?}", placed.segment)
        });
        std::iter::once(format!("{:?} {:?}", self.options.span, self.options.format))
            .chain(files)
            .collect()
    }
}

fn nothing_to_read(
    paths: &[PathBuf],
    options: &ArchiveOptions,
    report: &ReadReport,
    mut left_out: Vec<StreamId>,
) -> Error {
    if !left_out.is_empty() {
        left_out.sort();
        left_out.dedup();
        let there: Vec<String> = left_out.iter().take(20).map(StreamId::to_string).collect();
        let wanted: Vec<String> = options.channels.iter().map(StreamPattern::to_string).collect();
        return Error::usage(format!(
            "no channel matches {}; there are {}",
            wanted.join(", "),
            there.join(", ")
        ));
    }
    let looked: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let reason = match report.failed.first() {
        Some((file, problem)) => {
            format!(
                "{} files could not be read, first {}: {problem}",
                report.failed.len(),
                file.display()
            )
        }
        None if report.files > 0 => {
            format!("{} files hold no samples in the range of time asked for", report.files)
        }
        None => "no files there".to_string(),
    };
    Error::data(format!("no waveforms in {}: {reason}", looked.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::miniseed::{self, WriteOptions};
    use crate::read::trace::Samples;
    use crate::time::{SECOND, UtcTime};

    fn trace(channel: &str, start: i64, samples: std::ops::Range<i32>) -> Trace {
        let id = StreamId {
            network: "XX".into(),
            station: "DEMO".into(),
            location: String::new(),
            channel: channel.into(),
        };
        let rate = SampleRate::from_ratio(10, 1).unwrap();
        let start = UtcTime(start * SECOND);
        Trace { id, start, rate, samples: Samples::I32(samples.collect()) }
    }

    /// Sample `i` of every trace has the value `i` tenths of a second since 1970.
    fn at(channel: &str, seconds: std::ops::Range<i64>) -> Trace {
        trace(channel, seconds.start, seconds.start as i32 * 10..seconds.end as i32 * 10)
    }

    fn values(archive: &Archive, id: &StreamId) -> Vec<Vec<i32>> {
        let pieces = archive.pieces(id).map(|piece| match piece.unwrap().samples {
            Samples::I32(samples) => samples,
            other => panic!("{other:?}"),
        });
        pieces.collect()
    }

    fn write(folder: &std::path::Path, name: &str, traces: &[Trace], quality: char) {
        let options = WriteOptions { quality, ..WriteOptions::default() };
        miniseed::write(&folder.join(name), traces, &options).unwrap();
    }

    #[test]
    fn overlaps_late_data_and_gaps_come_out_in_time_order_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "b.mseed", &[at("BHZ", 200..300)], 'D');
        write(folder.path(), "a.mseed", &[at("BHZ", 100..150), at("BHZ", 0..100)], 'D');
        write(folder.path(), "c.mseed", &[at("BHZ", 250..350), at("BHZ", 210..220)], 'D');
        let (archive, report) =
            Archive::open(&[folder.path().to_path_buf()], &ArchiveOptions::default()).unwrap();
        let [id] = &archive.channels()[..] else { panic!("one channel") };
        let pieces = values(&archive, id);
        let all: Vec<i32> = pieces.concat();
        let expected: Vec<i32> = (0..1500).chain(2000..3500).collect();
        assert_eq!(all, expected);
        assert_eq!((report.gaps, report.overlaps), (1, 1));
        assert_eq!((report.duplicates, report.late), (1, 2));
        assert_eq!(archive.extent(id).unwrap().end, UtcTime(350 * SECOND));
    }

    #[test]
    fn the_better_quality_wins_where_samples_overlap() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "raw.mseed", &[at("BHZ", 0..100)], 'R');
        let mut merged = at("BHZ", 40..60);
        merged.samples = Samples::I32(vec![-1; 200]);
        write(folder.path(), "merged.mseed", &[merged], 'M');
        let (archive, _) =
            Archive::open(&[folder.path().to_path_buf()], &ArchiveOptions::default()).unwrap();
        let pieces = values(&archive, &archive.channels()[0]);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [400, 200, 400]);
        assert!(pieces[1].iter().all(|&x| x == -1));
        assert_eq!(pieces[2][0], 600);
    }

    #[test]
    fn channels_and_time_are_selected() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.mseed", &[at("BHZ", 0..100), at("BHN", 0..100)], 'D');
        write(folder.path(), "b.mseed", &[at("BHZ", 100..200)], 'D');
        let options = ArchiveOptions {
            span: Span { start: UtcTime(90 * SECOND), end: UtcTime(110 * SECOND) },
            channels: vec!["XX.*..?HZ".parse().unwrap()],
            ..ArchiveOptions::default()
        };
        let paths = [folder.path().to_path_buf()];
        let (archive, _) = Archive::open(&paths, &options).unwrap();
        let [id] = &archive.channels()[..] else { panic!("one channel") };
        let pieces: Vec<Trace> = archive.pieces(id).collect::<Result<_>>().unwrap();
        assert!(pieces[0].is_continued_by(&pieces[1]));
        assert_eq!(values(&archive, id).concat(), (900..1100).collect::<Vec<i32>>());
        let none =
            ArchiveOptions { channels: vec!["YY.*.*.*".parse().unwrap()], ..Default::default() };
        let message = Archive::open(&paths, &none).err().unwrap().to_string();
        assert!(message.contains("XX.DEMO..BHN"), "{message}");
    }

    #[test]
    fn a_bad_file_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "good.mseed", &[at("BHZ", 0..1000)], 'D');
        let good = std::fs::read(folder.path().join("good.mseed")).unwrap();
        std::fs::write(folder.path().join("truncated.mseed"), &good[..good.len() - 100]).unwrap();
        std::fs::write(folder.path().join("empty.mseed"), b"").unwrap();
        std::fs::write(folder.path().join("noise.mseed"), [0xA5; 5000]).unwrap();
        std::fs::create_dir(folder.path().join("x.mseed")).unwrap();
        let paths = [folder.path().to_path_buf()];
        let (archive, report) = Archive::open(&paths, &ArchiveOptions::default()).unwrap();
        assert_eq!(values(&archive, &archive.channels()[0]).concat().len(), 10_000);
        let failed: Vec<_> = report.failed.iter().map(|(p, _)| p.file_name().unwrap()).collect();
        assert_eq!(failed, ["x.mseed", "empty.mseed", "noise.mseed"]);
        assert_eq!(report.notes.len(), 1);
    }
}
