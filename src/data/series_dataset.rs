//! Windows of series as examples: `[T, C]` values, features, targets relative to a base forecast.

use std::ops::Range;

use super::dataset::{Dataset, ExampleSpec, Layout, Rng, Slot, Target};
use super::fingerprint::Fingerprint;
use super::windows::WindowPlan;
use crate::error::{Error, Result};
use crate::time::UtcTime;

/// Inputs beyond this many deviations are clipped: one mainshock must not saturate a network.
const CLIP: f64 = 4.0;

/// One series prepared for windows. Every entry of row `t` depends on rows up to `t` alone
/// (targets apart). Windows read from here; nothing is copied per example.
pub struct WindowSource {
    /// Station or group, for messages.
    pub name: String,
    /// Start of row 0 and length of a row in nanoseconds.
    pub clock: (UtcTime, i64),
    /// Forward-filled level, `[T]`.
    pub level: Vec<f64>,
    /// Rows since the level was observed, `[T]`.
    pub age: Vec<Option<usize>>,
    /// What a window that ends here subtracts from the level, `[T]`.
    pub center: Vec<f64>,
    /// What it divides by, positive, `[T]`.
    pub scale: Vec<f64>,
    /// Further input columns, forward filled and standardised, `[C−2][T]`.
    pub covariates: Vec<Vec<f64>>,
    /// Standardised features, row-major `[T, F]`.
    pub features: Vec<f32>,
    /// Targets `[T, H]`: for levels `(y[t+h] − base[t, h]) / unit[h]`, for events 0 or 1; NaN
    /// where nothing was observed.
    pub targets: Vec<f32>,
}

/// Examples = (source, issue row) pairs of one part of the record.
pub struct SeriesDataset<'a> {
    sources: &'a [WindowSource],
    plan: &'a WindowPlan,
    part: Vec<Range<usize>>,
    target: Target,
    features: usize,
    issues: Vec<(usize, usize)>,
}

impl<'a> SeriesDataset<'a> {
    /// The examples of `part` (one range a source), with all horizons masked that do not belong
    /// to it. `target` says how targets are to be read.
    pub fn new(
        sources: &'a [WindowSource],
        plan: &'a WindowPlan,
        part: Vec<Range<usize>>,
        target: Target,
    ) -> Result<Self> {
        plan.check()?;
        let features = sources.first().map_or(0, |s| s.features.len() / s.level.len().max(1));
        let mut issues = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let rows = plan.issues(&source.age, &part[number]);
            issues.extend(rows.into_iter().map(|row| (number, row)));
        }
        let mut dataset = Self { sources, plan, part, target, features, issues };
        let useful: Vec<_> =
            dataset.issues.iter().copied().filter(|&at| dataset.any_observed(at)).collect();
        if useful.is_empty() {
            return Err(Error::data(format!(
                "no window of {} rows with an observed target {} rows ahead fits: \
                 shorten --lookback or --horizon, or widen the part",
                plan.lookback, plan.horizons[0]
            )));
        }
        dataset.issues = useful;
        Ok(dataset)
    }

    /// Examples at given issue rows, targets or not: for forecasting.
    pub fn at_issues(
        sources: &'a [WindowSource],
        plan: &'a WindowPlan,
        issues: Vec<(usize, usize)>,
        target: Target,
    ) -> Self {
        let part = sources.iter().map(|source| 0..source.level.len()).collect();
        let features = sources.first().map_or(0, |s| s.features.len() / s.level.len().max(1));
        Self { sources, plan, part, target, features, issues }
    }

    /// The (source, issue row) pairs, in order.
    pub fn issues(&self) -> &[(usize, usize)] {
        &self.issues
    }

    /// Adds all that examples are written from: the same fingerprint, the same examples.
    pub fn add_to(&self, fingerprint: &mut Fingerprint) {
        let words = format!("{:?} {:?} {:?} {:?}", self.plan, self.part, self.target, self.issues);
        fingerprint.add(words.as_bytes());
        for source in self.sources {
            for values in [&source.level, &source.center, &source.scale] {
                fingerprint.numbers(values);
            }
            fingerprint.add(format!("{:?}", source.age).as_bytes());
            source.covariates.iter().for_each(|column| fingerprint.numbers(column));
            fingerprint.singles(&source.features);
            fingerprint.singles(&source.targets);
        }
    }

    fn any_observed(&self, (number, issue): (usize, usize)) -> bool {
        (0..self.plan.horizons.len()).any(|h| self.observed(number, issue, h).is_some())
    }

    fn observed(&self, number: usize, issue: usize, h: usize) -> Option<f32> {
        let horizon = self.plan.horizons[h];
        let value = *self.sources[number].targets.get(issue * self.plan.horizons.len() + h)?;
        let counts = value.is_finite() && self.plan.belongs(&self.part[number], issue, horizon);
        counts.then_some(value)
    }
}

impl Dataset for SeriesDataset<'_> {
    fn len(&self) -> usize {
        self.issues.len()
    }

    fn spec(&self) -> ExampleSpec {
        let channels = 2 + self.sources.first().map_or(0, |s| s.covariates.len());
        ExampleSpec {
            layout: Layout::Series,
            values: vec![self.plan.lookback, channels],
            features: self.features,
            lengths: false,
            target: self.target.clone(),
        }
    }

    fn group(&self, example: usize) -> usize {
        self.issues[example].0
    }

    fn name(&self, example: usize) -> String {
        let (number, issue) = self.issues[example];
        let source = &self.sources[number];
        let (start, step) = source.clock;
        format!("{} row {issue}, issued {}", source.name, start.plus(step * (issue as i64 + 1)))
    }

    fn write(&self, example: usize, _rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
        let (number, issue) = self.issues[example];
        let source = &self.sources[number];
        let channels = 2 + source.covariates.len();
        let first = issue + 1 - self.plan.lookback;
        for (step, row) in (first..=issue).enumerate() {
            let place = &mut slot.values[step * channels..(step + 1) * channels];
            let relative = (source.level[row] - source.center[issue]) / source.scale[issue];
            place[0] = relative.clamp(-CLIP, CLIP) as f32;
            place[1] = f32::from(source.age[row] != Some(0));
            for (value, covariate) in place[2..].iter_mut().zip(&source.covariates) {
                *value = covariate[row].clamp(-CLIP, CLIP) as f32;
            }
        }
        let features = &source.features[issue * self.features..(issue + 1) * self.features];
        slot.features.copy_from_slice(features);
        for h in 0..self.plan.horizons.len() {
            match self.observed(number, issue, h) {
                Some(value) => slot.target[h] = value,
                None => slot.observed[h] = 0.0,
            }
        }
        Ok(())
    }
}

/// Standardises feature columns by their training rows, clips, and lays them out `[T, F]`.
///
/// Returns the matrix and each column's (mean, deviation), to be stored with the model.
pub fn standardise(
    columns: &[(String, Vec<f64>)],
    train: &Range<usize>,
) -> (Vec<f32>, Vec<(f64, f64)>) {
    let moments: Vec<(f64, f64)> =
        columns.iter().map(|(_, c)| moments(&c[train.clone()])).collect();
    (apply_moments(columns, &moments), moments)
}

/// Lays out feature columns `[T, F]` with stored (mean, deviation) pairs.
pub fn apply_moments(columns: &[(String, Vec<f64>)], moments: &[(f64, f64)]) -> Vec<f32> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let mut matrix = Vec::with_capacity(rows * columns.len());
    for row in 0..rows {
        for ((_, column), (mean, deviation)) in columns.iter().zip(moments) {
            let z = (column[row] - mean) / deviation;
            matrix.push(if z.is_finite() { z.clamp(-CLIP, CLIP) as f32 } else { 0.0 });
        }
    }
    matrix
}

/// Mean and (never zero) population deviation of the finite values.
pub fn moments(values: &[f64]) -> (f64, f64) {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let count = finite.len().max(1) as f64;
    let mean = finite.iter().sum::<f64>() / count;
    let variance = finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    (mean, if variance > 1e-24 { variance.sqrt() } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::windows::{Membership, fill_forward};
    use super::*;

    fn plan() -> WindowPlan {
        WindowPlan {
            lookback: 4,
            horizons: vec![1, 2],
            stride: 1,
            membership: Membership::IssueAndTarget,
            strict: false,
            longest_fill: None,
        }
    }

    fn source(level: &[f64]) -> WindowSource {
        let (filled, age) = fill_forward(level);
        let rows = level.len();
        let mut targets = vec![f32::NAN; rows * 2];
        for t in 0..rows {
            for (h, ahead) in [1, 2].into_iter().enumerate() {
                if let Some(value) = level.get(t + ahead) {
                    targets[t * 2 + h] = *value as f32;
                }
            }
        }
        WindowSource {
            name: "X".into(),
            clock: (UtcTime(0), 10),
            center: filled.clone(),
            level: filled,
            age,
            scale: vec![1.0; rows],
            covariates: vec![],
            features: vec![],
            targets,
        }
    }

    fn example(dataset: &SeriesDataset<'_>, number: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (mut values, mut target, mut observed) = (vec![0.0; 8], vec![0.0; 2], vec![1.0; 2]);
        let slot = Slot {
            values: &mut values,
            features: &mut [],
            length: &mut 4,
            target: &mut target,
            observed: &mut observed,
            weight: &mut 1.0,
        };
        dataset.write(number, &mut Rng::seed_from_u64(0), slot).unwrap();
        (values, target, observed)
    }

    #[test]
    fn l2_a_window_does_not_change_with_later_rows() {
        let level: Vec<f64> = (0..60).map(|t| (f64::from(t) * 0.7).sin()).collect();
        let plan = plan();
        let target = Target::Levels { horizons: 2 };
        for issue in 5..55 {
            let mut changed = level.clone();
            changed[issue + 1..].fill(f64::NAN);
            let (a, b) = ([source(&level)], [source(&changed)]);
            let at = vec![(0, issue)];
            let whole = SeriesDataset::at_issues(&a, &plan, at.clone(), target.clone());
            let blind = SeriesDataset::at_issues(&b, &plan, at, target.clone());
            assert_eq!(example(&whole, 0).0, example(&blind, 0).0);
        }
    }

    #[test]
    fn l5_filled_values_are_never_targets() {
        let mut level: Vec<f64> = (0..60).map(f64::from).collect();
        let full = [source(&level)];
        level[30..37].fill(f64::NAN);
        let gappy = [source(&level)];
        let plan = plan();
        let count = |sources: &[WindowSource]| {
            let target = Target::Levels { horizons: 2 };
            let whole = std::iter::once(0..60).collect();
            let dataset = SeriesDataset::new(sources, &plan, whole, target).unwrap();
            (0..dataset.len()).map(|i| f64::from(example(&dataset, i).2[0])).sum::<f64>()
        };
        assert_eq!(count(&full) - count(&gappy), 7.0);
    }

    #[test]
    fn l1_moments_ignore_everything_after_training() {
        let mut column: Vec<f64> = (0..50).map(f64::from).collect();
        let before = standardise(&[("a".into(), column.clone())], &(0..30)).1;
        column[30..].iter_mut().for_each(|v| *v *= 1000.0);
        assert_eq!(before, standardise(&[("a".into(), column)], &(0..30)).1);
    }

    #[test]
    fn l6_labels_that_span_a_border_belong_to_neither_part() {
        // An event at row 21 makes the labels of issues 19 and 20 positive for horizon 2. With the
        // border at row 20 the label of issue 19 spans it: it must be in neither part.
        let plan = plan();
        let level = vec![0.0; 40];
        let sources = [source(&level)];
        let target = Target::Events { horizons: 2 };
        let part = |range: Range<usize>| {
            let dataset = SeriesDataset::new(&sources, &plan, vec![range], target.clone()).unwrap();
            let counted = |i: usize| example(&dataset, i).2[1] == 1.0;
            let issues = dataset.issues().iter().enumerate();
            issues.filter(|(i, _)| counted(*i)).map(|(_, at)| at.1).collect::<Vec<_>>()
        };
        let (before, after) = (part(0..20), part(20..40));
        assert!(!before.contains(&19) && !after.contains(&19));
        assert!(after.contains(&20) && !before.contains(&18) && before.contains(&17));
    }
}
