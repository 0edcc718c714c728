//! Logistic regression of an event on features of the level.

use super::event_models::{EventForecaster, EventTraining};
use super::linear::solve_positive;
use super::network::{feature_columns, smoothed};
use super::{Record, not_fitted, state};
use crate::data::level_features::SpreadScale;
use crate::data::{apply_moments, moments, standardise};
use crate::error::Result;

/// Feature columns of the record, and how far the level is above the threshold (or the level
/// itself where events are listed): the one input that is not relative.
pub(super) fn event_columns(
    record: &Record,
    deviation: f64,
    threshold: Option<f64>,
) -> Vec<(String, Vec<f64>)> {
    let history = record.until(record.rows());
    let center = smoothed(&history);
    let mut columns = feature_columns(&history, &center, deviation, SpreadScale::Logarithm);
    let above = history.level().iter().map(|y| y - threshold.unwrap_or(0.0)).collect();
    columns.push(("above_threshold".into(), above));
    columns
}

/// What a fit leaves.
#[derive(serde::Serialize, serde::Deserialize)]
struct Fit {
    deviation: f64,
    moments: Vec<(f64, f64)>,
    lookback: usize,
    /// One weight a feature, and the shift last.
    weights: Vec<f64>,
}

/// Logistic regression with a square penalty, fitted by Newton's method.
pub struct EventLogistic {
    threshold: Option<f64>,
    fit: Option<Fit>,
}

impl EventLogistic {
    /// Not yet fitted.
    pub fn new(threshold: Option<f64>) -> Self {
        Self { threshold, fit: None }
    }
}

impl EventForecaster for EventLogistic {
    /// Labels that overlap repeat each other `within` times, so the penalty is `within` times
    /// what it would be for independent ones.
    fn fit(&mut self, training: &EventTraining<'_>) -> Result<()> {
        let train = training.parts.train.clone();
        let history = training.record.until(training.record.rows());
        let deviation = moments(&history.level()[train.clone()]).1;
        let columns = event_columns(training.record, deviation, self.threshold);
        let first = (train.start + training.plan.lookback - 1).min(train.end - 1);
        let (matrix, moments) = standardise(&columns, &(first..train.end));
        let issues = training.issues();
        let labels: Vec<f64> = issues.iter().map(|&t| training.labels[t]).collect();
        let width = columns.len();
        let row = |t: usize| &matrix[t * width..(t + 1) * width];
        let rows: Vec<&[f32]> = issues.iter().map(|&t| row(t)).collect();
        let weights = newton(&rows, &labels, width, training.plan.farthest() as f64)?;
        let lookback = training.plan.lookback;
        self.fit = Some(Fit { deviation, moments, lookback, weights });
        Ok(())
    }

    fn probabilities(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let fit = self.fit.as_ref().ok_or_else(|| not_fitted("logistic"))?;
        let columns = event_columns(record, fit.deviation, self.threshold);
        let matrix = apply_moments(&columns, &fit.moments);
        let width = columns.len();
        let history = record.until(record.rows());
        let probability = |&t: &usize| {
            let long_enough = (t + 1).checked_sub(fit.lookback).is_some_and(|first| {
                history.age().get(first).is_some_and(Option::is_some) && t < record.rows()
            });
            match long_enough {
                true => sigmoid(logit(&matrix[t * width..(t + 1) * width], &fit.weights)),
                false => f64::NAN,
            }
        };
        Ok(issues.iter().map(probability).collect())
    }

    fn state(&self) -> Result<serde_json::Value> {
        let fit = self.fit.as_ref().ok_or_else(|| not_fitted("logistic"))?;
        state::of(fit)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        self.fit = Some(state::read("logistic", state)?);
        Ok(())
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn logit(row: &[f32], weights: &[f64]) -> f64 {
    let sum: f64 = row.iter().zip(weights).map(|(x, w)| f64::from(*x) * w).sum();
    sum + weights[row.len()]
}

/// Weights and shift that minimise `Σ log loss + penalty/2 · |weights|²`; the shift is free.
fn newton(rows: &[&[f32]], labels: &[f64], width: usize, penalty: f64) -> Result<Vec<f64>> {
    let size = width + 1;
    let mut weights = vec![0.0; size];
    for _ in 0..50 {
        let mut gradient: Vec<f64> = weights.iter().map(|w| penalty * w).collect();
        gradient[width] = 0.0;
        let mut curvature = vec![0.0; size * size];
        for j in 0..width {
            curvature[j * size + j] = penalty;
        }
        curvature[width * size + width] = 1e-9;
        let mut inputs = vec![1.0; size];
        for (row, label) in rows.iter().zip(labels) {
            inputs.iter_mut().zip(*row).for_each(|(input, x)| *input = f64::from(*x));
            let p = sigmoid(logit(row, &weights));
            let weight = (p * (1.0 - p)).max(1e-9);
            for i in 0..size {
                gradient[i] += (p - label) * inputs[i];
                for j in 0..=i {
                    curvature[i * size + j] += weight * inputs[i] * inputs[j];
                }
            }
        }
        for i in 0..size {
            for j in 0..i {
                curvature[j * size + i] = curvature[i * size + j];
            }
        }
        let step = solve_positive("logistic", curvature, gradient)?;
        // A bounded step: far from the minimum Newton's method may overshoot.
        let longest = step.iter().fold(0.0f64, |longest, s| longest.max(s.abs()));
        let share = (2.0 / longest.max(1e-12)).min(1.0);
        weights.iter_mut().zip(&step).for_each(|(w, s)| *w -= share * s);
        if longest < 1e-9 {
            break;
        }
    }
    Ok(weights)
}
