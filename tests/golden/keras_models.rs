//! The image network of Keras notebooks: sizes, and the outputs of a trained-from-file start.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};
use temblor::data::{ExampleSpec, Layout, Target};
use temblor::model::{Cnn2d, ImagePooling, Input, Mode, ModelSpec, Task};

use crate::shared;

fn images(pixels: usize, classes: usize) -> ExampleSpec {
    ExampleSpec {
        layout: Layout::Image,
        values: vec![3, pixels, pixels],
        features: 0,
        lengths: false,
        target: Target::Class { count: classes },
    }
}

fn json() -> Option<serde_json::Value> {
    let path = shared::path("golden/keras/model.json")?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn parameter_counts_equal_keras_and_the_literal_network_is_refused() {
    let Some(json) = json() else { return };
    for (name, pooling, flatten) in
        [("flatten", ImagePooling::None, true), ("gap", ImagePooling::GlobalAverage, false)]
    {
        let spec = ModelSpec::Cnn2d(Cnn2d::article(pooling, flatten));
        let model = spec.build(&images(128, 10), 10, 0, Device::Cpu).unwrap();
        assert_eq!(json["models"][name]["params"], model.parameter_count());
    }
    let literal = ModelSpec::Cnn2d(Cnn2d::article(ImagePooling::None, false));
    let error = literal.build(&images(128, 10), 10, 0, Device::Cpu).err().unwrap().to_string();
    let shape = &json["models"]["literal"]["output_shape"];
    let shape = format!("(N,{},{},{})", shape[1], shape[2], shape[3]);
    assert!(error.contains(&shape) && error.contains("(N,10)"), "{error}");
}

#[test]
fn initial_values_have_keras_bounds() {
    let Some(json) = json() else { return };
    let spec = ModelSpec::Cnn2d(Cnn2d::article(ImagePooling::GlobalAverage, false));
    let model = spec.build(&images(128, 10), 10, 5, Device::Cpu).unwrap();
    let tensors = model.named_tensors();
    for (name, of) in
        [("convs.0.weight", "conv1"), ("convs.1.weight", "conv2"), ("head.weight", "dense_64")]
    {
        let limit = json["glorot_uniform"][of]["limit"].as_f64().unwrap();
        let largest = tensors[name].abs().max().double_value(&[]);
        assert!(largest <= limit * 1.000_001 && largest > 0.95 * limit, "{name}: {largest}");
    }
    assert_eq!(tensors["head.bias"].abs().max().double_value(&[]), 0.0);
}

/// Layouts: kernels [H, W, in, out] → [out, in, H, W]; dense [in, out] → [out, in], its rows in the
/// order height, width, channel on both sides.
#[test]
fn first_step_of_the_flattened_network_equals_keras() {
    let (Some(json), Some(path)) = (json(), shared::path("golden/keras/trace_small.safetensors"))
    else {
        return;
    };
    let trace: HashMap<String, Tensor> =
        Tensor::read_safetensors(path).unwrap().into_iter().collect();
    let settings = Cnn2d { channels: vec![8, 16], ..Cnn2d::article(ImagePooling::None, true) };
    let spec = ModelSpec::Cnn2d(settings);
    let model = spec.build(&images(32, 4), 4, 0, Device::Cpu).unwrap();
    let variables = model.named_tensors();
    {
        let _guard = tch::no_grad_guard();
        let names = [
            "convs.0.weight",
            "convs.0.bias",
            "convs.1.weight",
            "convs.1.bias",
            "head.weight",
            "head.bias",
        ];
        for (number, name) in names.iter().enumerate() {
            let keras = &trace[&format!("init/{number}")];
            let ours = match keras.size().len() {
                4 => keras.permute([3, 2, 0, 1]),
                2 => keras.transpose(0, 1),
                _ => keras.shallow_clone(),
            };
            variables[*name].shallow_clone().copy_(&ours);
        }
    }
    let pixels = trace["x0"].to_kind(Kind::Float) / 255.0;
    let x = pixels.permute([0, 3, 1, 2]).contiguous();
    let input = Input { values: &x, features: None, lengths: None };
    let output = model.network.forward(&input, Mode::Evaluate);
    let golden = &json["traces"]["small_flatten"];
    let probability = temblor::model::ClassTask::new(4).decode(&output);
    for (row, expected) in golden["prob_before"].as_array().unwrap().iter().enumerate() {
        for (class, value) in expected.as_array().unwrap().iter().enumerate() {
            let ours = probability.double_value(&[row as i64, class as i64]);
            assert!((ours - value.as_f64().unwrap()).abs() < 1e-5, "{row} {class}: {ours}");
        }
    }
}
