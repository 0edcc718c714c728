//! An event forecast from beginning to end: fit, backtest, calibrate, score, use again.

use std::ops::Range;
use std::path::Path;

use super::event::EventSettings;
use super::event_check::{first_fit, known, plan_of};
use super::event_models::{
    BASE_RATE, EventForecaster, EventTraining, labelled, named, names, silent,
};
use super::event_state::{KeptEvent, Restored};
use super::platt::Platt;
use super::{Backtest, LevelSettings, Record};
use crate::data::{Parts, WindowPlan};
use crate::error::{Error, Result};
use crate::progress::{check_interrupt, note};
use crate::score::{BlockBootstrap, EventScores, ScoreTable, brier, mean};
use crate::time::UtcTime;

/// Events, and as many cases without, that a calibration of probabilities needs.
const LEAST_EVENTS: usize = 10;

/// Probabilities of one model.
pub struct EventForecasts {
    /// Name as asked for.
    pub name: String,
    /// As issued, `[N]`.
    pub raw: Vec<f64>,
    /// Calibrated where that could be done, `[N]`.
    pub probabilities: Vec<f64>,
    /// The calibration.
    pub platt: Option<Platt>,
    /// The last fitted forecaster.
    pub fitted: Box<dyn EventForecaster>,
}

/// All that came out of an event forecast.
pub struct EventResult {
    /// Words for the event.
    pub title: String,
    /// Share of events in training.
    pub base_rate: f64,
    /// Rows of the record.
    pub rows: usize,
    /// Issue rows behind training, `[N]`.
    pub issues: Vec<usize>,
    /// What happened, `[N]`; NaN where not known.
    pub outcomes: Vec<f64>,
    /// Places in `issues` that are scored.
    pub scored: Vec<usize>,
    /// The base rate first, then the logistic regression, then networks.
    pub models: Vec<EventForecasts>,
    /// Number of the model to show: the one with the least Brier score, the base rate apart.
    pub best: usize,
    /// Where it had the least Brier score: `before the test`, `in the test`.
    pub chosen: String,
    /// When events happened.
    pub times: Vec<UtcTime>,
    /// All scores.
    pub scores: ScoreTable,
}

/// Fits, forecasts, calibrates and scores probabilities of the event. Of the models of `level`
/// the networks are used; the base rate and a logistic regression are always there. Fits are made
/// anew by the refit policy of `level`; the calibration is that of the first fit.
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
    let (plan, parts, base_rate) = first_fit(record, target, level, event)?;
    let title = event.title(target);
    if let silent @ [_, ..] = &silent(level)[..] {
        note(format_args!("no probabilities of events from {}", silent.join(", ")));
    }
    let labels = event.labels(record);
    let first = parts.train.end;
    let issues: Vec<usize> = (first..record.rows()).collect();
    let rows_of = |part: &Range<usize>| -> Vec<usize> {
        labelled(record, &labels, &plan, part).into_iter().map(|row| row - first).collect()
    };
    let outcomes: Vec<f64> = issues.iter().map(|&row| labels[row]).collect();
    let (validated, calibrated) = (rows_of(&parts.validate), rows_of(&parts.calibrate));
    let calibration = calibration_rows(&outcomes, [&calibrated, &validated], &title);
    let horizons = plan.horizons.clone();
    let walk = Backtest {
        parts: &parts,
        horizons: &horizons,
        issues: first..record.rows(),
        refit: level.refit,
    };
    let mut models = Vec::new();
    for name in names(level) {
        check_interrupt()?;
        let (raw, fitted) = walk_event(&walk, record, &plan, &name, (level, event))?;
        let platt = calibration.filter(|_| name != BASE_RATE).map(|rows| {
            let pick = |values: &[f64]| rows.iter().map(|&n| values[n]).collect::<Vec<_>>();
            Platt::fit(&pick(&raw), &pick(&outcomes))
        });
        models.push(finished(name, raw, platt, fitted));
    }
    let scored = scored(rows_of(&parts.test), &models);
    let before: Vec<usize> = validated.iter().chain(&calibrated).copied().collect();
    let (best, chosen) = best(&models, &outcomes, &before, &scored);
    let mut result = EventResult {
        title,
        base_rate,
        rows: record.rows(),
        issues,
        outcomes,
        scored,
        models,
        best,
        chosen: chosen.to_string(),
        times: event.times(record),
        scores: ScoreTable::default(),
    };
    result.score(event.within, level.block);
    Ok(result)
}

/// As [`forecast_event`], with forecasters fitted before; nothing is fitted here. Probabilities
/// are issued from row `first` on; rows of `test` are scored. What a list kept with the run says
/// holds for the rows it had then; `event` with a list of its own says it for all rows.
pub fn forecast_event_fitted(
    record: &Record,
    (target, test, first): (&str, &Range<usize>, usize),
    level: &LevelSettings,
    (event, newly_listed): (&EventSettings, bool),
    kept: &KeptEvent,
    folder: &Path,
) -> Result<EventResult> {
    let plan = plan_of(level, event);
    let mut labels = event.labels(record);
    if event.listed.is_some() && !newly_listed {
        let unknown = kept.rows.saturating_sub(event.within).min(labels.len());
        labels[unknown..].fill(f64::NAN);
    }
    let issues: Vec<usize> = (first..record.rows()).collect();
    let mut models = Vec::new();
    for Restored { name, platt, forecaster } in kept.restored(target, (level, event), folder)? {
        check_interrupt()?;
        let raw = forecaster.probabilities(record, &issues)?;
        models.push(finished(name, raw, platt, forecaster));
    }
    let rows = labelled(record, &labels, &plan, test);
    let rows = rows.into_iter().filter_map(|row| row.checked_sub(first)).collect();
    let mut result = EventResult {
        title: event.title(target),
        base_rate: kept.base_rate,
        rows: record.rows(),
        outcomes: issues.iter().map(|&row| labels[row]).collect(),
        issues,
        scored: scored(rows, &models),
        models,
        best: kept.shown.0,
        chosen: kept.shown.1.clone(),
        times: event.times(record),
        scores: ScoreTable::default(),
    };
    result.score(event.within, level.block);
    Ok(result)
}

/// One forecaster over all folds; a fold whose training holds one kind of label only goes on
/// with the fit before.
fn walk_event(
    walk: &Backtest<'_>,
    record: &Record,
    plan: &WindowPlan,
    name: &str,
    (level, event): (&LevelSettings, &EventSettings),
) -> Result<(Vec<f64>, Box<dyn EventForecaster>)> {
    let mut raw = Vec::new();
    let mut last: Option<Box<dyn EventForecaster>> = None;
    for fold in walk.folds() {
        check_interrupt()?;
        let known = known(record, &fold.train, &fold.validate)?;
        let labels = event.labels(&known);
        let parts = Parts { train: fold.train, validate: fold.validate, ..walk.parts.clone() };
        let training = EventTraining { record: &known, labels: &labels, parts: &parts, plan };
        let (rows, events) = training.counts();
        let forecaster = match last.take() {
            Some(before) if events == 0 || events == rows => before,
            _ => {
                let mut new = named(name, level, event)?;
                new.fit(&training)?;
                new
            }
        };
        let issues: Vec<usize> = fold.issues.collect();
        raw.extend(forecaster.probabilities(record, &issues)?);
        last = Some(forecaster);
    }
    let last = last.ok_or_else(|| Error::data("there is no row to forecast from"))?;
    Ok((raw, last))
}

fn finished(
    name: String,
    raw: Vec<f64>,
    platt: Option<Platt>,
    fitted: Box<dyn EventForecaster>,
) -> EventForecasts {
    let probabilities = platt.map_or_else(|| raw.clone(), |platt| platt.apply(&raw));
    EventForecasts { name, raw, probabilities, platt, fitted }
}

/// Rows at which every model has a probability, so that all are scored on the same ones.
fn scored(mut rows: Vec<usize>, models: &[EventForecasts]) -> Vec<usize> {
    rows.retain(|&n| models.iter().all(|model| model.probabilities[n].is_finite()));
    rows
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

/// The model to show, by Brier scores before the test, or in it where nothing is known before.
fn best(
    models: &[EventForecasts],
    outcomes: &[f64],
    before: &[usize],
    test: &[usize],
) -> (usize, &'static str) {
    let (rows, words) =
        if before.is_empty() { (test, "in the test") } else { (before, "before the test") };
    let error = |&number: &usize| {
        let pick = |values: &[f64]| rows.iter().map(|&n| values[n]).collect::<Vec<_>>();
        let error = mean(&brier(&pick(outcomes), &pick(&models[number].probabilities)));
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let shown = (0..models.len()).filter(|&number| models[number].name != BASE_RATE);
    (shown.min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or(0), words)
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
pub(super) mod tests {
    use super::super::Refit;
    use super::super::event_state::keep_event;
    use super::super::history::tests::wandering;
    use super::*;
    use crate::data::{Membership, PartEnds};

    pub(in crate::forecast) fn above(threshold: f64, within: usize) -> EventSettings {
        EventSettings { threshold: Some(threshold), listed: None, within }
    }

    pub(in crate::forecast) fn level(models: &[&str], record: &Record) -> LevelSettings {
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
        for name in names(&parts_of) {
            let mut forecaster = named(&name, &parts_of, &event).unwrap();
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

    #[test]
    fn refits_change_later_probabilities_only_and_folds_equal_runs_that_end_there() {
        let series = wandering(800, &[]);
        let (once, event) = (level(&[], &series), above(2.0, 10));
        let again = LevelSettings { refit: Refit::Expanding { every: 80 }, ..once.clone() };
        let fixed = forecast_event(&series, "x", &once, &event).unwrap();
        let moved = forecast_event(&series, "x", &again, &event).unwrap();
        let (a, b) = (&fixed.models[1].raw, &moved.models[1].raw);
        // Issues begin at row 400, the test at 600, the second fold at 680.
        assert_eq!(a[..280], b[..280]);
        assert!((280..400).all(|n| a[n] != b[n]));
        // The base rate follows too.
        assert_ne!(fixed.models[0].raw[399], moved.models[0].raw[399]);
    }

    #[test]
    fn kept_models_give_the_same_probabilities_again() {
        let series = wandering(800, &[]);
        let (level, event) = (level(&["gru"], &series), above(2.0, 10));
        let folder = tempfile::tempdir().unwrap();
        let first = forecast_event(&series, "x", &level, &event).unwrap();
        let kept = keep_event("x", &first, folder.path()).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        let kept: KeptEvent = serde_json::from_str(&text).unwrap();
        let place = ("x", &(600..800), 400);
        let second =
            forecast_event_fitted(&series, place, &level, (&event, false), &kept, folder.path())
                .unwrap();
        assert_eq!(first.issues, second.issues);
        for (a, b) in first.models.iter().zip(&second.models) {
            assert_eq!(a.probabilities, b.probabilities, "{}", a.name);
        }
        // As text, because NaN is not itself.
        assert_eq!(first.scores.to_csv(), second.scores.to_csv());
        assert_eq!((first.best, first.chosen), (second.best, second.chosen));
    }

    #[test]
    fn without_validation_the_best_in_the_test_is_shown_never_the_base_rate() {
        let series = wandering(800, &[]);
        let mut settings = level(&["gru"], &series);
        settings.parts.validate = None;
        settings.parts.calibrate = None;
        let result = forecast_event(&series, "x", &settings, &above(2.0, 10)).unwrap();
        assert_eq!(result.chosen, "in the test");
        let brier = |name: &str| result.scores.value(name, "10", "brier").unwrap();
        let expected = if brier("logistic") <= brier("gru") { "logistic" } else { "gru" };
        assert_eq!(result.models[result.best].name, expected);
    }
}
