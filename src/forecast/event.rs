//! Events as targets: a threshold crossed, or a listed event, within so many rows.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::time::UtcTime;

/// What the event is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSettings {
    /// The event: a row above this, in the unit of the target. Ignored where events are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The events, if they are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Vec<UtcTime>>,
    /// Rows within which it may happen, at least 1.
    pub within: usize,
}

impl EventSettings {
    /// Words for the event of `target`: `rsam > 3 within 20`.
    pub fn title(&self, target: &str) -> String {
        match (&self.listed, self.threshold) {
            (None, Some(threshold)) => format!("{target} > {threshold} within {}", self.within),
            _ => format!("{target} listed event within {}", self.within),
        }
    }

    /// 1 where an event falls in the rows `t+1 ..= t+within`, 0 where none does, NaN where that is
    /// not known, `[T]`. What happens in row `t` itself is known when the forecast is issued and
    /// no event any more. A listed event counts by its time: after the end of row `t` and not
    /// after the end of row `t + within`.
    pub fn labels(&self, record: &Record) -> Vec<f64> {
        let (rows, observed) = (record.rows(), record.observed());
        let happened: Vec<f64> = match (&self.listed, self.threshold) {
            (Some(times), _) => {
                let mut happened = vec![0.0; rows];
                times
                    .iter()
                    .filter_map(|&time| row_of(record, time))
                    .for_each(|row| happened[row] = 1.0);
                happened
            }
            (None, Some(threshold)) => observed
                .iter()
                .map(|&y| if y.is_finite() { f64::from(u8::from(y > threshold)) } else { f64::NAN })
                .collect(),
            (None, None) => vec![f64::NAN; rows],
        };
        let label = |t: usize| {
            let span = happened.get(t + 1..=t + self.within).unwrap_or_default();
            match span {
                [] => f64::NAN,
                span if span.contains(&1.0) => 1.0,
                span => span.iter().sum(),
            }
        };
        (0..rows).map(label).collect()
    }

    /// When events happened: the listed times, or the ends of the rows in which the threshold is
    /// crossed from below.
    pub fn times(&self, record: &Record) -> Vec<UtcTime> {
        let y = record.observed();
        match (&self.listed, self.threshold) {
            (Some(times), _) => {
                times.iter().copied().filter(|&t| row_of(record, t).is_some()).collect()
            }
            (None, Some(threshold)) => (1..y.len())
                .filter(|&row| y[row] > threshold && y[row - 1] <= threshold)
                .map(|row| record.series().known_at(row))
                .collect(),
            (None, None) => Vec::new(),
        }
    }
}

/// The row whose span `(start, end]` holds `time`.
fn row_of(record: &Record, time: UtcTime) -> Option<usize> {
    let series = record.series();
    let since = time.0.checked_sub(series.start.0)?.checked_sub(1)?;
    let row = usize::try_from(since.div_euclid(series.step.max(1))).ok()?;
    (row < record.rows()).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::record;
    use super::*;

    fn above(threshold: f64, within: usize) -> EventSettings {
        EventSettings { threshold: Some(threshold), listed: None, within }
    }

    #[test]
    fn labels_look_forward_and_not_at_the_issue() {
        let series = record(vec![0.0, 9.0, 0.0, 0.0, f64::NAN, 0.0, 9.0, f64::NAN, 0.0, 0.0, 0.0]);
        let labels = above(5.0, 2).labels(&series);
        let expected = [1.0, 0.0, f64::NAN, f64::NAN, 1.0, 1.0, f64::NAN, 0.0, 0.0];
        for (row, (label, wanted)) in labels.iter().zip(expected).enumerate() {
            assert!(*label == wanted || label.is_nan() && wanted.is_nan(), "row {row}: {label}");
        }
        assert!(labels[9].is_nan() && labels[10].is_nan(), "spans past the end are not known");
    }

    #[test]
    fn a_listed_event_counts_after_the_issue_up_to_the_horizon() {
        let series = record(vec![0.0; 10]);
        // Exactly when row 4 is known: an event of row 4.
        let at = series.series().known_at(4);
        let label = |time: UtcTime| {
            EventSettings { threshold: None, listed: Some(vec![time]), within: 2 }.labels(&series)
        };
        assert_eq!(label(at)[..6], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(label(at.plus(1))[..6], [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        assert!(label(UtcTime(i64::MIN))[..8].iter().all(|&y| y == 0.0));
    }

    #[test]
    fn a_label_ignores_the_value_at_its_issue() {
        let values: Vec<f64> = (0..50).map(|t| f64::from(t % 7)).collect();
        let labels = above(5.5, 3).labels(&record(values.clone()));
        for issue in 0..50 {
            let mut changed = values.clone();
            changed[issue] = 100.0;
            let other = above(5.5, 3).labels(&record(changed))[issue];
            assert!(other == labels[issue] || other.is_nan() && labels[issue].is_nan());
        }
    }
}
