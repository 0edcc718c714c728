//! Waveform windows of one length as examples `[C, T]`.

use std::sync::Arc;

use rand::RngExt;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::image_set::write_label;
use super::{Dataset, ExampleSpec, Layout, Rng, Slot, Target};
use crate::error::{Error, Result};

/// Prepared windows (filtered, normalised), with what is known of each.
#[derive(Clone, Debug, Default)]
pub struct WaveformSet {
    /// Channels `C`.
    pub channels: usize,
    /// Samples `T`.
    pub samples: usize,
    /// Number of classes.
    pub classes: usize,
    /// `[N, C, T]`.
    pub values: Vec<f32>,
    /// Class of each window, if known.
    pub labels: Vec<Option<usize>>,
    /// Group (event) of each window.
    pub groups: Vec<usize>,
    /// Row or file of each window.
    pub names: Vec<String>,
}

impl WaveformSet {
    /// Number of windows.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Window number `window`, `[C, T]`.
    pub fn window(&self, window: usize) -> &[f32] {
        let size = self.channels * self.samples;
        &self.values[window * size..][..size]
    }
}

/// Random changes of training windows that leave the class alone, in the order of the fields;
/// the window is brought back to unit standard deviation afterwards.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaveformAugmentation {
    /// Circular shift by up to this many samples either way.
    pub shift: usize,
    /// Probability of a change of sign.
    pub flip: f64,
    /// Probability of added noise: a window of the noise class of the training part, rolled.
    pub noise: f64,
    /// Smallest and largest factor of that noise.
    pub noise_level: [f64; 2],
    /// Standard deviation, in nepers, of a random gain over frequency, linear between six knots.
    pub tilt: f64,
    /// The window is played slower or faster by a factor of up to this from 1, before all else:
    /// duration and frequencies change together. A shorter one goes on with its start.
    #[serde(skip_serializing_if = "is_zero")]
    pub stretch: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Lengths to which a window can be stretched.
const STRETCHES: usize = 33;

/// Knots of the random gain between 0 Hz and half the sampling rate.
const KNOTS: usize = 6;

impl Default for WaveformAugmentation {
    /// Nothing is changed.
    fn default() -> Self {
        Self { shift: 0, flip: 0.0, noise: 0.0, noise_level: [0.1, 0.6], tilt: 0.0, stretch: 0.0 }
    }
}

impl WaveformAugmentation {
    fn check(&self) -> Result<()> {
        let wrong = |text: &str| Err(Error::usage(format!("augmentation: {text}")));
        if !(0.0..=1.0).contains(&self.flip) || !(0.0..=1.0).contains(&self.noise) {
            return wrong("flip and noise are probabilities in 0..1");
        }
        let [low, high] = self.noise_level;
        if !(low.is_finite() && high.is_finite() && 0.0 <= low && low <= high) {
            return wrong("noise_level must be two rising numbers from 0 on");
        }
        if !(0.0..=10.0).contains(&self.tilt) {
            return wrong("tilt must lie in 0..10");
        }
        if !(0.0..=0.5).contains(&self.stretch) {
            return wrong("stretch must lie in 0..0.5");
        }
        Ok(())
    }
}

/// Some windows of a set as a [`Dataset`].
pub struct WaveformDataset<'a> {
    set: &'a WaveformSet,
    members: Vec<usize>,
    augmenter: Option<Augmenter>,
}

/// What augmentation needs beside the window.
struct Augmenter {
    settings: WaveformAugmentation,
    /// Windows of the noise class among the members: never of another fold.
    noise: Vec<usize>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Back to other lengths; empty if nothing is stretched.
    stretched: Vec<Arc<dyn ComplexToReal<f32>>>,
}

impl<'a> WaveformDataset<'a> {
    /// `members` are numbers of windows in `set`.
    pub fn new(set: &'a WaveformSet, members: Vec<usize>) -> Self {
        Self { set, members, augmenter: None }
    }

    /// Changes windows at random, afresh each time they are asked for. Noise is taken from the
    /// members of class `noise_class` only.
    pub fn augmented(
        mut self,
        settings: Option<WaveformAugmentation>,
        noise_class: Option<usize>,
    ) -> Result<Self> {
        let Some(settings) = settings else { return Ok(self) };
        settings.check()?;
        let is_noise =
            |&member: &usize| noise_class.is_some() && self.set.labels[member] == noise_class;
        let noise = self.members.iter().copied().filter(is_noise).collect();
        let mut planner = RealFftPlanner::new();
        let samples = self.set.samples as f64;
        let length = |number: usize| {
            let share = 2.0 * number as f64 / (STRETCHES - 1) as f64 - 1.0;
            2 * (0.5 * samples * (1.0 + settings.stretch * share)).round().max(1.0) as usize
        };
        let lengths = if settings.stretch > 0.0 { 0..STRETCHES } else { 0..0 };
        let stretched = lengths.map(|n| planner.plan_fft_inverse(length(n))).collect();
        self.augmenter = Some(Augmenter {
            stretched,
            settings,
            noise,
            forward: planner.plan_fft_forward(self.set.samples),
            inverse: planner.plan_fft_inverse(self.set.samples),
        });
        Ok(self)
    }
}

impl Dataset for WaveformDataset<'_> {
    fn len(&self) -> usize {
        self.members.len()
    }

    fn spec(&self) -> ExampleSpec {
        ExampleSpec {
            layout: Layout::Waveform,
            values: vec![self.set.channels, self.set.samples],
            features: 0,
            lengths: false,
            target: Target::Class { count: self.set.classes },
        }
    }

    fn group(&self, example: usize) -> usize {
        self.set.groups[self.members[example]]
    }

    fn name(&self, example: usize) -> String {
        self.set.names[self.members[example]].clone()
    }

    fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
        let window = self.members[example];
        slot.values.copy_from_slice(self.set.window(window));
        if let Some(augmenter) = &self.augmenter {
            augmenter.apply(self.set, rng, slot.values)?;
        }
        write_label(self.set.labels[window], slot.target, slot.observed);
        Ok(())
    }
}

impl Augmenter {
    /// All channels of a window are changed alike.
    fn apply(&self, set: &WaveformSet, rng: &mut Rng, window: &mut [f32]) -> Result<()> {
        let samples = set.samples;
        if samples == 0 {
            return Ok(());
        }
        // Everything is drawn first, so that one setting does not move the draws of another.
        let reach = self.settings.shift.min(samples);
        let shift = rng.random_range(0..=2 * reach) + samples - reach;
        let flip = rng.random_range(0.0..1.0) < self.settings.flip;
        let mixes = rng.random_range(0.0..1.0) < self.settings.noise;
        let [low, high] = self.settings.noise_level;
        let level = (low + (high - low) * rng.random_range(0.0..1.0)) as f32;
        let pick = rng.random_range(0..self.noise.len().max(1));
        let roll = rng.random_range(0..samples);
        let knots: [f64; KNOTS] = std::array::from_fn(|_| self.settings.tilt * normal(rng));
        let stretch = rng.random_range(0..STRETCHES);
        let noise = self.noise.get(pick).filter(|_| mixes).map(|&n| set.window(n));
        for (channel, values) in window.chunks_exact_mut(samples).enumerate() {
            if let Some(inverse) = self.stretched.get(stretch) {
                self.stretch(values, inverse.as_ref())?;
            }
            values.rotate_right(shift % samples);
            if flip {
                values.iter_mut().for_each(|v| *v = -*v);
            }
            if let Some(noise) = noise {
                let noise = &noise[channel * samples..][..samples];
                for (at, value) in values.iter_mut().enumerate() {
                    *value += level * noise[(at + roll) % samples];
                }
            }
            if self.settings.tilt > 0.0 {
                self.tilt(values, &knots)?;
            }
            to_unit_deviation(values);
        }
        Ok(())
    }

    /// The window played at another speed, through its spectrum; cut or gone on with its start.
    fn stretch(&self, values: &mut [f32], inverse: &dyn ComplexToReal<f32>) -> Result<()> {
        let failed = |e: realfft::FftError| Error::data(format!("stretching: {e}"));
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(&mut values.to_vec(), &mut spectrum).map_err(failed)?;
        let mut other = inverse.make_input_vec();
        let shared = spectrum.len().min(other.len());
        other[..shared].copy_from_slice(&spectrum[..shared]);
        // What has no partner at half the rate of either length.
        other[shared - 1] = realfft::num_complex::Complex::new(0.0, 0.0);
        let mut played = inverse.make_output_vec();
        inverse.process(&mut other, &mut played).map_err(failed)?;
        let scale = 1.0 / values.len() as f32;
        for (value, new) in values.iter_mut().zip(played.iter().cycle()) {
            *value = new * scale;
        }
        Ok(())
    }

    /// Multiplies the spectrum by `exp(t(f))`, `t` linear between the knots.
    fn tilt(&self, values: &mut [f32], knots: &[f64; KNOTS]) -> Result<()> {
        let failed = |e: realfft::FftError| Error::data(format!("spectral tilt: {e}"));
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(values, &mut spectrum).map_err(failed)?;
        let last = (spectrum.len() - 1).max(1) as f64;
        let scale = 1.0 / values.len() as f64;
        for (bin, value) in spectrum.iter_mut().enumerate() {
            let at = bin as f64 / last * (KNOTS - 1) as f64;
            let knot = (at as usize).min(KNOTS - 2);
            let part = at - knot as f64;
            let gain = knots[knot] * (1.0 - part) + knots[knot + 1] * part;
            *value *= (gain.exp() * scale) as f32;
        }
        // A real signal has a real mean and, at even length, a real last bin.
        spectrum[0].im = 0.0;
        if values.len().is_multiple_of(2)
            && let Some(last) = spectrum.last_mut()
        {
            last.im = 0.0;
        }
        self.inverse.process(&mut spectrum, values).map_err(failed)
    }
}

/// A standard normal number (Box and Muller 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random_range(0.0..1.0f64)).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random_range(0.0..1.0f64)).cos()
}

fn to_unit_deviation(values: &mut [f32]) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let square = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    let factor = (1.0 / square.sqrt().max(1e-9)) as f32;
    values.iter_mut().for_each(|v| *v *= factor);
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn set() -> WaveformSet {
        let wave = |n: usize| {
            let mut wave: Vec<f32> = (0..64).map(|t| ((t * (n + 3)) as f32 * 0.21).sin()).collect();
            to_unit_deviation(&mut wave);
            wave
        };
        WaveformSet {
            channels: 1,
            samples: 64,
            classes: 2,
            values: (0..3).flat_map(wave).collect(),
            labels: vec![Some(0), Some(1), Some(1)],
            groups: vec![0, 1, 2],
            names: vec!["0".into(), "1".into(), "2".into()],
        }
    }

    fn written(dataset: &WaveformDataset<'_>, example: usize, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; 64];
        let slot = Slot {
            values: &mut values,
            features: &mut [],
            length: &mut 0,
            target: &mut [0.0],
            observed: &mut [1.0],
            weight: &mut 1.0,
        };
        dataset.write(example, &mut Rng::seed_from_u64(seed), slot).unwrap();
        values
    }

    fn augmented(set: &WaveformSet, settings: WaveformAugmentation) -> WaveformDataset<'_> {
        WaveformDataset::new(set, vec![0, 1]).augmented(Some(settings), Some(1)).unwrap()
    }

    #[test]
    fn no_augmentation_changes_nothing_but_rounding() {
        let set = set();
        let plain = written(&WaveformDataset::new(&set, vec![0, 1]), 0, 1);
        let same = written(&augmented(&set, WaveformAugmentation::default()), 0, 1);
        assert!(plain.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn a_stretched_sine_has_another_period() {
        let mut set = set();
        set.samples = 512;
        // Eight periods in the window.
        let sine = |n: usize| (std::f32::consts::TAU * n as f32 * 8.0 / 512.0).sin();
        set.values = (0..3 * 512).map(sine).collect();
        let settings = WaveformAugmentation { stretch: 0.25, ..Default::default() };
        let dataset = augmented(&set, settings);
        let crossings = |seed| {
            let mut values = vec![0.0; 512];
            let slot = Slot {
                values: &mut values,
                features: &mut [],
                length: &mut 0,
                target: &mut [0.0],
                observed: &mut [1.0],
                weight: &mut 1.0,
            };
            dataset.write(0, &mut Rng::seed_from_u64(seed), slot).unwrap();
            assert!(values.iter().all(|v| v.is_finite()));
            values.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count()
        };
        let counts: Vec<usize> = (0..20).map(crossings).collect();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least >= 6 && *most <= 12 && least < most, "{counts:?}");
        let wild = WaveformAugmentation { stretch: 0.9, ..Default::default() };
        assert!(WaveformDataset::new(&set, vec![0]).augmented(Some(wild), None).is_err());
    }

    #[test]
    fn a_shift_keeps_the_samples_and_a_flip_their_size() {
        let set = set();
        let settings = WaveformAugmentation { shift: 5, flip: 1.0, ..Default::default() };
        let moved = written(&augmented(&set, settings), 0, 3);
        let mut sizes: Vec<f32> = moved.iter().map(|v| -v).collect();
        let mut plain = set.window(0).to_vec();
        sizes.sort_by(f32::total_cmp);
        plain.sort_by(f32::total_cmp);
        assert!(sizes.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn noise_comes_from_the_members_alone() {
        let mut poisoned = set();
        poisoned.values[2 * 64..].fill(f32::NAN);
        let settings = WaveformAugmentation { noise: 1.0, tilt: 0.3, ..Default::default() };
        let dataset = augmented(&poisoned, settings);
        for seed in 0..20 {
            let values = written(&dataset, 0, seed);
            assert!(values.iter().all(|v| v.is_finite()));
            let square: f32 = values.iter().map(|v| v * v).sum::<f32>() / 64.0;
            let mean: f32 = values.iter().sum::<f32>() / 64.0;
            assert!((square - mean * mean - 1.0).abs() < 1e-4);
        }
    }
}
