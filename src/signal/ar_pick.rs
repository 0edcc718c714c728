//! P and S onsets by autoregressive prediction errors, step for step as ObsPy's `ar_pick`.
//!
//! Akazawa (2004, 13th World Conf. Earthquake Eng., 786) narrows the search down by averages of
//! the trace; Leonard and Kennett (1999, Phys. Earth Planet. Inter. 113, 113-132) place the onset
//! where a model of the samples before it and one of those behind it predict worst together.
//! Numbers are single precision where ObsPy's are: a minimum is a choice among near equals.

use super::autoregression::joint_minimum;
use super::butterworth::{Band, butterworth};
use super::detrend::detrend_linear;
use super::sections::{Section, SosFilter};
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// What [`ArPicker::pick`] is told of the search for one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArPhase {
    /// Short-term average, s.
    pub short: f64,
    /// Long-term average, s.
    pub long: f64,
    /// Coefficients of the autoregressive models.
    pub order: usize,
    /// Stretch over which a prediction error is averaged, s.
    pub window: f64,
}

/// Parameters of the picker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArPicker {
    /// Edges of the band-pass, Hz.
    pub band: (f64, f64),
    /// Search for P on the vertical component.
    pub p: ArPhase,
    /// Search for S on the horizontal component with the larger amplitude.
    pub s: ArPhase,
}

impl Default for ArPicker {
    /// Those of ObsPy's tutorial: 1–20 Hz, P by 0.1 s over 1 s, S by 1 s over 4 s.
    fn default() -> Self {
        Self {
            band: (1.0, 20.0),
            p: ArPhase { short: 0.1, long: 1.0, order: 2, window: 0.1 },
            s: ArPhase { short: 1.0, long: 4.0, order: 8, window: 0.2 },
        }
    }
}

/// Samples of the onsets; none where the criterion has no minimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArOnsets {
    /// Of P.
    pub p: Option<usize>,
    /// Of S.
    pub s: Option<usize>,
}

/// [`ArPhase`] in samples.
struct Lengths {
    short: usize,
    long: usize,
    order: usize,
    window: usize,
}

impl Lengths {
    fn of(phase: &ArPhase, rate: SampleRate, samples: usize) -> Result<Self> {
        let single = |seconds: f64| (seconds as f32 * rate.hz() as f32) as usize;
        let (short, long, window) =
            (single(phase.short), single(phase.long), (phase.window * rate.hz()) as usize);
        let order = phase.order;
        if short == 0 || long < short || long > samples || order == 0 || window <= order {
            return Err(Error::usage(format!(
                "averages of {short} and {long} samples, {order} coefficients of {window} samples: \
                 expected 1 <= short <= long <= {samples} and 1 <= coefficients < window"
            )));
        }
        Ok(Self { short, long, order, window })
    }

    /// What an error is the first of, counted from the start of its stretch.
    fn margin(&self) -> usize {
        self.order + self.window
    }
}

impl ArPicker {
    /// Onsets on the vertical component `[T]` and two horizontal ones `[T]`.
    ///
    /// # Errors
    /// Components of different lengths, or too short or too slow for the parameters.
    pub fn pick(
        &self,
        vertical: &[f64],
        horizontals: [&[f64]; 2],
        rate: SampleRate,
    ) -> Result<ArOnsets> {
        let n = vertical.len();
        if horizontals.iter().any(|h| h.len() != n) {
            return Err(Error::data("the components of an AR pick have different lengths"));
        }
        let p = Lengths::of(&self.p, rate, n)?;
        let s = Lengths::of(&self.s, rate, n)?;
        let sections = butterworth(4, Band::BandPass(self.band.0, self.band.1), rate)?;
        let vertical = scaled(&[vertical]).concat();
        let wide = scaled(&horizontals);
        let mut search = Search { work: vec![0.0; n], flipped: vec![0.0; n] };
        let p_onset = search.p(&vertical, &there_and_back(&sections, &vertical), &p);
        let horizontals = wide.map_larger(|h| there_and_back(&sections, h));
        let s_onset = search.s(&horizontals, p_onset.unwrap_or(0), &s);
        let first = |onset: Option<usize>, window: usize| onset.map(|at| at.saturating_sub(window));
        Ok(ArOnsets { p: first(p_onset, p.window), s: first(s_onset, s.window) })
    }
}

/// Components as single-precision numbers.
struct Components(Vec<Vec<f32>>);

impl Components {
    fn concat(self) -> Vec<f32> {
        self.0.concat()
    }

    /// The component with the largest value after `change`, the first of equals.
    fn map_larger(&self, change: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
        let changed = self.0.iter().map(|component| change(component));
        changed.reduce(|a, b| if largest(&b) > largest(&a) { b } else { a }).unwrap_or_default()
    }
}

fn largest(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// Without their trends, and scaled up by one factor if all are small: cubes of small single
/// numbers vanish.
fn scaled(components: &[&[f64]]) -> Components {
    let single = |samples: &&[f64]| {
        let mut samples = samples.to_vec();
        detrend_linear(&mut samples);
        samples.into_iter().map(|x| x as f32).collect::<Vec<f32>>()
    };
    let mut components: Vec<Vec<f32>> = components.iter().map(single).collect();
    let most = components.iter().map(|c| largest(c)).fold(0.0, f32::max);
    if most > 0.0 && most < 100.0 {
        components.iter_mut().flatten().for_each(|x| *x = *x * 1e6 / most);
    }
    Components(components)
}

/// Filtered forwards, then backwards from the state in which that ends.
fn there_and_back(sections: &[Section], samples: &[f32]) -> Vec<f32> {
    let mut filter = SosFilter::new(sections);
    let mut pass = |samples: &[f32]| -> Vec<f32> {
        let mut wave: Vec<f64> = samples.iter().map(|&x| f64::from(x)).collect();
        filter.run(&mut wave);
        wave.into_iter().rev().map(|x| x as f32).collect()
    };
    let reversed = pass(samples);
    pass(&reversed)
}

/// The stretch at work, forwards and backwards; what an earlier stretch left behind a shorter one
/// is read again, as in ObsPy.
struct Search {
    work: Vec<f32>,
    flipped: Vec<f32>,
}

impl Search {
    /// The sample at the minimum for P: one window after the onset.
    fn p(&mut self, wide: &[f32], filtered: &[f32], lengths: &Lengths) -> Option<usize> {
        let n = wide.len();
        let mut end = steepest_rise(&envelope(filtered), lengths);
        if end + lengths.margin() <= n {
            end += lengths.margin();
        }
        self.work.copy_from_slice(filtered);
        let cubed = (end + lengths.window).min(n);
        self.work[..cubed].iter_mut().for_each(|x| *x = *x * (*x * *x));
        self.flip(cubed);
        let rough = joint_minimum(&self.work, &self.flipped, end, lengths.order, lengths.window);
        let about = (end - rough.unwrap_or(0)) * 2 + lengths.margin();
        let length = about.min(n);
        let start = end.saturating_sub(length);
        self.load(&wide[start..end], length);
        let fine = joint_minimum(&self.work, &self.flipped, length, lengths.order, lengths.window);
        fine.map(|at| at + start)
    }

    /// The sample at the minimum for S, searched behind `p`: one window after the onset.
    fn s(&mut self, filtered: &[f32], p: usize, lengths: &Lengths) -> Option<usize> {
        let n = filtered.len();
        let amplitude: Vec<f32> = filtered.iter().map(|x| x.abs()).collect();
        let excess = |short: f32, long: f32| short - long;
        let (mut most, mut end) = (0.0, 0);
        for i in p..n - lengths.long {
            let behind = i + lengths.long;
            let short = average(amplitude[behind - lengths.short..behind].iter());
            let rise = excess(short, average(amplitude[i..behind].iter()));
            if rise > most {
                (most, end) = (rise, behind);
            }
        }
        let end = (end + lengths.margin()).min(n);
        let (mut least, mut start) = (0.0, 0);
        // Behind the last and up to the first of these samples a whole average does not fit.
        let fits = lengths.long + 1..n - lengths.long;
        for i in (p.max(lengths.long)..end).rev().map(|i| i - lengths.long) {
            if !fits.contains(&i) {
                continue;
            }
            let short = average(amplitude[i..i + lengths.short].iter().rev());
            let rise = excess(short, average(amplitude[i..i + lengths.long].iter().rev()));
            if rise < least {
                (least, start) = (rise, i);
            }
        }
        if start == 0 {
            return None;
        }
        let length = end - start;
        self.load(&filtered[start..end], length);
        let at = joint_minimum(&self.work, &self.flipped, length, lengths.order, lengths.window);
        at.map(|at| at + start)
    }

    /// Cubes of `stretch` at the front, of which `length` samples are at work.
    fn load(&mut self, stretch: &[f32], length: usize) {
        self.work.iter_mut().zip(stretch).for_each(|(work, x)| *work = x * x * x);
        self.flip(length);
    }

    fn flip(&mut self, length: usize) {
        let backwards = self.work[..length].iter().rev();
        self.flipped.iter_mut().zip(backwards).for_each(|(to, from)| *to = *from);
    }
}

/// Mean, added up in the order given.
fn average<'a>(samples: impl ExactSizeIterator<Item = &'a f32>) -> f32 {
    let count = samples.len() as f32;
    samples.fold(0.0, |sum, x| sum + x / count)
}

/// Akazawa's envelope: |x| − x² of the trace scaled to 1, the larger of each and the one before.
fn envelope(filtered: &[f32]) -> Vec<f32> {
    let most = largest(filtered);
    let bulge: Vec<f32> = filtered.iter().map(|x| x.abs() / most - x * x / (most * most)).collect();
    let before = std::iter::once(f32::NEG_INFINITY).chain(bulge.iter().copied());
    bulge.iter().zip(before).map(|(&now, before)| if now > before { now } else { before }).collect()
}

/// Where the short average stands highest above the long one before the maximum of `envelope`;
/// 0 if there is no room for that.
fn steepest_rise(envelope: &[f32], lengths: &Lengths) -> usize {
    let (mut most, mut summit) = (0.0, 0);
    for (i, &value) in envelope.iter().enumerate() {
        if value > most {
            (most, summit) = (value, i);
        }
    }
    let (mut highest, mut rise) = (0.0, 0);
    for behind in lengths.long..summit {
        let short = average(envelope[behind - lengths.short..behind].iter());
        let long = average(envelope[behind - lengths.long..behind].iter());
        if long > 0.0 && short / long > highest {
            (highest, rise) = (short / long, behind);
        }
    }
    rise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_no_onsets_and_misfits_are_refused() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        let picker = ArPicker::default();
        let zeros = vec![0.0; 3000];
        assert_eq!(picker.pick(&zeros, [&zeros, &zeros], rate).unwrap(), ArOnsets::default());
        assert!(picker.pick(&zeros, [&zeros, &zeros[1..]], rate).is_err());
        assert!(picker.pick(&zeros[..300], [&zeros[..300]; 2], rate).is_err());
        let slow = SampleRate::from_hz(20.0).unwrap();
        assert!(picker.pick(&zeros, [&zeros, &zeros], slow).is_err());
    }

    #[test]
    fn every_length_and_burst_ends_without_a_panic() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        let noise = |i: usize| ((i * 7919) % 101) as f64 / 101.0 - 0.5;
        for n in [400, 401, 430, 777, 900] {
            for onset in [0, 3, n / 2, n - 30, n - 1, n] {
                let burst: Vec<f64> =
                    (0..n).map(|i| noise(i) * if i < onset { 1.0 } else { 30.0 }).collect();
                ArPicker::default().pick(&burst, [&burst, &burst], rate).unwrap();
            }
        }
    }
}
