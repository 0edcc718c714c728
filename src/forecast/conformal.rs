//! Half widths of conformal intervals: fixed, rolling, adaptive.
//!
//! Scores are distances such as |y − f|, one an issue, in order of issue, NaN where nothing was
//! observed. The score of an issue is known `horizon` rows later and used from then on only.

use crate::score::quantile;

/// The scores of one horizon.
#[derive(Clone, Copy, Debug)]
pub struct Scores<'a> {
    /// Issue rows, rising, `[N]`.
    pub issues: &'a [usize],
    /// Scores, `[N]`.
    pub scores: &'a [f64],
    /// Rows from issue to outcome, at least 1.
    pub horizon: usize,
}

impl Scores<'_> {
    /// How many of the issues have known outcomes when number `n` is issued.
    pub fn known_at(&self, n: usize) -> usize {
        self.issues[..n].partition_point(|issue| issue + self.horizon <= self.issues[n])
    }

    /// The last `window` observed scores known when number `n` is issued, in rising order.
    fn recent(&self, n: usize, window: usize) -> Vec<f64> {
        let known = &self.scores[..self.known_at(n)];
        let observed = known.iter().rev().copied().filter(|score| score.is_finite());
        quantile::sorted_finite(&observed.take(window).collect::<Vec<_>>())
    }

    /// Half widths from the last `window` known scores for intervals that miss a share `miss`,
    /// from issue number `from` on (NaN before), `[N]`.
    pub fn rolling(&self, window: usize, miss: f64, from: usize) -> Vec<f64> {
        let width = |n: usize| match n < from {
            true => f64::NAN,
            false => quantile::conformal(&self.recent(n, window), 1.0 - miss),
        };
        (0..self.issues.len()).map(width).collect()
    }

    /// Adaptive conformal inference (Gibbs and Candès 2021), from issue number `from` on.
    /// Returns the half widths and the miss rate asked for at each issue, both `[N]`.
    pub fn adaptive(&self, settings: &Adaptive, from: usize) -> (Vec<f64>, Vec<f64>) {
        let count = self.issues.len();
        let (mut widths, mut asked) = (vec![f64::NAN; count], vec![f64::NAN; count]);
        let (mut miss, mut fed) = (settings.miss, from);
        // Steering by the interval without bounds keeps its long-run guarantee.
        let mut steering = vec![f64::NAN; count];
        for n in from..count {
            let known = self.known_at(n);
            while fed < known {
                if self.scores[fed].is_finite() {
                    let missed = f64::from(self.scores[fed] > steering[fed]);
                    miss += settings.rate * (settings.miss - missed);
                }
                fed += 1;
            }
            let recent = self.recent(n, settings.window);
            asked[n] = miss;
            steering[n] = match miss {
                miss if miss <= 0.0 => f64::INFINITY,
                miss if miss >= 1.0 => 0.0,
                miss => quantile::conformal(&recent, 1.0 - miss),
            };
            widths[n] = match settings.bounds {
                None => steering[n],
                Some((least, most)) => {
                    let largest = recent.last().map_or(f64::INFINITY, |score| 1.5 * score);
                    quantile::conformal(&recent, 1.0 - miss.clamp(least, most)).min(largest)
                }
            };
        }
        (widths, asked)
    }
}

/// Settings of [`Scores::adaptive`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptive {
    /// Known scores that count.
    pub window: usize,
    /// Share of outcomes that may lie outside.
    pub miss: f64,
    /// How fast the level follows misses.
    pub rate: f64,
    /// Bounds of the level in use; with them no interval is infinite (1.5 times the largest
    /// recent score takes its place).
    pub bounds: Option<(f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_used_only_once_its_outcome_is_known() {
        let issues: Vec<usize> = (0..40).collect();
        let mut scores = vec![1.0; 40];
        let of =
            |scores: &[f64]| Scores { issues: &issues, scores, horizon: 7 }.rolling(20, 0.2, 10);
        let before = of(&scores);
        assert!(before[9].is_nan() && before[12] == 1.0);
        scores[20..].fill(100.0);
        let after = of(&scores);
        assert_eq!(before[10..27], after[10..27]);
        assert!(after[33] > 1.0);
    }

    #[test]
    fn adaptive_intervals_hold_their_rate_under_drift() {
        let issues: Vec<usize> = (0..3000).collect();
        let scores: Vec<f64> = (0..3000)
            .map(|t| f64::from((t * 7919) % 1000) * (1.0 + f64::from(t) / 500.0))
            .collect();
        let adaptive = Adaptive { window: 250, miss: 0.1, rate: 0.02, bounds: None };
        let view = Scores { issues: &issues, scores: &scores, horizon: 1 };
        let (widths, _) = view.adaptive(&adaptive, 100);
        let missed = (100..3000).filter(|&n| scores[n] > widths[n]).count() as f64 / 2900.0;
        assert!((missed - 0.1).abs() < 0.01, "{missed}");
        let bounded = Adaptive { bounds: Some((0.01, 0.5)), ..adaptive };
        assert!(view.adaptive(&bounded, 100).0[100..].iter().all(|width| width.is_finite()));
    }
}
