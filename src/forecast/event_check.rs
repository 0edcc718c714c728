//! Refuses events that cannot be forecast, before anything is fitted.

use std::ops::Range;

use super::event::EventSettings;
use super::event_models::EventTraining;
use super::{LevelSettings, Record};
use crate::data::{Membership, Parts, WindowPlan};
use crate::error::{Error, Result};

/// Windows before a label that spans `within` rows.
pub(super) fn plan_of(level: &LevelSettings, event: &EventSettings) -> WindowPlan {
    WindowPlan {
        lookback: level.lookback,
        horizons: vec![event.within],
        stride: 1,
        membership: Membership::IssueAndTarget,
        strict: false,
        longest_fill: None,
    }
}

/// Refuses an event that training cannot teach: one that never happens there, or always.
///
/// # Errors
/// The share of events in training and what to change.
pub fn check_event(
    record: &Record,
    target: &str,
    level: &LevelSettings,
    event: &EventSettings,
) -> Result<()> {
    first_fit(record, target, level, event).map(|_| ())
}

/// Plan, parts and base rate of training.
pub(super) fn first_fit(
    record: &Record,
    target: &str,
    level: &LevelSettings,
    event: &EventSettings,
) -> Result<(WindowPlan, Parts, f64)> {
    let plan = plan_of(level, event);
    plan.check()?;
    if event.within >= record.rows() {
        return Err(Error::usage(format!(
            "--within {}: the series '{target}' has {} rows",
            event.within,
            record.rows()
        )));
    }
    let parts = Parts::new(record.series(), &level.parts)?;
    let known = known(record, &parts.train, &parts.validate)?;
    let labels = event.labels(&known);
    let training = EventTraining { record: &known, labels: &labels, parts: &parts, plan: &plan };
    let (rows, events) = training.counts();
    if events == 0 || events == rows {
        let title = event.title(target);
        return Err(Error::usage(match rows {
            0 => format!(
                "{title}: training holds no row with a known label and a window of {} rows before it: train on more rows or shorten --lookback or --within",
                level.lookback
            ),
            _ => refusal(&title, (rows, events), event, &known, &parts.train),
        }));
    }
    Ok((plan, parts, events as f64 / rows as f64))
}

/// What is known when a fit on these rows ends.
pub(super) fn known(
    record: &Record,
    train: &Range<usize>,
    validate: &Range<usize>,
) -> Result<Record> {
    record.until(train.end.max(validate.end)).to_record()
}

fn refusal(
    title: &str,
    (rows, events): (usize, usize),
    event: &EventSettings,
    known: &Record,
    train: &Range<usize>,
) -> String {
    let share = 100.0 * events as f64 / rows as f64;
    let said = format!(
        "{title}: {events} of {rows} training rows ({share:.0} %) are followed by the event, both \
         kinds are needed"
    );
    if event.listed.is_some() {
        return format!(
            "{said}: list events within training, change --within, or move --train-until"
        );
    }
    let mut values: Vec<f64> =
        known.observed()[train.clone()].iter().copied().filter(|y| y.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    if values.is_empty() {
        return said;
    }
    format!(
        "{said}: choose another --threshold (training runs from {:.4} to {:.4}, a tenth of it lies \
         above {:.4}) or --within, or train on more rows",
        at(0.0),
        at(1.0),
        at(0.9)
    )
}

#[cfg(test)]
mod tests {
    use super::super::event_run::tests::{above, level};
    use super::super::history::tests::wandering;
    use super::*;

    #[test]
    fn an_event_that_training_cannot_teach_is_refused_with_its_share() {
        let series = wandering(800, &[]);
        let settings = level(&[], &series);
        for (threshold, share) in [(-100.0, "(100 %)"), (100.0, "(0 %)")] {
            let refused = check_event(&series, "x", &settings, &above(threshold, 10)).unwrap_err();
            let text = refused.to_string();
            assert!(text.contains(share) && text.contains("--threshold"), "{text}");
            assert_eq!(refused.exit_code(), 2);
        }
        assert!(check_event(&series, "x", &settings, &above(2.0, 10)).is_ok());
    }
}
