//! Time of a training step, everything included, beside the same networks in PyTorch.
//!
//! ```text
//! TEMBLOR_PYTHON=/path/to/python cargo bench --bench training_step
//! ```
//!
//! `TEMBLOR_PYTHON` names a Python with torch; without it our own times stand alone. Rounds of
//! both take turns, so that a busy machine slows both. Ours is the whole of `Trainer::fit` from
//! one batch to the next: loading, readings and history included.

use std::collections::BTreeMap;
use std::time::Instant;

use temblor::Result;
use temblor::data::{ArrayDataset, Dataset};
use temblor::model::{Cnn1d, LevelLoss, LevelTask, ModelSpec, RecurrentSettings};
use temblor::train::{BatchRecord, Observer, TrainSettings, Trainer};

const STEPS: usize = 150;
const ROUNDS: usize = 5;

struct Clock {
    last: Instant,
    seconds: Vec<f64>,
}

impl Observer for Clock {
    fn after_batch(&mut self, _: &BatchRecord) {
        self.seconds.push(self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }
}

fn ours(spec: &ModelSpec, data: &ArrayDataset) -> Result<Vec<f64>> {
    let task = LevelTask { horizons: 1, loss: LevelLoss::Squared };
    let mut model = spec.build(&data.spec(), 1, 0, tch::Device::Cpu)?;
    let settings = TrainSettings {
        epochs: 1,
        batch_size: 64,
        steps_per_epoch: Some(STEPS),
        weight_decay: 0.01,
        clip_norm: Some(1.0),
        ..TrainSettings::default()
    };
    let mut clock = Clock { last: Instant::now(), seconds: Vec::new() };
    let trainer = Trainer::new(&settings).titled(None).observed_by(&mut clock);
    trainer.fit(&mut model, &task, data, None)?;
    Ok(clock.seconds)
}

/// Seconds of every step by network; empty without a Python that has torch.
fn pytorch() -> BTreeMap<String, Vec<f64>> {
    let Some(python) = std::env::var_os("TEMBLOR_PYTHON") else { return BTreeMap::new() };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/training_step.py");
    let output = std::process::Command::new(python).args([script, &STEPS.to_string()]).output();
    let Ok(output) = output else { return BTreeMap::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let (name, numbers) = line.split_once(' ')?;
        Some((name.to_string(), numbers.split(' ').filter_map(|n| n.parse().ok()).collect()))
    };
    text.lines().filter_map(line).collect()
}

/// Median and smallest in milliseconds.
fn summary(seconds: &mut [f64]) -> (f64, f64) {
    seconds.sort_by(f64::total_cmp);
    (1e3 * seconds[seconds.len() / 2], 1e3 * seconds[0])
}

fn main() -> Result<()> {
    tch::set_num_threads(1);
    // 1024 windows of 60 steps of 16 channels.
    let values: Vec<f32> = (0..1024 * 960).map(|i| (i as f32 * 0.618).fract()).collect();
    let targets = values.iter().step_by(960).copied().collect();
    let data = ArrayDataset::new(values, [60, 16], targets, 1)?;
    let specs = [
        ("lstm", ModelSpec::Lstm(RecurrentSettings::default())),
        ("cnn1d", ModelSpec::Cnn1d(Cnn1d::default())),
    ];
    let mut times: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut theirs = pytorch();
        for (name, spec) in &specs {
            let entry = times.entry(name).or_default();
            entry.0.extend(ours(spec, &data)?.split_off(20));
            entry.1.extend(theirs.remove(*name).map(|mut s| s.split_off(20)).unwrap_or_default());
        }
    }
    println!("network  temblor median/min ms  PyTorch median/min ms  ratio median/min");
    for (name, (mut ours, mut theirs)) in times {
        let (median, least) = summary(&mut ours);
        if theirs.is_empty() {
            println!("{name:8} {median:.3}/{least:.3}  no torch: set TEMBLOR_PYTHON");
            continue;
        }
        let (their_median, their_least) = summary(&mut theirs);
        println!(
            "{name:8} {median:.3}/{least:.3}  {their_median:.3}/{their_least:.3}  {:.3}/{:.3}",
            median / their_median,
            least / their_least
        );
    }
    Ok(())
}
