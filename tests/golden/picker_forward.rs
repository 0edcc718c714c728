//! Pickers window by window beside SeisBench 0.12.6: preparation, output, layers on the way.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use temblor::detect::{AmplitudeRule, Picker, PickerClass, PickerSettings};
use temblor::read::array::{Array, array_names, read_array};
use temblor::read::read_state_dict;

use super::shared;

/// Greatest differences of a network.
struct Differences {
    preparation: f64,
    output: f64,
    stage: (String, f64),
}

fn tensor(array: &Array) -> Tensor {
    let shape: Vec<i64> = array.shape.iter().map(|&n| n as i64).collect();
    Tensor::from_slice(&array.values).view(&shape[..])
}

fn difference(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    (ours - theirs).abs().max().double_value(&[])
}

/// Raw windows in the picker's order of components.
fn windows(golden: &Path, picker: &Picker, first: i64, count: i64) -> Tensor {
    let raw = tensor(&read_array(&golden.join("windows.npz"), Some("zne")).unwrap());
    let samples = picker.settings().in_samples as i64;
    let order: Vec<i64> = picker
        .settings()
        .components
        .chars()
        .map(|letter| "ZNE".find(letter).unwrap() as i64)
        .collect();
    let raw = raw.narrow(0, 0, count).index_select(1, &Tensor::from_slice(&order));
    raw.narrow(2, first, samples).contiguous()
}

/// SeisBench's name of a stage as the network calls the layer.
fn layer(stage: &str) -> String {
    match stage {
        "down2" => "down_branch.2.1".into(),
        "down4" => "down_branch.4.1".into(),
        "up0" => "up_branch.0.3".into(),
        "up1" => "up_branch.1.3".into(),
        "bilstm0" => "bi_lstm_stack.members.0".into(),
        "attention_d0" => "transformer_d0.attention".into(),
        "pick_lstm0" => "pick_lstms.0".into(),
        "pick_attention0" => "pick_attentions.0".into(),
        other => other.into(),
    }
}

fn compare(golden: &Path, name: &str, picker: &Picker) -> Differences {
    let file = golden.join(format!("{name}.npz"));
    let array = |name: &str| read_array(&file, Some(name)).unwrap();
    let first = array("raw_first_sample").values[0] as i64;
    let (pre, output) = (tensor(&array("pre")), tensor(&array("output")));
    let raw = windows(golden, picker, first, output.size()[0]);
    let prepared = picker.prepare(&raw, AmplitudeRule::Absolute);
    let peak = pre.abs().max().double_value(&[]);
    let (logits, stages) = picker.stages(&prepared);
    let ours = picker.settings().activation.apply(&logits);
    let mut differences = Differences {
        preparation: difference(&prepared, &pre) / peak,
        output: difference(&ours, &output),
        stage: (String::new(), 0.0),
    };
    let raw_output = difference(&logits.get(0), &tensor(&array("logits_window0")));
    assert!(raw_output < 1e-3, "{name}: raw outputs differ by {raw_output}");
    let answered = picker
        .probabilities(
            &Vec::<f32>::try_from(raw.flatten(0, -1)).unwrap(),
            output.size()[0] as usize,
            AmplitudeRule::Absolute,
        )
        .unwrap();
    assert_eq!(answered, Vec::<f32>::try_from(ours.flatten(0, -1)).unwrap());
    for stage in array_names(&file).unwrap() {
        let Some(of) = stage.strip_prefix("stage_") else { continue };
        let theirs = tensor(&array(&stage));
        let found = stages
            .iter()
            .find(|(name, _)| *name == layer(of))
            .unwrap_or_else(|| panic!("{name}: no layer {of}"));
        // Recurrent layers are kept step by step.
        let theirs = if of == "pick_lstm0" { theirs.permute([1, 2, 0]) } else { theirs };
        // In units of the layer's largest number, as sums of such numbers are rounded.
        let apart = difference(&found.1, &theirs) / theirs.abs().max().double_value(&[]).max(1.0);
        if apart >= differences.stage.1 {
            differences.stage = (of.to_string(), apart);
        }
    }
    differences
}

fn weights(path: &str) -> PathBuf {
    shared::path("weights").expect("weights beside the goldens").join(path)
}

fn open(path: &str) -> Picker {
    Picker::open(&weights(path), Device::Cpu).unwrap()
}

/// The tensors of a file in a picker that no file describes.
fn with_tensors(class: PickerClass, arguments: Value, path: &str, renamed: bool) -> Picker {
    let Value::Object(arguments) = arguments else { panic!("an object") };
    let settings = PickerSettings::new(class, &arguments, &Map::new()).unwrap();
    let mut picker = Picker::build(settings, 0, Device::Cpu).unwrap();
    let path = weights(path);
    let mut tensors = read_state_dict(&path).unwrap();
    for tensor in tensors.iter_mut().filter(|t| renamed && t.name.starts_with("pick_lstms")) {
        tensor.name = tensor.name.replace("cell_f.", "") + "_l0";
    }
    picker.model_mut().load_named(&path, tensors).unwrap();
    picker
}

#[test]
fn every_network_answers_as_seisbench() {
    let Some(golden) = shared::path("golden/forward") else { return };
    tch::set_num_threads(1);
    let conservative = json!({"original_compatible": "non-conservative", "component_order": "ENZ",
        "norm": "std", "phases": "PS"});
    let shorter = json!({"in_samples": 3001, "component_order": "ZNE", "phases": "PS",
        "norm": "peak"});
    let eqtransformer = PickerClass::EqTransformer;
    let networks = [
        ("phasenet_volpick", open("phasenet/volpick")),
        ("phasenet_original", open("phasenet/original-converted.json.v1")),
        ("phasenet_ff2", open("phasenet/ff2-random.pt.v1.gz")),
        ("phasenetlight_ethz", open("phasenetlight/ethz.pt.v2")),
        ("vlphasenet_600_softmax", open("variablelengthphasenet/volpick-600-softmax")),
        ("vlphasenet_1000_sigmoid", open("variablelengthphasenet/volpick-1000-sigmoid")),
        ("eqtransformer_volpick", open("eqtransformer/volpick")),
        ("eqtransformer_conservative", open("eqtransformer/conservative-converted")),
        (
            "eqtransformer_nonconservative",
            with_tensors(
                eqtransformer,
                conservative,
                "eqtransformer/conservative-converted.pt.v1",
                true,
            ),
        ),
        (
            "eqtransformer_volpick_3001",
            with_tensors(eqtransformer, shorter, "eqtransformer/volpick.pt.v1", false),
        ),
    ];
    println!("{:32} {:>12} {:>12}  stage", "network", "preparation", "output");
    for (name, picker) in &networks {
        let Differences { preparation, output, stage } = compare(&golden, name, picker);
        println!("{name:32} {preparation:12.2e} {output:12.2e}  {} {:.2e}", stage.0, stage.1);
        // Recurrent networks pass on what other processors' kernels round otherwise: PyTorch
        // itself, given the golden's input, is as far from the golden there.
        let most = if name.starts_with("eqtransformer") { 1e-4 } else { 1e-5 };
        assert!(preparation <= 1e-5 && output <= most, "{name}");
        assert!(stage.1 <= most, "{name}: {}", stage.0);
    }
}

#[test]
fn gpd_answers_as_seisbench() {
    let Some(golden) = shared::path("golden/forward") else { return };
    tch::set_num_threads(1);
    let file = golden.join("gpd_demo.npz");
    let array = |name: &str| read_array(&file, Some(name)).unwrap();
    let published = json!({"phases": "PSN", "original_compatible": true});
    let published = with_tensors(PickerClass::Gpd, published, "gpd/demo.pt.v1", false);
    let picker = open("gpd/demo");
    let all = tensor(&read_array(&golden.join("windows.npz"), Some("zne")).unwrap());
    let cut: Vec<Tensor> = array("window")
        .values
        .iter()
        .zip(&array("first_sample").values)
        .map(|(&window, &first)| all.get(window as i64).narrow(1, first as i64, 400))
        .collect();
    let prepared = picker.prepare(&Tensor::stack(&cut, 0), AmplitudeRule::Absolute);
    let pre = tensor(&array("pre"));
    let preparation =
        difference(&prepared.narrow(0, 0, 6), &pre) / pre.abs().max().double_value(&[]);
    let answer = |picker: &Picker| picker.settings().activation.apply(&picker.stages(&prepared).0);
    let output = difference(&answer(&picker), &tensor(&array("output")));
    let compatible = difference(&answer(&published), &tensor(&array("output_original_compatible")));
    println!("gpd_demo {preparation:.2e} {output:.2e}, original_compatible {compatible:.2e}");
    assert!(preparation <= 1e-5 && output <= 1e-5 && compatible <= 1e-5);
}
