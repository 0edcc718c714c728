//! Training steps of Keras 3: its Adam number by number, and five steps of its image network.

use std::collections::HashMap;

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};
use temblor::data::{Batch, ExampleSpec, Layout, Target};
use temblor::model::{
    ClassTask, Cnn2d, DropoutSource, ImagePooling, Input, Mode, Model, ModelSpec, Network, Task,
};
use temblor::train::{AdamConstants, Optimizer, OptimizerKind, Parameters};

use crate::shared;

fn json() -> Option<serde_json::Value> {
    let path = shared::path("golden/keras/model.json")?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn numbers(value: &serde_json::Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

struct Idle;

impl Network for Idle {
    fn forward(&self, input: &Input<'_>, _: Mode<'_>) -> Tensor {
        input.values.shallow_clone()
    }
}

#[test]
fn both_forms_of_adam_step_as_their_origin() {
    let Some(json) = json() else { return };
    let trace = &json["adam_trace"];
    let torch = AdamConstants { epsilon: 1e-7, ..AdamConstants::default() };
    for (form, constants) in [("keras", AdamConstants::keras()), ("torch_eps_1e-7", torch)] {
        let parameters = VarStore::new(Device::Cpu);
        let start = Tensor::from_slice(&numbers(&trace["x0"]));
        let x = parameters.root().var_copy("x", &start);
        let model = Model { parameters, network: Box::new(Idle) };
        let mut parameters = Parameters::gather(&model).unwrap();
        let kind = OptimizerKind::Adam(constants);
        let mut optimizer = Optimizer::new(kind, 0.0, false, &parameters).unwrap();
        let steps = trace["grads"].as_array().unwrap().iter();
        for (gradient, expected) in steps.zip(trace[form].as_array().unwrap()) {
            let slope = Tensor::from_slice(&numbers(gradient));
            let gradient = parameters.gradient(&(&x * slope).sum(Kind::Float)).unwrap();
            optimizer.step(&mut parameters.flat, gradient, 1e-3, None).unwrap();
            let expected = Tensor::from_slice(&numbers(expected));
            let error = (&x - expected).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{form}: {error}");
        }
    }
}

/// Kernels [H, W, in, out] → [out, in, H, W]; dense [in, out] → [out, in].
fn as_ours(keras: &Tensor) -> Tensor {
    match keras.dim() {
        4 => keras.permute([3, 2, 0, 1]),
        2 => keras.transpose(0, 1),
        _ => keras.shallow_clone(),
    }
}

const NAMES: [&str; 6] = [
    "convs.0.weight",
    "convs.0.bias",
    "convs.1.weight",
    "convs.1.bias",
    "head.weight",
    "head.bias",
];

#[test]
fn five_steps_of_the_image_network_equal_keras() {
    let (Some(json), Some(path)) = (json(), shared::path("golden/keras/trace_small.safetensors"))
    else {
        return;
    };
    let trace: HashMap<String, Tensor> =
        Tensor::read_safetensors(path).unwrap().into_iter().collect();
    let spec = ExampleSpec {
        layout: Layout::Image,
        values: vec![3, 32, 32],
        features: 0,
        lengths: false,
        target: Target::Class { count: 4 },
    };
    let settings = Cnn2d { channels: vec![8, 16], ..Cnn2d::article(ImagePooling::None, true) };
    let model = ModelSpec::Cnn2d(settings).build(&spec, 4, 0, Device::Cpu).unwrap();
    let variables = model.named_tensors();
    for (number, name) in NAMES.iter().enumerate() {
        let _guard = tch::no_grad_guard();
        variables[*name].shallow_clone().copy_(&as_ours(&trace[&format!("init/{number}")]));
    }
    let mut parameters = Parameters::gather(&model).unwrap();
    let kind = OptimizerKind::Adam(AdamConstants::keras());
    let mut optimizer = Optimizer::new(kind, 0.0, false, &parameters).unwrap();
    let task = ClassTask::new(4);
    let losses = numbers(&json["traces"]["small_flatten"]["loss"]);
    for (step, expected) in losses.iter().enumerate() {
        let pixels = trace[&format!("x{step}")].to_kind(Kind::Float) / 255.0;
        let batch = Batch {
            values: pixels.permute([0, 3, 1, 2]).contiguous(),
            features: None,
            lengths: None,
            target: trace["y"].shallow_clone(),
            observed: Tensor::ones([8, 1], (Kind::Float, Device::Cpu)),
            weight: Tensor::ones([8], (Kind::Float, Device::Cpu)),
            examples: (0..8).collect(),
        };
        let dropout = DropoutSource::new(0);
        let input = Input { values: &batch.values, features: None, lengths: None };
        let output = model.network.forward(&input, Mode::Train(&dropout));
        let loss = task.loss(&output, &batch);
        let mean = loss.sum / loss.weight;
        let error = (mean.double_value(&[]) - f64::from(*expected)).abs();
        assert!(error < 1e-5, "loss of step {step}: {error}");
        let gradient = parameters.gradient(&mean).unwrap();
        optimizer.step(&mut parameters.flat, gradient, 1e-3, None).unwrap();
    }
    for (number, name) in NAMES.iter().enumerate() {
        let keras = as_ours(&trace[&format!("after5/{number}")]);
        let error = (&variables[*name] - keras).abs().max().double_value(&[]);
        assert!(error < 1e-4, "{name}: {error}");
    }
}
