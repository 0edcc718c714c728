//! The loop as a whole, on a tiny regression.

use rand::{Rng as _, SeedableRng};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::*;
use crate::data::{ExampleSpec, Layout, Rng, Slot, Subset, Target};
use crate::model::{Input, Loss, Network};

/// `y = 2·x₀ − x₁ + noise`; example 0 of every eight is unobserved where `holes`.
struct Line {
    count: usize,
    holes: bool,
    poison: Option<usize>,
}

fn line(count: usize) -> Line {
    Line { count, holes: false, poison: None }
}

impl Dataset for Line {
    fn len(&self) -> usize {
        self.count
    }

    fn spec(&self) -> ExampleSpec {
        ExampleSpec {
            layout: Layout::Series,
            values: vec![1, 2],
            features: 0,
            lengths: false,
            target: Target::Levels { horizons: 1 },
        }
    }

    fn group(&self, example: usize) -> usize {
        example
    }

    fn name(&self, example: usize) -> String {
        format!("row {example}")
    }

    fn write(&self, example: usize, _: &mut Rng, slot: Slot<'_>) -> Result<()> {
        let mut rng = Rng::seed_from_u64(example as u64);
        let mut draw = || rng.next_u32() as f32 / u32::MAX as f32 - 0.5;
        slot.values.copy_from_slice(&[draw(), draw()]);
        slot.target[0] = 2.0 * slot.values[0] - slot.values[1] + 0.1 * draw();
        if self.holes && example.is_multiple_of(8) {
            slot.observed[0] = 0.0;
            slot.target[0] = 1e6;
        }
        if self.poison == Some(example) {
            slot.values[0] = f32::NAN;
        }
        Ok(())
    }
}

struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Network for Linear {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let flat = input.values.flatten(1, -1);
        let flat = match mode {
            Mode::Train(dropout) => &flat * dropout.mask(&flat.size(), 0.1, &flat),
            Mode::Evaluate => flat,
        };
        flat.matmul(&self.weight) + &self.bias
    }
}

fn model() -> Model {
    let parameters = VarStore::new(Device::Cpu);
    let root = parameters.root();
    let weight = root.var_copy("weight", &Tensor::from_slice(&[0.3f32, 0.1]).view([2, 1]));
    let bias = root.var_copy("bias", &Tensor::from_slice(&[0.2f32]));
    Model { parameters, network: Box::new(Linear { weight, bias }) }
}

/// Mean squared error over observed targets.
struct Squares;

impl Task for Squares {
    fn outputs(&self) -> usize {
        1
    }

    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let weight = &batch.observed * batch.weight.unsqueeze(1);
        let sum = ((output - &batch.target).square() * &weight).sum(Kind::Float);
        Loss { sum, weight: weight.sum(Kind::Float) }
    }

    fn decode(&self, output: &Tensor) -> Tensor {
        output.shallow_clone()
    }
}

fn weights(model: &Model) -> Vec<u32> {
    let mut named: Vec<_> = model.parameters.variables().into_iter().collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let numbers = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
    named.iter().flat_map(|(_, t)| numbers(t)).map(f32::to_bits).collect()
}

fn settings() -> TrainSettings {
    TrainSettings { epochs: 3, batch_size: 8, learning_rate: 0.05, ..TrainSettings::default() }
}

fn fit(settings: &TrainSettings, train: &Line, valid: Option<&dyn Dataset>) -> (Model, Report) {
    let mut model = model();
    let report =
        Trainer::new(settings).titled(None).fit(&mut model, &Squares, train, valid).unwrap();
    (model, report)
}

#[test]
fn learns_and_repeats_bit_for_bit_with_any_number_of_loader_threads() {
    let (data, valid) = (line(100), line(40));
    let (reference, report) = fit(&settings(), &data, Some(&valid));
    assert!(report.epochs[2].train_loss < 0.5 * report.epochs[0].train_loss);
    assert_eq!(report.steps, 39);
    for loader_threads in [0, 1, 2, 5] {
        let settings = TrainSettings { loader_threads, ..settings() };
        let (again, same) = fit(&settings, &data, Some(&valid));
        assert_eq!(weights(&again), weights(&reference));
        assert_eq!(same.epochs[2].train_loss.to_bits(), report.epochs[2].train_loss.to_bits());
    }
    let (other, _) = fit(&TrainSettings { seed: 1, ..settings() }, &data, Some(&valid));
    assert_ne!(weights(&other), weights(&reference));
}

#[test]
fn unobserved_targets_contribute_nothing() {
    let holes = Line { holes: true, ..line(64) };
    let seen: Vec<usize> = (0..64usize).filter(|e| !e.is_multiple_of(8)).collect();
    // One batch an epoch and no dropout noise to compare: evaluate losses and gradients instead.
    let with = evaluate(&model(), &Squares, &holes, 64).unwrap();
    let data = line(64);
    let without = evaluate(&model(), &Squares, &Subset::new(&data, seen), 64).unwrap();
    assert!((with.mean_loss() - without.mean_loss()).abs() < 1e-6);
    let (_, report) = fit(&settings(), &holes, None);
    assert!(report.epochs.iter().all(|e| e.train_loss < 10.0));
}

#[test]
fn non_finite_loss_names_the_rows() {
    let data = Line { poison: Some(5), ..line(16) };
    let settings = settings();
    let error = Trainer::new(&settings)
        .titled(None)
        .fit(&mut model(), &Squares, &data, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("row 5") && error.contains("NaN"), "{error}");
}
