//! A level forecast from beginning to end: fit, backtest, combine, calibrate, score.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::level_scores::{member_errors, score};
use super::{
    Backtest, Calibrator, Forecaster, Forecasts, Gate, LEVELS, Outcome, Record, Refit, choose,
};
use crate::data::{Membership, PartEnds, Parts, WindowPlan};
use crate::error::{Error, Result};
use crate::model::DeviceChoice;
use crate::progress::{Progress, check_interrupt, note};
use crate::score::ScoreTable;
use crate::train::Workplace;

/// The name of the gated mean of the others.
pub const COMBINATION: &str = "combination";

/// Forecasts that are no experts of the combination: their errors are of another size and would
/// blunt the gate.
const NO_EXPERTS: [&str; 3] = ["climatology", "climatology_doy", "seasonal"];

/// Forecasts that are what training held.
const CLIMATOLOGIES: [&str; 2] = ["climatology", "climatology_doy"];

/// Rows of residuals before the test that serve intervals where no calibration part is given.
const RESIDUALS: usize = 480;

/// Everything that decides a level forecast. Written whole into `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LevelSettings {
    /// Forecasters by name, `gru`, `gru@lad`, `ar`; `combination` weighs the others.
    pub models: Vec<String>,
    /// Baselines that are scored beside the models and drawn nowhere; one that is among the models
    /// is a model. One that cannot be fitted is left out.
    pub baselines: Vec<String>,
    /// Which forecasts the combination weighs; if empty, all models but climatology and seasonal,
    /// and the baselines too where those are fewer than two.
    pub experts: Vec<String>,
    /// Horizons in rows.
    pub horizons: Vec<usize>,
    /// Rows a network sees.
    pub lookback: usize,
    /// Ends of training, validation, calibration and test.
    pub parts: PartEnds,
    /// Which pairs of issue and target are scored.
    pub membership: Membership,
    /// Refit policy.
    pub refit: Refit,
    /// How intervals are made; chosen by what is there if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibrator>,
    /// Networks per ensemble.
    pub seeds: usize,
    /// The one seed of everything random.
    pub seed: u64,
    /// Epochs at most; the recipe's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Order of `ar`, rows.
    pub order: usize,
    /// Period of `seasonal`, rows.
    pub period: usize,
    /// Rows in a block of the bootstrap; at least twice the farthest horizon is used.
    pub block: usize,
    /// The forecast that others are compared with in pairs.
    pub reference: String,
    /// The device asked for.
    pub device: DeviceChoice,
    /// The device used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_on: Option<String>,
    /// Where networks are fitted; of no influence on forecasts.
    #[serde(skip)]
    pub place: Workplace,
}

impl Default for LevelSettings {
    fn default() -> Self {
        let models = ["persistence", "climatology", "ar", "ses", "ridge", "lstm", COMBINATION];
        Self {
            models: models.map(String::from).to_vec(),
            baselines: Vec::new(),
            experts: Vec::new(),
            horizons: vec![1, 6, 12, 24],
            lookback: 60,
            parts: PartEnds::default(),
            membership: Membership::IssueAndTarget,
            refit: Refit::Never,
            calibration: None,
            seeds: 3,
            seed: 0,
            epochs: None,
            order: 12,
            period: 144,
            block: 60,
            reference: "persistence".into(),
            device: DeviceChoice::Cpu,
            computed_on: None,
            place: Workplace::default(),
        }
    }
}

impl LevelSettings {
    /// Refuses what can be refused before anything is fitted: names, horizons, parts.
    pub fn check(&self, record: &Record) -> Result<()> {
        self.plan()?;
        Parts::new(record.series(), &self.parts)?;
        let names = self.forecasts();
        if names.is_empty() {
            return Err(Error::usage("no model to forecast with"));
        }
        names.iter().try_for_each(|(name, _)| choose(name, self).map(|_| ()))?;
        let known = |name: &String| name == COMBINATION || names.iter().any(|(own, _)| own == name);
        if let Some(absent) = self.experts.iter().find(|name| !known(name)) {
            return Err(Error::usage(format!(
                "expert '{absent}' is not among the models; add --model {absent}"
            )));
        }
        Ok(())
    }

    /// The forecasts to make by name, but for the combination, and whether each is a baseline
    /// only.
    fn forecasts(&self) -> Vec<(String, bool)> {
        let mut all: Vec<(String, bool)> = Vec::new();
        let named = self.models.iter().map(|name| (name, false));
        for (name, baseline) in named.chain(self.baselines.iter().map(|name| (name, true))) {
            if name != COMBINATION && all.iter().all(|(known, _)| known != name) {
                all.push((name.clone(), baseline));
            }
        }
        all
    }

    fn is_baseline(&self, name: &str) -> bool {
        !self.models.iter().any(|model| model == name)
    }

    fn plan(&self) -> Result<WindowPlan> {
        let plan = WindowPlan {
            lookback: self.lookback,
            horizons: self.horizons.clone(),
            stride: 1,
            membership: self.membership,
            strict: false,
            longest_fill: None,
        };
        plan.check().map(|()| plan)
    }

    /// Issue rows: those whose residuals serve intervals, those of the test, and the last one.
    fn issues(&self, parts: &Parts, rows: usize) -> Range<usize> {
        let farthest = self.horizons.last().copied().unwrap_or(1);
        let first = match parts.calibrate.is_empty() {
            true => parts.test.start.saturating_sub(RESIDUALS + farthest),
            false => parts.calibrate.start,
        };
        first.max(self.lookback - 1).min(rows - 1)..rows
    }

    /// How the quantiles of a forecaster become intervals.
    fn calibrator(&self, forecasts: &Forecasts, parts: &Parts) -> Calibrator {
        // The training quantiles are what climatology says; mended they would be another forecast.
        if CLIMATOLOGIES.contains(&forecasts.name.as_str()) {
            return Calibrator::None;
        }
        let own_quantiles = forecasts.outcome.levels().len() > 1;
        match self.calibration {
            Some(chosen) => match chosen {
                // What mends quantiles cannot make them from a point.
                Calibrator::PerLevel | Calibrator::TwoSided if !own_quantiles => {
                    Calibrator::Residuals
                }
                Calibrator::RollingPerLevel { .. } if !own_quantiles => Calibrator::Residuals,
                other => other,
            },
            None if parts.calibrate.is_empty() => Calibrator::SIGNED,
            None if own_quantiles => Calibrator::HALF,
            None => Calibrator::Residuals,
        }
    }
}

/// One model's forecasts, before and after calibration.
pub struct LevelForecasts {
    /// Name as asked for.
    pub name: String,
    /// As issued; points or quantiles.
    pub raw: Forecasts,
    /// With intervals.
    pub calibrated: Forecasts,
    /// Mean absolute error in the test of each member of an ensemble, `[members][H]`.
    pub members: Vec<Vec<f64>>,
    /// The last fitted forecaster; none for the combination.
    pub fitted: Option<Box<dyn Forecaster>>,
    /// Whether it is there for the scores only.
    pub baseline: bool,
}

/// All that came out of a level forecast.
pub struct LevelResult {
    /// The record forecast.
    pub record: Record,
    /// Its parts.
    pub parts: Parts,
    /// One entry a model, in the order asked for.
    pub models: Vec<LevelForecasts>,
    /// All scores.
    pub scores: ScoreTable,
}

impl LevelResult {
    /// The model to show: the combination, else the model (no baseline) with the least mean
    /// absolute error, taken relative to the least one of each horizon and averaged.
    pub fn shown(&self) -> Option<&LevelForecasts> {
        let own: Vec<&LevelForecasts> = self.models.iter().filter(|m| !m.baseline).collect();
        if let Some(combination) = own.iter().find(|model| model.name == COMBINATION) {
            return Some(combination);
        }
        let error = |model: &LevelForecasts, horizon: &usize| {
            let value = self.scores.value(&model.name, &horizon.to_string(), "mae");
            value.filter(|mae| mae.is_finite()).unwrap_or(f64::INFINITY)
        };
        let relative = |model: &LevelForecasts| -> f64 {
            let of = |horizon: &usize| {
                let least = own.iter().map(|m| error(m, horizon)).fold(f64::INFINITY, f64::min);
                error(model, horizon) / least.max(f64::MIN_POSITIVE)
            };
            model.raw.horizons.iter().map(of).filter(|ratio| !ratio.is_nan()).sum()
        };
        own.iter().min_by(|a, b| relative(a).total_cmp(&relative(b))).copied()
    }
}

/// Fits, backtests, combines, calibrates and scores. `target` names the rows of the table.
///
/// # Errors
/// Settings that do not fit the record, a forecaster that cannot be fitted, Ctrl-C.
pub fn forecast_level(
    record: Record,
    target: &str,
    settings: &LevelSettings,
) -> Result<LevelResult> {
    let plan = settings.plan()?;
    let parts = Parts::new(record.series(), &settings.parts)?;
    let issues = settings.issues(&parts, record.rows());
    let walk =
        Backtest { parts: &parts, horizons: &settings.horizons, issues, refit: settings.refit };
    let mut models: Vec<LevelForecasts> = Vec::new();
    let alone = settings.forecasts();
    let mut progress = Progress::new("forecasting", "models", alone.len() as u64);
    for (name, baseline) in &alone {
        check_interrupt()?;
        progress.message(name);
        let made = walk.run(&record, &|| choose(name, settings)).and_then(|(raw, fitted)| {
            finished(name, raw, fitted, (&record, &parts, &plan), settings)
        });
        match made {
            Ok(made) => models.push(made),
            Err(error @ Error::Interrupted) => return Err(error),
            Err(error) if *baseline => note(format_args!("baseline {name} left out: {error}")),
            Err(error) => return Err(error),
        }
        progress.advance(1);
    }
    drop(progress);
    if settings.models.iter().any(|name| name == COMBINATION) {
        models.push(combine(&models, &record, &parts, settings)?);
    }
    let scores = score(&models, target, &record, &parts, &plan, settings);
    Ok(LevelResult { record, parts, models, scores })
}

/// As [`forecast_level`], with forecasters fitted before; nothing is fitted here. Forecasts are
/// issued from where those of the run with these `parts` began; rows of `test` are scored.
pub fn forecast_fitted(
    record: Record,
    parts: &Parts,
    test: Range<usize>,
    target: &str,
    settings: &LevelSettings,
    fitted: Vec<(String, Box<dyn Forecaster>)>,
) -> Result<LevelResult> {
    let plan = settings.plan()?;
    let issues: Vec<usize> = settings.issues(parts, record.rows()).collect();
    let parts = Parts { test, ..parts.clone() };
    let mut models = Vec::new();
    for (name, forecaster) in fitted {
        check_interrupt()?;
        let raw = Forecasts::issue(&*forecaster, &record, &issues, &settings.horizons)?;
        models.push(finished(&name, raw, forecaster, (&record, &parts, &plan), settings)?);
    }
    if settings.models.iter().any(|name| name == COMBINATION) {
        models.push(combine(&models, &record, &parts, settings)?);
    }
    let scores = score(&models, target, &record, &parts, &plan, settings);
    Ok(LevelResult { record, parts, models, scores })
}

/// Intervals and the errors of members for what one forecaster issued.
fn finished(
    name: &str,
    mut raw: Forecasts,
    fitted: Box<dyn Forecaster>,
    (record, parts, plan): (&Record, &Parts, &WindowPlan),
    settings: &LevelSettings,
) -> Result<LevelForecasts> {
    raw.name = name.to_string();
    let calibrated = calibrate(&raw, record, parts, settings)?;
    let members = member_errors(&*fitted, record, parts, plan)?;
    let baseline = settings.is_baseline(name);
    let (name, fitted) = (name.to_string(), Some(fitted));
    Ok(LevelForecasts { name, raw, calibrated, members, fitted, baseline })
}

fn calibrate(
    raw: &Forecasts,
    record: &Record,
    parts: &Parts,
    settings: &LevelSettings,
) -> Result<Forecasts> {
    settings.calibrator(raw, parts).calibrate(raw, record, &parts.calibrate, &LEVELS)
}

/// The gated mean: weights from known errors of the medians, applied to medians and quantiles.
fn combine(
    models: &[LevelForecasts],
    record: &Record,
    parts: &Parts,
    settings: &LevelSettings,
) -> Result<LevelForecasts> {
    if let Some(absent) =
        settings.experts.iter().find(|name| models.iter().all(|m| m.name != **name))
    {
        return Err(Error::usage(format!("expert '{absent}' is not among the models")));
    }
    let usual = |model: &&LevelForecasts| !NO_EXPERTS.contains(&model.name.as_str());
    let named = models.iter().filter(usual).filter(|model| !model.baseline).count();
    let is_expert = |model: &&LevelForecasts| match settings.experts.is_empty() {
        true => usual(model) && (named < 2 || !model.baseline),
        false => settings.experts.contains(&model.name),
    };
    let experts: Vec<&LevelForecasts> = models.iter().filter(is_expert).collect();
    let Some(first) = experts.first() else {
        return Err(Error::usage(
            "the combination needs other forecasts: add --model persistence and others",
        ));
    };
    let (gate, width) = (Gate::default(), LEVELS.len());
    let (issues, horizons) = (&first.raw.issues, &settings.horizons);
    let mut values = vec![f64::NAN; issues.len() * horizons.len() * width];
    for (h, &horizon) in horizons.iter().enumerate() {
        let points: Vec<Vec<f64>> = experts.iter().map(|expert| expert.raw.point(h)).collect();
        let outcomes = record.outcomes(issues, horizon);
        let weights = gate.weights(&points, &outcomes, issues, horizon)?;
        for (n, row) in weights.chunks_exact(experts.len()).enumerate() {
            for q in 0..width {
                let median = LEVELS[q] == 0.5;
                let of = |k: usize| match median {
                    true => points[k][n],
                    false => experts[k].calibrated.at(n, h)[q],
                };
                let known = (0..row.len()).filter(|&k| row[k] > 0.0 && of(k).is_finite());
                let (sum, total) =
                    known.fold((0.0, 0.0), |(s, w), k| (s + row[k] * of(k), w + row[k]));
                values[(n * horizons.len() + h) * width + q] = sum / total;
            }
        }
    }
    let raw = Forecasts {
        name: COMBINATION.into(),
        outcome: Outcome::Quantiles(LEVELS.to_vec()),
        values,
        ..first.raw.clone()
    };
    let calibrated = calibrate(&raw, record, parts, settings)?;
    Ok(LevelForecasts {
        name: COMBINATION.into(),
        raw,
        calibrated,
        members: Vec::new(),
        fitted: None,
        baseline: false,
    })
}
