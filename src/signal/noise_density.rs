//! Probabilistic power spectral density of McNamara and Buland (2004): what noise a station has how
//! often, from one-hour segments of continuous data, earthquakes and faults and all.
//!
//! Each hour (the next begins half an hour later) is the mean of sections 75 % overlapping, as long as
//! the largest power of two within a quarter of an hour; the mean is taken in dB over a full octave
//! every eighth of an octave of period. Hours with gaps are left out.

use super::power_density::{PowerDensity, SectionTaper};
use crate::time::{SECOND, SampleRate, UtcTime};

/// Length of a segment in seconds.
const SEGMENT_S: u64 = 3600;

/// From one segment to the next.
const STEP_S: u64 = SEGMENT_S / 2;

/// Bins an octave of period.
const BINS_AN_OCTAVE: f64 = 8.0;

/// Smallest density, so that silence has a logarithm.
const SMALLEST: f64 = f64::MIN_POSITIVE;

/// The densities of the hours of one channel, in dB relative to 1 unit²/Hz.
#[derive(Clone, Debug, Default)]
pub struct NoiseHours {
    /// Centres of the bins: periods in seconds, rising, `[P]`.
    pub periods: Vec<f64>,
    /// Start and densities of each hour, `[P]` each.
    pub hours: Vec<(UtcTime, Vec<f32>)>,
    /// Hours left out since the data end or break inside.
    pub left_out: u64,
}

/// Computes [`NoiseHours`] from pieces in time order, in the memory of an hour.
pub struct NoiseDensity {
    rate: SampleRate,
    density: PowerDensity,
    /// Factor on the power at each frequency: from counts to what is wanted.
    factors: Vec<f64>,
    /// First and last frequency of each bin, by index.
    bins: Vec<std::ops::RangeInclusive<usize>>,
    /// Samples in a segment.
    length: usize,
    waiting: Vec<f64>,
    /// Time of the first sample of the contiguous stretch and samples of it that were dropped.
    origin: (UtcTime, u64),
    found: NoiseHours,
}

impl NoiseDensity {
    /// For data of one rate; `None` if it is so low that an hour has no spectrum. `factor` is what
    /// to multiply the power at a frequency (Hz) by: 1 for counts, (2πf/|H|)² for acceleration from
    /// counts whose response to velocity is H.
    pub fn new(rate: SampleRate, factor: impl Fn(f64) -> f64) -> Option<Self> {
        let hz = rate.hz();
        let length = (hz * SEGMENT_S as f64) as usize;
        let quarter = length / 4;
        if !(8..1 << 26).contains(&quarter) {
            return None;
        }
        let section = 1usize << quarter.ilog2();
        let density = PowerDensity::new(section, hz, SectionTaper::CosineTenths);
        let frequencies = density.frequencies();
        let step = hz / section as f64;
        let factors = (0..frequencies).map(|k| factor(k as f64 * step)).collect();
        // Frequencies lie on edges of bins, where the last digit decides whether they count. It is
        // ObsPy's here: its order of operations, edges by repeated multiplication.
        let val = 1.0 / (section as f64 * (1.0 / hz));
        let period = |k: usize| 1.0 / (k as f64 * val);
        let (shortest, longest) = (period(frequencies - 1), period(1));
        let mut found = NoiseHours::default();
        let mut bins = Vec::new();
        // Half an octave to either side of the centre.
        let mut left = shortest / 2f64.sqrt();
        loop {
            let (right, centre) = (2.0 * left, (left * (2.0 * left)).sqrt());
            // Frequencies fall as periods rise.
            let near = |period: f64| 1.0 / (period * val);
            let first = (near(right).floor().max(2.0) as usize) - 1;
            let last = ((near(left).ceil() as usize) + 1).min(frequencies - 1);
            let inside = |k: &usize| (left..=right).contains(&period(*k));
            let (low, high) = ((first..=last).find(inside), (first..=last).rev().find(inside));
            if let (Some(low), Some(high)) = (low, high) {
                found.periods.push(centre);
                bins.push(low..=high);
            }
            if centre >= longest {
                break;
            }
            left *= 2f64.powf(1.0 / BINS_AN_OCTAVE);
        }
        let origin = (UtcTime::default(), 0);
        Some(Self { rate, density, factors, bins, length, waiting: Vec::new(), origin, found })
    }

    /// The next piece, that goes on where the last ended or not.
    pub fn push(&mut self, start: UtcTime, samples: impl Iterator<Item = f64>, continued: bool) {
        if !continued {
            self.end_stretch();
            self.origin = (start, 0);
        }
        for sample in samples {
            self.waiting.push(sample);
            if self.waiting.len() == self.length {
                self.segment();
            }
        }
    }

    fn end_stretch(&mut self) {
        self.found.left_out += u64::from(!self.waiting.is_empty());
        self.waiting.clear();
    }

    /// The segment that the waiting samples are, and on to the next.
    fn segment(&mut self) {
        let mut sums = vec![0.0; self.density.frequencies()];
        let section = self.density.length();
        let mut sections = 0;
        for part in self.waiting.windows(section).step_by(section - section * 3 / 4) {
            sections += u32::from(self.density.add(part, &mut sums));
        }
        let level = |k: usize| {
            let power = sums[k] / f64::from(sections.max(1)) * self.factors[k];
            10.0 * power.max(SMALLEST).log10()
        };
        let levels: Vec<f64> = (0..sums.len()).map(level).collect();
        let mean = |bin: &std::ops::RangeInclusive<usize>| {
            let inside = &levels[bin.clone()];
            (inside.iter().sum::<f64>() / inside.len() as f64) as f32
        };
        let (start, dropped) = self.origin;
        let time = start.plus(self.rate.offset(dropped));
        if levels.iter().all(|level| !level.is_nan()) {
            self.found.hours.push((time, self.bins.iter().map(mean).collect()));
        } else {
            self.found.left_out += 1;
        }
        // Counted from the start of the stretch, so that odd rates do not drift.
        let steps = self.rate.nearest_index(time.0.saturating_sub(start.0)) as u64;
        let number = (steps as f64 / self.rate.hz() / STEP_S as f64).round() as u64 + 1;
        let next = self.rate.nearest_index((number * STEP_S) as i64 * SECOND) as u64;
        let away = (next.saturating_sub(dropped) as usize).clamp(1, self.waiting.len());
        self.waiting.drain(..away);
        self.origin.1 += away as u64;
    }

    /// The hours.
    pub fn finish(mut self) -> NoiseHours {
        // Half an hour always waits behind the last segment; a rest of its own is left out.
        if self.origin.1 == 0 {
            self.end_stretch();
        }
        self.found
    }
}

impl NoiseHours {
    /// The density that the share `quantile` of hours does not exceed, at each period, `[P]`; linear
    /// between hours.
    pub fn quantile(&self, quantile: f64) -> Vec<f64> {
        let at = |bin: usize| {
            let mut values: Vec<f32> = self.hours.iter().map(|(_, levels)| levels[bin]).collect();
            values.sort_by(f32::total_cmp);
            let place = quantile.clamp(0.0, 1.0) * (values.len().max(1) - 1) as f64;
            let (low, share) = (place.floor() as usize, place.fract());
            let value = |i: usize| values.get(i).map_or(f64::NAN, |&v| f64::from(v));
            if share == 0.0 {
                value(low)
            } else {
                value(low) * (1.0 - share) + value(low + 1) * share
            }
        };
        (0..self.periods.len()).map(at).collect()
    }

    /// How many hours lie in each of `levels` bins of 1 dB from `lowest` on, `[P][levels]`.
    pub fn histogram(&self, lowest: i32, levels: usize) -> Vec<Vec<u32>> {
        let mut counts = vec![vec![0; levels]; self.periods.len()];
        for (_, hour) in &self.hours {
            for (bin, &level) in counts.iter_mut().zip(hour) {
                let place = (f64::from(level) - f64::from(lowest)).floor();
                if place >= 0.0
                    && let Some(count) = bin.get_mut(place as usize)
                {
                    *count += 1;
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_noise_has_its_level_at_every_period_and_gaps_cost_hours() {
        let rate = SampleRate::from_hz(20.0).unwrap();
        let mut state = 7_u64;
        let mut white = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) as f64 / f64::from(1u32 << 31) - 0.5) * 12f64.sqrt()
        };
        let mut density = NoiseDensity::new(rate, |_| 100.0).unwrap();
        let samples: Vec<f64> = (0..20 * 3600 * 3 + 5).map(|_| white()).collect();
        let (head, tail) = samples.split_at(100_001);
        let start = UtcTime(50 * SECOND);
        density.push(start, head.iter().copied(), false);
        density.push(start.plus(rate.offset(100_001)), tail.iter().copied(), true);
        density.push(start.plus(20_000 * SECOND), tail.iter().take(30_000).copied(), false);
        let found = density.finish();
        assert_eq!((found.hours.len(), found.left_out), (5, 2));
        assert_eq!(found.hours[3].0, start.plus(3 * 1800 * SECOND));
        // Variance 1 over 10 Hz, times 100: 10 dB. The mean of logarithms lies below.
        let median = found.quantile(0.5);
        assert!((found.periods[0] - 0.1).abs() < 1e-12);
        for (period, level) in found.periods.iter().zip(&median).filter(|(p, _)| **p < 20.0) {
            assert!((level - 9.7).abs() < 0.6, "{period}: {level}");
        }
        let histogram = found.histogram(-20, 60);
        assert!(histogram.iter().all(|bin| bin.iter().sum::<u32>() == 5));
    }
}
