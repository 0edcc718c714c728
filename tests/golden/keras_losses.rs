//! Losses and scores of classes as Keras computes them.

use tch::Tensor;
use temblor::data::Batch;
use temblor::model::losses::{SmoothingWeights, cross_entropy, focal};
use temblor::model::{ClassTask, Normalise, Task};
use temblor::score::ClassScores;

use crate::shared;

struct Golden {
    json: serde_json::Value,
    logits: Tensor,
    classes: Tensor,
    actual: Vec<usize>,
}

fn golden() -> Option<Golden> {
    let path = shared::path("golden/keras/losses.json")?;
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows: Vec<Vec<f32>> = serde_json::from_value(json["logits"].clone()).unwrap();
    let logits = Tensor::from_slice(&rows.concat()).view([rows.len() as i64, -1]);
    let actual: Vec<usize> = serde_json::from_value(json["y"].clone()).unwrap();
    let classes: Vec<i64> = actual.iter().map(|&class| class as i64).collect();
    Some(Golden { json, logits, classes: Tensor::from_slice(&classes), actual })
}

fn close(name: &str, ours: &Tensor, golden: &serde_json::Value) {
    let ours = Vec::<f64>::try_from(ours.to_kind(tch::Kind::Double)).unwrap();
    let keras: Vec<f64> = serde_json::from_value(golden.clone()).unwrap();
    assert_eq!(ours.len(), keras.len());
    for (row, (a, b)) in ours.iter().zip(&keras).enumerate() {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{name} {row}: {a}, Keras {b}");
    }
}

#[test]
fn golden_losses_match_keras() {
    let Some(Golden { json, logits, classes, .. }) = golden() else { return };
    let entropy =
        |smoothing| cross_entropy(&logits, &classes, None, smoothing, SmoothingWeights::default());
    close("cross-entropy", &entropy(0.0), &json["cce_from_logits"]);
    close("smoothed", &entropy(0.1), &json["cce_smooth_0.1"]);
    // Keras multiplies by alpha, the same for every class.
    close("focal", &(0.25 * focal(&logits, &classes, None, 2.0)), &json["focal_default"]);
    let other = 0.5 * focal(&logits, &classes, None, 1.0);
    close("focal, gamma 1", &other, &json["focal_alpha.5_gamma1"]);
}

#[test]
fn golden_sample_weights_divide_by_the_count_as_keras_does() {
    let Some(Golden { json, logits, classes, actual }) = golden() else { return };
    let count = actual.len();
    let weight: Vec<f32> = (0..count).map(|n| 0.2 + 1.8 * n as f32 / (count - 1) as f32).collect();
    let task = ClassTask { normalise: Normalise::ByCount, ..ClassTask::new(5) };
    let batch = |weight: &[f32]| Batch {
        values: logits.shallow_clone(),
        features: None,
        lengths: None,
        target: classes.shallow_clone(),
        observed: Tensor::ones([count as i64, 1], tch::kind::FLOAT_CPU),
        weight: Tensor::from_slice(weight),
        examples: (0..count).collect(),
    };
    for (weight, name) in [(weight, "value"), (vec![1.0; count], "plain")] {
        let loss = task.loss(&logits, &batch(&weight));
        let ours = loss.sum.double_value(&[]) / loss.weight.double_value(&[]);
        let keras = json["loss_reduction_sample_weight"][name].as_f64().unwrap();
        assert!((ours - keras).abs() < 1e-5, "{name}: {ours}, Keras {keras}");
    }
}

#[test]
fn golden_class_scores_match_keras() {
    let Some(Golden { json, logits, actual, .. }) = golden() else { return };
    let p = logits.softmax(1, tch::Kind::Double).flatten(0, -1);
    let probabilities = Vec::<f64>::try_from(p).unwrap();
    let scores = ClassScores { actual: &actual, probabilities: &probabilities, classes: 5 };
    let confusion = scores.confusion();
    let expected = |name: &str| json["metrics"][name]["plain"].as_f64().unwrap();
    assert!((confusion.accuracy() - expected("categorical_accuracy")).abs() < 1e-6);
    assert!((confusion.macro_f1() - expected("f1_macro")).abs() < 1e-6);
    assert!((confusion.accuracy() - expected("f1_micro")).abs() < 1e-6);
}
