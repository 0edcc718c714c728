//! What is wrong with the samples of a trace: clipping, dead stretches, spikes.
//!
//! | finding | rule |
//! |---|---|
//! | clipped | at least three equal samples in a row at the trace's highest or lowest value that were not reached step by step (a jump of more than four counts on one side), shorter than a flat stretch; and every sample at the limit of 16, 24 or 32 bits |
//! | flat | one value for at least [`CheckSettings::flat_s`] |
//! | outlier | further than [`CheckSettings::spike`] robust standard deviations (1.4826 · median absolute deviation) from the median of its ten seconds |
//! | spike | one or two outliers with four quiet samples (below a quarter of its height) on either side |

use serde::Serialize;

use crate::read::Samples;
use crate::read::scan::SampleSink;
use crate::time::SampleRate;

/// From when on something is worth telling.
#[derive(Clone, Copy, Debug)]
pub struct CheckSettings {
    /// Seconds of one value that make a flat stretch.
    pub flat_s: f64,
    /// Robust standard deviations that make an outlier.
    pub spike: f64,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self { flat_s: 10.0, spike: 10.0 }
    }
}

/// What was found in a trace. Amplitudes in the unit of the samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TraceChecks {
    /// Samples that are infinite or no number; all else is said of the others.
    pub not_finite: u64,
    /// Lowest value.
    pub lowest: f64,
    /// Highest value.
    pub highest: f64,
    /// Mean: the offset.
    pub mean: f64,
    /// Standard deviation about the mean.
    pub deviation: f64,
    /// Clipped samples.
    pub clipped: u64,
    /// The same as a share of all samples.
    pub clipped_share: f64,
    /// Runs of clipped samples.
    pub clipped_runs: u64,
    /// Whether every sample is the same.
    pub dead: bool,
    /// Length of all flat stretches together.
    pub flat_s: f64,
    /// Length of the longest run of one value, however short.
    pub longest_flat_s: f64,
    /// Number of flat stretches.
    pub flat_stretches: u64,
    /// Spikes.
    pub spikes: u64,
    /// Outliers, those of spikes among them.
    pub outliers: u64,
}

impl TraceChecks {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.not_finite + self.clipped + self.flat_stretches + self.spikes == 0 && !self.dead
    }
}

/// Jump in counts into or out of an extreme value beyond which it was not reached by itself.
const JUMP: f64 = 4.0;

/// Equal samples in a row that may be a clipped peak.
const CLIPPED_RUN: u64 = 3;

/// Quiet samples on either side of a spike.
const QUIET: usize = 4;

/// Samples of one value in a row, with the values before and after.
#[derive(Clone, Copy)]
struct Run {
    before: Option<f64>,
    value: f64,
    length: u64,
}

/// What was seen at the highest (or, of negated samples, lowest) value so far.
#[derive(Clone, Copy)]
struct Extreme {
    value: f64,
    clipped: u64,
    runs: u64,
}

impl Extreme {
    const NONE: Self = Self { value: f64::NEG_INFINITY, clipped: 0, runs: 0 };

    fn add(&mut self, value: f64, length: u64, clipped: bool) {
        if value > self.value {
            *self = Self { value, ..Self::NONE };
        }
        if value == self.value && clipped {
            self.clipped += length;
            self.runs += 1;
        }
    }
}

/// Checks a trace as its samples come, in bounded memory.
pub struct TraceChecker {
    settings: CheckSettings,
    /// Samples a second; 0 where they have no times.
    rate: f64,
    /// Samples in whose company an outlier is judged.
    company: usize,
    found: TraceChecks,
    count: u64,
    origin: f64,
    sum: f64,
    sum_of_squares: f64,
    integral: bool,
    run: Option<Run>,
    longest: u64,
    flat: u64,
    high: Extreme,
    low: Extreme,
    /// Samples not judged yet, behind the last [`QUIET`] that were.
    waiting: Vec<f64>,
    judged: usize,
    ordered: Vec<f64>,
}

impl TraceChecker {
    /// For a trace of this rate.
    pub fn new(rate: Option<SampleRate>, settings: CheckSettings) -> Self {
        let rate = rate.map_or(0.0, SampleRate::hz);
        Self {
            settings,
            rate,
            company: ((10.0 * rate) as usize).clamp(128, 4096),
            found: TraceChecks::default(),
            count: 0,
            origin: 0.0,
            sum: 0.0,
            sum_of_squares: 0.0,
            integral: true,
            run: None,
            longest: 0,
            flat: 0,
            high: Extreme::NONE,
            low: Extreme::NONE,
            waiting: Vec::new(),
            judged: 0,
            ordered: Vec::new(),
        }
    }

    /// The next samples.
    pub fn push(&mut self, samples: impl Iterator<Item = f64>) {
        for sample in samples {
            if !sample.is_finite() {
                self.found.not_finite += 1;
                continue;
            }
            if self.count == 0 {
                self.origin = sample;
            }
            self.count += 1;
            let centred = sample - self.origin;
            self.sum += centred;
            self.sum_of_squares += centred * centred;
            match &mut self.run {
                Some(run) if run.value == sample => run.length += 1,
                _ => {
                    self.integral &= sample.fract() == 0.0;
                    let before = self.run.map(|run| run.value);
                    self.end_run(Some(sample));
                    self.run = Some(Run { before, value: sample, length: 1 });
                }
            }
            self.waiting.push(sample);
            if self.waiting.len() >= self.judged + self.company + QUIET {
                self.judge(self.company);
            }
        }
    }

    fn end_run(&mut self, after: Option<f64>) {
        let Some(Run { before, value, length }) = self.run else { return };
        self.longest = self.longest.max(length);
        let is_flat = self.rate > 0.0 && length as f64 >= self.settings.flat_s * self.rate;
        if is_flat {
            self.flat += length;
            self.found.flat_stretches += 1;
        }
        let at_limit = self.integral && is_integer_limit(value);
        let least = if self.integral { JUMP } else { 0.0 };
        let jumps = |other: Option<f64>| other.is_some_and(|o| (o - value).abs() > least);
        let is_cut = length >= CLIPPED_RUN && !is_flat && (jumps(before) || jumps(after));
        self.high.add(value, length, at_limit || is_cut);
        self.low.add(-value, length, at_limit || is_cut);
    }

    /// Looks for outliers among the next `count` waiting samples.
    fn judge(&mut self, count: usize) {
        let range = self.judged..(self.judged + count).min(self.waiting.len());
        let own = &self.waiting[range.clone()];
        if own.is_empty() {
            return;
        }
        let middle = own.len() / 2;
        self.ordered.clear();
        self.ordered.extend_from_slice(own);
        let median = *self.ordered.select_nth_unstable_by(middle, f64::total_cmp).1;
        self.ordered.iter_mut().for_each(|x| *x = (*x - median).abs());
        let deviation = *self.ordered.select_nth_unstable_by(middle, f64::total_cmp).1;
        // Quiet counts have no deviation at all; less than one count is none either.
        let least = if self.integral { 1.0 } else { 16.0 * f64::EPSILON * median.abs() };
        let limit = self.settings.spike * (1.4826 * deviation).max(least);
        let height = |i: usize| self.waiting.get(i).map_or(0.0, |x| (x - median).abs());
        let mut at = range.start;
        while at < range.end {
            if height(at) <= limit {
                at += 1;
                continue;
            }
            // A run may reach into the samples behind.
            let all = self.waiting.len();
            let end = (at..all).find(|&i| height(i) <= limit).unwrap_or(all);
            self.found.outliers += (end - at) as u64;
            let top = (at..end).map(height).fold(0.0, f64::max);
            let mut beside = (at.saturating_sub(QUIET)..at).chain(end..end + QUIET);
            if end - at <= 2 && beside.all(|i| height(i) < 0.25 * top) {
                self.found.spikes += 1;
            }
            at = end;
        }
        let judged = at.max(range.end);
        let done = judged.saturating_sub(QUIET);
        self.waiting.drain(..done);
        self.judged = judged - done;
    }

    /// The findings.
    pub fn finish(mut self) -> TraceChecks {
        while self.judged < self.waiting.len() {
            self.judge(self.company);
        }
        let runs_before = self.run.and_then(|run| run.before);
        self.end_run(None);
        let mut found = self.found;
        if self.count == 0 {
            return found;
        }
        let count = self.count as f64;
        let mean = self.sum / count;
        found.mean = self.origin + mean;
        found.deviation = (self.sum_of_squares / count - mean * mean).max(0.0).sqrt();
        (found.lowest, found.highest) = (-self.low.value, self.high.value);
        found.dead = self.count > 1 && runs_before.is_none() && found.lowest == found.highest;
        if !found.dead {
            found.clipped = self.high.clipped + self.low.clipped;
            found.clipped_runs = self.high.runs + self.low.runs;
            found.clipped_share = found.clipped as f64 / count;
        }
        if self.rate > 0.0 {
            found.flat_s = self.flat as f64 / self.rate;
            found.longest_flat_s = self.longest as f64 / self.rate;
        }
        found
    }
}

impl SampleSink for TraceChecker {
    fn take(&mut self, samples: &Samples) {
        match samples {
            Samples::I32(samples) => self.push(samples.iter().map(|&x| f64::from(x))),
            Samples::F32(samples) => self.push(samples.iter().map(|&x| f64::from(x))),
            Samples::F64(samples) => self.push(samples.iter().copied()),
        }
    }
}

/// Whether a value is the first or last that 16, 24 or 32 bits hold.
fn is_integer_limit(value: f64) -> bool {
    [15, 23, 31].iter().any(|bits| {
        let limit = f64::from(1u32 << bits);
        value == -limit || value == limit - 1.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(samples: &[f64]) -> TraceChecks {
        let mut checker = TraceChecker::new(SampleRate::from_hz(50.0), CheckSettings::default());
        for part in samples.chunks(77) {
            checker.push(part.iter().copied());
        }
        checker.finish()
    }

    /// Counts that look like noise: a fixed sequence, about normal, deviation near 40.
    fn noise(length: usize) -> Vec<f64> {
        let mut state = 12_345_u32;
        let mut uniform = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24) - 0.5
        };
        (0..length).map(|_| (40.0 * (0..12).map(|_| uniform()).sum::<f64>()).round()).collect()
    }

    #[test]
    fn noise_is_clean_and_so_is_a_smooth_wave_however_coarse() {
        let found = check(&noise(20_000));
        assert!(found.is_clean(), "{found:?}");
        assert!((found.deviation - 40.0).abs() < 1.0 && found.outliers == 0);
        // Ten seconds a period at 50 Hz: many equal samples at its crests.
        let wave = |n: usize| (30.0 * (n as f64 * std::f64::consts::TAU / 500.0).sin()).round();
        let found = check(&(0..20_000).map(wave).collect::<Vec<_>>());
        assert!(found.is_clean(), "{found:?}");
        assert!(found.longest_flat_s > 0.3);
    }

    #[test]
    fn cut_peaks_and_the_limits_of_integers_are_clipped() {
        let cut: Vec<f64> = (0..5000).map(|n| 3000.0 * (n as f64 * 0.1).sin()).collect();
        let cut: Vec<f64> = cut.iter().map(|x| x.clamp(-1e9, 1500.0).round()).collect();
        let found = check(&cut);
        let at_top = cut.iter().filter(|&&x| x == 1500.0).count() as u64;
        assert_eq!((found.clipped, found.clipped_runs), (at_top, 80));
        assert!((found.clipped_share - at_top as f64 / 5000.0).abs() < 1e-12);
        let mut counts = noise(2000);
        counts[700] = 8_388_607.0;
        counts[900] = -8_388_608.0;
        assert_eq!(check(&counts).clipped, 2);
    }

    #[test]
    fn flat_stretches_are_measured_and_a_dead_channel_is_named() {
        let mut samples = noise(10_000);
        samples[2000..3000].fill(7.0);
        samples[4000..4600].fill(0.0);
        samples[6000..6100].fill(0.0);
        let found = check(&samples);
        assert_eq!((found.flat_stretches, found.flat_s), (2, 32.0));
        assert_eq!((found.longest_flat_s, found.dead, found.clipped), (20.0, false, 0));
        let dead = check(&[0.0; 100]);
        assert!(dead.dead && dead.flat_stretches == 0 && !dead.is_clean());
        assert_eq!(check(&[f64::NAN, 1.0, f64::INFINITY]).not_finite, 2);
    }

    #[test]
    fn spikes_stand_alone_and_the_onset_of_an_earthquake_does_not() {
        let mut samples = noise(20_000);
        // At the seam of two stretches of ten seconds, at the end, two samples wide.
        for (at, height) in [(499, 2000.0), (500, 1900.0), (7000, -900.0), (19_999, 5000.0)] {
            samples[at] += height;
        }
        let found = check(&samples);
        assert_eq!((found.spikes, found.outliers), (3, 4));
        let mut samples = noise(20_000);
        for (n, sample) in samples[10_400..12_000].iter_mut().enumerate() {
            *sample += (20_000.0 * (n as f64 * 0.9).sin() * (-(n as f64) / 300.0).exp()).round();
        }
        let found = check(&samples);
        assert_eq!(found.spikes, 0);
        assert!(found.outliers > 50);
    }
}
