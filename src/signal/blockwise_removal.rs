//! An instrument's response taken away from a record of any length in bounded memory.
//!
//! The record is divided in the frequency domain block by block. Each block is transformed with a
//! margin of its neighbours on either side, of which nothing is kept, so that the blocks join. How
//! far a sample reaches is decided by the rising flank of the pre-filter: the inverse of a
//! response is endless without one, so one is required, and the margin is [`REACH`] periods of
//! the flank's width. Blocks are counted from the first sample of a contiguous run; they do not
//! depend on how it is cut into files.
//!
//! Not causal: a value depends on samples up to a margin later.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::activity::bits;
use super::remove_response::{RemovalSettings, ResponseRemoval};
use crate::error::{Error, Result};
use crate::read::response::Response;
use crate::read::{Samples, StreamId, Trace};
use crate::time::{SampleRate, UtcTime};

/// Margin of a block, in reciprocals of the width of the pre-filter's rising flank.
const REACH: f64 = 30.0;

/// Length of a block in margins.
const MARGINS: u64 = 6;

/// Narrowest rising flank in Hz: a margin of more than eight hours is no bounded memory.
const NARROWEST: f64 = 1e-3;

/// Removes the response from the contiguous pieces of a channel as they come.
#[derive(Serialize, Deserialize)]
pub struct BlockwiseRemoval {
    settings: RemovalSettings,
    run: Option<Run>,
    /// For the lengths of blocks; made when it is needed.
    #[serde(skip)]
    removal: Option<ResponseRemoval>,
}

/// A contiguous run; its samples are counted from its first.
#[derive(Serialize, Deserialize)]
struct Run {
    rate: SampleRate,
    /// Time of the sample that would continue it.
    next: UtcTime,
    /// Samples in a block, and in the margin on either side.
    block: u64,
    margin: u64,
    /// The sample that is given out next.
    done: u64,
    /// The first sample that is held.
    first: u64,
    #[serde(with = "bits::one")]
    held: Vec<f64>,
    /// First sample of each piece, and its time as stated.
    pieces: VecDeque<(u64, UtcTime)>,
}

/// The pre-filter where none is asked for, for `rate` samples a second: from 0.05–0.1 Hz, below all
/// activity features, up to 90–98 % of the Nyquist frequency.
pub fn activity_pre_filter(rate: SampleRate) -> [f64; 4] {
    [0.05, 0.1, 0.45 * rate.hz(), 0.49 * rate.hz()]
}

impl BlockwiseRemoval {
    /// With these settings; the mean of each block is taken away and its margins are tapered,
    /// whatever they say of a mean and a taper. Without a pre-filter that is
    /// [`activity_pre_filter`].
    ///
    /// # Errors
    /// `Usage` for settings out of range or a pre-filter that rises within less than 0.001 Hz.
    pub fn new(settings: RemovalSettings) -> Result<Self> {
        settings.check()?;
        if let Some([a, b, ..]) = settings.pre_filter
            && (b - a < NARROWEST || a <= 0.0)
        {
            return Err(Error::usage(format!(
                "pre-filter from {a} to {b} Hz: a record is corrected block by block, for which it \
                 must begin above 0 and rise over at least {NARROWEST} Hz"
            )));
        }
        let settings = RemovalSettings { zero_mean: false, taper: 0.0, ..settings };
        Ok(Self { settings, run: None, removal: None })
    }

    /// Takes the next piece, of finite samples; gives what is ready, in the same times.
    ///
    /// # Errors
    /// `Data` if the response cannot be evaluated.
    pub fn push(&mut self, piece: &Trace, response: &Response) -> Result<Vec<Trace>> {
        let mut ready = Vec::new();
        let goes_on = self.run.as_ref().is_some_and(|run| run.is_continued_by(piece));
        if !goes_on {
            ready = self.finish(&piece.id, response)?;
        }
        let settings = &self.settings;
        let run = self.run.get_or_insert_with(|| Run::new(piece, settings));
        run.pieces.push_back((run.end(), piece.start));
        run.held.extend(piece.samples.to_f64());
        run.next = piece.end();
        while let Some(run) = &self.run
            && run.end() >= run.done + run.block + run.margin
        {
            let end = run.done + run.block;
            self.give(end, &piece.id, response, &mut ready)?;
        }
        Ok(ready)
    }

    /// Ends the run, as at a gap, and gives the rest of it.
    ///
    /// # Errors
    /// As [`BlockwiseRemoval::push`].
    pub fn finish(&mut self, id: &StreamId, response: &Response) -> Result<Vec<Trace>> {
        let mut ready = Vec::new();
        if let Some(end) = self.run.as_ref().map(Run::end) {
            self.give(end, id, response, &mut ready)?;
        }
        self.run = None;
        Ok(ready)
    }

    /// Gives the samples up to number `end`, one trace for each piece that they are of.
    fn give(
        &mut self,
        end: u64,
        id: &StreamId,
        response: &Response,
        ready: &mut Vec<Trace>,
    ) -> Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let removal = match &mut self.removal {
            Some(removal) if removal.rate() == run.rate => removal,
            other => {
                let pre_filter = self.settings.pre_filter;
                let pre_filter = Some(pre_filter.unwrap_or_else(|| activity_pre_filter(run.rate)));
                let settings = RemovalSettings { pre_filter, ..self.settings.clone() };
                other.insert(ResponseRemoval::new(response, run.rate, &settings)?)
            }
        };
        let (mut block, before) = run.with_margins(end);
        if !removal.is_pointwise() {
            run.prepare(&mut block, before, end);
        }
        removal.apply(&mut block)?;
        let mut samples = block.into_iter().skip(before);
        while run.done < end {
            let Some((first, start)) = run.piece_of_next() else { break };
            let next = run.pieces.get(1).map_or(end, |(next, _)| end.min(*next));
            let count = usize::try_from(next - run.done).unwrap_or(usize::MAX);
            ready.push(Trace {
                id: id.clone(),
                start: start.plus(run.rate.offset(run.done - first)),
                rate: run.rate,
                samples: Samples::F64(samples.by_ref().take(count).collect()),
            });
            run.done = next;
        }
        run.forget();
        Ok(())
    }
}

impl Run {
    fn new(piece: &Trace, settings: &RemovalSettings) -> Self {
        let flanks = settings.pre_filter.unwrap_or_else(|| activity_pre_filter(piece.rate));
        let margin = (REACH / (flanks[1] - flanks[0]) * piece.rate.hz()).ceil().max(1.0) as u64;
        Self {
            rate: piece.rate,
            next: piece.start,
            block: MARGINS * margin,
            margin,
            done: 0,
            first: 0,
            held: Vec::new(),
            pieces: VecDeque::new(),
        }
    }

    fn is_continued_by(&self, piece: &Trace) -> bool {
        let gap = piece.start.0.saturating_sub(self.next.0);
        piece.rate == self.rate && gap.unsigned_abs() <= self.rate.period().unsigned_abs() / 2
    }

    /// One past the last sample.
    fn end(&self) -> u64 {
        self.first + self.held.len() as u64
    }

    /// The samples not given out up to `end` with their margins, and how many of them are in the
    /// margin before.
    fn with_margins(&self, end: u64) -> (Vec<f64>, usize) {
        let from = self.done.saturating_sub(self.margin).max(self.first);
        let to = (end + self.margin).min(self.end());
        let index = |sample: u64| (sample - self.first) as usize;
        (self.held[index(from)..index(to)].to_vec(), (self.done - from) as usize)
    }

    /// Takes away the mean, and tapers the outer half of the margins: the ends of the run have
    /// none and stay as they are.
    fn prepare(&self, block: &mut [f64], before: usize, end: u64) {
        let n = block.len();
        let mean = block.iter().sum::<f64>() / n.max(1) as f64;
        block.iter_mut().for_each(|x| *x -= mean);
        let after = n - before - (end - self.done) as usize;
        taper(block[..before / 2].iter_mut());
        taper(block[n - after / 2..].iter_mut().rev());
    }

    /// First sample and time of the piece that the next sample is of; forgets those before.
    fn piece_of_next(&mut self) -> Option<(u64, UtcTime)> {
        while self.pieces.get(1).is_some_and(|(next, _)| *next <= self.done) {
            self.pieces.pop_front();
        }
        self.pieces.front().copied()
    }

    /// Forgets the samples before the next block's margin.
    fn forget(&mut self) {
        let keep = self.done.saturating_sub(self.margin).max(self.first);
        self.held.drain(..(keep - self.first) as usize);
        self.first = keep;
    }
}

/// From 0 at the first to nearly 1 at the last.
fn taper<'a>(samples: impl ExactSizeIterator<Item = &'a mut f64>) {
    let n = samples.len() as f64;
    for (i, sample) in samples.enumerate() {
        *sample *= 0.5 * (1.0 - (std::f64::consts::PI * i as f64 / n).cos());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::response::{Plane, Stage, StageFilter};
    use crate::signal::{GroundMotion, remove_response};
    use crate::time::SECOND;
    use realfft::num_complex::Complex64;

    const HZ: u64 = 20;

    /// A seismometer of 30 s, 70 % damped, 1000 counts a metre per second.
    fn seismometer() -> Response {
        let corner = std::f64::consts::TAU / 30.0;
        let pole = Complex64::new(-0.707 * corner, 0.707 * corner);
        let stage = Stage {
            number: 1,
            input_unit: "M/S".into(),
            output_unit: "COUNTS".into(),
            filter: StageFilter::PolesZeros {
                plane: Plane::Radians,
                normalization: 1.0,
                normalization_frequency: Some(1.0),
                zeros: vec![Complex64::default(); 2],
                poles: vec![pole, pole.conj()],
            },
            gain: Some((1000.0, Some(1.0))),
            decimation: None,
        };
        Response { stages: vec![stage], ..Response::default() }
    }

    fn settings() -> RemovalSettings {
        let pre_filter = Some([0.1, 0.3, 9.0, 9.8]);
        RemovalSettings { output: GroundMotion::Displacement, pre_filter, ..Default::default() }
    }

    /// Noise on an offset with a drift.
    fn counts(n: usize) -> Vec<i32> {
        let mut state = 7u64;
        (0..n)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                5000 + (i / 100) as i32 + (state >> 52) as i32
            })
            .collect()
    }

    fn pieces(samples: &[i32], size: usize) -> Vec<Trace> {
        let rate = SampleRate::from_ratio(HZ, 1).unwrap();
        let piece = |(i, part): (usize, &[i32])| Trace {
            id: StreamId::default(),
            // Clocks wander by less than half a sample.
            start: UtcTime(rate.offset((i * size) as u64) + (i as i64 % 3) * SECOND / 1000),
            rate,
            samples: Samples::I32(part.to_vec()),
        };
        samples.chunks(size).enumerate().map(piece).collect()
    }

    fn corrected(pieces: &[Trace]) -> Vec<Trace> {
        let mut removal = BlockwiseRemoval::new(settings()).unwrap();
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(removal.push(piece, &seismometer()).unwrap());
            // What is kept and read back goes on alike.
            let text = serde_json::to_string(&removal).unwrap();
            removal = serde_json::from_str(&text).unwrap();
        }
        out.extend(removal.finish(&StreamId::default(), &seismometer()).unwrap());
        out
    }

    fn samples(traces: &[Trace]) -> Vec<f64> {
        traces.iter().flat_map(|trace| trace.samples.to_f64()).collect()
    }

    #[test]
    fn blocks_join_to_the_removal_from_the_whole() {
        let data = counts(HZ as usize * 3600);
        let rate = SampleRate::from_ratio(HZ, 1).unwrap();
        let blocks = samples(&corrected(&pieces(&data, data.len())));
        assert_eq!(blocks.len(), data.len());
        let mut whole: Vec<f64> = data.iter().map(|&x| f64::from(x)).collect();
        let mean = whole.iter().sum::<f64>() / whole.len() as f64;
        whole.iter_mut().for_each(|x| *x -= mean);
        let plain = RemovalSettings { zero_mean: false, taper: 0.0, ..settings() };
        remove_response(&mut whole, rate, &seismometer(), &plain).unwrap();
        let largest = whole.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        // A minute at either end of the record is its own.
        let inner = 60 * HZ as usize..data.len() - 60 * HZ as usize;
        let off = inner.map(|i| (blocks[i] - whole[i]).abs()).fold(0.0, f64::max);
        eprintln!("blocks against the whole: {:.1e} of the largest value", off / largest);
        assert!(off < 1e-4 * largest, "{off:e} of {largest:e}");
    }

    #[test]
    fn the_cut_into_files_changes_no_bit_and_times_are_kept() {
        let data = counts(HZ as usize * 2400);
        let whole = samples(&corrected(&pieces(&data, data.len())));
        for size in [1000, 7777, 20_000] {
            let given = pieces(&data, size);
            let out = corrected(&given);
            assert!(samples(&out) == whole, "{size}");
            for trace in &out {
                let of = |p: &&Trace| p.start <= trace.start && trace.start < p.end();
                let piece = given.iter().rev().find(of).unwrap();
                let offset = trace.start.0 - piece.start.0;
                assert_eq!(offset % trace.rate.period(), 0, "{}", trace.start);
            }
        }
    }

    #[test]
    fn after_a_gap_a_run_begins_and_nothing_is_lost() {
        let data = counts(HZ as usize * 1500);
        let mut given = pieces(&data, data.len() / 3);
        given[1].start = given[1].start.plus(10 * SECOND);
        given[2].start = given[2].start.plus(10 * SECOND);
        let out = corrected(&given);
        assert_eq!(samples(&out).len(), data.len());
        let alone = samples(&corrected(&given[..1]));
        assert!(samples(&out)[..alone.len()] == alone);
    }

    #[test]
    fn without_a_rising_flank_nothing_is_bounded() {
        for pre_filter in [[0.0, 0.1, 5.0, 6.0], [0.1, 0.1005, 5.0, 6.0]] {
            let wrong = RemovalSettings { pre_filter: Some(pre_filter), ..settings() };
            assert!(BlockwiseRemoval::new(wrong).is_err());
        }
    }
}
