//! Step times of networks, beside `benches/model_steps.py`, which times the same in PyTorch.
//! `cargo bench --profile dev --bench model_steps -- THREADS`; prints the smallest and the median
//! time of a training step (forward, loss, backward) and of an evaluation, in milliseconds.

use std::time::Instant;

use tch::{Device, Kind, Tensor};
use temblor::data::{ExampleSpec, Layout, Target};
use temblor::model::{
    Cnn1d, Cnn1dStrided, DropoutSource, Input, Mode, Model, ModelSpec, RecurrentSettings,
};

const REPETITIONS: usize = 150;

fn main() {
    let threads = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(1);
    tch::set_num_threads(threads);
    let plain = |hidden, layers| RecurrentSettings { hidden, layers, ..Default::default() };
    let cases = [
        ("lstm 64x60x16 hidden 64", ModelSpec::Lstm(plain(64, 1)), Layout::Series, [60, 16], 64),
        (
            "lstm 64x60x16 hidden 64, 2 layers",
            ModelSpec::Lstm(plain(64, 2)),
            Layout::Series,
            [60, 16],
            64,
        ),
        ("gru 64x60x16 hidden 64", ModelSpec::Gru(plain(64, 1)), Layout::Series, [60, 16], 64),
        (
            "cnn1d 64x16x256 causal",
            ModelSpec::Cnn1d(Cnn1d::default()),
            Layout::Waveform,
            [16, 256],
            64,
        ),
        (
            "cnn1d 64x16x256 same",
            ModelSpec::Cnn1d(Cnn1d { causal: false, ..Cnn1d::default() }),
            Layout::Waveform,
            [16, 256],
            64,
        ),
        (
            "cnn1d_strided 32x1x1680",
            ModelSpec::Cnn1dStrided(Cnn1dStrided { dropout: 0.0, ..Default::default() }),
            Layout::Waveform,
            [1, 1680],
            32,
        ),
        (
            "lstm on log spectrogram 32x1x1680",
            ModelSpec::Lstm(RecurrentSettings { dropout: 0.0, ..RecurrentSettings::spectrogram() }),
            Layout::Waveform,
            [1, 1680],
            32,
        ),
    ];
    for (name, spec, layout, values, count) in cases {
        let example = ExampleSpec {
            layout,
            values: values.to_vec(),
            features: 0,
            lengths: false,
            target: Target::Levels { horizons: 4 },
        };
        let model = spec.build(&example, 4, 1, Device::Cpu).expect("the cases fit");
        time(name, &model, [count, values[0] as i64, values[1] as i64]);
    }
}

fn time(name: &str, model: &Model, shape: [i64; 3]) {
    let x = Tensor::randn(shape, tch::kind::FLOAT_CPU);
    let y = Tensor::randn([shape[0], 4], tch::kind::FLOAT_CPU);
    let source = DropoutSource::new(1);
    let variables = model.parameters.trainable_variables();
    let input = || Input { values: &x, features: None, lengths: None };
    let train = measured(|| {
        for variable in &variables {
            if variable.grad().defined() {
                let _ = variable.grad().zero_();
            }
        }
        let output = model.network.forward(&input(), Mode::Train(&source));
        (output - &y).square().mean(Kind::Float).backward();
    });
    let _guard = tch::no_grad_guard();
    let evaluate = measured(|| {
        let _ = model.network.forward(&input(), Mode::Evaluate);
    });
    println!(
        "{name:36} train {:7.3} {:7.3}   evaluate {:7.3} {:7.3}",
        train.0, train.1, evaluate.0, evaluate.1
    );
}

/// Smallest and median time in milliseconds.
fn measured(mut work: impl FnMut()) -> (f64, f64) {
    for _ in 0..10 {
        work();
    }
    let mut times: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[REPETITIONS / 2])
}
