//! Events as targets: a threshold crossed, or a listed event, within so many rows.

use serde::{Deserialize, Serialize};

use super::event_network::EventNetwork;
use super::logistic::EventLogistic;
use super::platt::Platt;
use super::{
    LevelSettings, Record,
    choose::{self, NETWORKS},
};
use crate::data::{Membership, Parts, WindowPlan};
use crate::error::{Error, Result};
use crate::progress::{check_interrupt, note};
use crate::score::{BlockBootstrap, EventScores, ScoreTable, brier, mean};
use crate::time::UtcTime;

/// Events, and as many cases without, that a calibration of probabilities needs.
const LEAST_EVENTS: usize = 10;

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

/// What a forecaster of probabilities may fit on: a record that ends with validation.
pub struct EventTraining<'a> {
    /// Everything known when fitting ends.
    pub record: &'a Record,
    /// Labels of its rows, `[T]`.
    pub labels: &'a [f64],
    /// The parts; those after validation lie behind the record.
    pub parts: &'a Parts,
    /// One horizon: the rows within which the event may happen.
    pub plan: &'a WindowPlan,
}

impl EventTraining<'_> {
    /// Training rows whose label is known and spans nothing but training.
    pub fn issues(&self) -> Vec<usize> {
        labelled(self.record, self.labels, self.plan, &self.parts.train)
    }
}

/// Something that gives the probability of an event from the past of a series.
pub trait EventForecaster: Send + Sync {
    /// Fits to the training rows.
    fn fit(&mut self, training: &EventTraining<'_>) -> Result<()>;

    /// Probabilities at issue rows, NaN where the past is too short, `[N]`.
    fn probabilities(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>>;
}

/// The share of events in training, always.
struct BaseRate(f64);

impl EventForecaster for BaseRate {
    fn fit(&mut self, training: &EventTraining<'_>) -> Result<()> {
        let labels: Vec<f64> = training.issues().iter().map(|&t| training.labels[t]).collect();
        self.0 = mean(&labels);
        Ok(())
    }

    fn probabilities(&self, _: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        Ok(vec![self.0; issues.len()])
    }
}

/// Probabilities of one model.
pub struct EventForecasts {
    /// Name as asked for.
    pub name: String,
    /// As issued, `[N]`.
    pub raw: Vec<f64>,
    /// Calibrated where that could be done, `[N]`.
    pub probabilities: Vec<f64>,
}

/// All that came out of an event forecast.
pub struct EventResult {
    /// Words for the event.
    pub title: String,
    /// Share of events in training.
    pub base_rate: f64,
    /// Issue rows behind training, `[N]`.
    pub issues: Vec<usize>,
    /// What happened, `[N]`; NaN where not known.
    pub outcomes: Vec<f64>,
    /// Places in `issues` that are scored.
    pub scored: Vec<usize>,
    /// The base rate first, then the logistic regression, then networks.
    pub models: Vec<EventForecasts>,
    /// Number of the model with the least Brier score before the test; the last one if no
    /// label is known there.
    pub best: usize,
    /// When events happened.
    pub times: Vec<UtcTime>,
    /// All scores.
    pub scores: ScoreTable,
}

fn labelled(
    record: &Record,
    labels: &[f64],
    plan: &WindowPlan,
    part: &std::ops::Range<usize>,
) -> Vec<usize> {
    let age = record.until(record.rows()).age().to_vec();
    plan.issues(&age, part).into_iter().filter(|&t| labels[t].is_finite()).collect()
}

/// Fits, forecasts, calibrates and scores probabilities of the event. Of the models of `level`
/// the networks are used; the base rate and a logistic regression are always there.
///
/// A label spans `within` rows, so issue and span must lie in one part whatever the membership
/// of the level forecast: one event never labels rows of two parts.
///
/// # Errors
/// No event or nothing but events in training, a model that cannot be fitted, Ctrl-C.
pub fn forecast_event(
    record: &Record,
    target: &str,
    level: &LevelSettings,
    event: &EventSettings,
) -> Result<EventResult> {
    let title = event.title(target);
    let plan = WindowPlan {
        lookback: level.lookback,
        horizons: vec![event.within],
        stride: 1,
        membership: Membership::IssueAndTarget,
        strict: false,
        longest_fill: None,
    };
    plan.check()?;
    if event.within >= record.rows() {
        return Err(Error::usage(format!(
            "--within {}: the series '{target}' has {} rows",
            event.within,
            record.rows()
        )));
    }
    let parts = Parts::new(record.series(), &level.parts)?;
    let known = record.until(parts.train.end.max(parts.validate.end)).to_record()?;
    let known_labels = event.labels(&known);
    let training =
        EventTraining { record: &known, labels: &known_labels, parts: &parts, plan: &plan };
    let base_rate = base_rate(&training, &title)?;
    let labels = event.labels(record);
    let issues: Vec<usize> = (parts.train.end..record.rows()).collect();
    let rows_of = |part: &std::ops::Range<usize>| -> Vec<usize> {
        let first = parts.train.end;
        labelled(record, &labels, &plan, part).into_iter().map(|row| row - first).collect()
    };
    let outcomes: Vec<f64> = issues.iter().map(|&row| labels[row]).collect();
    let (validated, calibrated) = (rows_of(&parts.validate), rows_of(&parts.calibrate));
    let calibration = calibration_rows(&outcomes, [&calibrated, &validated], &title);
    let mut models = Vec::new();
    for (name, mut forecaster) in forecasters(level, event)? {
        check_interrupt()?;
        forecaster.fit(&training)?;
        let raw = forecaster.probabilities(record, &issues)?;
        let probabilities = match (calibration, name.as_str()) {
            (None, _) | (_, "climatology") => raw.clone(),
            (Some(rows), _) => {
                let pick = |values: &[f64]| rows.iter().map(|&n| values[n]).collect::<Vec<_>>();
                Platt::fit(&pick(&raw), &pick(&outcomes)).apply(&raw)
            }
        };
        models.push(EventForecasts { name, raw, probabilities });
    }
    let before: Vec<usize> = validated.iter().chain(&calibrated).copied().collect();
    let best = best(&models, &outcomes, &before);
    let mut scored = rows_of(&parts.test);
    scored.retain(|&n| models.iter().all(|model| model.probabilities[n].is_finite()));
    let mut result = EventResult {
        title,
        base_rate,
        issues,
        outcomes,
        scored,
        models,
        best,
        times: event.times(record),
        scores: ScoreTable::default(),
    };
    result.score(event.within, level.block);
    Ok(result)
}

fn base_rate(training: &EventTraining<'_>, title: &str) -> Result<f64> {
    let labels: Vec<f64> = training.issues().iter().map(|&t| training.labels[t]).collect();
    let events = labels.iter().sum::<f64>();
    if labels.is_empty() || events == 0.0 || events == labels.len() as f64 {
        return Err(Error::data(format!(
            "{title}: {events} of {} training labels are events, both kinds are needed: choose \
             another --threshold or --within, or train on more rows",
            labels.len()
        )));
    }
    Ok(events / labels.len() as f64)
}

/// The first part with enough events and enough cases without.
fn calibration_rows<'a>(
    outcomes: &[f64],
    parts: [&'a Vec<usize>; 2],
    title: &str,
) -> Option<&'a Vec<usize>> {
    let enough = |rows: &&Vec<usize>| {
        let events = rows.iter().filter(|&&n| outcomes[n] == 1.0).count();
        events >= LEAST_EVENTS && rows.len() - events >= LEAST_EVENTS
    };
    let found = parts.into_iter().find(enough);
    if found.is_none() {
        note(format_args!(
            "{title}: probabilities are not calibrated, neither calibration nor validation holds \
             {LEAST_EVENTS} events and as many cases without"
        ));
    }
    found
}

/// Unfitted forecasters: the base rate, the regression, and the networks asked for.
fn forecasters(
    level: &LevelSettings,
    event: &EventSettings,
) -> Result<Vec<(String, Box<dyn EventForecaster>)>> {
    let mut all: Vec<(String, Box<dyn EventForecaster>)> = vec![
        ("climatology".into(), Box::new(BaseRate(f64::NAN))),
        ("logistic".into(), Box::new(EventLogistic::new(event.threshold))),
    ];
    let mut left_out = Vec::new();
    for name in &level.models {
        let kind = name.split('@').next().unwrap_or(name);
        if NETWORKS.contains(&kind) {
            if all.iter().all(|(known, _)| known != kind) {
                let settings = choose::network(kind, "smooth", level)?;
                all.push((kind.into(), Box::new(EventNetwork::new(settings, event.threshold))));
            }
        } else if kind != "climatology" {
            left_out.push(name.as_str());
        }
    }
    if !left_out.is_empty() {
        note(format_args!("no probabilities of events from {}", left_out.join(", ")));
    }
    Ok(all)
}

fn best(models: &[EventForecasts], outcomes: &[f64], rows: &[usize]) -> usize {
    let error = |model: &EventForecasts| {
        let pick = |values: &[f64]| rows.iter().map(|&n| values[n]).collect::<Vec<_>>();
        mean(&brier(&pick(outcomes), &pick(&model.probabilities)))
    };
    if rows.is_empty() {
        return models.len().saturating_sub(1);
    }
    (0..models.len()).min_by(|&a, &b| error(&models[a]).total_cmp(&error(&models[b]))).unwrap_or(0)
}

impl EventResult {
    /// Outcomes and probabilities of a model where it is scored.
    pub fn pairs(&self, model: &EventForecasts) -> (Vec<f64>, Vec<f64>) {
        let pair = |&n: &usize| (self.outcomes[n], model.probabilities[n]);
        self.scored.iter().map(pair).unzip()
    }

    fn score(&mut self, within: usize, block: usize) {
        if self.scored.is_empty() {
            note(format_args!("{}: no label of the test is known, nothing is scored", self.title));
            return;
        }
        let bootstrap = BlockBootstrap::new(block.max(2 * within));
        for model in &self.models {
            let (outcomes, probabilities) = self.pairs(model);
            let (outcomes, probabilities) = (&outcomes[..], &probabilities[..]);
            let scores = EventScores { outcomes, probabilities, base_rate: self.base_rate };
            let names = (self.title.as_str(), model.name.as_str(), &*within.to_string());
            self.scores.rows.extend(scores.rows(names, &bootstrap));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{record, wandering};
    use super::*;
    use crate::data::PartEnds;

    fn above(threshold: f64, within: usize) -> EventSettings {
        EventSettings { threshold: Some(threshold), listed: None, within }
    }

    fn level(models: &[&str], record: &Record) -> LevelSettings {
        let end = |row| Some(record.series().time(row));
        LevelSettings {
            models: models.iter().map(ToString::to_string).collect(),
            lookback: 12,
            parts: PartEnds {
                train: end(400),
                validate: end(500),
                calibrate: end(600),
                test: end(800),
            },
            epochs: Some(1),
            seeds: 1,
            ..LevelSettings::default()
        }
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

    #[test]
    fn no_event_labels_rows_of_two_parts() {
        let series = wandering(800, &[]);
        let mut settings = level(&[], &series);
        settings.membership = Membership::Target;
        let result = forecast_event(&series, "x", &settings, &above(2.0, 20)).unwrap();
        let rows: Vec<usize> = result.scored.iter().map(|&n| result.issues[n]).collect();
        assert_eq!((rows[0], rows[rows.len() - 1]), (600, 779));
    }

    #[test]
    fn the_base_rate_has_no_skill_and_training_needs_both_kinds() {
        let series = wandering(800, &[(610, 615)]);
        let result =
            forecast_event(&series, "x", &level(&["ar"], &series), &above(2.0, 10)).unwrap();
        let skill = |name: &str| {
            let rows = result.scores.rows.iter();
            rows.clone().find(|r| r.model == name && r.metric == "brier_skill").unwrap().value
        };
        assert_eq!(skill("climatology"), 0.0);
        assert!(skill("logistic").is_finite());
        assert!(result.models.iter().all(|model| model.name != "ar"));
        for threshold in [-100.0, 100.0] {
            let never = above(threshold, 10);
            assert!(forecast_event(&series, "x", &level(&[], &series), &never).is_err());
        }
        assert!(
            forecast_event(&series, "x", &level(&[], &series), &above(2.0, usize::MAX)).is_err()
        );
    }

    #[test]
    fn probabilities_do_not_change_with_later_rows() {
        let series = wandering(800, &[(640, 650)]);
        let (parts_of, event) = (level(&["gru"], &series), above(2.0, 10));
        let parts = Parts::new(series.series(), &parts_of.parts).unwrap();
        let plan = WindowPlan {
            lookback: 12,
            horizons: vec![10],
            stride: 1,
            membership: Membership::IssueAndTarget,
            strict: false,
            longest_fill: None,
        };
        let known = series.until(500).to_record().unwrap();
        let labels = event.labels(&known);
        let training =
            EventTraining { record: &known, labels: &labels, parts: &parts, plan: &plan };
        for (name, mut forecaster) in forecasters(&parts_of, &event).unwrap() {
            forecaster.fit(&training).unwrap();
            for issue in [520, 645, 700] {
                let cut = series.at(issue).to_record().unwrap();
                let whole = forecaster.probabilities(&series, &[issue]).unwrap();
                let alone = forecaster.probabilities(&cut, &[issue]).unwrap();
                assert!((0.0..=1.0).contains(&whole[0]), "{name}");
                assert_eq!(whole, alone, "{name} at row {issue}");
            }
        }
    }
}
