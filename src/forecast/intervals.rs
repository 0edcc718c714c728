//! The intervals of one horizon, by every kind of calibration.

use std::ops::Range;

use super::Calibrator;
use super::conformal::{Adaptive, Scores};
use super::enbpi;
use crate::error::{Error, Result};
use crate::score::quantile;

/// Known residuals without which nothing is recalibrated.
const LEAST: usize = 100;

/// The forecasts of one horizon beside the outcomes (NaN where unknown).
pub struct Horizon<'a> {
    /// Issue rows, rising, `[N]`.
    pub issues: &'a [usize],
    /// Rows from issue to outcome.
    pub horizon: usize,
    /// The forecaster's own levels, `[Q]`.
    pub own: &'a [f64],
    /// `[N, Q]` of the own levels.
    pub quantiles: Vec<f64>,
    /// The medians, `[N]`.
    pub point: Vec<f64>,
    /// What came, NaN where unknown, `[N]`.
    pub observed: Vec<f64>,
    /// Rows of the calibration part.
    pub calibration: &'a Range<usize>,
}

impl Horizon<'_> {
    /// The quantiles of these levels as `kind` makes or mends them, `[N, Q]`.
    pub fn calibrated(&self, kind: &Calibrator, levels: &[f64]) -> Result<Vec<f64>> {
        let mut made = self.start(levels);
        match *kind {
            Calibrator::None => return Ok(made),
            Calibrator::Residuals => self.add_residual_quantiles(&mut made, levels)?,
            Calibrator::Split => self.add_fixed_widths(&mut made, levels, &self.ones())?,
            Calibrator::Scaled => self.add_fixed_widths(&mut made, levels, &self.own_widths())?,
            Calibrator::TwoSided => self.move_both_ends(&mut made)?,
            Calibrator::PerLevel => self.move_each_level(&mut made)?,
            Calibrator::Rolling { window } => {
                self.add_widths(&mut made, levels, |scores, miss| {
                    scores.rolling(window, miss, self.first_with(1))
                });
            }
            Calibrator::Adaptive { window, rate, bounds } => {
                self.add_widths(&mut made, levels, |scores, miss| {
                    let settings = Adaptive { window, miss, rate, bounds };
                    scores.adaptive(&settings, self.first_with(LEAST)).0
                });
            }
            Calibrator::Enbpi { window, every } => {
                self.add_narrowest(&mut made, levels, window, every)
            }
            Calibrator::AdaptiveSigned { window, aim, rate, bounds } => {
                let settings = Adaptive { window, miss: aim, rate, bounds: Some(bounds) };
                self.add_signed(&mut made, levels, &settings);
            }
            Calibrator::RollingPerLevel { window, strength } => {
                self.move_by_recent(&mut made, window, strength);
            }
        }
        for row in made.chunks_exact_mut(levels.len()) {
            if row.iter().all(|value| !value.is_nan()) {
                row.sort_by(f64::total_cmp);
            }
        }
        Ok(made)
    }

    /// Own quantiles where the levels are the own ones, else only the median.
    fn start(&self, levels: &[f64]) -> Vec<f64> {
        if levels == self.own {
            return self.quantiles.clone();
        }
        let start = |point: f64| {
            levels.iter().map(move |&level| if level == 0.5 { point } else { f64::NAN })
        };
        self.point.iter().copied().flat_map(start).collect()
    }

    /// Numbers of the issues whose issue and observed outcome lie in the calibration part.
    fn fixed(&self) -> Result<Vec<usize>> {
        let inside = |&n: &usize| {
            let issue = self.issues[n];
            self.calibration.contains(&issue)
                && self.calibration.contains(&(issue + self.horizon))
                && self.observed[n].is_finite()
                && self.point[n].is_finite()
        };
        let fixed: Vec<usize> = (0..self.issues.len()).filter(inside).collect();
        if fixed.is_empty() {
            return Err(Error::data(format!(
                "calibration rows {:?} hold no forecast {} rows ahead with an observed outcome: \
                 give the calibration part more rows",
                self.calibration, self.horizon
            )));
        }
        Ok(fixed)
    }

    fn ones(&self) -> Vec<f64> {
        vec![1.0; self.issues.len()]
    }

    fn own_widths(&self) -> Vec<f64> {
        let width = |row: &[f64]| (row[row.len() - 1] - row[0]).max(1e-12);
        self.quantiles.chunks_exact(self.own.len()).map(width).collect()
    }

    fn residual(&self, n: usize) -> f64 {
        self.observed[n] - self.point[n]
    }

    fn scores(&self) -> Vec<f64> {
        (0..self.issues.len()).map(|n| self.residual(n).abs()).collect()
    }

    /// The first issue at which `least` observed outcomes are known.
    fn first_with(&self, least: usize) -> usize {
        let scores = self.scores();
        let view = Scores { issues: self.issues, scores: &scores, horizon: self.horizon };
        let mut seen = 0;
        let enough = scores.iter().position(|score| {
            seen += usize::from(score.is_finite());
            seen >= least
        });
        let Some(enough) = enough else { return self.issues.len() };
        (0..self.issues.len()).find(|&n| view.known_at(n) > enough).unwrap_or(self.issues.len())
    }

    fn add_residual_quantiles(&self, made: &mut [f64], levels: &[f64]) -> Result<()> {
        let residuals: Vec<f64> = self.fixed()?.iter().map(|&n| self.residual(n)).collect();
        let shifts = quantile::of(&residuals, levels);
        for (row, point) in made.chunks_exact_mut(levels.len()).zip(&self.point) {
            for ((value, &level), shift) in row.iter_mut().zip(levels).zip(&shifts) {
                *value = if level == 0.5 { *point } else { point + shift };
            }
        }
        Ok(())
    }

    /// Point ± unit × the conformal quantile of the calibration scores in that unit.
    fn add_fixed_widths(&self, made: &mut [f64], levels: &[f64], units: &[f64]) -> Result<()> {
        let fixed = self.fixed()?;
        let scores: Vec<f64> = fixed.iter().map(|&n| self.residual(n).abs() / units[n]).collect();
        let sorted = quantile::sorted_finite(&scores);
        for (n, row) in made.chunks_exact_mut(levels.len()).enumerate() {
            for (value, &level) in row.iter_mut().zip(levels) {
                let width = quantile::conformal(&sorted, 1.0 - miss_of(level)) * units[n];
                *value = end_of(self.point[n], level, width);
            }
        }
        Ok(())
    }

    fn add_widths(
        &self,
        made: &mut [f64],
        levels: &[f64],
        widths: impl Fn(&Scores<'_>, f64) -> Vec<f64>,
    ) {
        let scores = self.scores();
        let view = Scores { issues: self.issues, scores: &scores, horizon: self.horizon };
        for (place, &level) in levels.iter().enumerate() {
            let widths = widths(&view, miss_of(level));
            for (n, &width) in widths.iter().enumerate().filter(|(_, width)| !width.is_nan()) {
                made[n * levels.len() + place] = end_of(self.point[n], level, width);
            }
        }
    }

    fn move_both_ends(&self, made: &mut [f64]) -> Result<()> {
        let fixed = self.fixed()?;
        let levels = self.own;
        for (low, &level) in levels.iter().enumerate().filter(|(_, level)| **level < 0.5) {
            let opposite = |other: &f64| (other - (1.0 - level)).abs() < 1e-9;
            let Some(high) = levels.iter().position(opposite) else { continue };
            let at = |n: usize, place: usize| self.quantiles[n * levels.len() + place];
            let score =
                |&n: &usize| (at(n, low) - self.observed[n]).max(self.observed[n] - at(n, high));
            let scores = quantile::sorted_finite(&fixed.iter().map(score).collect::<Vec<_>>());
            let shift = quantile::conformal(&scores, 1.0 - 2.0 * level);
            for row in made.chunks_exact_mut(levels.len()) {
                row[low] -= shift;
                row[high] += shift;
            }
        }
        Ok(())
    }

    fn move_each_level(&self, made: &mut [f64]) -> Result<()> {
        let fixed = self.fixed()?;
        let levels = self.own;
        for (place, &level) in levels.iter().enumerate().filter(|(_, level)| **level != 0.5) {
            let residual = |&n: &usize| self.observed[n] - self.quantiles[n * levels.len() + place];
            let sorted = quantile::sorted_finite(&fixed.iter().map(residual).collect::<Vec<_>>());
            let rank = quantile::conformal_rank(sorted.len(), level).clamp(1, sorted.len());
            let shift = sorted[rank - 1];
            made.iter_mut().skip(place).step_by(levels.len()).for_each(|value| *value += shift);
        }
        Ok(())
    }

    /// The narrowest interval over recent signed residuals for each pair of ends.
    fn add_narrowest(&self, made: &mut [f64], levels: &[f64], window: usize, every: usize) {
        let residuals: Vec<f64> = (0..self.issues.len()).map(|n| self.residual(n)).collect();
        let view = Scores { issues: self.issues, scores: &residuals, horizon: self.horizon };
        let from = self.first_with(LEAST.min(window));
        for (low, &level) in levels.iter().enumerate().filter(|(_, level)| **level < 0.5) {
            let opposite = levels.iter().position(|other| (other - 1.0 + level).abs() < 1e-9);
            let Some(high) = opposite else { continue };
            let ends = enbpi::ends(&view, (window, every), miss_of(level), from);
            for (n, (below, above)) in ends.into_iter().enumerate().skip(from) {
                made[n * levels.len() + low] = self.point[n] + below;
                made[n * levels.len() + high] = self.point[n] + above;
            }
        }
    }

    /// Signed residual quantiles at an adaptive level, one level for each pair of ends.
    fn add_signed(&self, made: &mut [f64], levels: &[f64], settings: &Adaptive) {
        let residuals: Vec<f64> = (0..self.issues.len()).map(|n| self.residual(n)).collect();
        let view = Scores { issues: self.issues, scores: &residuals, horizon: self.horizon };
        let from = self.first_with(LEAST.min(settings.window));
        for (place, &level) in levels.iter().enumerate().filter(|(_, level)| **level < 0.5) {
            let opposite = levels.iter().position(|other| (other - 1.0 + level).abs() < 1e-9);
            let aim = settings.miss * miss_of(level);
            let bounds = settings.bounds.unwrap_or((0.0, 1.0));
            let (mut miss, mut fed) = (aim, from);
            let mut ends = vec![(f64::NAN, f64::NAN); self.issues.len()];
            for n in from..self.issues.len() {
                let known = view.known_at(n);
                for (residual, (low, high)) in
                    residuals[..known].iter().zip(&ends).skip(fed).filter(|(r, _)| r.is_finite())
                {
                    let missed = f64::from(!(low <= residual && residual <= high));
                    miss = (miss + settings.rate * (aim - missed)).clamp(bounds.0, bounds.1);
                }
                fed = fed.max(known);
                let finite = residuals[..known].iter().rev().copied().filter(|r| r.is_finite());
                let recent: Vec<f64> = finite.take(settings.window).collect();
                let found = quantile::of(&recent, &[0.5 * miss, 1.0 - 0.5 * miss]);
                ends[n] = (found[0], found[1]);
                made[n * levels.len() + place] = self.point[n] + found[0];
                if let Some(opposite) = opposite {
                    made[n * levels.len() + opposite] = self.point[n] + found[1];
                }
            }
        }
    }

    /// Adds to each level but the median a share of its own quantile of the recent residuals
    /// from it: those issued from the start of calibration on and at most `window` rows ago.
    fn move_by_recent(&self, made: &mut [f64], window: usize, strength: f64) {
        let levels = self.own;
        for (n, &issue) in self.issues.iter().enumerate() {
            let Some(newest) = issue.checked_sub(self.horizon) else { continue };
            let oldest = self.calibration.start.max((newest + 1).saturating_sub(window));
            let first = self.issues.partition_point(|&row| row < oldest);
            let end = self.issues.partition_point(|&row| row <= newest);
            let known: Vec<usize> =
                (first..end.max(first)).filter(|&k| self.observed[k].is_finite()).collect();
            if known.len() < LEAST {
                continue;
            }
            for (place, &level) in levels.iter().enumerate().filter(|(_, level)| **level != 0.5) {
                let residual =
                    |&k: &usize| self.observed[k] - self.quantiles[k * levels.len() + place];
                let residuals: Vec<f64> = known.iter().map(residual).collect();
                made[n * levels.len() + place] += strength * quantile::of(&residuals, &[level])[0];
            }
        }
    }
}

/// The share outside the central interval one end of which is this level.
fn miss_of(level: f64) -> f64 {
    2.0 * level.min(1.0 - level)
}

fn end_of(point: f64, level: f64, width: f64) -> f64 {
    match level {
        level if level < 0.5 => point - width,
        level if level > 0.5 => point + width,
        _ => point,
    }
}
