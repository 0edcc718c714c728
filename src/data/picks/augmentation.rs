//! Random changes of training windows. Every step keeps arrivals at the samples where they are,
//! and draws from a generator of its own, so that the settings of one do not move the draws of
//! another.

use rand::{Rng as _, RngExt, SeedableRng};

use super::example::{Example, between, happens};
use super::superposed::{AddNoise, Superpose};
use super::window::RandomWindow;
use crate::data::{Rng, derive_seed};
use crate::error::{Error, Result};

/// Where steps get further traces from: the training part alone.
pub trait Fetch {
    /// A window of `samples` of a noise trace; `None` if there is none.
    fn noise(&self, samples: usize, rng: &mut Rng) -> Result<Option<Example>>;
    /// A window of `samples` around an arrival of another trace; `None` if there is none.
    fn event(&self, samples: usize, rng: &mut Rng) -> Result<Option<Example>>;
}

/// One step of `[[augmentation]]`, `step = "gain"` and so on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A window at a random place; steps before it see the whole trace.
    Window(RandomWindow),
    /// Later or earlier in the window.
    Shift(Shift),
    /// Another amplitude.
    Gain(Gain),
    /// Channels that are not there.
    DropChannels(DropChannels),
    /// Stretches that are not there.
    Gaps(Gaps),
    /// Recorded noise.
    Noise(AddNoise),
    /// A second event.
    Superpose(Superpose),
    /// Horizontals in another direction.
    Rotate(Rotate),
    /// Up becomes down.
    Polarity(Polarity),
}

/// Moves the window's content; vacated samples are zero, arrivals move along.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// At most so far either way.
    pub seconds: f64,
}

/// Multiplies all rows by one factor, its logarithm drawn evenly.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// Smallest and largest factor.
    pub factor: [f64; 2],
    /// A factor for each row instead of one for all.
    #[serde(default)]
    pub each_channel: bool,
}

/// Sets some rows to zero, never all that hold data.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropChannels {
    /// Probability that anything is dropped.
    pub probability: f64,
    /// Components that stay, e.g. `"Z"`.
    #[serde(default)]
    pub keep: String,
}

/// Sets stretches of all rows to zero; arrivals within are gone.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Probability that there is any.
    pub probability: f64,
    /// Shortest and longest.
    pub seconds: [f64; 2],
    /// At most so many.
    #[serde(default = "one")]
    pub most: usize,
}

fn one() -> usize {
    1
}

/// Turns the horizontals by one angle, drawn evenly from the circle.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Probability.
    pub probability: f64,
}

/// Changes the sign of all rows, and of the polarities.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polarity {
    /// Probability.
    pub probability: f64,
}

/// Refuses steps that cannot be meant.
pub fn check_steps(steps: &[Step]) -> Result<()> {
    steps.iter().try_for_each(Step::check)
}

pub(super) fn check_probability(step: &str, probability: f64) -> Result<()> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(());
    }
    Err(Error::usage(format!("augmentation {step}: a probability lies in 0..1")))
}

pub(super) fn check_range(step: &str, [low, high]: [f64; 2], least: f64) -> Result<()> {
    if low.is_finite() && high.is_finite() && least <= low && low <= high {
        return Ok(());
    }
    Err(Error::usage(format!("augmentation {step}: expected two rising numbers from {least} on")))
}

impl Step {
    fn check(&self) -> Result<()> {
        match self {
            Self::Window(step) => step.check(),
            Self::Shift(step) => check_range("shift", [step.seconds, step.seconds], 0.0),
            Self::Gain(step) => check_range("gain", step.factor, 1e-12),
            Self::DropChannels(step) => check_probability("drop_channels", step.probability),
            Self::Gaps(step) => {
                check_probability("gaps", step.probability)?;
                check_range("gaps", step.seconds, 0.0)
            }
            Self::Noise(step) => step.check(),
            Self::Superpose(step) => step.check(),
            Self::Rotate(step) => check_probability("rotate", step.probability),
            Self::Polarity(step) => check_probability("polarity", step.probability),
        }
    }

    fn apply(
        &self,
        example: &mut Example,
        window: usize,
        fetch: &dyn Fetch,
        rng: &mut Rng,
    ) -> Result<()> {
        match self {
            Self::Window(step) => *example = step.apply(example, window, rng),
            Self::Shift(step) => step.apply(example, rng),
            Self::Gain(step) => step.apply(example, rng),
            Self::DropChannels(step) => step.apply(example, rng),
            Self::Gaps(step) => step.apply(example, rng),
            Self::Noise(step) => step.apply(example, fetch, rng)?,
            Self::Superpose(step) => step.apply(example, fetch, rng)?,
            Self::Rotate(step) => step.apply(example, rng),
            Self::Polarity(step) => step.apply(example, rng),
        }
        Ok(())
    }
}

/// Applies `steps` to the trace `example` and cuts it to `window` samples at the latest at the end.
pub(super) fn apply_steps(
    steps: &[Step],
    mut example: Example,
    window: usize,
    fetch: &dyn Fetch,
    rng: &mut Rng,
) -> Result<Example> {
    let seed = rng.next_u64();
    let own = |step: usize| Rng::seed_from_u64(derive_seed(seed, &[step as u64]));
    for (number, step) in steps.iter().enumerate() {
        step.apply(&mut example, window, fetch, &mut own(number))?;
    }
    if example.samples != window {
        let last = RandomWindow::default();
        example = last.apply(&example, window, &mut own(steps.len()));
    }
    Ok(example)
}

impl Shift {
    fn apply(&self, example: &mut Example, rng: &mut Rng) {
        let reach = (self.seconds * example.rate_hz).round() as i64;
        let reach = reach.min(example.samples as i64);
        let shift = rng.random_range(-reach..=reach);
        *example = example.cut(-shift, example.samples);
    }
}

impl Gain {
    fn apply(&self, example: &mut Example, rng: &mut Rng) {
        let range = self.factor.map(f64::ln);
        let mut factor = between(rng, range).exp() as f32;
        for row in example.values.chunks_exact_mut(example.samples.max(1)) {
            row.iter_mut().for_each(|v| *v *= factor);
            if self.each_channel {
                factor = between(rng, range).exp() as f32;
            }
        }
    }
}

impl DropChannels {
    fn apply(&self, example: &mut Example, rng: &mut Rng) {
        let drops = happens(rng, self.probability);
        let may = |example: &Example, row: usize| {
            example.live[row] && !self.keep.contains(example.components[row])
        };
        // A row that stays in any case, if none is kept by name.
        let live: Vec<usize> = (0..example.live.len()).filter(|&row| example.live[row]).collect();
        let stays = live.get(rng.random_range(0..live.len().max(1))).copied();
        let kept = live.iter().any(|&row| !may(example, row));
        let candidates: Vec<usize> =
            live.into_iter().filter(|&r| may(example, r) && (kept || Some(r) != stays)).collect();
        // At least one of the candidates goes.
        let sure = rng.random_range(0..candidates.len().max(1));
        for (number, row) in candidates.into_iter().enumerate() {
            let goes = happens(rng, 0.5) || number == sure;
            if drops && goes {
                example.row_mut(row).fill(0.0);
                example.live[row] = false;
            }
        }
    }
}

impl Gaps {
    fn apply(&self, example: &mut Example, rng: &mut Rng) {
        let any = happens(rng, self.probability);
        let count = rng.random_range(1..=self.most.max(1));
        for _ in 0..count {
            let length = (between(rng, self.seconds) * example.rate_hz).round() as usize;
            let length = length.min(example.samples);
            let start = rng.random_range(0..=example.samples - length);
            if !any || length == 0 {
                continue;
            }
            for row in example.values.chunks_exact_mut(example.samples.max(1)) {
                row[start..start + length].fill(0.0);
            }
            let gone = start as f64..(start + length) as f64;
            example.picks.retain(|pick| !gone.contains(&pick.sample));
        }
    }
}

impl Rotate {
    fn apply(&self, example: &mut Example, rng: &mut Rng) {
        let turns = happens(rng, self.probability);
        let (sin, cos) = rng.random_range(0.0..std::f64::consts::TAU).sin_cos();
        let row = |letters: [char; 2]| {
            let row = example.components.iter().position(|c| letters.contains(c))?;
            example.live[row].then_some(row)
        };
        let (Some(north), Some(east)) = (row(['N', '1']), row(['E', '2'])) else { return };
        if !turns {
            return;
        }
        let samples = example.samples;
        for at in 0..samples {
            let n = f64::from(example.values[north * samples + at]);
            let e = f64::from(example.values[east * samples + at]);
            example.values[north * samples + at] = (n * cos + e * sin) as f32;
            example.values[east * samples + at] = (e * cos - n * sin) as f32;
        }
    }
}

impl Polarity {
    fn apply(&self, example: &mut Example, rng: &mut Rng) {
        if happens(rng, self.probability) {
            example.values.iter_mut().for_each(|v| *v = -*v);
            example.picks.iter_mut().for_each(|pick| pick.polarity = -pick.polarity);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::example::tests::example;
    use super::*;

    /// No further traces.
    pub struct Nothing;

    impl Fetch for Nothing {
        fn noise(&self, _: usize, _: &mut Rng) -> Result<Option<Example>> {
            Ok(None)
        }
        fn event(&self, _: usize, _: &mut Rng) -> Result<Option<Example>> {
            Ok(None)
        }
    }

    fn after(step: Step, seed: u64) -> Example {
        step.check().unwrap();
        let mut rng = Rng::seed_from_u64(seed);
        let whole = example(400, 100.0, 250.0);
        apply_steps(&[step], whole, 400, &Nothing, &mut rng).unwrap()
    }

    #[test]
    fn a_shift_moves_samples_and_arrivals_together() {
        let mut moved = 0;
        for seed in 0..40 {
            let shifted = after(Step::Shift(Shift { seconds: 2.0 }), seed);
            let by = shifted.picks[0].sample - 100.0;
            assert!(by.abs() <= 200.0 && shifted.picks[1].sample == 250.0 + by);
            moved += usize::from(by != 0.0);
            for pick in shifted.visible() {
                assert_eq!(f64::from(shifted.values[pick.sample as usize]), pick.sample - by);
            }
        }
        assert!(moved > 30);
    }

    #[test]
    fn a_gain_is_one_factor_and_moves_nothing() {
        let whole = example(400, 100.0, 250.0);
        for each_channel in [false, true] {
            let louder = after(Step::Gain(Gain { factor: [2.0, 8.0], each_channel }), 5);
            assert_eq!(louder.picks, whole.picks);
            let factor = |row: usize| louder.values[row * 400 + 9] / whole.values[row * 400 + 9];
            assert!((2.0..=8.0).contains(&factor(0)));
            assert_eq!((factor(1) - factor(0)).abs() < 1e-5, !each_channel);
            let all = (1..400).all(|t| (louder.values[t] / t as f32 - factor(0)).abs() < 1e-4);
            assert!(all);
        }
    }

    #[test]
    fn dropped_channels_leave_one_and_the_arrivals() {
        let mut left = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let step = DropChannels { probability: 1.0, keep: String::new() };
            let dropped = after(Step::DropChannels(step), seed);
            let live = dropped.live.iter().filter(|live| **live).count();
            assert!((1..=2).contains(&live));
            for (row, live) in dropped.rows().zip(&dropped.live) {
                assert_eq!(row.iter().any(|&v| v != 0.0), *live);
            }
            assert_eq!(dropped.picks.len(), 2);
            left.insert(dropped.live.clone());
            let step = DropChannels { probability: 1.0, keep: "Z".into() };
            assert!(after(Step::DropChannels(step), seed).live[0]);
        }
        assert_eq!(left.len(), 6);
    }

    #[test]
    fn a_gap_takes_its_arrivals_with_it() {
        let (mut lost, mut kept) = (0, 0);
        for seed in 0..60 {
            let step = Gaps { probability: 1.0, seconds: [0.5, 2.0], most: 2 };
            let holed = after(Step::Gaps(step), seed);
            for sample in [100usize, 250] {
                let there = holed.picks.iter().any(|pick| pick.sample == sample as f64);
                assert_eq!(there, holed.values[sample] != 0.0);
                if there { kept += 1 } else { lost += 1 }
            }
        }
        assert!(lost > 10 && kept > 10);
    }

    #[test]
    fn rotation_keeps_the_horizontal_amplitude_and_the_vertical() {
        let whole = example(400, 100.0, 250.0);
        let turned = after(Step::Rotate(Rotate { probability: 1.0 }), 3);
        assert_eq!((&turned.picks, &turned.values[..400]), (&whole.picks, &whole.values[..400]));
        assert_ne!(turned.values[400..], whole.values[400..]);
        let size = |e: &Example, t: usize| e.values[400 + t].hypot(e.values[800 + t]);
        assert!((0..400).all(|t| (size(&turned, t) / size(&whole, t) - 1.0).abs() < 1e-5));
    }

    #[test]
    fn a_change_of_sign_changes_the_polarities_too() {
        let whole = example(400, 100.0, 250.0);
        let step = |probability| Step::Polarity(Polarity { probability });
        let down = after(step(1.0), 1);
        assert!(down.values.iter().zip(&whole.values).all(|(a, b)| *a == -b));
        assert!(down.picks.iter().all(|pick| pick.polarity == -1));
        assert_eq!(after(step(0.0), 1), whole);
    }

    #[test]
    fn steps_draw_alike_whatever_stands_beside_them() {
        let shift = || Step::Shift(Shift { seconds: 1.0 });
        let run = |steps: &[Step]| {
            let mut rng = Rng::seed_from_u64(7);
            apply_steps(steps, example(400, 100.0, 250.0), 400, &Nothing, &mut rng).unwrap()
        };
        let [weak, strong] = [[1.0, 1.0], [1.0, 4.0]]
            .map(|factor| run(&[Step::Gain(Gain { factor, each_channel: true }), shift()]));
        assert_eq!(weak.picks, strong.picks);
        assert_ne!(weak.values, strong.values);
        let text = "step = \"gaps\"\nprobability = 0.2\nseconds = [0.1, 1.0]";
        assert!(toml::from_str::<Step>(text).is_ok());
        assert!(toml::from_str::<Step>(&format!("{text}\nwidth = 3")).is_err());
        assert!(check_steps(&[Step::Polarity(Polarity { probability: 1.5 })]).is_err());
    }
}
