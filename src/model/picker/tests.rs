//! Shapes, sizes and what no comparison with weights tells apart.

use tch::{Device, Kind, Tensor};

use super::super::{DropoutSource, Input, Mode, Model, ModelSpec};
use super::{EqTransformer, Gates, Gpd, PhaseNet, PhaseNetLight, PhaseNetVariable};
use crate::data::{ExampleSpec, Layout, Target};

fn every_sample(samples: usize) -> ExampleSpec {
    ExampleSpec {
        layout: Layout::Waveform,
        values: vec![3, samples],
        features: 0,
        lengths: false,
        target: Target::Samples { labels: 3, samples },
    }
}

fn once() -> ExampleSpec {
    ExampleSpec { target: Target::Class { count: 3 }, ..every_sample(400) }
}

fn build(spec: &ModelSpec, example: &ExampleSpec) -> Model {
    spec.build(example, 3, 5, Device::Cpu).unwrap()
}

fn run(model: &Model, samples: i64, mode: Mode<'_>) -> Tensor {
    let ramp = Tensor::arange(2 * 3 * samples, (Kind::Float, Device::Cpu));
    let values = (ramp * 0.37).sin().view([2, 3, samples]);
    let input = Input { values: &values, features: None, lengths: None };
    model.network.forward(&input, mode)
}

fn eqtransformer(gates: Gates) -> ModelSpec {
    ModelSpec::EqTransformer(EqTransformer { gates, ..EqTransformer::default() })
}

#[test]
fn networks_have_their_published_sizes_and_answer_at_every_sample() {
    for (spec, samples, parameters) in [
        (ModelSpec::PhaseNet(PhaseNet::default()), 3001, 268_443),
        (ModelSpec::PhaseNet(PhaseNet { filter_factor: 2 }), 3001, 1_070_899),
        (ModelSpec::PhaseNetLight(PhaseNetLight {}), 3001, 23_305),
        (ModelSpec::PhaseNetVariable(PhaseNetVariable {}), 600, 268_443),
        (ModelSpec::PhaseNetVariable(PhaseNetVariable {}), 1, 268_443),
        (ModelSpec::PhaseNetVariable(PhaseNetVariable {}), 1027, 268_443),
        (eqtransformer(Gates::Plain), 6000, 376_935),
        (eqtransformer(Gates::Plain), 3001, 376_935),
        (eqtransformer(Gates::NonConservative), 6000, 376_935),
        (eqtransformer(Gates::Conservative), 6000, 376_935),
    ] {
        let model = build(&spec, &every_sample(samples));
        assert_eq!(model.parameter_count(), parameters, "{}", spec.kind());
        let output = run(&model, samples as i64, Mode::Evaluate);
        assert_eq!(output.size(), [2, 3, samples as i64], "{}", spec.kind());
    }
    let gpd = build(&ModelSpec::Gpd(Gpd::default()), &once());
    assert_eq!(gpd.parameter_count(), 1_741_003);
    assert_eq!(run(&gpd, 400, Mode::Evaluate).size(), [2, 3]);
}

#[test]
fn every_network_passes_gradients_back_to_all_its_parameters() {
    for (spec, samples) in [
        (ModelSpec::PhaseNet(PhaseNet::default()), 3001),
        (ModelSpec::PhaseNetLight(PhaseNetLight {}), 3001),
        (ModelSpec::PhaseNetVariable(PhaseNetVariable {}), 600),
        (eqtransformer(Gates::Plain), 512),
        (eqtransformer(Gates::Conservative), 6000),
    ] {
        let model = build(&spec, &every_sample(samples));
        let dropout = DropoutSource::new(3);
        let output = run(&model, samples as i64, Mode::Train(&dropout));
        output.square().sum(Kind::Float).backward();
        for (name, tensor) in model.named_tensors().iter().filter(|(_, t)| t.requires_grad()) {
            let gradient = tensor.grad();
            assert!(gradient.defined(), "{}: {name}", spec.kind());
            assert!(gradient.sum(Kind::Double).double_value(&[]).is_finite(), "{name}");
        }
    }
}

#[test]
fn targets_and_windows_that_do_not_fit_are_refused() {
    let refuse = |spec: ModelSpec, example: &ExampleSpec| {
        spec.build(example, 3, 0, Device::Cpu).err().unwrap().to_string()
    };
    let phasenet = || ModelSpec::PhaseNet(PhaseNet::default());
    assert!(refuse(phasenet(), &every_sample(3000)).contains("3001 samples"));
    assert!(refuse(phasenet(), &once()).contains("every sample"));
    assert!(refuse(ModelSpec::Gpd(Gpd::default()), &every_sample(400)).contains("once a window"));
    assert!(refuse(eqtransformer(Gates::Conservative), &every_sample(3001)).contains("6000"));
    let series = ExampleSpec { layout: Layout::Image, values: vec![3, 3, 3], ..every_sample(3) };
    assert!(refuse(phasenet(), &series).contains("sequences"));
}

#[test]
fn dropout_works_in_training_and_sampling_and_leaves_statistics_alone_in_the_latter() {
    let model = build(&eqtransformer(Gates::Plain), &every_sample(600));
    let before = model.named_numbers().unwrap();
    let (one, two) = (DropoutSource::new(1), DropoutSource::new(2));
    let first = run(&model, 600, Mode::Sample(&one));
    let again = run(&model, 600, Mode::Sample(&DropoutSource::new(1)));
    assert_eq!(first, again);
    assert_ne!(first, run(&model, 600, Mode::Sample(&two)));
    assert_eq!(model.named_numbers().unwrap(), before);
    let _ = run(&model, 600, Mode::Train(&one));
    assert_ne!(model.named_numbers().unwrap(), before);
}
