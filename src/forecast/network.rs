//! Networks as forecasters: they learn what a base forecast leaves over.
//!
//! The target of a network is `(y[t+h] − base[t, h]) / unit[h]`, where the base is a simple
//! forecast fitted to the same rows and the unit its mean absolute error in training. The output
//! layer starts at zero, so an untrained network is its base; no absolute level enters it, so
//! a drifting record stays inside what was seen. Quantiles cannot cross.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::members::{load_members, save_members, untrained_members};
use super::{Forecaster, History, Outcome, Record, Training, not_fitted, state};
use crate::data::level_features::{SpreadScale, level_features, smooth, trailing_deviation};
use crate::data::{
    ExampleSpec, Fingerprint, Membership, SeriesDataset, Target, WindowPlan, WindowSource,
    apply_moments, moments, standardise,
};
use crate::error::{Error, Result};
use crate::model::{Model, ModelSpec, QuantileTask, Task};
use crate::train::{Report, TrainSettings, Workplace, for_each_seed, predict};

/// Smoothing of the level that windows and features are relative to.
const CENTER: f64 = 0.1;

/// Rows of the trailing deviation that scales a window, and the share of the training deviation
/// added to it so that a quiet hour is not blown up to noise.
const SCALE_ROWS: usize = 30;
const SCALE_FLOOR: f64 = 0.05;

/// Examples per forward pass. Always full (padded), so that a forecast does not depend on how
/// many others are made with it.
const PASS: usize = 256;

/// Share of the training rows that stops training where no validation part is given.
const INNER: f64 = 0.15;

/// What a network forecaster is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// The network.
    pub model: ModelSpec,
    /// How it is trained; the seed is the first of `seeds` rising ones.
    pub training: TrainSettings,
    /// Rows it sees.
    pub lookback: usize,
    /// Quantile levels.
    pub levels: Vec<f64>,
    /// What windows and features are relative to.
    #[serde(default)]
    pub center: Center,
    /// How spreads are given to it.
    #[serde(default)]
    pub spreads: SpreadScale,
    /// Trainings from different initial values and orders, whose quantiles are averaged.
    pub seeds: usize,
    /// Where it is fitted; of no influence on forecasts.
    #[serde(skip)]
    pub place: Workplace,
}

/// What windows and features are relative to, and the unit of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Center {
    /// The smoothed level, in units of the recent deviation.
    #[default]
    Smoothed,
    /// The base's forecast for the first horizon, in units of the training deviation.
    Base,
}

/// What was fitted on training rows and must travel with the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Deviation of the level.
    pub deviation: f64,
    /// Mean and deviation of each feature.
    pub features: Vec<(f64, f64)>,
    /// Mean and deviation of each further column.
    pub covariates: Vec<(f64, f64)>,
    /// Unit of the targets, `[H]`.
    pub units: Vec<f64>,
}

/// A network, or an ensemble of one network over several seeds, on top of a base forecaster.
pub struct Network {
    settings: NetworkSettings,
    base: Box<dyn Forecaster>,
    horizons: Vec<usize>,
    scaling: Option<Scaling>,
    example: Option<ExampleSpec>,
    members: Vec<Mutex<Model>>,
    reports: Vec<Report>,
}

/// A fitted network but for its weights.
#[derive(Serialize, Deserialize)]
struct Kept {
    horizons: Vec<usize>,
    scaling: Scaling,
    example: ExampleSpec,
    members: usize,
    base: serde_json::Value,
}

impl Network {
    /// Not yet fitted. `base` is fitted with it.
    pub fn new(settings: NetworkSettings, base: Box<dyn Forecaster>) -> Self {
        let (horizons, members, reports) = (Vec::new(), Vec::new(), Vec::new());
        Self { settings, base, horizons, scaling: None, example: None, members, reports }
    }

    /// The settings, for the run folder.
    pub fn settings(&self) -> &NetworkSettings {
        &self.settings
    }

    fn plan(&self) -> WindowPlan {
        WindowPlan {
            lookback: self.settings.lookback,
            horizons: self.horizons.clone(),
            stride: 1,
            membership: Membership::IssueAndTarget,
            strict: false,
            longest_fill: None,
        }
    }

    fn task(&self) -> Result<QuantileTask> {
        let mut task = QuantileTask::new(self.settings.levels.clone(), self.horizons.len())?;
        task.spacing_start = -1.5;
        Ok(task)
    }

    fn target(&self) -> Target {
        Target::Levels { horizons: self.horizons.len() }
    }

    /// Everything of `record` a window needs, with the fitted scaling.
    fn prepare(&self, record: &Record) -> Result<(WindowSource, Vec<f64>)> {
        let scaling = self.scaling.as_ref().ok_or_else(|| not_fitted(&self.name()))?;
        let history = record.until(record.rows());
        let rows: Vec<usize> = (0..record.rows()).collect();
        let base = middle(&*self.base, self.base.issue_all(record, &rows)?);
        let center = self.center(&history, &base);
        let columns = feature_columns(&history, &center, scaling.deviation, self.settings.spreads);
        let features = apply_moments(&columns, &scaling.features);
        let targets = targets(record, &base, &self.horizons, &scaling.units);
        Ok((source(&history, scaling, (self.settings.center, center), features, targets), base))
    }

    /// The level that windows and features subtract, `[T]`.
    fn center(&self, history: &History<'_>, base: &[f64]) -> Vec<f64> {
        match self.settings.center {
            Center::Smoothed => smoothed(history),
            Center::Base => base.iter().step_by(self.horizons.len().max(1)).copied().collect(),
        }
    }

    /// Fits what must be fitted before a window can be written.
    fn fit_scaling(&mut self, record: &Record, fit_rows: usize) -> Result<WindowSource> {
        let history = record.until(record.rows());
        let rows: Vec<usize> = (0..record.rows()).collect();
        let base = middle(&*self.base, self.base.issue_all(record, &rows)?);
        let deviation = moments(&history.level()[..fit_rows]).1;
        let center = self.center(&history, &base);
        let columns = feature_columns(&history, &center, deviation, self.settings.spreads);
        let first = (self.settings.lookback - 1).min(fit_rows.saturating_sub(1));
        let (features, feature_moments) = standardise(&columns, &(first..fit_rows));
        let units = self.units(record, &base, fit_rows)?;
        let covariates = covariate_numbers(&history)
            .map(|column| moments(&history.column(column)[..fit_rows]))
            .collect();
        let targets = targets(record, &base, &self.horizons, &units);
        let scaling = Scaling { deviation, features: feature_moments, covariates, units };
        let source = source(&history, &scaling, (self.settings.center, center), features, targets);
        self.scaling = Some(scaling);
        Ok(source)
    }

    /// Mean absolute error of the base over training pairs, a horizon.
    fn units(&self, record: &Record, base: &[f64], fit_rows: usize) -> Result<Vec<f64>> {
        let count = self.horizons.len();
        let unit = |(h, &horizon): (usize, &usize)| {
            let first = self.settings.lookback - 1;
            let errors: Vec<f64> = (first..fit_rows.saturating_sub(horizon))
                .map(|t| (record.observed()[t + horizon] - base[t * count + h]).abs())
                .filter(|error| error.is_finite())
                .collect();
            if errors.is_empty() {
                return Err(Error::data(format!(
                    "{}: {fit_rows} training rows hold no pair {horizon} rows apart behind a \
                     window of {} rows: train on more rows or shorten --lookback",
                    self.name(),
                    self.settings.lookback
                )));
            }
            let mean = errors.iter().sum::<f64>() / errors.len() as f64;
            Ok(if mean > 0.0 { mean } else { 1.0 })
        };
        self.horizons.iter().enumerate().map(unit).collect()
    }

    fn member_quantiles(
        &self,
        member: usize,
        source: &WindowSource,
        base: &[f64],
        issues: &[usize],
    ) -> Result<Vec<f64>> {
        let scaling = self.scaling.as_ref().ok_or_else(|| not_fitted(&self.name()))?;
        let (plan, task) = (self.plan(), self.task()?);
        let width = self.settings.levels.len();
        let size = self.horizons.len() * width;
        let mut quantiles = vec![f64::NAN; issues.len() * size];
        let (usable, values) =
            decoded(&self.members[member], &task, source, &plan, self.target(), issues)?;
        for (place, &n) in usable.iter().enumerate() {
            for h in 0..self.horizons.len() {
                let anchor = base[issues[n] * self.horizons.len() + h];
                for q in 0..width {
                    let relative = values[place * size + h * width + q];
                    quantiles[n * size + h * width + q] = anchor + scaling.units[h] * relative;
                }
            }
        }
        Ok(quantiles)
    }
}

pub(super) fn held() -> Error {
    Error::data("a training thread failed while it held this network")
}

/// Rows that train and rows that stop training.
pub(super) fn fit_and_stop(
    rows: Range<usize>,
    validate: Range<usize>,
) -> (Range<usize>, Range<usize>) {
    if validate.is_empty() {
        let cut = rows.end - ((rows.end - rows.start) as f64 * INNER) as usize;
        (rows.start..cut, cut..rows.end)
    } else {
        (rows, validate)
    }
}

/// One training a seed.
pub(super) fn train_members(
    settings: &NetworkSettings,
    task: &dyn Task,
    train: &SeriesDataset<'_>,
    valid: &SeriesDataset<'_>,
) -> Result<Vec<(Mutex<Model>, Report)>> {
    let digest = fit_digest(settings, task, [train, valid]);
    let train_one = |seed: u64| -> Result<(Mutex<Model>, Report)> {
        let training = TrainSettings { seed, ..settings.training.clone() };
        let spec = crate::data::Dataset::spec(train);
        let mut model = settings.model.build(&spec, task.outputs(), seed, settings.place.device)?;
        let name = format!("{}-seed{seed}-{digest}", settings.model.kind());
        let report = settings.place.fit(&name, &training, &mut model, task, train, Some(valid))?;
        Ok((Mutex::new(model), report))
    };
    let first = settings.training.seed;
    let seeds: Vec<u64> = (first..first + settings.seeds.max(1) as u64).collect();
    for_each_seed(&seeds, train_one)
}

/// Names what is fitted to what, so that a fit finds its own place again: target, part of the
/// record and model are all in it.
fn fit_digest(
    settings: &NetworkSettings,
    task: &dyn Task,
    parts: [&SeriesDataset<'_>; 2],
) -> String {
    let mut fingerprint = Fingerprint::default();
    if settings.place.folder.is_some() {
        let NetworkSettings { model, training, levels, .. } = settings;
        fingerprint.add(format!("{model:?} {training:?} {levels:?} {}", task.outputs()).as_bytes());
        parts.iter().for_each(|part| part.add_to(&mut fingerprint));
    }
    fingerprint.brief()
}

/// Places in `issues` with a complete window, and the decoded outputs of the model there, padded
/// to whole passes.
pub(super) fn decoded(
    model: &Mutex<Model>,
    task: &dyn Task,
    source: &WindowSource,
    plan: &WindowPlan,
    target: Target,
    issues: &[usize],
) -> Result<(Vec<usize>, Vec<f64>)> {
    let usable: Vec<usize> =
        (0..issues.len()).filter(|&n| plan.window_usable(&source.age, issues[n])).collect();
    if usable.is_empty() {
        return Ok((usable, Vec::new()));
    }
    let mut padded: Vec<(usize, usize)> = usable.iter().map(|&n| (0, issues[n])).collect();
    padded.resize(padded.len().next_multiple_of(PASS), padded[0]);
    let sources = std::slice::from_ref(source);
    let dataset = SeriesDataset::at_issues(sources, plan, padded, target);
    let model = model.lock().map_err(|_| held())?;
    let output = predict(&model, task, &dataset, PASS)?;
    let flat = output.to_kind(tch::Kind::Double).contiguous().view(-1);
    Ok((usable, Vec::<f64>::try_from(&flat)?))
}

/// What windows of the known rows read from.
pub(super) fn source(
    history: &History<'_>,
    scaling: &Scaling,
    (relative_to, center): (Center, Vec<f64>),
    features: Vec<f32>,
    targets: Vec<f32>,
) -> WindowSource {
    let level = history.level();
    let floor = SCALE_FLOOR * scaling.deviation;
    let covariates = covariate_numbers(history)
        .zip(&scaling.covariates)
        .map(|(column, (mean, deviation))| {
            let (filled, _) = crate::data::fill_forward(&history.column(column));
            let standard = filled.iter().map(|v| (v - mean) / deviation);
            standard.map(|z| if z.is_finite() { z } else { 0.0 }).collect()
        })
        .collect();
    let scale = match relative_to {
        Center::Base => vec![scaling.deviation; level.len()],
        Center::Smoothed => {
            trailing_deviation(level, SCALE_ROWS).iter().map(|s| s + floor).collect()
        }
    };
    WindowSource {
        name: history.group().to_string(),
        clock: (history.start(), history.step()),
        level: level.to_vec(),
        age: history.age().to_vec(),
        center,
        scale,
        covariates,
        features,
        targets,
    }
}

/// The smoothed level, `[T]`.
pub(super) fn smoothed(history: &History<'_>) -> Vec<f64> {
    smooth(history.level(), CENTER)
}

/// The middle number of each horizon: the point forecast, `[N, H]`.
fn middle(forecaster: &dyn Forecaster, values: Vec<f64>) -> Vec<f64> {
    let outcome = forecaster.outcome();
    let levels = outcome.levels();
    let far = |level: usize| (levels[level] - 0.5).abs();
    let place = (0..levels.len()).min_by(|&a, &b| far(a).total_cmp(&far(b))).unwrap_or(0);
    values.chunks(outcome.width().max(1)).map(|quantiles| quantiles[place]).collect()
}

pub(super) fn covariate_numbers<'a>(
    history: &History<'a>,
) -> impl Iterator<Item = usize> + use<'a> {
    let target = history.target();
    (0..history.columns()).filter(move |&column| column != target)
}

/// Features of the level, and for each further column its smoothed values and its change.
pub(super) fn feature_columns(
    history: &History<'_>,
    center: &[f64],
    deviation: f64,
    spreads: SpreadScale,
) -> Vec<(String, Vec<f64>)> {
    let mut columns = level_features(history.level(), center, deviation, spreads);
    for number in covariate_numbers(history) {
        let (filled, _) = crate::data::fill_forward(&history.column(number));
        let (fast, slow) = (smooth(&filled, 0.4), smooth(&filled, 0.05));
        let change = fast.iter().zip(&slow).map(|(a, b)| a - b).collect();
        columns.push((format!("column_{number}_change"), change));
    }
    columns
}

/// `(y[t+h] − base[t, h]) / unit[h]`, NaN where not observed, `[T, H]`.
fn targets(record: &Record, base: &[f64], horizons: &[usize], units: &[f64]) -> Vec<f32> {
    let rows = record.rows();
    let mut targets = Vec::with_capacity(rows * horizons.len());
    for t in 0..rows {
        for (h, &horizon) in horizons.iter().enumerate() {
            let observed = record.observed().get(t + horizon).copied().unwrap_or(f64::NAN);
            targets.push(((observed - base[t * horizons.len() + h]) / units[h]) as f32);
        }
    }
    targets
}

impl Forecaster for Network {
    fn name(&self) -> String {
        self.settings.model.kind().to_string()
    }

    fn outcome(&self) -> Outcome {
        Outcome::Quantiles(self.settings.levels.clone())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        self.horizons = training.horizons().to_vec();
        self.base.fit(training)?;
        let record = training.with_validation().to_record()?;
        let (fit, stop) = fit_and_stop(training.rows(), training.validate());
        let source = self.fit_scaling(&record, fit.end)?;
        let (plan, task, sources) = (self.plan(), self.task()?, std::slice::from_ref(&source));
        let part = |rows| SeriesDataset::new(sources, &plan, vec![rows], self.target());
        let (train, valid) = (part(fit)?, part(stop)?);
        self.example = Some(crate::data::Dataset::spec(&train));
        let fitted = train_members(&self.settings, &task, &train, &valid)?;
        (self.members, self.reports) = fitted.into_iter().unzip();
        Ok(())
    }

    fn state(&self) -> Result<serde_json::Value> {
        let (Some(scaling), Some(example)) = (&self.scaling, &self.example) else {
            return Err(not_fitted(&self.name()));
        };
        state::of(&Kept {
            horizons: self.horizons.clone(),
            scaling: scaling.clone(),
            example: example.clone(),
            members: self.members.len(),
            base: self.base.state()?,
        })
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        let kept: Kept = state::read(&self.name(), state)?;
        self.base.restore(&kept.base)?;
        self.horizons = kept.horizons;
        let outputs = crate::model::Task::outputs(&self.task()?);
        self.members = untrained_members(&self.settings, &kept.example, outputs, kept.members)?;
        self.scaling = Some(kept.scaling);
        self.example = Some(kept.example);
        Ok(())
    }

    fn save_weights(&self, folder: &Path, stem: &str) -> Result<()> {
        save_members(&self.members, folder, stem)
    }

    fn load_weights(&mut self, folder: &Path, stem: &str) -> Result<()> {
        load_members(&mut self.members, folder, stem)
    }

    fn reports(&self) -> &[Report] {
        &self.reports
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        let record = history.to_record()?;
        self.issue_all(&record, &[record.rows().saturating_sub(1)])
    }

    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let (source, base) = self.prepare(record)?;
        let mut mean = vec![0.0; issues.len() * self.horizons.len() * self.settings.levels.len()];
        for member in 0..self.members.len() {
            let quantiles = self.member_quantiles(member, &source, &base, issues)?;
            let share = self.members.len() as f64;
            mean.iter_mut().zip(&quantiles).for_each(|(sum, q)| *sum += q / share);
        }
        Ok(mean)
    }
    fn issue_members(&self, record: &Record, issues: &[usize]) -> Result<Vec<Vec<f64>>> {
        let (source, base) = self.prepare(record)?;
        let member = |member| self.member_quantiles(member, &source, &base, issues);
        (0..self.members.len()).map(member).collect()
    }
}
