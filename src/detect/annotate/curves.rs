//! Probabilities of a stretch of samples.

use std::sync::Arc;

use super::rows::Rows;
use super::settings::AnnotateSettings;
use super::stacking::Stack;
use super::workers::{Question, Workers};
use crate::detect::picker::PickerSettings;
use crate::error::Result;

/// One curve a label, `[K, L]`: a value a sample for array models, a value a window for point
/// models; not a number where there is none.
pub struct Curves {
    values: Vec<f32>,
    length: usize,
}

impl Curves {
    /// Number of values of each curve.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the curves have no values.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The curve of a label, `[L]`.
    pub fn curve(&self, label: usize) -> &[f32] {
        &self.values[label * self.length..(label + 1) * self.length]
    }

    /// The curve of a label, `[L]`.
    pub fn curve_mut(&mut self, label: usize) -> &mut [f32] {
        &mut self.values[label * self.length..(label + 1) * self.length]
    }
}

/// The curves over `rows` of the windows that begin at `starts`.
///
/// # Errors
/// What the network refuses.
pub fn curves(
    rows: &Arc<Rows>,
    starts: &[usize],
    picker: &PickerSettings,
    settings: &AnnotateSettings,
    workers: &Workers,
) -> Result<Curves> {
    let labels = picker.labels.len();
    let question =
        Question { rows, starts, in_samples: picker.in_samples, batch_size: settings.batch_size };
    if picker.point_sample.is_some() {
        let length = starts.len();
        let mut values = vec![f32::NAN; labels * length];
        let mut done = 0;
        workers.answer(&question, |starts, answers| {
            for row in answers.chunks_exact(labels).take(starts.len()) {
                for (label, &value) in row.iter().enumerate() {
                    values[label * length + done] = value;
                }
                done += 1;
            }
            Ok(())
        })?;
        return Ok(Curves { values, length });
    }
    let (length, window) = (rows.columns(), picker.in_samples);
    let mut stack = Stack::new(settings.stacking, labels, length, window);
    workers.answer(&question, |starts, answers| {
        for (&start, answer) in starts.iter().zip(answers.chunks_exact(labels * window)) {
            stack.add(start, answer, settings.blinding);
        }
        Ok(())
    })?;
    Ok(Curves { values: stack.into_values(), length })
}
