//! All scores of one model at one horizon, as rows of the table.

use super::bootstrap::{BlockBootstrap, Interval};
use super::events::{
    average_precision, brier, brier_parts, equal_mass_edges, log_scores, roc_area,
};
use super::levels::{
    absolute_errors, covered, crps, mean, mean_pinball, skill, squared_errors, winkler,
};
use super::table::ScoreRow;

/// Level forecasts of one model at one horizon beside what was observed, in order of issue.
#[derive(Clone, Copy, Debug)]
pub struct LevelScores<'a> {
    /// Observations, all finite, `[N]`.
    pub observed: &'a [f64],
    /// Quantiles `[N, Q]`, row-major.
    pub quantiles: &'a [f64],
    /// Levels of the quantiles, rising, `[Q]`; the one nearest .5 is the point forecast.
    pub levels: &'a [f64],
    /// The point forecast as issued, `[N]`, where it is not the quantile nearest .5.
    pub point: Option<&'a [f64]>,
    /// The unit of MASE ([`super::mean_naive_change`] of training), if known.
    pub naive_change: Option<f64>,
    /// The reference: its name and its absolute errors on the same samples, `[N]`.
    pub reference: Option<(&'a str, &'a [f64])>,
}

impl LevelScores<'_> {
    /// The point forecast: as issued, or the quantile nearest the median, `[N]`.
    pub fn point(&self) -> Vec<f64> {
        if let Some(point) = self.point {
            return point.to_vec();
        }
        let far = |level: usize| (self.levels[level] - 0.5).abs();
        let nearest = (0..self.levels.len()).min_by(|&a, &b| far(a).total_cmp(&far(b)));
        self.quantile(nearest.unwrap_or(0))
    }

    fn quantile(&self, level: usize) -> Vec<f64> {
        self.quantiles.iter().skip(level).step_by(self.levels.len().max(1)).copied().collect()
    }

    /// Lower and upper ends of the central interval that misses a share `miss`, if both its
    /// levels are there.
    pub fn interval(&self, miss: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        let at = |wanted: f64| self.levels.iter().position(|level| (level - wanted).abs() < 1e-9);
        Some((self.quantile(at(miss / 2.0)?), self.quantile(at(1.0 - miss / 2.0)?)))
    }

    /// MAE, its difference from the reference, RMSE, MASE, skill; with more than one level also
    /// mean pinball loss, CRPS, and coverage, width and Winkler score of the 80 and 90 %
    /// intervals. Means have block-bootstrap intervals.
    pub fn rows(&self, names: (&str, &str, &str), bootstrap: &BlockBootstrap) -> Vec<ScoreRow> {
        let n = self.observed.len();
        let row = |metric: &str, value: f64, interval: Option<Interval>| {
            ScoreRow::new(names, metric, value, interval, n)
        };
        let of_mean =
            |metric: &str, scores: &[f64]| row(metric, mean(scores), Some(bootstrap.mean(scores)));
        let point = self.point();
        let errors = absolute_errors(self.observed, &point);
        let mae = mean(&errors);
        let squared = squared_errors(self.observed, &point);
        let root = |rows: &[usize]| {
            (rows.iter().map(|&row| squared[row]).sum::<f64>() / rows.len() as f64).sqrt()
        };
        let mut rows = vec![of_mean("mae", &errors)];
        if let Some((name, reference)) = self.reference {
            let difference = bootstrap.paired_difference(&errors, reference);
            rows.push(row(&format!("mae - {name}"), mae - mean(reference), Some(difference)));
            rows.push(row(&format!("skill over {name}"), skill(mae, mean(reference)), None));
        }
        rows.push(row("rmse", mean(&squared).sqrt(), Some(bootstrap.statistic(n, root))));
        if let Some(unit) = self.naive_change {
            rows.push(row("mase", mae / unit, None));
        }
        if self.levels.len() > 1 {
            let loss = mean_pinball(self.observed, self.quantiles, self.levels);
            rows.push(of_mean("pinball", &loss));
            rows.push(of_mean("crps", &crps(self.observed, self.quantiles, self.levels)));
            for (percent, miss) in [(80, 0.2), (90, 0.1)] {
                let Some((lower, upper)) = self.interval(miss) else { continue };
                let widths: Vec<f64> = lower.iter().zip(&upper).map(|(l, u)| u - l).collect();
                let inside = covered(self.observed, &lower, &upper);
                rows.push(of_mean(&format!("coverage{percent}"), &inside));
                rows.push(row(&format!("width{percent}"), mean(&widths), None));
                let score = winkler(self.observed, &lower, &upper, miss);
                rows.push(of_mean(&format!("winkler{percent}"), &score));
            }
        }
        rows
    }
}

/// Event probabilities of one model at one horizon beside the outcomes, in order of issue.
#[derive(Clone, Copy, Debug)]
pub struct EventScores<'a> {
    /// Outcomes, 0 or 1, `[N]`.
    pub outcomes: &'a [f64],
    /// Probabilities, `[N]`.
    pub probabilities: &'a [f64],
    /// Share of events in training: the forecast of the reference.
    pub base_rate: f64,
}

impl EventScores<'_> {
    /// Brier score and skill over the training base rate, its decomposition, log score, areas
    /// under the ROC and precision–recall curves, expected calibration error (10 equal-mass
    /// bins).
    pub fn rows(&self, names: (&str, &str, &str), bootstrap: &BlockBootstrap) -> Vec<ScoreRow> {
        let (y, p) = (self.outcomes, self.probabilities);
        let n = y.len();
        let row = |metric: &str, value: f64, interval: Option<Interval>| {
            ScoreRow::new(names, metric, value, interval, n)
        };
        let squared = brier(y, p);
        let reference = brier(y, &vec![self.base_rate; n]);
        let part = |values: &[f64], rows: &[usize]| rows.iter().map(|&r| values[r]).sum::<f64>();
        let skills =
            bootstrap.statistic(n, |rows| skill(part(&squared, rows), part(&reference, rows)));
        let log = log_scores(y, p);
        let pick = |rows: &[usize], values: &[f64]| -> Vec<f64> {
            rows.iter().map(|&row| values[row]).collect()
        };
        let area = |rows: &[usize]| roc_area(&pick(rows, y), &pick(rows, p)).unwrap_or(f64::NAN);
        let parts = brier_parts(y, p, &equal_mass_edges(p, 10));
        vec![
            row("brier", parts.brier, Some(bootstrap.mean(&squared))),
            row("brier_skill", skill(parts.brier, mean(&reference)), Some(skills)),
            row("log_score", mean(&log), Some(bootstrap.mean(&log))),
            row("auc", roc_area(y, p).unwrap_or(f64::NAN), Some(bootstrap.statistic(n, area))),
            row("average_precision", average_precision(y, p).unwrap_or(f64::NAN), None),
            row("calibration_error", parts.calibration_error, None),
            row("reliability", parts.reliability, None),
            row("resolution", parts.resolution, None),
            row("uncertainty", parts.uncertainty, None),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_rows_name_their_reference_and_carry_intervals() {
        let observed: Vec<f64> = (0..50).map(|t| f64::from(t % 5)).collect();
        let levels = [0.05, 0.5, 0.95];
        let quantiles: Vec<f64> =
            observed.iter().flat_map(|y| [y - 1.0, y + 0.5, y + 1.0]).collect();
        let reference = vec![1.0; 50];
        let scores = LevelScores {
            observed: &observed,
            quantiles: &quantiles,
            levels: &levels,
            point: None,
            naive_change: Some(2.0),
            reference: Some(("persistence", &reference)),
        };
        let rows = scores.rows(("rsam", "ar", "1"), &BlockBootstrap::new(5));
        let find = |metric: &str| rows.iter().find(|row| row.metric == metric).unwrap();
        assert_eq!(find("mae").value, 0.5);
        assert_eq!(find("mae - persistence").upper, -0.5);
        assert_eq!(find("skill over persistence").value, 0.5);
        assert_eq!(find("mase").value, 0.25);
        assert_eq!(find("coverage90").value, 1.0);
        assert_eq!(find("width90").value, 2.0);
        assert!(rows.iter().all(|row| row.metric != "coverage80"));
    }

    #[test]
    fn event_rows_compare_with_the_training_base_rate() {
        let outcomes = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let probabilities = [0.1, 0.2, 0.9, 0.1, 0.7, 0.3];
        let scores =
            EventScores { outcomes: &outcomes, probabilities: &probabilities, base_rate: 0.5 };
        let rows = scores.rows(("event", "net", "2"), &BlockBootstrap::new(2));
        let find = |metric: &str| rows.iter().find(|row| row.metric == metric).unwrap().value;
        assert_eq!(find("auc"), 1.0);
        assert!((find("brier_skill") - (1.0 - find("brier") / 0.25)).abs() < 1e-15);
    }
}
