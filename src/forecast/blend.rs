//! The plain mean of several point forecasters.

use super::{Forecaster, History, Record, Training};
use crate::error::Result;

/// Equal weights, nothing fitted but the members.
pub struct Blend(Vec<Box<dyn Forecaster>>);

impl Blend {
    /// `members` must be point forecasters.
    pub fn new(members: Vec<Box<dyn Forecaster>>) -> Self {
        Self(members)
    }

    fn mean(&self, each: impl Fn(&dyn Forecaster) -> Result<Vec<f64>>) -> Result<Vec<f64>> {
        let mut sum: Vec<f64> = Vec::new();
        for member in &self.0 {
            let values = each(&**member)?;
            sum.resize(values.len(), 0.0);
            sum.iter_mut().zip(&values).for_each(|(s, v)| *s += v / self.0.len() as f64);
        }
        Ok(sum)
    }
}

impl Forecaster for Blend {
    fn name(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|member| member.name()).collect();
        names.join("+")
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        self.0.iter_mut().try_for_each(|member| member.fit(training))
    }

    fn state(&self) -> Result<serde_json::Value> {
        let states: Vec<serde_json::Value> =
            self.0.iter().map(|member| member.state()).collect::<Result<_>>()?;
        Ok(states.into())
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        let states: Vec<serde_json::Value> = super::state::read(&self.name(), state)?;
        if states.len() != self.0.len() {
            let (found, expected) = (states.len(), self.0.len());
            return Err(super::state::foreign(
                &self.name(),
                &format!("{found} members, expected {expected}"),
            ));
        }
        self.0.iter_mut().zip(&states).try_for_each(|(member, state)| member.restore(state))
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        self.mean(|member| member.issue(history))
    }

    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        self.mean(|member| member.issue_all(record, issues))
    }
}
