//! Optimisers, schedules, clipping and a miniature training against PyTorch 2.11.

use std::collections::HashMap;
use std::path::Path;

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};
use temblor::data::{ArrayDataset, Batch};
use temblor::model::{Input, Loss, Mode, Model, Network, Task};
use temblor::train::{
    AdamConstants, BatchRecord, Observer, OneCycle, Optimizer, OptimizerKind, Parameters, Plateau,
    PlateauState, Schedule, TrainSettings, Trainer,
};

use crate::shared;

type Tensors = HashMap<String, Tensor>;

fn read(path: &Path) -> Tensors {
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

/// A model whose parameters are the tensors under `prefix`; it is never run.
fn model(tensors: &Tensors, prefix: &str) -> Model {
    struct Idle;
    impl Network for Idle {
        fn forward(&self, input: &Input<'_>, _: Mode<'_>) -> Tensor {
            input.values.shallow_clone()
        }
    }
    let parameters = VarStore::new(Device::Cpu);
    for (name, tensor) in tensors {
        if let Some(name) = name.strip_prefix(prefix) {
            let (path, leaf) = name.rsplit_once('.').unwrap();
            let path = path.split('.').fold(parameters.root(), |path, part| path / part);
            let _ = path.var_copy(leaf, tensor);
        }
    }
    Model { parameters, network: Box::new(Idle) }
}

/// linear(4,6) tanh linear(6,2) with mean squared error.
fn loss(model: &Model, x: &Tensor, y: &Tensor, scale: f64) -> Tensor {
    let p = model.parameters.variables();
    let hidden = x.linear(&p["0.weight"], Some(&p["0.bias"])).tanh();
    let output = hidden.linear(&p["2.weight"], Some(&p["2.bias"])) * scale;
    (output - y).square().mean(Kind::Float)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

fn adam() -> AdamConstants {
    AdamConstants::default()
}

#[test]
fn optimizers_step_as_pytorch() {
    let Some(path) = shared::path("golden/models/optimizers.safetensors") else { return };
    let golden = read(&path);
    let sgd = |momentum, dampening, nesterov| OptimizerKind::Sgd { momentum, dampening, nesterov };
    let amsgrad = AdamConstants { amsgrad: true, ..adam() };
    let wide = AdamConstants { beta2: 0.98, epsilon: 1e-6, ..adam() };
    let rmsprop =
        OptimizerKind::Rmsprop { alpha: 0.95, epsilon: 1e-8, momentum: 0.5, centered: true };
    let variants = [
        ("sgd", sgd(0.0, 0.0, false), 0.05, 0.0),
        ("sgd_mom_wd_nesterov", sgd(0.9, 0.0, true), 0.05, 0.01),
        ("sgd_mom_damp", sgd(0.9, 0.5, false), 0.05, 0.0),
        ("adam", OptimizerKind::Adam(adam()), 0.01, 0.0),
        ("adam_l2", OptimizerKind::Adam(adam()), 0.01, 0.1),
        ("adam_amsgrad", OptimizerKind::Adam(amsgrad), 0.01, 0.0),
        ("adamw", OptimizerKind::Adamw(wide), 0.01, 0.1),
        ("rmsprop_centered", rmsprop, 0.01, 0.0),
    ];
    for (name, kind, rate, decay) in variants {
        let model = model(&golden, "p0.");
        let mut parameters = Parameters::gather(&model).unwrap();
        let mut optimizer = Optimizer::new(kind, decay, false, &parameters).unwrap();
        for step in 0..5 {
            let (x, y) = (golden["in.x"].get(step), golden["in.y"].get(step));
            let loss = loss(&model, &x, &y, 1.0);
            assert!(distance(&loss, &golden[&format!("{name}.loss{step}")]) < 1e-6);
            let gradient = parameters.gradient(&loss).unwrap();
            optimizer.step(&mut parameters.flat, gradient, rate, None).unwrap();
        }
        // The file holds the parameters after the fifth step under every step's name; the losses
        // above tell the steps before apart.
        for (parameter, tensor) in model.parameters.variables() {
            let error = distance(&tensor, &golden[&format!("{name}.step4.{parameter}")]);
            assert!(error < 1e-6, "{name} {parameter}: {error}");
        }
    }
}

#[test]
fn schedules_move_as_pytorch() {
    let Some(path) = shared::path("golden/models/schedules.json") else { return };
    let text = std::fs::read(path).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let metric: Vec<f64> = serde_json::from_value(golden["plateau_metric"].clone()).unwrap();
    let cycle = |linear| OneCycle { linear, three_phases: linear, ..OneCycle::default() };
    let plateau = Plateau { factor: 0.5, patience: 3, cooldown: 1, ..Plateau::default() };
    let warm_up = Schedule::WarmUpCosine { steps: 5, start: 0.1, minimum: 0.0 };
    let restarts = Schedule::CosineRestarts { first: 5, factor: 2, minimum: 1e-3 };
    let variants = [
        ("cosine_T20_eta1e-3", Schedule::Cosine { minimum: 1e-3 }, 0.1, 20),
        ("cosine_restarts_T5_mult2", restarts, 0.1, 0),
        ("onecycle_max1_total30_cos", Schedule::OneCycle(cycle(false)), 1.0, 30),
        ("onecycle_max1_total30_linear_3phase", Schedule::OneCycle(cycle(true)), 1.0, 30),
        ("plateau_f0.5_p3_thr1e-4rel_cool1", Schedule::Plateau(plateau), 0.1, 0),
        ("step7_g0.3", Schedule::Step { every: 7, factor: 0.3 }, 0.1, 0),
        ("multistep_5_9_g0.1", Schedule::MultiStep { at: vec![5, 9], factor: 0.1 }, 0.1, 0),
        ("exp_g0.9", Schedule::Exponential { factor: 0.9 }, 0.1, 0),
        ("linear_warmup5_then_cosine20", warm_up, 0.1, 25),
        ("poly_T20_p2", Schedule::Polynomial { power: 2.0 }, 0.1, 20),
    ];
    assert_eq!(golden["schedules"].as_object().unwrap().len(), variants.len());
    for (name, schedule, base, steps) in variants {
        let case = &golden["schedules"][name];
        let rates: Vec<f64> = serde_json::from_value(case["lr"].clone()).unwrap();
        let momenta: Vec<f64> =
            serde_json::from_value(case["momentum"].clone()).unwrap_or_default();
        let mut state = PlateauState::default();
        for (k, expected) in rates.iter().enumerate() {
            let rate = schedule.rate(base, k as u64, steps, k, state.reduction);
            let error = (rate.learning_rate - expected).abs() / expected.abs().max(1e-12);
            assert!(
                error < 1e-9 || (rate.learning_rate - expected).abs() < 1e-16,
                "{name} {k}: {} {expected}",
                rate.learning_rate
            );
            if let Some(expected) = momenta.get(k) {
                assert!((rate.momentum.unwrap() - expected).abs() < 1e-9, "{name} {k} momentum");
            }
            if let Schedule::Plateau(plateau) = &schedule {
                state.note(plateau, metric[k]);
            }
        }
    }
}

#[test]
fn clipping_bounds_as_pytorch() {
    let Some(path) = shared::path("golden/models/clipping.safetensors") else { return };
    let golden = read(&path);
    let model = model(&golden, "p.");
    let parameters = Parameters::gather(&model).unwrap();
    let gradient = parameters.gradient(&loss(&model, &golden["in.x"], &golden["in.y"], 10.0));
    let gradient = gradient.unwrap();
    let check = |flat: &Tensor, prefix: &str| {
        for (name, tensor) in parameters.split(flat).unwrap() {
            let error = distance(&tensor, &golden[&format!("{prefix}.{name}")]);
            assert!(error < 1e-6, "{prefix} {name}: {error}");
        }
    };
    check(&gradient, "grad");
    let clipped = |norm, value| {
        let mut gradient = gradient.copy();
        let norm = temblor::train::clip(&mut gradient, 1.0, norm, value).unwrap();
        (gradient, norm)
    };
    let (by_norm, norm) = clipped(Some(1.0), None);
    assert!((norm - golden["clip_norm1.total"].double_value(&[])).abs() < 1e-6 * norm);
    check(&by_norm, "clip_norm1");
    check(&clipped(None, Some(0.1)).0, "clip_value01");
}

struct LastStep {
    lstm: Vec<Tensor>,
    weight: Tensor,
    bias: Tensor,
}

impl Network for LastStep {
    fn forward(&self, input: &Input<'_>, _: Mode<'_>) -> Tensor {
        let zero = Tensor::zeros([1, input.values.size()[0], 6], (Kind::Float, Device::Cpu));
        let state = [&zero, &zero];
        let lstm: Vec<&Tensor> = self.lstm.iter().collect();
        let (y, _, _) = input.values.lstm(&state, &lstm, true, 1, 0.0, true, false, true);
        y.select(1, -1).linear(&self.weight, Some(&self.bias))
    }
}

struct MeanSquare;

impl Task for MeanSquare {
    fn outputs(&self) -> usize {
        1
    }
    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let sum = (output - &batch.target).square().sum(Kind::Float);
        Loss { sum, weight: batch.observed.sum(Kind::Float) }
    }
    fn decode(&self, output: &Tensor) -> Tensor {
        output.shallow_clone()
    }
}

/// The initial weights, drawn as the golden run drew them: its file holds the final ones under
/// both names. That the inputs drawn next are those of the file proves the draw.
fn draw_initial(golden: &mut Tensors) {
    tch::manual_seed(1099);
    let bound = 1.0 / 6f64.sqrt();
    for (name, shape) in [
        ("p0.lstm.weight_ih_l0", &[24i64, 2][..]),
        ("p0.lstm.weight_hh_l0", &[24, 6]),
        ("p0.lstm.bias_ih_l0", &[24]),
        ("p0.lstm.bias_hh_l0", &[24]),
        ("p0.head.weight", &[1, 6]),
        ("p0.head.bias", &[1]),
    ] {
        let drawn = Tensor::zeros(shape, (Kind::Float, Device::Cpu)).uniform_(-bound, bound);
        golden.insert(name.to_string(), drawn);
    }
    let x = Tensor::randn([32, 10, 2], (Kind::Float, Device::Cpu));
    assert_eq!(x, golden["in.x"]);
}

#[test]
fn twenty_steps_of_an_lstm_as_pytorch() {
    let Some(path) = shared::path("golden/models/train20_lstm_adamw.safetensors") else { return };
    let mut golden = read(&path);
    draw_initial(&mut golden);
    let mut model = model(&golden, "p0.");
    let p = model.parameters.variables();
    let lstm = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
    let lstm = lstm.iter().map(|n| p[&format!("lstm.{n}")].shallow_clone()).collect();
    let (weight, bias) = (p["head.weight"].shallow_clone(), p["head.bias"].shallow_clone());
    model.network = Box::new(LastStep { lstm, weight, bias });
    let numbers = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
    // The 32 windows of the miniature run.
    let (x, y) = (numbers(&golden["in.x"]), numbers(&golden["in.y"]));
    let data = ArrayDataset::new(x, [10, 2], y, 1).unwrap();
    struct Losses(Vec<f64>);
    impl Observer for Losses {
        fn after_batch(&mut self, record: &BatchRecord) {
            self.0.extend(record.loss);
        }
    }
    let mut losses = Losses(Vec::new());
    let settings = TrainSettings {
        epochs: 20,
        batch_size: 32,
        learning_rate: 0.02,
        weight_decay: 0.01,
        clip_norm: Some(1.0),
        ..TrainSettings::default()
    };
    let trainer = Trainer::new(&settings).titled(None).observed_by(&mut losses);
    trainer.fit(&mut model, &MeanSquare, &data, None).unwrap();
    let expected = numbers(&golden["out.losses"]);
    assert_eq!(losses.0.len(), 20);
    for (step, (ours, theirs)) in losses.0.iter().zip(&expected).enumerate() {
        assert!((ours - f64::from(*theirs)).abs() < 1e-5, "step {step}: {ours} {theirs}");
    }
    for (name, tensor) in model.parameters.variables() {
        assert!(distance(&tensor, &golden[&format!("p20.{name}")]) < 1e-4, "{name}");
    }
}
