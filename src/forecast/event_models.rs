//! What forecasts the probability of an event: the base rate, a logistic regression, networks.

use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use super::choose::{self, NETWORKS};
use super::event::EventSettings;
use super::event_network::EventNetwork;
use super::logistic::EventLogistic;
use super::{LevelSettings, Record, state};
use crate::data::{Parts, WindowPlan};
use crate::error::{Error, Result};
use crate::score::mean;

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

    /// Labels of the training rows: how many, and how many of them are events.
    pub fn counts(&self) -> (usize, usize) {
        let issues = self.issues();
        let events = issues.iter().filter(|&&t| self.labels[t] == 1.0).count();
        (issues.len(), events)
    }
}

/// Rows of `part` with a window and a known label that spans nothing but the part.
pub(super) fn labelled(
    record: &Record,
    labels: &[f64],
    plan: &WindowPlan,
    part: &Range<usize>,
) -> Vec<usize> {
    let history = record.until(record.rows());
    plan.issues(history.age(), part).into_iter().filter(|&t| labels[t].is_finite()).collect()
}

/// Something that gives the probability of an event from the past of a series.
pub trait EventForecaster: Send + Sync {
    /// Fits to the training rows.
    fn fit(&mut self, training: &EventTraining<'_>) -> Result<()>;

    /// Probabilities at issue rows, NaN where the past is too short, `[N]`.
    fn probabilities(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>>;

    /// All that was fitted, for a file; weights of networks go to files of their own.
    fn state(&self) -> Result<Value>;

    /// Becomes the fitted forecaster whose [`Self::state`] this was, once [`Self::load_weights`]
    /// was called too.
    fn restore(&mut self, state: &Value) -> Result<()>;

    /// Writes the weights of each member as `STEM.MEMBER.safetensors`; nothing without networks.
    fn save_weights(&self, folder: &Path, stem: &str) -> Result<()> {
        let _ = (folder, stem);
        Ok(())
    }

    /// Reads what [`Self::save_weights`] wrote, after [`Self::restore`].
    fn load_weights(&mut self, folder: &Path, stem: &str) -> Result<()> {
        let _ = (folder, stem);
        Ok(())
    }
}

/// The name of the base rate.
pub(super) const BASE_RATE: &str = "climatology";

/// The share of events in training, always.
struct BaseRate(Option<f64>);

impl EventForecaster for BaseRate {
    fn fit(&mut self, training: &EventTraining<'_>) -> Result<()> {
        let labels: Vec<f64> = training.issues().iter().map(|&t| training.labels[t]).collect();
        self.0 = Some(mean(&labels));
        Ok(())
    }

    fn probabilities(&self, _: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let rate = self.0.ok_or_else(|| super::not_fitted(BASE_RATE))?;
        Ok(vec![rate; issues.len()])
    }

    fn state(&self) -> Result<Value> {
        state::of(&self.0)
    }

    fn restore(&mut self, state: &Value) -> Result<()> {
        self.0 = state::read(BASE_RATE, state)?;
        Ok(())
    }
}

/// The names of the forecasters of probabilities: the base rate, the regression, and the
/// networks among the models; each architecture once, whatever base it starts from.
pub(super) fn names(level: &LevelSettings) -> Vec<String> {
    let mut all = vec![BASE_RATE.to_string(), "logistic".to_string()];
    for name in &level.models {
        let kind = name.split('@').next().unwrap_or(name);
        if NETWORKS.contains(&kind) && all.iter().all(|known| known != kind) {
            all.push(kind.to_string());
        }
    }
    all
}

/// Models of the level that say nothing of events.
pub(super) fn silent(level: &LevelSettings) -> Vec<&str> {
    let says = |name: &&str| {
        let kind = name.split('@').next().unwrap_or(name);
        !NETWORKS.contains(&kind) && *name != BASE_RATE
    };
    level.models.iter().map(String::as_str).filter(says).collect()
}

/// An unfitted forecaster by its name.
pub(super) fn named(
    name: &str,
    level: &LevelSettings,
    event: &EventSettings,
) -> Result<Box<dyn EventForecaster>> {
    let threshold = if event.listed.is_some() { None } else { event.threshold };
    Ok(match name {
        BASE_RATE => Box::new(BaseRate(None)),
        "logistic" => Box::new(EventLogistic::new(threshold)),
        kind if NETWORKS.contains(&kind) => {
            Box::new(EventNetwork::new(choose::network(kind, "smooth", level)?, threshold))
        }
        other => return Err(Error::usage(format!("no probabilities of events from '{other}'"))),
    })
}
