//! From the samples of a run to full windows, in time order.

use serde::{Deserialize, Serialize};

use super::Align;
use super::run::Chains;
use super::window::Window;
use crate::read::Trace;
use crate::time::{SECOND, SampleRate, UtcTime};

/// Samples filtered at a time: they and what becomes of them stay in the processor's cache.
const BLOCK: usize = 1 << 12;

/// Windows summed up at a time, unless they hold more samples than that: enough to keep several
/// threads busy, few enough for the memory of long windows.
const WINDOWS: usize = 8;
const SAMPLES: usize = 1 << 20;

/// The window being filled, and full ones.
#[derive(Serialize, Deserialize)]
pub(super) struct Filling {
    /// Length of a window in nanoseconds.
    step: i64,
    align: Align,
    /// Start of window 0.
    origin: Option<UtcTime>,
    current: Option<Window>,
    full: Vec<Window>,
    /// Emptied windows, for their memory.
    #[serde(skip)]
    spare: Vec<Window>,
}

impl Filling {
    /// Windows of `step` nanoseconds.
    pub(super) fn new(step: i64, align: Align) -> Self {
        let (full, spare) = (Vec::new(), Vec::new());
        Self { step, align, origin: None, current: None, full, spare }
    }

    /// The windows that are full, in time order.
    pub(super) fn take_full(&mut self) -> Vec<Window> {
        std::mem::take(&mut self.full)
    }

    /// Takes back windows that are done with.
    pub(super) fn reuse(&mut self, windows: Vec<Window>) {
        self.spare.extend(windows);
    }

    /// Filters samples of `piece` from number `begin` on, until it ends or enough windows are
    /// full; gives the number of the next sample. The first piece of a run begins a stretch.
    pub(super) fn fill(
        &mut self,
        chains: &mut Chains,
        piece: &Trace,
        mut begin: usize,
        begins_run: bool,
    ) -> usize {
        let step = self.step;
        let origin = *self.origin.get_or_insert(match self.align {
            Align::Epoch => UtcTime(0),
            Align::FirstSample => piece.start,
            Align::At(time) => time,
        });
        // A clock rounded to the microsecond may say 23:59:59.999999 and mean midnight.
        let tolerance = piece.rate.period() / 100;
        let since_origin = piece.start.0.saturating_sub(origin.0).saturating_add(tolerance);
        let expected = (step as f64 / SECOND as f64 * piece.rate.hz()).round().max(1.0);
        let n = piece.samples.len();
        let mut begins_stretch = begins_run && begin == 0;
        while begin < n && !self.is_enough() {
            let at = since_origin.saturating_add(piece.rate.offset(begin as u64));
            let number = at.div_euclid(step);
            if self.current.as_ref().is_none_or(|window| window.number != number) {
                self.open(number, origin, chains, (n - begin).min(expected as usize));
                begins_stretch = true;
            }
            let Some(window) = &mut self.current else { break };
            let boundary =
                number.saturating_add(1).saturating_mul(step).saturating_sub(since_origin);
            let end = first_at_or_after(piece.rate, boundary).clamp(begin + 1, n);
            window.rate_hz = piece.rate.hz();
            if std::mem::take(&mut begins_stretch) {
                window.stretches.push(window.raw.len());
            }
            while begin < end {
                let block = begin..end.min(begin + BLOCK);
                begin = block.end;
                chains.feed(&piece.samples, block, window, expected);
            }
        }
        begin
    }

    /// Whether the full windows are to be summed up before more are filled.
    fn is_enough(&self) -> bool {
        let samples: usize = self.full.iter().map(|window| window.raw.len()).sum();
        self.full.len() >= WINDOWS || samples >= SAMPLES
    }

    /// Closes the current window and goes on to window `number`, with room for `samples`.
    fn open(&mut self, number: i64, origin: UtcTime, chains: &Chains, samples: usize) {
        self.full.extend(self.current.take());
        let mut window = self.spare.pop().unwrap_or_default();
        window.clear();
        chains.make_room(&mut window, samples);
        window.number = number;
        window.start = origin.plus(number.saturating_mul(self.step));
        self.current = Some(window);
    }

    /// Closes the last window if the data have `reached` its end, to within a tolerance.
    pub(super) fn end(&mut self, reached: Option<(UtcTime, i64)>) {
        let Some(window) = self.current.take() else { return };
        let end = window.start.plus(self.step);
        if reached.is_some_and(|(next, tolerance)| next.plus(tolerance) >= end) {
            self.full.push(window);
        }
    }
}

/// The number of the first sample at or after `nanoseconds` from sample 0.
fn first_at_or_after(rate: SampleRate, nanoseconds: i64) -> usize {
    let mut index = u64::try_from(rate.nearest_index(nanoseconds)).unwrap_or(0);
    while rate.offset(index) < nanoseconds {
        index += 1;
    }
    while index > 0 && rate.offset(index - 1) >= nanoseconds {
        index -= 1;
    }
    usize::try_from(index).unwrap_or(usize::MAX)
}
