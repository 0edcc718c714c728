//! Fitted forecasters kept in a run folder, and the series they were fitted to.
//!
//! The series stays with them because recursive forecasters, intervals and the gate start from
//! what was known: a later input continues it, and the same input gives the same numbers.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{COMBINATION, Forecaster, KeptEvent, LevelResult, LevelSettings, Record, choose};
use crate::data::{Column, Parts, Series};
use crate::error::{Error, Result};
use crate::time::UtcTime;

/// A fitted thing as JSON; the numbers come back bit for bit.
pub fn of(fitted: &impl Serialize) -> Result<Value> {
    serde_json::to_value(fitted)
        .map_err(|e| Error::data(format!("cannot keep what was fitted: {e}")))
}

/// The fitted thing that `state` was.
pub fn read<S: DeserializeOwned>(name: &str, state: &Value) -> Result<S> {
    S::deserialize(state).map_err(|e| foreign(name, &e.to_string()))
}

/// The error for a state that is not of this forecaster.
pub fn foreign(name: &str, problem: &str) -> Error {
    Error::usage(format!("{name}: what the run folder holds is of another forecaster: {problem}"))
}

/// One fitted forecaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptModel {
    /// Name as asked for.
    pub name: String,
    /// Its [`Forecaster::state`].
    pub state: Value,
}

/// One target of a run: the series, its parts and the forecasters fitted to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptTarget {
    /// Name in the table of scores.
    pub name: String,
    /// Station, well, bore.
    pub group: String,
    /// Start of row 0.
    pub start: UtcTime,
    /// Length of a row in nanoseconds.
    pub step_ns: i64,
    /// Target first, then what networks see beside it.
    pub columns: Vec<Column>,
    /// Rows of each part.
    pub parts: Parts,
    /// What was fitted.
    pub models: Vec<KeptModel>,
    /// What was fitted to an event, if one is a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<KeptEvent>,
    /// Row-major `[T, C]`; none where nothing was observed.
    pub values: Vec<Option<f64>>,
}

/// What must stay of `result`; weights go into `folder` at once.
pub fn keep_target(name: &str, result: &LevelResult, folder: &Path) -> Result<KeptTarget> {
    let series = result.record.series();
    let mut models = Vec::new();
    for model in &result.models {
        let Some(fitted) = &model.fitted else { continue };
        fitted.save_weights(folder, &stem(name, &model.name))?;
        models.push(KeptModel { name: model.name.clone(), state: fitted.state()? });
    }
    let finite = |value: &f64| value.is_finite().then_some(*value);
    Ok(KeptTarget {
        name: name.to_string(),
        group: series.group.clone(),
        start: series.start,
        step_ns: series.step,
        columns: series.columns.clone(),
        parts: result.parts.clone(),
        models,
        event: None,
        values: series.values.iter().map(finite).collect(),
    })
}

/// The fitted forecasters of a kept target by name, weights from `folder`.
pub fn restore_target(
    kept: &KeptTarget,
    settings: &LevelSettings,
    folder: &Path,
) -> Result<Vec<(String, Box<dyn Forecaster>)>> {
    let restore = |model: &KeptModel| {
        let mut forecaster = choose(&model.name, settings)?;
        forecaster.restore(&model.state)?;
        forecaster.load_weights(folder, &stem(&kept.name, &model.name))?;
        Ok((model.name.clone(), forecaster))
    };
    for name in settings.models.iter().filter(|name| *name != COMBINATION) {
        if !kept.models.iter().any(|model| model.name == *name) {
            return Err(Error::usage(format!("the run folder holds no fitted {name}")));
        }
    }
    let wanted = |model: &&KeptModel| {
        settings.models.contains(&model.name) || settings.baselines.contains(&model.name)
    };
    kept.models.iter().filter(wanted).map(restore).collect()
}

pub(super) fn stem(target: &str, model: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || ".@-".contains(c) { c } else { '_' };
    format!("model.{target}.{model}").chars().map(plain).collect()
}

impl KeptTarget {
    /// Says in one line how `series` differs from what the forecasters were fitted to.
    fn check(&self, series: &Series) -> Result<()> {
        let names = |columns: &[Column]| {
            columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (found, expected) = (names(&series.columns), names(&self.columns));
        if found != expected {
            return Err(Error::usage(format!(
                "the input has columns {found}; the run was trained on {expected}"
            )));
        }
        let seconds = |step: i64| step as f64 / crate::time::SECOND as f64;
        if series.step != self.step_ns {
            return Err(Error::usage(format!(
                "the input has rows of {} s; the run was trained on rows of {} s",
                seconds(series.step),
                seconds(self.step_ns)
            )));
        }
        if (i128::from(series.start.0) - i128::from(self.start.0)) % i128::from(self.step_ns) != 0 {
            return Err(Error::usage(format!(
                "the input begins at {}, off the rows of the run, which begin at {}",
                series.start, self.start
            )));
        }
        Ok(())
    }

    /// The kept series continued by `series`, the rows of it to be scored (those of the input
    /// that are not of the run's earlier parts), and the first row of the input.
    pub fn continued(&self, series: &Series) -> Result<(Record, Range<usize>, usize)> {
        self.check(series)?;
        let width = self.columns.len();
        let rows = self.values.len() / width.max(1);
        let between = i128::from(series.start.0) - i128::from(self.start.0);
        let offset = between / i128::from(self.step_ns);
        let tested = self.parts.test.start as i128;
        if offset + series.rows() as i128 <= tested {
            return Err(Error::usage(format!(
                "the input ends at {}, but the run was fitted up to {}: nothing in it is new",
                series.time(series.rows()),
                self.start.plus(self.step_ns.saturating_mul(self.parts.test.start as i64))
            )));
        }
        let longest = rows as i128 + 1_000_000;
        if offset > longest {
            return Err(Error::usage(format!(
                "the input begins at {}, {offset} rows after the begin of the run: train anew",
                series.start
            )));
        }
        // Rows of the input that lie before the run are of no use to it.
        let (before, first) = ((-offset).max(0) as usize, offset.max(0) as usize);
        let mut values: Vec<f64> =
            self.values.iter().take(first * width).map(|v| v.unwrap_or(f64::NAN)).collect();
        values.resize(first * width, f64::NAN);
        values.extend(&series.values[before * width..]);
        let (group, columns) = (self.group.clone(), self.columns.clone());
        let (start, step) = (self.start, self.step_ns);
        let record = Record::new(Series { group, start, step, columns, values }, 0)?;
        let test = first.max(self.parts.test.start)..record.rows();
        Ok((record, test, first))
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::wandering;
    use super::super::{CLASSICAL, forecast_fitted, forecast_level};
    use super::*;

    fn settings(models: &[&str]) -> LevelSettings {
        LevelSettings {
            models: models.iter().map(ToString::to_string).collect(),
            horizons: vec![1, 4],
            lookback: 20,
            seeds: 1,
            epochs: Some(1),
            order: 5,
            period: 24,
            ..LevelSettings::default()
        }
    }

    fn again_is_the_same(models: &[&str]) {
        let (folder, settings) = (tempfile::tempdir().unwrap(), settings(models));
        let first = forecast_level(wandering(400, &[(90, 95)]), "x", &settings).unwrap();
        let kept = keep_target("x", &first, folder.path()).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        let kept: KeptTarget = serde_json::from_str(&text).unwrap();
        let fitted = restore_target(&kept, &settings, folder.path()).unwrap();
        let (record, test, from) = kept.continued(first.record.series()).unwrap();
        assert_eq!((from, &test), (0, &first.parts.test));
        let second = forecast_fitted(record, &kept.parts, test, "x", &settings, fitted).unwrap();
        for (a, b) in first.models.iter().zip(&second.models) {
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&a.raw.values), bits(&b.raw.values), "{}", a.name);
            assert_eq!(bits(&a.calibrated.values), bits(&b.calibrated.values), "{}", a.name);
        }
        assert_eq!(first.models.len(), second.models.len());
    }

    #[test]
    fn restored_classical_forecasters_issue_the_same_bits() {
        let names: Vec<&str> = CLASSICAL.into_iter().chain([COMBINATION]).collect();
        again_is_the_same(&names);
    }

    #[test]
    fn a_restored_network_issues_the_same_bits() {
        again_is_the_same(&["mlp", "nlinear@last"]);
    }

    #[test]
    fn another_series_is_refused_by_name_and_a_later_one_continues() {
        let (folder, settings) = (tempfile::tempdir().unwrap(), settings(&["persistence"]));
        let first = forecast_level(wandering(400, &[]), "x", &settings).unwrap();
        let kept = keep_target("x", &first, folder.path()).unwrap();
        let mut other = first.record.series().clone();
        other.step *= 2;
        let error = kept.continued(&other).unwrap_err().to_string();
        assert!(error.contains("60 s") && error.contains("30 s"), "{error}");
        let mut other = first.record.series().clone();
        other.columns[0].name = "level".into();
        let error = kept.continued(&other).unwrap_err().to_string();
        assert!(error.contains("level") && error.contains("rsam"), "{error}");
        let mut later = first.record.series().clone();
        later.start = later.start.plus(later.step * 410);
        let (record, test, from) = kept.continued(&later).unwrap();
        assert_eq!((record.rows(), from, test), (810, 410, 410..810));
        assert!(record.observed()[400..410].iter().all(|v| v.is_nan()));
        let mut early = first.record.series().clone();
        early.start = early.start.plus(-early.step * 390);
        assert_eq!(kept.continued(&early).unwrap_err().exit_code(), 2);
    }
}
