//! Fitted forecasters of event probabilities kept in a run folder.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_models::{EventForecaster, named};
use super::{EventResult, EventSettings, LevelSettings, Platt, state};
use crate::error::Result;

/// One fitted forecaster of probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptEventModel {
    /// Name in the table of scores.
    pub name: String,
    /// All that was fitted but for weights.
    pub state: Value,
    /// Its calibration, if there is one.
    pub platt: Option<Platt>,
}

/// The event forecast of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptEvent {
    /// Share of events in training.
    pub base_rate: f64,
    /// The model that is shown, and why.
    pub shown: (usize, String),
    /// Rows of the series for which a list of events holds.
    pub rows: usize,
    /// What was fitted.
    pub models: Vec<KeptEventModel>,
}

/// A forecaster of probabilities that was kept, ready to issue.
pub(super) struct Restored {
    pub(super) name: String,
    pub(super) platt: Option<Platt>,
    pub(super) forecaster: Box<dyn EventForecaster>,
}

/// What must stay of `result`; weights go into `folder` at once.
pub fn keep_event(target: &str, result: &EventResult, folder: &Path) -> Result<KeptEvent> {
    let keep = |model: &super::EventForecasts| {
        model.fitted.save_weights(folder, &stem(target, &model.name))?;
        Ok(KeptEventModel {
            name: model.name.clone(),
            state: model.fitted.state()?,
            platt: model.platt,
        })
    };
    Ok(KeptEvent {
        base_rate: result.base_rate,
        shown: (result.best, result.chosen.clone()),
        rows: result.rows,
        models: result.models.iter().map(keep).collect::<Result<_>>()?,
    })
}

impl KeptEvent {
    /// The fitted forecasters with their calibrations, weights from `folder`.
    pub(super) fn restored(
        &self,
        target: &str,
        (level, event): (&LevelSettings, &EventSettings),
        folder: &Path,
    ) -> Result<Vec<Restored>> {
        let restore = |model: &KeptEventModel| {
            let mut forecaster = named(&model.name, level, event)?;
            forecaster.restore(&model.state)?;
            forecaster.load_weights(folder, &stem(target, &model.name))?;
            Ok(Restored { name: model.name.clone(), platt: model.platt, forecaster })
        };
        self.models.iter().map(restore).collect()
    }
}

fn stem(target: &str, model: &str) -> String {
    state::stem(target, &format!("event.{model}"))
}
