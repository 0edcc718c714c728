//! One classifier trained on some examples, and its probabilities of others.

use tch::{Kind, Tensor};

use super::class_examples::{ClassExamples, ClassTable, Scaling};
use crate::data::WaveformAugmentation;
use crate::error::{Error, Result};
use crate::model::losses::SmoothingWeights;
use crate::model::{ClassTask, Model, ModelSpec};
use crate::train::{Report, TrainSettings, Workplace, raw_outputs};

/// How classes are weighed in the loss.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossSettings {
    /// Weight of class c is `(n / (C n_c))` to this power: 0 for none, 1 for balance.
    pub class_weight_power: f64,
    /// The part of the target that is spread evenly over all classes.
    pub label_smoothing: f64,
    /// Exponent of the focal loss; cross-entropy if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_gamma: Option<f64>,
}

impl Default for LossSettings {
    fn default() -> Self {
        Self { class_weight_power: 1.0, label_smoothing: 0.0, focal_gamma: None }
    }
}

/// Everything that decides a fit but its examples and its seed.
#[derive(Clone, Debug, PartialEq)]
pub struct FitSettings {
    /// The network.
    pub model: ModelSpec,
    /// The training.
    pub training: TrainSettings,
    /// The loss.
    pub loss: LossSettings,
    /// How training windows are changed, if not as the examples say.
    pub augmentation: Option<WaveformAugmentation>,
}

/// A trained classifier.
pub struct Classifier {
    /// The network with its weights.
    pub model: Model,
    /// What it knows of the scale of its inputs.
    pub scaling: Scaling,
}

/// Trains on the examples `train`, all of which must have a class; the last weights are kept.
/// `name` is the fit's own in `place`.
pub fn fit(
    examples: &dyn ClassExamples,
    settings: &FitSettings,
    train: &[usize],
    seed: u64,
    (place, name): (&Workplace, &str),
) -> Result<(Classifier, Report)> {
    let task = class_task(examples.table(), train, &settings.loss)?;
    let scaling = examples.scaling(train);
    let dataset = examples.training(train.to_vec(), &scaling, settings.augmentation.as_ref())?;
    let classes = examples.table().classes.len();
    let mut model = settings.model.build(&examples.spec(), classes, seed, place.device)?;
    let training = TrainSettings { seed, ..settings.training.clone() };
    let report = place.fit(name, &training, &mut model, &task, dataset.as_ref(), None)?;
    Ok((Classifier { model, scaling }, report))
}

/// Cross-entropy with weights from the training counts. A class absent from training has weight
/// 0 and keeps its output.
pub fn class_task(table: &ClassTable, train: &[usize], loss: &LossSettings) -> Result<ClassTask> {
    let mut counts = vec![0usize; table.classes.len()];
    for &example in train {
        let Some(class) = table.labels[example] else {
            let name = &table.names[example];
            return Err(Error::data(format!("{} {name} has no class to learn from", table.key)));
        };
        counts[class] += 1;
    }
    if counts.iter().filter(|&&n| n > 0).count() < 2 {
        return Err(Error::data("the training part holds fewer than two classes"));
    }
    let total = train.len() as f64 / counts.len() as f64;
    let weight = |&n: &usize| match n {
        0 => 0.0,
        n => (total / n as f64).powf(loss.class_weight_power),
    };
    Ok(ClassTask {
        class_weights: (loss.class_weight_power != 0.0)
            .then(|| counts.iter().map(weight).collect()),
        label_smoothing: loss.label_smoothing,
        smoothing_weights: SmoothingWeights::OfTheTarget,
        focal_gamma: loss.focal_gamma,
        ..ClassTask::new(counts.len())
    })
}

impl Classifier {
    /// Probabilities `[members, C]`, row-major: the softmax of the mean of ln p over the views.
    pub fn probabilities(
        &self,
        examples: &dyn ClassExamples,
        members: &[usize],
        batch_size: usize,
    ) -> Result<Vec<f64>> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let _guard = tch::no_grad_guard();
        let (mut sum, mut count): (Option<Tensor>, i64) = (None, 0);
        for view in examples.views(members.to_vec(), &self.scaling)? {
            let logits = raw_outputs(&self.model, view.as_ref(), batch_size)?;
            let part = logits.f_to_kind(Kind::Double)?.f_log_softmax(1, Kind::Double)?;
            sum = Some(match sum {
                Some(sum) => sum.f_add(&part)?,
                None => part,
            });
            count += 1;
        }
        let sum = sum.ok_or_else(|| Error::data("no view of the examples"))?;
        let mean = sum.f_div_scalar(count)?.f_softmax(1, Kind::Double)?;
        Ok(Vec::<f64>::try_from(mean.f_flatten(0, -1)?)?)
    }
}

/// Mean of ln(p + 1e-6) over several classifiers, made to add up to 1; `[N, C]` each.
pub fn mean_log_probabilities(parts: &[&[f64]], classes: usize) -> Vec<f64> {
    let Some(first) = parts.first() else { return Vec::new() };
    let mut mixed: Vec<f64> = (0..first.len())
        .map(|at| {
            let sum: f64 = parts.iter().map(|p| (p[at] + 1e-6).ln()).sum();
            (sum / parts.len() as f64).exp()
        })
        .collect();
    for row in mixed.chunks_mut(classes.max(1)) {
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= total);
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_equal_probabilities_is_theirs() {
        let p = [0.7, 0.2, 0.1, 0.0, 0.5, 0.5];
        let mixed = mean_log_probabilities(&[&p, &p], 3);
        assert!(mixed.iter().zip(&p).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn weights_balance_and_an_absent_class_weighs_nothing() {
        let table = ClassTable {
            classes: vec!["a".into(), "b".into(), "c".into()],
            labels: vec![Some(0), Some(0), Some(0), Some(1), None],
            key: "row",
            names: (0..5).map(|n| n.to_string()).collect(),
            ..ClassTable::default()
        };
        let task = class_task(&table, &[0, 1, 2, 3], &LossSettings::default()).unwrap();
        assert_eq!(task.class_weights.unwrap(), [4.0 / 9.0, 4.0 / 3.0, 0.0]);
        assert!(class_task(&table, &[0, 4], &LossSettings::default()).is_err());
        assert!(class_task(&table, &[0, 1], &LossSettings::default()).is_err());
    }
}
