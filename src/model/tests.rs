//! What must hold for every network, and for every head.

use rand::{Rng as _, SeedableRng};
use tch::{Device, Kind, Tensor};

use super::layers::{
    BatchNorm, Builder, Cell, Initialisation, LogSpectrogram, Readout, Recurrent, RecurrentShape,
    Registry, SpectrogramSettings,
};
use super::*;
use crate::data::{Batch, ExampleSpec, Layout, Rng, Target};

fn example(layout: Layout, values: &[usize], features: usize, classes: usize) -> ExampleSpec {
    let target = Target::Class { count: classes };
    ExampleSpec { layout, values: values.to_vec(), features, lengths: false, target }
}

fn draw(shape: &[i64], seed: u64) -> Tensor {
    let mut rng = Rng::seed_from_u64(seed);
    let count = shape.iter().product::<i64>() as usize;
    let values: Vec<f32> =
        (0..count).map(|_| (rng.next_u32() as f32 / u32::MAX as f32 - 0.5) * 4.0).collect();
    Tensor::from_slice(&values).view(shape)
}

fn all_kinds() -> Vec<(ModelSpec, ExampleSpec)> {
    let (series, wave) = (Layout::Series, Layout::Waveform);
    let mut kinds: Vec<(ModelSpec, ExampleSpec)> = KINDS
        .iter()
        .filter(|entry| entry.reads.contains(&series))
        .map(|e| (ModelSpec::of_kind(e.kind).unwrap(), example(series, &[64, 3], 2, 4)))
        .collect();
    kinds.push((ModelSpec::of_kind("cnn2d").unwrap(), example(Layout::Image, &[3, 48, 48], 0, 4)));
    let spectrogram = example(wave, &[2, 400], 0, 4);
    kinds.push((ModelSpec::Lstm(RecurrentSettings::spectrogram()), spectrogram.clone()));
    kinds.push((ModelSpec::Cnn2d(Cnn2d::spectrogram()), spectrogram.clone()));
    let height_channel = Cnn2d { height_channel: true, ..Cnn2d::spectrogram() };
    kinds.push((ModelSpec::Cnn2d(height_channel), spectrogram));
    kinds
}

fn run(model: &Model, example: &ExampleSpec, count: i64, mode: Mode<'_>) -> Tensor {
    let mut shape = vec![count];
    shape.extend(example.values.iter().map(|&n| n as i64));
    let features = (example.features > 0).then(|| draw(&[count, example.features as i64], 8));
    let x = draw(&shape, 7);
    let input = Input { values: &x, features: features.as_ref(), lengths: None };
    model.network.forward(&input, mode)
}

#[test]
fn every_kind_puts_out_what_was_asked_for_and_follows_its_seed_alone() {
    for (spec, example) in all_kinds() {
        let build = |seed| spec.build(&example, 4, seed, Device::Cpu).unwrap();
        tch::manual_seed(1);
        let (model, rows) = spec.build_with_summary(&example, 4, 3, Device::Cpu).unwrap();
        let first = run(&model, &example, 5, Mode::Train(&DropoutSource::new(9)));
        assert_eq!(first.size(), [5, 4], "{}", spec.kind());
        assert!(first.isfinite().all().int64_value(&[]) == 1);
        assert_eq!(rows.iter().map(|r| r.parameters).sum::<usize>(), model.parameter_count());
        tch::manual_seed(2);
        let again = run(&build(3), &example, 5, Mode::Train(&DropoutSource::new(9)));
        assert_eq!(first, again, "{}", spec.kind());
        // The linear ones start at zero whatever the seed.
        if !["nlinear", "dlinear"].contains(&spec.kind()) {
            let other = run(&build(4), &example, 5, Mode::Train(&DropoutSource::new(9)));
            assert_ne!(first, other, "{}", spec.kind());
        }
        // One example alone must neither fail nor give NaN, even in training.
        let alone = run(&build(3), &example, 1, Mode::Train(&DropoutSource::new(9)));
        assert!(alone.isfinite().all().int64_value(&[]) == 1, "{}", spec.kind());
    }
}

#[test]
fn recipes_have_their_published_sizes() {
    let window = example(Layout::Waveform, &[1, 1680], 0, 4);
    let gru = RecurrentSettings::spectrogram();
    for (spec, example, count) in [
        (ModelSpec::Lstm(RecurrentSettings::spectrogram()), &window, 28_561),
        (ModelSpec::Gru(gru), &window, 21_649),
        (ModelSpec::Cnn1dStrided(Cnn1dStrided::default()), &window, 36_916),
        (ModelSpec::CnnLstm(CnnLstm::default()), &window, 52_565),
        (ModelSpec::Cnn2d(Cnn2d::spectrogram()), &window, 23_968),
        (ModelSpec::Cnn2d(Cnn2d { height_channel: true, ..Cnn2d::spectrogram() }), &window, 24_112),
        (ModelSpec::Cnn2d(Cnn2d::default()), &example(Layout::Image, &[3, 48, 48], 0, 4), 79_572),
    ] {
        let model = spec.build(example, 4, 0, Device::Cpu).unwrap();
        assert_eq!(model.parameter_count(), count, "{}", spec.kind());
    }
}

#[test]
fn settings_survive_writing_and_unknown_ones_are_refused() {
    for (spec, _) in all_kinds() {
        let text = toml::to_string(&spec).unwrap();
        assert_eq!(toml::from_str::<ModelSpec>(&text).unwrap(), spec);
        assert!(toml::from_str::<ModelSpec>(&format!("colour = 3\n{text}")).is_err());
    }
    assert_eq!(KINDS.len(), 15, "a new kind needs a line in KINDS and in of_kind");
}

#[test]
fn what_does_not_fit_is_refused_naming_both_shapes() {
    let refuse = |spec: ModelSpec, example: &ExampleSpec, outputs: usize| {
        spec.build(example, outputs, 0, Device::Cpu).err().unwrap().to_string()
    };
    let lstm = || ModelSpec::of_kind("lstm").unwrap();
    let image = example(Layout::Image, &[3, 8, 8], 0, 4);
    assert!(refuse(lstm(), &image, 4).contains("(N, 3, 8, 8)"));
    let series = example(Layout::Series, &[60, 3], 0, 4);
    let outputs = refuse(lstm(), &series, 5);
    assert!(outputs.contains("(N, 5)") && outputs.contains("4 classes along axis 1"), "{outputs}");
    assert!(refuse(ModelSpec::of_kind("cnn2d").unwrap(), &image, 4).contains("leaves nothing"));
    assert!(refuse(ModelSpec::Lstm(RecurrentSettings::spectrogram()), &series, 4).contains("wave"));
    let short = example(Layout::Waveform, &[1, 20], 0, 4);
    assert!(refuse(ModelSpec::Lstm(RecurrentSettings::spectrogram()), &short, 4).contains("32"));
    let mut bad = RecurrentSettings { dropout: 1.0, ..Default::default() };
    assert!(refuse(ModelSpec::Gru(bad.clone()), &series, 4).contains("dropout"));
    (bad.dropout, bad.hidden) = (0.0, 0);
    assert!(refuse(ModelSpec::Gru(bad), &series, 4).contains("hidden"));
    let axes = ExampleSpec { values: vec![4], ..series };
    assert!(refuse(lstm(), &axes, 4).contains("(N, 4), expected (time, channel)"));
}

#[test]
fn causal_blocks_do_not_see_what_comes_later_bit_for_bit() {
    for (causal, kernel) in [(true, 3), (true, 2), (true, 5), (false, 3)] {
        let settings = Cnn1d { causal, kernel, width: 8, ..Cnn1d::default() };
        let spec = ModelSpec::Cnn1d(settings);
        let whole = example(Layout::Waveform, &[2, 70], 0, 4);
        let model = spec.build(&whole, 4, 1, Device::Cpu).unwrap();
        let x = draw(&[3, 2, 70], 1);
        let lengths = Tensor::from_slice(&[40i64, 40, 40]);
        let read = |x: &Tensor| {
            let input = Input { values: x, features: None, lengths: Some(&lengths) };
            model.network.forward(&input, Mode::Evaluate)
        };
        let before = read(&x);
        let changed = x.copy();
        changed.narrow(2, 40, 30).copy_(&draw(&[3, 2, 30], 2));
        assert_eq!(read(&changed) == before, causal, "kernel {kernel}");
    }
}

#[test]
fn padding_beyond_the_length_changes_nothing() {
    let readouts = [
        Readout::Last,
        Readout::Mean,
        Readout::Max,
        Readout::MeanMax,
        Readout::LastMeanMax,
        Readout::Attention,
        Readout::AttentionMax,
    ];
    let shape = example(Layout::Series, &[12, 2], 0, 4);
    for readout in readouts {
        let settings = RecurrentSettings {
            hidden: 6,
            bidirectional: true,
            layers: 2,
            readout,
            ..Default::default()
        };
        for spec in [
            ModelSpec::Lstm(settings.clone()),
            ModelSpec::Gru(settings.clone()),
            ModelSpec::Rnn(settings),
        ] {
            let model = spec.build(&shape, 4, 1, Device::Cpu).unwrap();
            let x = draw(&[3, 12, 2], 3);
            let lengths = Tensor::from_slice(&[5i64, 12, 1]);
            let input = Input { values: &x, features: None, lengths: Some(&lengths) };
            let together = model.network.forward(&input, Mode::Evaluate);
            for (row, &length) in [5i64, 12, 1].iter().enumerate() {
                let alone = x.narrow(0, row as i64, 1).narrow(1, 0, length);
                let input = Input { values: &alone, features: None, lengths: None };
                let alone = model.network.forward(&input, Mode::Evaluate);
                let difference = (alone - together.narrow(0, row as i64, 1)).abs().max();
                assert!(difference.double_value(&[]) < 1e-6, "{readout:?} row {row}");
            }
        }
    }
}

#[test]
fn dropout_between_recurrent_layers_acts_in_training_alone() {
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let shape = RecurrentShape { inputs: 2, hidden: 16, layers: 3, bidirectional: true };
    let stack = Recurrent::new(&Builder::new(&parameters, &registry), Cell::Gru, shape, 0.5, 9);
    let x = draw(&[4, 9, 2], 5);
    let states =
        |mode: Mode<'_>, lengths: Option<&Tensor>| stack.forward(&x, lengths, None, mode).states;
    let lengths = Tensor::from_slice(&[9i64, 3, 4, 9]);
    for lengths in [None, Some(&lengths)] {
        let calm = states(Mode::Evaluate, lengths);
        assert_eq!(calm, states(Mode::Evaluate, lengths));
        let (a, b, c) = (DropoutSource::new(1), DropoutSource::new(1), DropoutSource::new(2));
        let dropped = states(Mode::Train(&a), lengths);
        assert_ne!(dropped, calm);
        assert_eq!(dropped, states(Mode::Train(&b), lengths));
        assert_ne!(dropped, states(Mode::Train(&c), lengths));
        assert_eq!(dropped.size(), calm.size());
    }
    // Layer by layer without dropout is what one call over all layers gives.
    let still =
        Recurrent::new(&Builder::new(&parameters, &registry).at("b"), Cell::Gru, shape, 1e-12, 9);
    let one = still.forward(&x, None, None, Mode::Evaluate);
    let each = still.forward(&x, None, None, Mode::Train(&DropoutSource::new(1)));
    assert!((one.states - each.states).abs().max().double_value(&[]) < 1e-6);
    assert!((one.hidden - each.hidden).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn initial_values_have_pytorch_bounds() {
    let spec = ModelSpec::Lstm(RecurrentSettings { head_hidden: 50, ..Default::default() });
    let model = spec.build(&example(Layout::Series, &[9, 5], 3, 4), 4, 2, Device::Cpu).unwrap();
    for (name, tensor) in model.named_tensors() {
        let fan_in: f64 = match name.as_str() {
            "head.weight" | "head.bias" => 50.0,
            "head_hidden.weight" | "head_hidden.bias" => 67.0,
            _ => 64.0,
        };
        let bound = fan_in.sqrt().recip();
        let largest = tensor.abs().max().double_value(&[]);
        assert!(largest <= bound * 1.000_001 && largest > 0.5 * bound, "{name}: {largest} {bound}");
        if tensor.numel() > 1000 {
            let spread = tensor.std(true).double_value(&[]) * 3f64.sqrt();
            assert!((spread / bound - 1.0).abs() < 0.05, "{name}");
        }
    }
}

#[test]
fn one_number_a_channel_leaves_running_statistics_alone() {
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let norm = BatchNorm::new(&Builder::new(&parameters, &registry), 3, &[3]);
    let source = DropoutSource::new(0);
    let x = draw(&[1, 3], 1);
    let y = norm.forward(&x, Mode::Train(&source));
    assert!((y - x).abs().max().double_value(&[]) < 1e-4);
    let variance = parameters.variables()["running_var"].shallow_clone();
    assert_eq!(variance, Tensor::ones([3], tch::kind::FLOAT_CPU));
}

/// Power of the frame centred at `centre` in bin `bin`, by the definition, in f64.
fn power_by_definition(x: &[f64], window: usize, centre: usize, bin: usize) -> f64 {
    let last = x.len() as i64 - 1;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for n in 0..window {
        let at = (centre + n) as i64 - window as i64 / 2;
        let at = if at < 0 {
            -at
        } else if at > last {
            2 * last - at
        } else {
            at
        };
        let turn = std::f64::consts::TAU * n as f64 / window as f64;
        let value = x[at as usize] * (0.5 - 0.5 * turn.cos());
        real += value * (turn * bin as f64).cos();
        imaginary += value * (turn * bin as f64).sin();
    }
    (real * real + imaginary * imaginary) / window as f64
}

#[test]
fn spectrogram_follows_its_definition() {
    let settings = [
        (SpectrogramSettings::default(), 2, 22, 85),
        (Cnn2d::spectrogram().front_end.unwrap(), 3, 22, 43),
    ];
    for (settings, first, bands, frames) in settings {
        let parameters = tch::nn::VarStore::new(Device::Cpu);
        let registry = Registry::new(0, Initialisation::PyTorch);
        let builder = Builder::new(&parameters, &registry);
        let front_end = LogSpectrogram::new(&builder, &settings, 1, 1680).unwrap();
        assert_eq!((front_end.bands(), front_end.frames()), (bands, frames));
        let x = draw(&[1, 1, 1680], 4);
        let samples: Vec<f64> = Vec::try_from(x.view([-1]).to_kind(Kind::Double)).unwrap();
        let power = front_end.power(&x);
        for frame in [0, 1, 20, frames - 1] {
            for band in 0..bands {
                let expected = (0..settings.group)
                    .map(|k| {
                        let bin = first + band as usize * settings.group + k;
                        let centre = frame as usize * settings.hop;
                        power_by_definition(&samples, settings.window, centre, bin)
                    })
                    .sum::<f64>()
                    / settings.group as f64;
                let ours = power.double_value(&[0, 0, frame, band]);
                assert!((ours - expected).abs() <= 1e-4 * expected.max(0.1), "{frame} {band}");
            }
        }
    }
}

#[test]
fn masks_hide_one_span_of_bands_and_one_of_frames_in_training() {
    let parameters = tch::nn::VarStore::new(Device::Cpu);
    let registry = Registry::new(0, Initialisation::PyTorch);
    let builder = Builder::new(&parameters, &registry);
    let settings = SpectrogramSettings::default();
    let front_end = LogSpectrogram::new(&builder, &settings, 1, 1680).unwrap();
    let x = draw(&[200, 1, 1680], 4);
    let hidden = front_end.forward(&x, Mode::Train(&DropoutSource::new(3))).eq(0.0);
    let frames_hidden = hidden.all_dim(2, false).sum_dim_intlist(1, false, Kind::Int64);
    let bands_hidden = hidden.all_dim(1, false).sum_dim_intlist(1, false, Kind::Int64);
    // 85 frames: widths 0 to 9; 22 bands: widths 0 to 2.
    assert_eq!(frames_hidden.max().int64_value(&[]), 9);
    assert_eq!(bands_hidden.max().int64_value(&[]), 2);
    assert_eq!(frames_hidden.min().int64_value(&[]), 0);
    let calm = front_end.forward(&x, Mode::Evaluate);
    assert_eq!(calm.eq(0.0).sum(Kind::Int64).int64_value(&[]), 0);
}

#[test]
fn quantiles_never_cross() {
    let mut rng = Rng::seed_from_u64(1);
    let values: Vec<f64> = (0..10_000 * 7)
        .map(|_| {
            let scale = [0.1, 1.0, 10.0, 30.0][(rng.next_u32() % 4) as usize];
            (f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5) * 2.0 * scale
        })
        .collect();
    let raw = Tensor::from_slice(&values).view([10_000, 7]);
    for median in [0, 3, 6] {
        for (kind, strict) in [(Kind::Double, true), (Kind::Float, false)] {
            let q = quantiles(&raw.to_kind(kind), median, None, -1.5);
            let least = q.diff::<Tensor>(1, -1, None, None).min().double_value(&[]);
            assert!(if strict { least > 0.0 } else { least >= 0.0 }, "{kind:?} {median}: {least}");
        }
    }
}

fn batch(target: &Tensor, observed: &Tensor) -> Batch {
    let count = target.size()[0];
    Batch {
        values: target.zeros_like(),
        features: None,
        lengths: None,
        target: target.shallow_clone(),
        observed: observed.shallow_clone(),
        weight: Tensor::ones([count], tch::kind::FLOAT_CPU),
        examples: (0..count as usize).collect(),
    }
}

#[test]
fn unobserved_targets_touch_neither_loss_nor_gradient() {
    let tasks: Vec<TaskSpec> = vec![
        TaskSpec::Quantiles(QuantileTask::new(vec![0.05, 0.5, 0.95], 2).unwrap()),
        TaskSpec::Levels(LevelTask { horizons: 2, loss: LevelLoss::Huber { delta: 1.0 } }),
        TaskSpec::Events(EventTask { horizons: 2, positive_weight: Some(2.0), nested: true }),
    ];
    let observed = Tensor::from_slice(&[1f32, 0.0, 1.0, 1.0]).view([2, 2]);
    for spec in tasks {
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<TaskSpec>(&json).unwrap(), spec);
        let task = spec.task();
        let measure = |unobserved: f32| {
            let target = Tensor::from_slice(&[1f32, unobserved, 0.0, 1.0]).view([2, 2]);
            let output = draw(&[2, task.outputs() as i64], 3).set_requires_grad(true);
            let loss = task.loss(&output, &batch(&target, &observed));
            assert_eq!(loss.weight.double_value(&[]), 3.0);
            loss.sum.backward();
            let readings = task.readings(&output, &batch(&target, &observed));
            assert!(readings.iter().all(|r| r.sum.is_finite() && r.weight == 3.0));
            (loss.sum.double_value(&[]), output.grad())
        };
        let (loss, gradient) = measure(f32::NAN);
        assert!(loss.is_finite() && gradient.isfinite().all().int64_value(&[]) == 1);
        assert_eq!((loss, gradient), measure(0.7));
    }
}

#[test]
fn nested_events_have_rising_probabilities() {
    let task = EventTask { horizons: 4, positive_weight: None, nested: true };
    let rises = task.decode(&draw(&[1000, 4], 2)).diff::<Tensor>(1, 1, None, None);
    assert!(rises.min().double_value(&[]) >= 0.0);
}

#[test]
fn class_weights_smoothing_and_normalisation_are_as_stated() {
    let logits = Tensor::from_slice(&[2f32, 0.0, 0.0, 1.0]).view([2, 2]);
    let target = Tensor::from_slice(&[0i64, 0]);
    let ones = Tensor::ones([2, 1], tch::kind::FLOAT_CPU);
    let class_weights = Some(vec![3.0, 0.5]);
    let task = ClassTask {
        class_weights,
        label_smoothing: 0.1,
        smoothing_weights: losses::SmoothingWeights::OfTheTarget,
        ..ClassTask::new(2)
    };
    let by_weight = task.loss(&logits, &batch(&target, &ones));
    assert_eq!(by_weight.weight.double_value(&[]), 6.0);
    let by_count =
        ClassTask { normalise: Normalise::ByCount, ..task }.loss(&logits, &batch(&target, &ones));
    assert_eq!(by_count.weight.double_value(&[]), 2.0);
    // ln(1 + e^-2) and ln(1 + e): the loss of the right class; the other lies 2 above, 1 below.
    let (a, b) = ((-2f64).exp().ln_1p(), 1f64.exp().ln_1p());
    let row = |right: f64, wrong: f64| 3.0 * (0.95 * right + 0.05 * wrong);
    let expected = row(a, a + 2.0) + row(b, b - 1.0);
    assert!((by_weight.sum.double_value(&[]) - expected).abs() < 1e-5);
    assert!((by_count.sum.double_value(&[]) - expected).abs() < 1e-5);
}

#[test]
fn weights_come_back_and_other_networks_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let shape = example(Layout::Waveform, &[1, 400], 0, 4);
    let spec = ModelSpec::Cnn1dStrided(Cnn1dStrided::default());
    let first = spec.build(&shape, 4, 1, Device::Cpu).unwrap();
    let _ = run(&first, &shape, 4, Mode::Train(&DropoutSource::new(1)));
    first.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    first.save(&path).unwrap();
    assert_eq!(bytes, std::fs::read(&path).unwrap());

    let mut second = spec.build(&shape, 4, 2, Device::Cpu).unwrap();
    second.load(&path).unwrap();
    let (a, b) = (run(&first, &shape, 3, Mode::Evaluate), run(&second, &shape, 3, Mode::Evaluate));
    assert_eq!(a, b);

    let mut other =
        ModelSpec::CnnLstm(CnnLstm::default()).build(&shape, 4, 2, Device::Cpu).unwrap();
    let before = other.named_tensors()["convs.0.weight"].copy();
    let error = other.load(&path).unwrap_err().to_string();
    assert!(error.contains("missing [attention.bias, attention.weight, rnn."), "{error}");
    assert_eq!(other.named_tensors()["convs.0.weight"], before);
    let mut wider =
        spec.build(&ExampleSpec { values: vec![3, 400], ..shape }, 4, 2, Device::Cpu).unwrap();
    assert!(wider.load(&path).unwrap_err().to_string().contains("convs.0.weight"));
    std::fs::write(&path, b"not weights").unwrap();
    assert!(second.load(&path).is_err());
}

#[test]
fn a_zero_output_layer_starts_at_nothing() {
    let settings = RecurrentSettings { zero_output: true, head_hidden: 8, ..Default::default() };
    let shape = example(Layout::Series, &[9, 2], 3, 4);
    let model = ModelSpec::Gru(settings).build(&shape, 4, 1, Device::Cpu).unwrap();
    let output = run(&model, &shape, 3, Mode::Evaluate);
    assert_eq!(output.abs().max().double_value(&[]), 0.0);
}

#[test]
fn tasks_without_a_loss_are_refused() {
    let levels = |levels: &[f64]| QuantileTask::new(levels.to_vec(), 1).is_err();
    assert!(levels(&[0.1, 0.9]) && levels(&[0.5, 0.4]) && levels(&[0.0, 0.5]) && levels(&[]));
    assert!(!levels(&[0.5]));
    let classes = |change: fn(&mut ClassTask)| {
        let mut task = ClassTask::new(3);
        change(&mut task);
        TaskSpec::Classes(task).check().is_err()
    };
    assert!(!classes(|_| ()));
    assert!(classes(|t| t.class_weights = Some(vec![1.0; 2])));
    assert!(classes(|t| t.class_weights = Some(vec![1.0, f64::NAN, 1.0])));
    assert!(classes(|t| t.label_smoothing = 1.0));
    assert!(classes(|t| t.focal_gamma = Some(-1.0)));
    let events = EventTask { horizons: 0, positive_weight: None, nested: false };
    assert!(TaskSpec::Events(events).check().is_err());
}
