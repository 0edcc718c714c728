//! Layers, networks, losses and heads beside PyTorch 2.11: outputs and gradients.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};
use temblor::data::{Batch, ExampleSpec, Layout, Target};
use temblor::model::layers::{
    BatchNorm, Builder, Cell, Conv1d, Conv2d, Initialisation, Kernel, LayerNorm, Linear, Recurrent,
    RecurrentShape, Registry,
};
use temblor::model::{
    ClassTask, Cnn1d, DropoutSource, Input, Mode, Model, ModelSpec, QuantileTask, Task, losses,
    quantiles,
};

use crate::shared;

const TOLERANCE: f64 = 1e-5;

/// The tensors of one file, if it is here.
struct Golden(HashMap<String, Tensor>);

impl Golden {
    fn open(name: &str) -> Option<Self> {
        tch::set_num_threads(1);
        let path = shared::path(&format!("golden/models/{name}.safetensors"))?;
        Some(Self(Tensor::read_safetensors(path).unwrap().into_iter().collect()))
    }

    fn get(&self, name: &str) -> Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no tensor {name}")).shallow_clone()
    }

    /// Copies every `p.…` tensor into the variable of that name; all variables must be met.
    fn fill(&self, parameters: &tch::nn::VarStore, rename: impl Fn(&str) -> String) {
        let _guard = tch::no_grad_guard();
        let mut met = 0;
        for (name, mut variable) in parameters.variables() {
            variable.copy_(&self.get(&format!("p.{}", rename(&name))));
            met += 1;
        }
        assert!(met > 0);
    }

    fn value(&self, name: &str) -> f64 {
        self.get(name).double_value(&[])
    }
}

fn same(name: &str) -> String {
    name.into()
}

fn assert_close(what: &str, ours: &Tensor, theirs: &Tensor) {
    assert_eq!(ours.size(), theirs.size(), "{what}");
    let difference = (ours - theirs).abs().max().double_value(&[]);
    assert!(difference <= TOLERANCE, "{what}: {difference}");
}

fn assert_number(what: &str, ours: &Tensor, theirs: f64) {
    let difference = (ours.double_value(&[]) - theirs).abs();
    assert!(difference <= TOLERANCE, "{what}: {difference}");
}

const CELLS: [(&str, Cell); 3] = [("rnn", Cell::Rnn), ("gru", Cell::Gru), ("lstm", Cell::Lstm)];

fn recurrent(
    cell: Cell,
    layers: i64,
    bidirectional: bool,
    golden: &Golden,
) -> (Recurrent, tch::nn::VarStore) {
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let shape = RecurrentShape { inputs: 5, hidden: 8, layers, bidirectional };
    let stack = Recurrent::new(&Builder::new(&parameters, &registry), cell, shape, 0.0, 12);
    golden.fill(&parameters, same);
    (stack, parameters)
}

#[test]
fn recurrent_layers_and_their_gradients_equal_pytorch() {
    for (name, cell) in CELLS {
        for (suffix, layers, both) in [("l1", 1, false), ("l2_bi", 2, true), ("l3", 3, false)] {
            let Some(golden) = Golden::open(&format!("{name}_{suffix}")) else { return };
            let (stack, parameters) = recurrent(cell, layers, both, &golden);
            let x = golden.get("in.x").set_requires_grad(true);
            let (h, c) = (golden.get("in.h0"), golden.0.get("in.c0").map(Tensor::shallow_clone));
            let output = stack.forward(&x, None, Some((&h, c.as_ref())), Mode::Evaluate);
            let what = |of: &str| format!("{name}_{suffix} {of}");
            assert_close(&what("y"), &output.states, &golden.get("out.y"));
            assert_close(&what("hn"), &output.hidden, &golden.get("out.hn"));
            if let Some(c) = &output.cell {
                assert_close(&what("cn"), c, &golden.get("out.cn"));
            }
            (output.states * golden.get("in.w")).sum(Kind::Float).backward();
            assert_close(&what("grad x"), &x.grad(), &golden.get("grad.x"));
            for (variable, tensor) in parameters.variables() {
                let theirs = golden.get(&format!("grad.{variable}"));
                assert_close(&what(&variable), &tensor.grad(), &theirs);
            }
        }
    }
}

#[test]
fn lengths_equal_packed_sequences_in_any_order() {
    for (name, cell) in CELLS {
        let Some(golden) = Golden::open(&format!("{name}_packed_bi")) else { return };
        let (stack, _parameters) = recurrent(cell, 2, true, &golden);
        for order in [[0i64, 1, 2, 3], [2, 0, 3, 1]] {
            let order = Tensor::from_slice(&order);
            let pick = |of: &str, axis: i64| golden.get(of).index_select(axis, &order);
            let (x, lengths) = (pick("in.x", 0), pick("in.lengths", 0));
            let output = stack.forward(&x, Some(&lengths), None, Mode::Evaluate);
            assert_close(name, &output.states, &pick("out.y", 0));
            assert_close(name, &output.hidden, &pick("out.hn", 1));
            if let Some(c) = &output.cell {
                assert_close(name, c, &pick("out.cn", 1));
            }
        }
    }
}

fn tcn(causal: bool) -> Model {
    let spec = ModelSpec::Cnn1d(Cnn1d { width: 12, causal, ..Cnn1d::default() });
    let example = ExampleSpec {
        layout: Layout::Waveform,
        values: vec![3, 40],
        features: 0,
        lengths: false,
        target: Target::Class { count: 4 },
    };
    spec.build(&example, 4, 1, Device::Cpu).unwrap()
}

#[test]
fn dilated_residual_blocks_equal_pytorch() {
    for (name, causal) in [("tcn_causal", true), ("tcn_same", false)] {
        let Some(golden) = Golden::open(name) else { return };
        let model = tcn(causal);
        golden.fill(&model.parameters, same);
        let x = golden.get("in.x");
        let input = Input { values: &x, features: None, lengths: None };
        let y = model.network.forward(&input, Mode::Evaluate);
        assert_close(name, &y, &golden.get("out.y"));
    }
}

#[test]
fn window_classifier_of_plain_layers_equals_pytorch() {
    let Some(golden) = Golden::open("cnn1d_classifier") else { return };
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let builder = Builder::new(&parameters, &registry);
    let kernel = Kernel { stride: 2, padding: 3, ..Kernel::new(7) };
    let first = Conv1d::new(&builder.at("0"), 3, 8, kernel, 101);
    let kernel = Kernel { padding: 2, ..Kernel::new(5) };
    let second = Conv1d::new(&builder.at("3"), 8, 16, kernel, 25);
    let last = Linear::new(&builder.at("7"), 16, 3);
    golden.fill(&parameters, same);
    let x = first.forward(&golden.get("in.x")).relu().max_pool1d(2, 2, 0, 1, false);
    let logits = last.forward(&second.forward(&x).relu().mean_dim(2, false, Kind::Float));
    assert_close("logits", &logits, &golden.get("out.logits"));
    assert_close("softmax", &ClassTask::new(3).decode(&logits), &golden.get("out.softmax"));
}

#[test]
fn image_network_of_plain_layers_equals_pytorch() {
    let Some(golden) = Golden::open("cnn2d") else { return };
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let builder = Builder::new(&parameters, &registry);
    let kernel = Kernel { padding: 1, ..Kernel::new(3) };
    let conv1 = Conv2d::new(&builder.at("conv1"), 3, 8, kernel, [32, 32]);
    let conv2 = Conv2d::new(&builder.at("conv2"), 8, 16, kernel, [16, 16]);
    let (fc1, fc2) =
        (Linear::new(&builder.at("fc1"), 1024, 24), Linear::new(&builder.at("fc2"), 24, 5));
    golden.fill(&parameters, same);
    let pool = |x: Tensor| x.relu().max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
    let x = pool(conv2.forward(&pool(conv1.forward(&golden.get("in.x")))));
    let logits = fc2.forward(&fc1.forward(&x.flatten(1, -1)).relu());
    assert_close("logits", &logits, &golden.get("out.logits"));
    let target = golden.get("in.target");
    let weight = Tensor::ones([4], tch::kind::FLOAT_CPU);
    let batch = Batch {
        values: golden.get("in.x"),
        features: None,
        lengths: None,
        target,
        observed: weight.unsqueeze(1),
        weight,
        examples: (0..4).collect(),
    };
    let loss = ClassTask::new(5).loss(&logits, &batch);
    let mean = loss.sum / loss.weight;
    assert_number("cross-entropy", &mean, golden.value("out.ce"));
    mean.backward();
    for (name, tensor) in parameters.variables() {
        if name != "fc1.weight" {
            assert_close(&name, &tensor.grad(), &golden.get(&format!("grad.{name}")));
        }
    }
}

#[test]
fn batch_norm_follows_pytorch_through_training_and_evaluation() {
    let Some(golden) = Golden::open("batchnorm1d") else { return };
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let norm = BatchNorm::new(&Builder::new(&parameters, &registry), 4, &[4, 5]);
    let variables = parameters.variables();
    {
        let _guard = tch::no_grad_guard();
        for name in ["weight", "bias"] {
            let mut variable = variables[name].shallow_clone();
            variable.copy_(&golden.get(&format!("p0.{name}")));
        }
    }
    let source = DropoutSource::new(0);
    for step in 0..3 {
        let get = |of: &str| golden.get(&format!("step{step}.{of}"));
        assert_close("train", &norm.forward(&get("in"), Mode::Train(&source)), &get("out"));
        for name in ["running_mean", "running_var"] {
            assert_close(name, &variables[name], &get(name));
        }
    }
    let y = norm.forward(&golden.get("eval.in"), Mode::Evaluate);
    assert_close("evaluation", &y, &golden.get("eval.out"));
}

#[test]
fn layer_norm_equals_pytorch() {
    let Some(golden) = Golden::open("layernorm") else { return };
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let norm = LayerNorm::new(&Builder::new(&parameters, &registry), 6);
    golden.fill(&parameters, same);
    assert_close("layer norm", &norm.forward(&golden.get("in.x")), &golden.get("out.y"));
}

#[test]
fn quantile_head_and_masked_pinball_equal_pytorch() {
    let Some(golden) = Golden::open("quantile_head_pinball") else { return };
    let raw = golden.get("in.raw").set_requires_grad(true);
    let (anchor, target) = (golden.get("in.anchor"), golden.get("in.target"));
    let q = quantiles(&raw, 3, Some(&anchor), 0.0);
    assert_close("quantiles", &q, &golden.get("out.quantiles"));

    // The task itself sees targets relative to the anchor.
    let task = QuantileTask::new(vec![0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], 2).unwrap();
    let batch = Batch {
        values: raw.zeros_like(),
        features: None,
        lengths: None,
        observed: target.isnan().logical_not().to_kind(Kind::Float),
        target: &target - &anchor,
        weight: Tensor::ones([6], tch::kind::FLOAT_CPU),
        examples: (0..6).collect(),
    };
    let loss = task.loss(&raw.view([6, 14]), &batch);
    let mean = loss.sum / loss.weight;
    assert_number("pinball", &mean, golden.value("out.loss"));
    mean.backward();
    assert_close("gradient", &raw.grad(), &golden.get("grad.raw"));
}

#[test]
fn losses_equal_pytorch() {
    let Some(golden) = Golden::open("losses") else { return };
    let mean = |elements: Tensor| elements.mean(Kind::Float);

    let logits = golden.get("focal_bin.logits").set_requires_grad(true);
    let elements = losses::binary_focal(&logits, &golden.get("focal_bin.target"), 0.25, 2.0);
    assert_close("binary focal", &elements, &golden.get("focal_bin.elements"));
    mean(elements).backward();
    assert_close("binary focal gradient", &logits.grad(), &golden.get("focal_bin.grad"));

    let logits = golden.get("focal_multi.logits").set_requires_grad(true);
    let target = golden.get("focal_multi.target");
    let weights = golden.get("focal_multi.class_weight");
    let elements = losses::focal(&logits, &target, Some(&weights), 2.0);
    assert_close("focal", &elements, &golden.get("focal_multi.elements"));
    mean(elements).backward();
    assert_close("focal gradient", &logits.grad(), &golden.get("focal_multi.grad"));

    let weights: Vec<f64> = vec![0.2, 0.3, 0.5];
    for (name, class_weights, label_smoothing) in [
        ("ce.mean", None, 0.0),
        ("ce_weighted.mean", Some(weights.clone()), 0.0),
        ("ce_smooth01.mean", None, 0.1),
        ("ce_weighted_smooth01.mean", Some(weights), 0.1),
    ] {
        let task = ClassTask { class_weights, label_smoothing, ..ClassTask::new(3) };
        let weight = Tensor::ones([5], tch::kind::FLOAT_CPU);
        let batch = Batch {
            values: logits.zeros_like(),
            features: None,
            lengths: None,
            target: target.shallow_clone(),
            observed: weight.unsqueeze(1),
            weight,
            examples: (0..5).collect(),
        };
        let loss = task.loss(&logits, &batch);
        assert_number(name, &(loss.sum / loss.weight), golden.value(name));
    }

    let (logits, target) = (golden.get("bce.logits"), golden.get("bce.target"));
    for (name, weight) in [("bce.mean", None), ("bce_posweight3.mean", Some(3.0))] {
        let elements = losses::binary_cross_entropy(&logits, &target, weight);
        assert_number(name, &mean(elements), golden.value(name));
    }
    let (a, b) = (golden.get("reg.pred"), golden.get("reg.target"));
    assert_number("mse", &mean(losses::squared(&a, &b)), golden.value("mse"));
    assert_number("mae", &mean(losses::absolute(&a, &b)), golden.value("mae"));
    assert_number("huber", &mean(losses::huber(&a, &b, 1.0)), golden.value("huber_d1"));
    let smooth = mean(losses::smooth_absolute(&a, &b, 0.5));
    assert_number("smooth L1", &smooth, golden.value("smoothl1_b05"));
    let variance = golden.get("gauss_nll.var");
    let likelihood = mean(losses::gaussian(&a, &b, &variance));
    assert_number("gaussian", &likelihood, golden.value("gauss_nll.mean"));
}
