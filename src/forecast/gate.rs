//! Weights of experts from their errors known at issue time: a fixed function, nothing refitted.

use crate::error::{Error, Result};

/// Exponentially forgotten absolute errors `E ← memory·E + (1 − memory)·|e|` of each expert;
/// its weight is proportional to `exp(−sharpness · E / mean E)`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Share of the old error that stays when a new one is known, in 0 … 1.
    pub memory: f64,
    /// 0 weighs all alike; large follows the best alone.
    pub sharpness: f64,
}

impl Default for Gate {
    /// Memory .99, sharpness 5: followed changes of regime without following noise.
    fn default() -> Self {
        Self { memory: 0.99, sharpness: 5.0 }
    }
}

impl Gate {
    /// The weights at each issue, `[N, K]`, summing to 1 over the experts.
    ///
    /// `experts` `[K][N]` are point forecasts of one horizon, `outcomes` `[N]` what came (NaN
    /// where missing), `issues` `[N]` rising rows. Only outcomes with `issue + horizon` at or
    /// before an issue count there. An expert without a forecast (NaN) gets no weight.
    pub fn weights(
        &self,
        experts: &[Vec<f64>],
        outcomes: &[f64],
        issues: &[usize],
        horizon: usize,
    ) -> Result<Vec<f64>> {
        let fits =
            experts.iter().all(|e| e.len() == issues.len()) && outcomes.len() == issues.len();
        if experts.is_empty() || !fits {
            return Err(Error::usage(format!(
                "the gate needs experts with one forecast for each of {} issues and outcomes",
                issues.len()
            )));
        }
        let mut errors: Vec<Option<f64>> = vec![None; experts.len()];
        let mut weights = Vec::with_capacity(issues.len() * experts.len());
        let mut known = 0;
        for (n, &issue) in issues.iter().enumerate() {
            while known < n && issues[known] + horizon <= issue {
                for (sum, expert) in errors.iter_mut().zip(experts) {
                    let error = (expert[known] - outcomes[known]).abs();
                    if error.is_finite() {
                        let mixed = |old: f64| self.memory * old + (1.0 - self.memory) * error;
                        *sum = Some(sum.map_or(error, mixed));
                    }
                }
                known += 1;
            }
            weights.extend(self.share(&errors, |k| experts[k][n].is_finite()));
        }
        Ok(weights)
    }

    /// The weighted mean of the experts at each issue, `[N]`.
    pub fn combine(
        &self,
        experts: &[Vec<f64>],
        outcomes: &[f64],
        issues: &[usize],
        horizon: usize,
    ) -> Result<Vec<f64>> {
        let weights = self.weights(experts, outcomes, issues, horizon)?;
        let at = |n: usize, row: &[f64]| {
            let terms = row.iter().zip(experts).filter(|(weight, _)| **weight > 0.0);
            let (sum, total) = terms.fold((0.0, 0.0), |(sum, total), (weight, expert)| {
                (sum + weight * expert[n], total + weight)
            });
            sum / total
        };
        Ok(weights.chunks_exact(experts.len()).enumerate().map(|(n, row)| at(n, row)).collect())
    }

    fn share(&self, errors: &[Option<f64>], forecasts: impl Fn(usize) -> bool) -> Vec<f64> {
        let seen: Vec<f64> = errors.iter().copied().flatten().collect();
        let mean = if seen.is_empty() { 0.0 } else { crate::score::mean(&seen) };
        let relative: Vec<f64> =
            errors.iter().map(|e| e.unwrap_or(mean) / mean.max(1e-12)).collect();
        let best = relative.iter().copied().fold(f64::INFINITY, f64::min);
        let raw = relative.iter().enumerate().map(|(k, r)| match forecasts(k) {
            true => (-self.sharpness * (r - best)).exp(),
            false => 0.0,
        });
        let raw: Vec<f64> = raw.collect();
        let total: f64 = raw.iter().sum();
        raw.iter().map(|weight| if total > 0.0 { weight / total } else { 0.0 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: Gate = Gate { memory: 0.5, sharpness: 5.0 };

    #[test]
    fn the_better_expert_gains_once_its_outcomes_are_known() {
        let outcomes = vec![0.0; 10];
        let experts = vec![vec![0.1; 10], vec![1.0; 10]];
        let issues: Vec<usize> = (0..10).collect();
        let weights = GATE.weights(&experts, &outcomes, &issues, 3).unwrap();
        assert_eq!(weights[..6], [0.5; 6]);
        let expected = 1.0 / (1.0 + (-5.0 * (1.0 - 0.1) / 0.55f64).exp());
        assert!((weights[6] - expected).abs() < 1e-12);
        for row in weights.chunks(2) {
            assert!((row[0] + row[1] - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn l2_later_outcomes_do_not_move_a_weight() {
        let mut outcomes: Vec<f64> = (0..40).map(|t| (f64::from(t) * 0.9).sin()).collect();
        let experts = vec![vec![0.0; 40], vec![0.5; 40], outcomes.clone()];
        let issues: Vec<usize> = (0..40).map(|n| 2 * n).collect();
        let before = GATE.combine(&experts, &outcomes, &issues, 5).unwrap();
        outcomes[18..].fill(99.0);
        let after = GATE.combine(&experts, &outcomes, &issues, 5).unwrap();
        assert_eq!(before[..20], after[..20]);
        assert!(before[21] != after[21]);
    }

    #[test]
    fn a_silent_expert_has_no_weight_and_a_gap_teaches_nothing() {
        let experts = vec![vec![f64::NAN, 1.0, 1.0], vec![2.0, 2.0, f64::NAN]];
        let outcomes = [f64::NAN, f64::NAN, f64::NAN];
        let mixed = Gate::default().combine(&experts, &outcomes, &[0, 1, 2], 1).unwrap();
        assert_eq!(mixed, [2.0, 1.5, 1.0]);
    }
}
