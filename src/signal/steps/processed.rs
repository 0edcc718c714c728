//! Steps run over the pieces of an archive.

use std::collections::VecDeque;
use std::ops::Range;

use super::pipeline::Pipeline;
use super::stage::RunOptions;
use super::stream::ComponentStream;
use crate::error::{Error, Result};
use crate::read::{Samples, StreamId, Trace};
use crate::time::UtcTime;

/// Samples worked on, and given out, at once: counted from the beginning of a run, so that the
/// pieces that come out do not depend on those that go in.
const BLOCK: usize = 1 << 16;

/// Pieces of several channels that share begin, length and rate.
pub type Bundle = Vec<Trace>;

fn part(samples: &Samples, range: Range<usize>) -> Samples {
    match samples {
        Samples::I32(x) => Samples::I32(x[range].to_vec()),
        Samples::F32(x) => Samples::F32(x[range].to_vec()),
        Samples::F64(x) => Samples::F64(x[range].to_vec()),
    }
}

/// A contiguous run at work.
struct Run {
    /// `None` after a failure: the rest of the run is passed over.
    stream: Option<ComponentStream>,
    /// The last piece that went in, without its samples, and where the next would begin.
    last: Trace,
    end: UtcTime,
    /// The first sample that went in, and how many have.
    start: UtcTime,
    taken: u64,
    /// Values not given out yet, their channels, and how many were before them.
    out: Vec<Vec<f64>>,
    given: u64,
}

/// The contiguous pieces that come out of a pipeline, in order, for pieces that go in. State is
/// carried from piece to piece as long as they go on without a gap ([`Trace::is_continued_by`]); a
/// gap ends the run and begins another.
///
/// The clock of a run is that of its first sample. Where the data's own clock has come to differ
/// by more than half a sample, the times follow it.
pub struct Processed<'a, I> {
    bundles: I,
    pipeline: &'a Pipeline,
    options: RunOptions<'a>,
    /// A bundle at work and how many of its samples are done.
    present: Option<(Bundle, usize)>,
    run: Option<Run>,
    ready: VecDeque<Result<Bundle>>,
    runs: u64,
    ended: bool,
}

impl<'a, I: Iterator<Item = Result<Bundle>>> Processed<'a, I> {
    /// Pieces of several channels together.
    pub fn together(bundles: I, pipeline: &'a Pipeline, options: RunOptions<'a>) -> Self {
        Self {
            bundles,
            pipeline,
            options,
            present: None,
            run: None,
            ready: VecDeque::new(),
            runs: 0,
            ended: false,
        }
    }

    /// Contiguous runs begun so far.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Ends the run, if one is open.
    fn end_run(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        let Some(stream) = run.stream.take() else { return };
        let (channels, rate) = (stream.channels().to_vec(), stream.rate());
        let start = stream.start(run.start);
        match stream.finish() {
            Ok(rest) => {
                run.keep(rest);
                give(&mut self.ready, &mut run, &channels, start, rate, 1);
            }
            Err(error) => self.ready.push_back(Err(run.fault(&error))),
        }
    }

    /// Begins a run with the bundle unless it continues the one that is open.
    fn admit(&mut self, bundle: &Bundle) {
        let Some(first) = bundle.first() else { return };
        let continues = self.run.as_ref().is_some_and(|run| {
            let mut before = run.last.clone();
            before.start = run.end;
            before.is_continued_by(first)
        });
        if !continues {
            self.end_run();
            let ids: Vec<StreamId> = bundle.iter().map(|t| t.id.clone()).collect();
            let begun = self.pipeline.begin_channels(first.rate, &ids, first.start, &self.options);
            self.runs += 1;
            let last = Trace { samples: Samples::I32(Vec::new()), ..first.clone() };
            let mut run = Run {
                stream: None,
                last,
                end: first.start,
                start: first.start,
                taken: 0,
                out: vec![Vec::new(); bundle.len()],
                given: 0,
            };
            match begun {
                Ok(stream) => run.stream = Some(stream),
                Err(error) => self.ready.push_back(Err(run.fault(&error))),
            }
            self.run = Some(run);
        }
        let Some(run) = &mut self.run else { return };
        run.end = first.end();
        let ahead = first.start.0 - run.last.rate.offset(run.taken) - run.start.0;
        if 2 * ahead.abs() > run.last.rate.period()
            && let Some(stream) = &run.stream
        {
            let (channels, rate) = (stream.channels().to_vec(), stream.rate());
            let start = stream.start(run.start);
            give(&mut self.ready, run, &channels, start, rate, 1);
            run.start = run.start.plus(ahead);
        }
    }

    /// Works on the next block of a bundle; gives it back if more is left.
    fn work(&mut self, bundle: Bundle, done: usize) {
        let length = bundle.iter().map(|t| t.samples.len()).min().unwrap_or(0);
        if let Some(run) = &mut self.run {
            let upto = length.min(done.saturating_add(BLOCK));
            let range = done.min(upto)..upto;
            run.taken += range.len() as u64;
            let samples: Vec<Vec<f64>> =
                bundle.iter().map(|t| part(&t.samples, range.clone()).to_f64()).collect();
            if let Some(mut stream) = run.stream.take() {
                match stream.push(samples) {
                    Ok(out) => {
                        run.keep(out);
                        let (channels, rate) = (stream.channels().to_vec(), stream.rate());
                        let start = stream.start(run.start);
                        give(&mut self.ready, run, &channels, start, rate, BLOCK);
                        run.stream = Some(stream);
                    }
                    Err(error) => self.ready.push_back(Err(run.fault(&error))),
                }
            }
            if upto < length {
                self.present = Some((bundle, upto));
            }
        }
    }
}

impl Run {
    fn keep(&mut self, values: Vec<Vec<f64>>) {
        for (all, new) in self.out.iter_mut().zip(values) {
            all.extend(new);
        }
    }

    fn fault(&self, error: &Error) -> Error {
        let text = format!("{} from {}: {error}", self.last.id, self.start);
        if matches!(error, Error::Usage(_)) { Error::Usage(text) } else { Error::Data(text) }
    }
}

/// Gives out what has come together, in whole blocks (of 1: everything).
fn give(
    ready: &mut VecDeque<Result<Bundle>>,
    run: &mut Run,
    channels: &[StreamId],
    start: UtcTime,
    rate: crate::time::SampleRate,
    block: usize,
) {
    let there = run.out.first().map_or(0, Vec::len);
    let whole = there / block * block;
    for first in (0..whole).step_by(BLOCK) {
        let range = first..whole.min(first + BLOCK);
        let start = start.plus(rate.offset(run.given));
        run.given += range.len() as u64;
        let of = |(id, values): (&StreamId, &Vec<f64>)| Trace {
            id: id.clone(),
            start,
            rate,
            samples: Samples::F64(values[range.clone()].to_vec()),
        };
        ready.push_back(Ok(channels.iter().zip(&run.out).map(of).collect()));
    }
    run.out.iter_mut().for_each(|values| drop(values.drain(..whole)));
}

impl<I: Iterator<Item = Result<Bundle>>> Iterator for Processed<'_, I> {
    type Item = Result<Bundle>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            if let Some((bundle, done)) = self.present.take() {
                self.work(bundle, done);
                continue;
            }
            if self.ended {
                return None;
            }
            match self.bundles.next() {
                Some(Ok(bundle)) => {
                    self.admit(&bundle);
                    self.present = Some((bundle, 0));
                }
                Some(Err(error)) => self.ready.push_back(Err(error)),
                None => {
                    self.end_run();
                    self.ended = true;
                }
            }
        }
    }
}

/// The stretches that several channels have in common, cut from their pieces.
pub struct Aligned<I> {
    channels: Vec<Cursor<I>>,
    failed: bool,
}

struct Cursor<I> {
    pieces: I,
    /// A piece and how many of its samples are spent.
    present: Option<(Trace, usize)>,
}

impl<I: Iterator<Item = Result<Trace>>> Cursor<I> {
    /// The first sample not spent, its time, and how many there are.
    fn look(&mut self) -> Result<Option<(UtcTime, usize)>> {
        loop {
            if let Some((piece, spent)) = &self.present
                && *spent < piece.samples.len()
            {
                return Ok(Some((piece.time_of(*spent as u64), piece.samples.len() - spent)));
            }
            match self.pieces.next() {
                Some(piece) => self.present = Some((piece?, 0)),
                None => return Ok(None),
            }
        }
    }

    fn take(&mut self, number: usize, start: UtcTime) -> Option<Trace> {
        let (piece, spent) = self.present.as_mut()?;
        let samples = part(&piece.samples, *spent..*spent + number);
        *spent += number;
        Some(Trace { id: piece.id.clone(), start, rate: piece.rate, samples })
    }
}

impl<I: Iterator<Item = Result<Trace>>> Aligned<I> {
    /// Over the pieces of each channel, in the same order as the samples that come out.
    pub fn new(channels: impl IntoIterator<Item = I>) -> Self {
        let cursor = |pieces| Cursor { pieces, present: None };
        Self { channels: channels.into_iter().map(cursor).collect(), failed: false }
    }

    fn bundle(&mut self) -> Result<Option<Bundle>> {
        loop {
            let mut heads = Vec::new();
            for cursor in &mut self.channels {
                match cursor.look()? {
                    Some(head) => heads.push(head),
                    None => return Ok(None),
                }
            }
            let Some(&(start, _)) = heads.iter().max_by_key(|head| head.0) else {
                return Ok(None);
            };
            if !self.advance_to(start)? {
                continue;
            }
            let mut number = usize::MAX;
            for cursor in &mut self.channels {
                number = number.min(cursor.look()?.map_or(0, |(_, left)| left));
            }
            return Ok(self.channels.iter_mut().map(|c| c.take(number, start)).collect());
        }
    }

    /// Passes over what lies before `start`; whether every channel still has samples in its piece.
    fn advance_to(&mut self, start: UtcTime) -> Result<bool> {
        let rate = self.channels.iter().find_map(|c| c.present.as_ref()).map(|p| p.0.rate);
        let mut all_there = true;
        for cursor in &mut self.channels {
            let Some((piece, spent)) = &mut cursor.present else { return Ok(false) };
            if Some(piece.rate) != rate {
                return Err(Error::data(format!(
                    "{}: the components have different rates; resample them first",
                    piece.id
                )));
            }
            let index = piece.rate.nearest_index(start.0.saturating_sub(piece.start.0));
            let index = usize::try_from(index).unwrap_or(0).max(*spent);
            if index < piece.samples.len() {
                let off = piece.time_of(index as u64).0 - start.0;
                if 10 * off.abs() > piece.rate.period() {
                    *spent = piece.samples.len();
                    return Err(Error::data(format!(
                        "{} from {start}: its samples lie {:.3} ms beside those of the other \
                         components; interpolate them first",
                        piece.id,
                        off as f64 / 1e6
                    )));
                }
            } else {
                all_there = false;
            }
            *spent = index.min(piece.samples.len());
        }
        Ok(all_there)
    }
}

impl<I: Iterator<Item = Result<Trace>>> Iterator for Aligned<I> {
    type Item = Result<Bundle>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.bundle();
        // Rates that differ will not come to agree.
        self.failed = next.as_ref().is_err_and(|e| e.to_string().contains("different rates"));
        next.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{SECOND, SampleRate};

    fn trace(channel: &str, start: i64, samples: Range<i32>) -> Trace {
        let id = StreamId { channel: channel.into(), ..StreamId::default() };
        let rate = SampleRate::from_ratio(10, 1).unwrap();
        Trace { id, start: UtcTime(start), rate, samples: Samples::I32(samples.collect()) }
    }

    fn pipeline(text: &str) -> Pipeline {
        Pipeline::from_toml(text).unwrap()
    }

    fn all(pipeline: &Pipeline, pieces: Vec<Trace>) -> Vec<Trace> {
        let bundles = pieces.into_iter().map(|piece| Ok(vec![piece]));
        let out = Processed::together(bundles, pipeline, RunOptions::default());
        out.map(|bundle| bundle.unwrap().remove(0)).collect()
    }

    #[test]
    fn files_cut_differently_give_the_same_pieces() {
        let steps = pipeline(
            "[[step]]\nkind = \"lowpass\"\nfrequency = 1.0\n[[step]]\nkind = \"decimate\"\nfactor = 3",
        );
        let whole = all(&steps, vec![trace("BHZ", 0, 0..600_000)]);
        let cut: Vec<Trace> = [(0, 1), (1, 65_536), (65_536, 400_000), (400_000, 600_000)]
            .into_iter()
            .map(|(a, b)| trace("BHZ", i64::from(a) * SECOND / 10 + i64::from(a % 7), a..b))
            .collect();
        assert_eq!(whole, all(&steps, cut));
        assert_eq!(whole.iter().map(|t| t.samples.len()).sum::<usize>(), 200_000);
        assert!(whole.windows(2).all(|w| w[0].is_continued_by(&w[1])));
    }

    #[test]
    fn a_gap_restarts_the_state() {
        let steps = pipeline("[[step]]\nkind = \"integrate\"");
        let later = 1000 * SECOND;
        let out = all(&steps, vec![trace("BHZ", 0, 5..50), trace("BHZ", later, 5..50)]);
        assert_eq!(out[0].samples, out[1].samples);
        assert_eq!((out[0].start, out[1].start), (UtcTime(0), UtcTime(later)));
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let steps = pipeline("[[step]]\nkind = \"scale\"\nfactor = 1.0");
        // Each piece begins 40 ms late; the period is 100 ms.
        let pieces: Vec<Trace> =
            (0..5).map(|i| trace("BHZ", i * (10 * SECOND + 40_000_000), 0..100)).collect();
        let out = all(&steps, pieces.clone());
        let last = out.last().unwrap();
        assert!((last.end().0 - pieces[4].end().0).abs() <= 50_000_000, "{:?}", last.end());
        assert_eq!(out.iter().map(|t| t.samples.len()).sum::<usize>(), 500);
    }

    #[test]
    fn a_run_too_short_for_a_step_costs_only_itself() {
        let steps = pipeline("[[step]]\nkind = \"sosfiltfilt\"\nlow = 1.0");
        let bundles = [trace("BHZ", 0, 0..5), trace("BHZ", 1000 * SECOND, 0..500)];
        let bundles = bundles.into_iter().map(|piece| Ok(vec![piece]));
        let out: Vec<Result<Bundle>> =
            Processed::together(bundles, &steps, RunOptions::default()).collect();
        assert_eq!(out.len(), 2);
        let error = out[0].as_ref().unwrap_err().to_string();
        assert!(error.contains("step 1 (sosfiltfilt)") && error.contains("1970"), "{error}");
        assert_eq!(out[1].as_ref().unwrap()[0].samples.len(), 500);
    }

    #[test]
    fn components_are_cut_to_what_they_share() {
        let north = vec![trace("BHN", 0, 0..100), trace("BHN", 20 * SECOND, 200..300)];
        let east = vec![trace("BHE", 3 * SECOND, 30..250)];
        let pieces = |p: Vec<Trace>| p.into_iter().map(Ok);
        let shared: Vec<Bundle> =
            Aligned::new([pieces(north), pieces(east)]).map(Result::unwrap).collect();
        let spans: Vec<(i64, usize)> =
            shared.iter().map(|b| (b[0].start.0 / SECOND, b[0].samples.len())).collect();
        assert_eq!(spans, [(3, 70), (20, 50)]);
        assert!(shared.iter().all(|b| b[0].samples == b[1].samples && b[0].start == b[1].start));
    }

    #[test]
    fn components_beside_each_other_or_of_two_rates_are_refused() {
        let pieces = |t: Trace| std::iter::once(Ok(t));
        let beside = trace("BHE", 30_000_000, 0..100);
        let mut both = Aligned::new([pieces(trace("BHN", 0, 0..100)), pieces(beside)]);
        let error = both.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("ms beside"), "{error}");
        assert!(both.next().is_none());
        let mut other = trace("BHE", 0, 0..100);
        other.rate = SampleRate::from_ratio(20, 1).unwrap();
        let mut both = Aligned::new([pieces(trace("BHN", 0, 0..100)), pieces(other)]);
        assert!(both.next().unwrap().is_err() && both.next().is_none());
    }
}
