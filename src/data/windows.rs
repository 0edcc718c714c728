//! Which rows may be inputs, which targets, and which part of the record they belong to.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Series;
use crate::error::{Error, Result};
use crate::time::UtcTime;

/// When an (issue, horizon) pair belongs to a part of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Membership {
    /// Issue and target both lie in it: an embargo of one horizon between parts.
    #[default]
    IssueAndTarget,
    /// Only the target must lie in it; inputs and issue may reach back.
    Target,
}

/// How windows are cut from a series: `lookback` rows up to and with the issue row are inputs,
/// rows `issue + h` for each horizon `h` are targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowPlan {
    /// Rows seen by a network, at least 1.
    pub lookback: usize,
    /// Horizons in rows, each at least 1, rising.
    pub horizons: Vec<usize>,
    /// Rows between issues.
    pub stride: usize,
    /// When a pair belongs to a part.
    pub membership: Membership,
    /// Drop windows that start before their part: an embargo of look-back and horizon.
    pub strict: bool,
    /// Longest run of filled rows a window may hold; `None` for no limit.
    pub longest_fill: Option<usize>,
}

impl WindowPlan {
    /// Checks the plan by itself.
    pub fn check(&self) -> Result<()> {
        let rising = self.horizons.windows(2).all(|pair| pair[0] < pair[1]);
        if self.horizons.is_empty() || self.horizons[0] == 0 || !rising {
            return Err(Error::usage(format!(
                "horizons must be rising whole numbers from 1 on, found {:?}",
                self.horizons
            )));
        }
        if self.lookback == 0 || self.stride == 0 {
            return Err(Error::usage("look-back and stride must be at least 1 row"));
        }
        Ok(())
    }

    /// The farthest horizon.
    pub fn farthest(&self) -> usize {
        self.horizons.last().copied().unwrap_or(0)
    }

    /// Whether the pair (`issue`, `issue + horizon`) belongs to `part`.
    pub fn belongs(&self, part: &Range<usize>, issue: usize, horizon: usize) -> bool {
        let target_inside = part.contains(&(issue + horizon));
        let issue_inside = match self.membership {
            Membership::IssueAndTarget => part.contains(&issue),
            Membership::Target => true,
        };
        let window_inside = !self.strict || issue + 1 >= part.start + self.lookback;
        target_inside && issue_inside && window_inside
    }

    /// The issue rows of `part`: all whose window is complete and free of long fills and for
    /// which at least one horizon belongs to the part. `age` counts filled rows, `[T]`, `None`
    /// before the first observation.
    pub fn issues(&self, age: &[Option<usize>], part: &Range<usize>) -> Vec<usize> {
        let first = part.start.saturating_sub(self.farthest()).max(self.lookback - 1);
        (first..part.end.min(age.len()))
            .step_by(self.stride)
            .filter(|&issue| self.window_usable(age, issue))
            .filter(|&issue| self.horizons.iter().any(|&h| self.belongs(part, issue, h)))
            .collect()
    }

    /// Whether the window that ends at `issue` is complete and free of long fills.
    pub fn window_usable(&self, age: &[Option<usize>], issue: usize) -> bool {
        if issue + 1 < self.lookback || issue >= age.len() {
            return false;
        }
        let window = &age[issue + 1 - self.lookback..=issue];
        window.iter().all(|rows| match (rows, self.longest_fill) {
            (None, _) => false,
            (Some(rows), Some(limit)) => *rows <= limit,
            (Some(_), None) => true,
        })
    }
}

/// The last observed value at each row, and how many rows ago it was observed.
///
/// Only the past is used: the value after a gap never enters it. Returns `([T], [T])`; rows
/// before the first observation stay NaN with age `None`.
pub fn fill_forward(values: &[f64]) -> (Vec<f64>, Vec<Option<usize>>) {
    let mut filled = Vec::with_capacity(values.len());
    let mut age = Vec::with_capacity(values.len());
    let (mut last, mut rows) = (f64::NAN, None);
    for &value in values {
        if value.is_finite() {
            (last, rows) = (value, Some(0));
        } else {
            rows = rows.map(|n: usize| n + 1);
        }
        filled.push(last);
        age.push(rows);
    }
    (filled, age)
}

/// Four disjoint, adjacent ranges of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Rows for fitting.
    pub train: Range<usize>,
    /// Rows for early stopping and choices; may be empty.
    pub validate: Range<usize>,
    /// Rows for intervals and probabilities; may be empty.
    pub calibrate: Range<usize>,
    /// Rows that are scored.
    pub test: Range<usize>,
}

/// The ends of the parts in time, each exclusive; what is not given is empty (validation,
/// calibration) or the end of the record (test).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEnds {
    /// First instant after training.
    pub train: Option<UtcTime>,
    /// First instant after validation.
    pub validate: Option<UtcTime>,
    /// First instant after calibration.
    pub calibrate: Option<UtcTime>,
    /// First instant after the test.
    pub test: Option<UtcTime>,
}

impl Parts {
    /// Cuts by dates. Without any date: 60 % training, 10 % validation, 10 % calibration, 20 % test.
    pub fn new(series: &Series, ends: &PartEnds) -> Result<Self> {
        let rows = series.rows();
        let parts = match ends.train {
            None if *ends == PartEnds::default() => {
                let at = |share: f64| (rows as f64 * share) as usize;
                Self::from_cuts([0, at(0.6), at(0.7), at(0.8), rows])
            }
            None => return Err(Error::usage("give the end of training with the other dates")),
            Some(train) => {
                let row = |time: UtcTime| {
                    let after = i128::from(time.0) - i128::from(series.start.0);
                    (after.max(0) / i128::from(series.step.max(1))).min(rows as i128) as usize
                };
                let train = row(train);
                let validate = ends.validate.map_or(train, row);
                let calibrate = ends.calibrate.map_or(validate, row);
                let test = ends.test.map_or(rows, row);
                Self::from_cuts([0, train, validate, calibrate, test])
            }
        };
        parts.check(series)
    }

    fn from_cuts(cuts: [usize; 5]) -> Self {
        Self {
            train: cuts[0]..cuts[1],
            validate: cuts[1]..cuts[2],
            calibrate: cuts[2]..cuts[3],
            test: cuts[3]..cuts[4],
        }
    }

    fn check(self, series: &Series) -> Result<Self> {
        let disjoint = self.train.end <= self.validate.end
            && self.validate.end <= self.calibrate.end
            && self.calibrate.end <= self.test.end;
        if !disjoint {
            return Err(Error::usage(
                "the ends of training, validation, calibration and test must follow one another",
            ));
        }
        if self.train.is_empty() || self.test.is_empty() {
            return Err(Error::data(format!(
                "series '{}' has {} rows from {} to {}: nothing is left for {}",
                series.group,
                series.rows(),
                series.time(0),
                series.time(series.rows()),
                if self.train.is_empty() { "training" } else { "the test" },
            )));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Column;

    fn plan() -> WindowPlan {
        WindowPlan {
            lookback: 5,
            horizons: vec![1, 3],
            stride: 1,
            membership: Membership::IssueAndTarget,
            strict: false,
            longest_fill: None,
        }
    }

    fn series(rows: usize) -> Series {
        let columns = vec![Column { name: "rsam".into(), unit: None }];
        Series { group: "X".into(), start: UtcTime(0), step: 10, columns, values: vec![1.0; rows] }
    }

    #[test]
    fn l3_targets_of_a_part_end_before_the_next_part_begins() {
        let parts = Parts::new(&series(100), &PartEnds::default()).unwrap();
        let age = vec![Some(0); 100];
        let plan = plan();
        let spans = |part: &Range<usize>| {
            let issues = plan.issues(&age, part);
            let pairs = issues.iter().flat_map(|&t| plan.horizons.iter().map(move |&h| (t, h)));
            let inside: Vec<_> = pairs.filter(|&(t, h)| plan.belongs(part, t, h)).collect();
            let latest_target = inside.iter().map(|&(t, h)| t + h).max().unwrap();
            (inside.iter().map(|&(t, _)| t).min().unwrap(), latest_target)
        };
        let order = [&parts.train, &parts.validate, &parts.calibrate, &parts.test];
        for pair in order.windows(2) {
            assert!(spans(pair[0]).1 < spans(pair[1]).0);
        }
        let strict = WindowPlan { strict: true, ..plan.clone() };
        let first = strict.issues(&age, &parts.test)[0];
        assert!(first + 1 - strict.lookback >= parts.test.start);
        assert!(first + 1 - strict.lookback > spans(&parts.calibrate).1);
    }

    #[test]
    fn l7_parts_are_disjoint_and_misordered_dates_are_refused() {
        let parts = Parts::new(&series(100), &PartEnds::default()).unwrap();
        let mut seen = [0; 100];
        for part in [&parts.train, &parts.validate, &parts.calibrate, &parts.test] {
            part.clone().for_each(|row| seen[row] += 1);
        }
        assert!(seen.iter().all(|&count| count == 1));
        let ends = PartEnds {
            train: Some(UtcTime(500)),
            validate: Some(UtcTime(300)),
            ..PartEnds::default()
        };
        assert_eq!(Parts::new(&series(100), &ends).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn l4_a_gap_is_filled_from_before_it_only() {
        let mut values = vec![1.0, 2.0, f64::NAN, f64::NAN, 9.0];
        let (filled, age) = fill_forward(&values);
        assert_eq!(filled, [1.0, 2.0, 2.0, 2.0, 9.0]);
        assert_eq!(age, [Some(0), Some(0), Some(1), Some(2), Some(0)]);
        values[4] = -1000.0;
        assert_eq!(fill_forward(&values).0[..4], filled[..4]);
    }

    #[test]
    fn windows_never_hold_a_fill_longer_than_allowed() {
        let mut values = vec![1.0; 40];
        values[15..20].fill(f64::NAN);
        let (_, age) = fill_forward(&values);
        let plan = WindowPlan { longest_fill: Some(2), ..plan() };
        let issues = plan.issues(&age, &(0..40));
        assert!(issues.iter().all(|&t| t < 17 || t + 1 - plan.lookback >= 20));
        assert!(issues.contains(&16) && issues.contains(&24));
    }
}
