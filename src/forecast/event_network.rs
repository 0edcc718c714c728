//! Networks as forecasters of the probability of an event.

use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_models::{EventForecaster, EventTraining};
use super::logistic::event_columns;
use super::members::{load_members, save_members, untrained_members};
use super::network::{
    Center, NetworkSettings, Scaling, covariate_numbers, decoded, fit_and_stop, smoothed, source,
    train_members,
};
use super::{Record, not_fitted, state};
use crate::data::{
    Dataset, ExampleSpec, Membership, SeriesDataset, Target, WindowPlan, apply_moments, moments,
    standardise,
};
use crate::error::Result;
use crate::model::{EventTask, Model, Task};

/// An ensemble of one network over several seeds, whose probabilities are averaged.
pub struct EventNetwork {
    settings: NetworkSettings,
    threshold: Option<f64>,
    within: usize,
    scaling: Option<Scaling>,
    example: Option<ExampleSpec>,
    members: Vec<Mutex<Model>>,
}

/// A fitted network but for its weights.
#[derive(Serialize, Deserialize)]
struct Kept {
    within: usize,
    scaling: Scaling,
    example: ExampleSpec,
    members: usize,
}

const TARGET: Target = Target::Events { horizons: 1 };

impl EventNetwork {
    /// Not yet fitted. Quantile levels of the settings have no meaning here.
    pub fn new(settings: NetworkSettings, threshold: Option<f64>) -> Self {
        let (scaling, example, members) = (None, None, Vec::new());
        Self { settings, threshold, within: 1, scaling, example, members }
    }

    fn plan(&self) -> WindowPlan {
        WindowPlan {
            lookback: self.settings.lookback,
            horizons: vec![self.within],
            stride: 1,
            membership: Membership::IssueAndTarget,
            strict: false,
            longest_fill: None,
        }
    }

    fn task(&self) -> EventTask {
        EventTask { horizons: 1, positive_weight: None, nested: false }
    }
}

impl EventForecaster for EventNetwork {
    fn fit(&mut self, training: &EventTraining<'_>) -> Result<()> {
        self.within = training.plan.farthest();
        let history = training.record.until(training.record.rows());
        let (fit, stop) =
            fit_and_stop(training.parts.train.clone(), training.parts.validate.clone());
        let deviation = moments(&history.level()[..fit.end]).1;
        let columns = event_columns(training.record, deviation, self.threshold);
        let first = (self.settings.lookback - 1).min(fit.end - 1);
        let (features, feature_moments) = standardise(&columns, &(first..fit.end));
        let covariates = covariate_numbers(&history)
            .map(|column| moments(&history.column(column)[..fit.end]))
            .collect();
        let units = Vec::new();
        let scaling = Scaling { deviation, features: feature_moments, covariates, units };
        let targets = training.labels.iter().map(|&label| label as f32).collect();
        let source =
            source(&history, &scaling, (Center::Smoothed, smoothed(&history)), features, targets);
        self.scaling = Some(scaling);
        let (plan, task, sources) = (self.plan(), self.task(), std::slice::from_ref(&source));
        let part = |rows| SeriesDataset::new(sources, &plan, vec![rows], TARGET);
        let (train, valid) = (part(fit)?, part(stop)?);
        self.example = Some(train.spec());
        let fitted = train_members(&self.settings, &task, &train, &valid)?;
        self.members = fitted.into_iter().map(|(model, _)| model).collect();
        Ok(())
    }

    fn probabilities(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let scaling = self.scaling.as_ref().ok_or_else(|| not_fitted("event network"))?;
        let columns = event_columns(record, scaling.deviation, self.threshold);
        let features = apply_moments(&columns, &scaling.features);
        let targets = vec![f32::NAN; record.rows()];
        let history = record.until(record.rows());
        let relative = (Center::Smoothed, smoothed(&history));
        let source = source(&history, scaling, relative, features, targets);
        let (plan, task) = (self.plan(), self.task());
        let mut probabilities = vec![f64::NAN; issues.len()];
        for member in &self.members {
            let (usable, values) = decoded(member, &task, &source, &plan, TARGET, issues)?;
            for (n, value) in usable.into_iter().zip(values) {
                let sum = if probabilities[n].is_finite() { probabilities[n] } else { 0.0 };
                probabilities[n] = sum + value / self.members.len() as f64;
            }
        }
        Ok(probabilities)
    }

    fn state(&self) -> Result<Value> {
        let (Some(scaling), Some(example)) = (&self.scaling, &self.example) else {
            return Err(not_fitted("event network"));
        };
        state::of(&Kept {
            within: self.within,
            scaling: scaling.clone(),
            example: example.clone(),
            members: self.members.len(),
        })
    }

    fn restore(&mut self, state: &Value) -> Result<()> {
        let kept: Kept = state::read("event network", state)?;
        self.within = kept.within;
        let outputs = self.task().outputs();
        self.members = untrained_members(&self.settings, &kept.example, outputs, kept.members)?;
        (self.scaling, self.example) = (Some(kept.scaling), Some(kept.example));
        Ok(())
    }

    fn save_weights(&self, folder: &Path, stem: &str) -> Result<()> {
        save_members(&self.members, folder, stem)
    }

    fn load_weights(&mut self, folder: &Path, stem: &str) -> Result<()> {
        load_members(&mut self.members, folder, stem)
    }
}
