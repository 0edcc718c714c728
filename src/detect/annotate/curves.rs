//! Probabilities of a stretch of samples.

use std::sync::Arc;

use super::rows::Rows;
use super::settings::AnnotateSettings;
use super::stacking::Stack;
use super::workers::{Question, Workers};
use crate::detect::picker::PickerSettings;
use crate::error::Result;

/// The curves of some labels over `rows`, of the windows that begin at `starts`: a value a sample
/// for array models, a value a window for point models; not a number where there is none.
///
/// # Errors
/// What the network refuses.
pub fn curves(
    rows: &Arc<Rows>,
    starts: &[usize],
    labels: &[usize],
    picker: &PickerSettings,
    settings: &AnnotateSettings,
    workers: &Workers,
) -> Result<Vec<Vec<f32>>> {
    let all = picker.labels.len();
    let window = picker.in_samples;
    let question = Question {
        rows,
        starts,
        in_samples: window,
        batch_size: settings.batch_size,
        dropout_seed: None,
    };
    if picker.point_sample.is_some() {
        let mut values = vec![Vec::with_capacity(starts.len()); labels.len()];
        workers.answer(&question, |starts, answers| {
            for answer in answers.chunks_exact(all).take(starts.len()) {
                for (values, &label) in values.iter_mut().zip(labels) {
                    values.push(answer[label]);
                }
            }
            Ok(())
        })?;
        return Ok(values);
    }
    let mut stack = Stack::new(settings.stacking, labels, rows.columns(), window);
    workers.answer(&question, |starts, answers| {
        for (&start, answer) in starts.iter().zip(answers.chunks_exact(all * window)) {
            stack.add(start, answer, settings.blinding);
        }
        Ok(())
    })?;
    Ok(stack.into_values())
}
