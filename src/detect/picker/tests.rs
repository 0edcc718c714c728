//! Files written and read, amplitudes, refusals.

use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

use super::*;
use crate::read::{read_state_dict, write_state_dict};

fn settings(class: PickerClass, model: Value) -> PickerSettings {
    let Value::Object(model) = model else { panic!("an object") };
    let Value::Object(defaults) = json!({"P_threshold": 0.4, "blinding": [10, 20]}) else {
        panic!("an object")
    };
    PickerSettings::new(class, &model, &defaults).unwrap()
}

fn windows(settings: &PickerSettings, factor: f32) -> Vec<f32> {
    let count = 2 * settings.example().values_len();
    (0..count).map(|i| (i as f32 * 0.61).sin() * (1.0 + (i % 97) as f32) * factor).collect()
}

fn answer(picker: &Picker) -> Vec<f32> {
    let windows = windows(picker.settings(), 1.0);
    picker.probabilities(&windows, 2, AmplitudeRule::Absolute).unwrap()
}

#[test]
fn what_is_saved_or_exported_answers_alike() {
    let place = tempfile::tempdir().unwrap();
    for (class, model) in [
        (PickerClass::PhaseNet, json!({"filter_factor": 2, "phases": "PSN", "norm": "peak"})),
        (PickerClass::PhaseNetLight, json!({"component_order": "ENZ"})),
        (
            PickerClass::VariableLengthPhaseNet,
            json!({"in_samples": 300, "norm_axis": [-1, -2],
            "output_activation": "sigmoid"}),
        ),
        (
            PickerClass::EqTransformer,
            json!({"original_compatible": "conservative",
            "sampling_rate": null}),
        ),
        (PickerClass::Gpd, json!({"phases": "PSN"})),
    ] {
        let picker = Picker::build(settings(class, model), 4, Device::Cpu).unwrap();
        let saved = place.path().join(class.name()).join("ours");
        picker.save(&saved).unwrap();
        let folder = place.path().join(class.name().to_lowercase());
        picker.export(&folder, "demo", "2").unwrap();
        picker.export(&folder, "demo", "10").unwrap();
        let ours = Picker::open(&saved, Device::Cpu).unwrap();
        let pair = Picker::open(&folder.join("demo"), Device::Cpu).unwrap();
        let by_weights = Picker::open(&folder.join("demo.pt.v2"), Device::Cpu).unwrap();
        for opened in [&ours, &pair, &by_weights] {
            assert_eq!(opened.settings(), picker.settings());
            assert_eq!(answer(opened), answer(&picker), "{class}");
        }
        assert_eq!(ours.settings().arguments["blinding"], json!([10, 20]));
    }
}

#[test]
fn a_factor_that_no_file_states_is_that_of_the_tensors() {
    let place = tempfile::tempdir().unwrap();
    let picker =
        Picker::build(settings(PickerClass::PhaseNet, json!({"filter_factor": 2})), 4, Device::Cpu);
    let path = picker.unwrap().export(place.path(), "wide", "1").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut content: Map<String, Value> = serde_json::from_str(&text).unwrap();
    content["model_args"].as_object_mut().unwrap().remove("filter_factor");
    std::fs::write(&path, serde_json::to_vec(&content).unwrap()).unwrap();
    let opened = Picker::open(&path, Device::Cpu).unwrap();
    assert_eq!(opened.settings().model_arguments["filter_factor"], json!(2));
}

#[test]
fn weights_that_do_not_fit_are_refused_by_name_and_shape() {
    let place = tempfile::tempdir().unwrap();
    let light = settings(PickerClass::PhaseNetLight, json!({}));
    let picker = Picker::build(light, 4, Device::Cpu).unwrap();
    let path = picker.export(place.path(), "a", "1").unwrap();
    let weights = place.path().join("a.pt.v1");
    let tensors = read_state_dict(&weights).unwrap();
    let refuse = |change: &dyn Fn(&mut Vec<crate::read::NamedTensor>)| {
        let mut tensors = tensors.clone();
        change(&mut tensors);
        write_state_dict(&weights, &tensors).unwrap();
        Picker::open(&path, Device::Cpu).err().unwrap().to_string()
    };
    let missing = refuse(&|t| t.retain(|t| t.name != "up2.bias"));
    assert!(missing.contains("missing [up2.bias]"), "{missing}");
    let surplus = refuse(&|t| t[0].name = "other".into());
    assert!(surplus.contains("left over [other]"), "{surplus}");
    let shape = refuse(&|t| {
        let place = t.iter().position(|t| t.name == "inc.bias").unwrap();
        (t[place].shape, t[place].values) = (vec![2], vec![0.0; 2]);
    });
    assert!(shape.contains("'inc.bias' is [2], the network has [8]"), "{shape}");
    let foreign = refuse(&|t| t.retain(|t| t.name.starts_with("bnu")));
    assert!(foreign.contains("no picker known"), "{foreign}");
    std::fs::write(&path, "[1]").unwrap();
    assert!(Picker::open(&path, Device::Cpu).err().unwrap().to_string().contains("JSON object"));
    let nowhere = Picker::open(&place.path().join("b"), Device::Cpu).err().unwrap();
    assert_eq!(nowhere.exit_code(), 2);
}

#[test]
fn settings_without_meaning_are_refused() {
    for (class, model) in [
        (PickerClass::PhaseNet, json!({"phases": "PS"})),
        (PickerClass::PhaseNet, json!({"component_order": "Z"})),
        (PickerClass::PhaseNet, json!({"sampling_rate": -1})),
        (PickerClass::PhaseNet, json!({"filter_factor": 1.5})),
        (PickerClass::VariableLengthPhaseNet, json!({"norm_axis": [0]})),
        (PickerClass::VariableLengthPhaseNet, json!({"output_activation": "relu"})),
        (PickerClass::EqTransformer, json!({"original_compatible": "yes"})),
        (PickerClass::Gpd, json!({"pred_sample": "middle"})),
    ] {
        let Value::Object(model) = model else { panic!("an object") };
        assert!(PickerSettings::new(class, &model, &Map::new()).is_err(), "{model:?}");
    }
}

#[test]
fn units_make_a_difference_only_where_seisbench_says_so() {
    for class in PickerClass::ALL {
        let settings = settings(
            class,
            json!({"norm": "std", "phases": ["P", "S", "N"],
            "classes": 3}),
        );
        let picker = Picker::build(settings, 4, Device::Cpu).unwrap();
        // What the network reads; its answer where it divides by the peak itself.
        let at = |factor: f32, rule| {
            let windows = windows(picker.settings(), factor);
            if class == PickerClass::Gpd {
                return picker.probabilities(&windows, 2, rule).unwrap();
            }
            let shape = [2, 3, picker.settings().in_samples as i64];
            let prepared = picker.prepare(&Tensor::from_slice(&windows).view(shape), rule);
            Vec::<f32>::try_from(prepared.flatten(0, -1)).unwrap()
        };
        let apart =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        let counts = at(1.0, AmplitudeRule::Absolute);
        assert!(apart(&counts, &at(1.0, AmplitudeRule::Relative)) < 1e-4, "{class}");
        let relative = apart(&counts, &at(1e-13, AmplitudeRule::Relative));
        let absolute = apart(&counts, &at(1e-13, AmplitudeRule::Absolute));
        assert!(relative < 1e-4 && absolute > 2e-4, "{class}: {relative} {absolute}");
        let silent = picker.probabilities(
            &vec![7.0; 2 * picker.settings().example().values_len()],
            2,
            AmplitudeRule::Relative,
        );
        assert!(silent.unwrap().iter().all(|p| p.is_finite()), "{class}");
    }
}

#[test]
fn deviations_divide_by_one_sample_less_and_eqtransformer_takes_all_components_together() {
    let raw = Tensor::from_slice(&[0f32, 2.0, 4.0, 0.0, 0.0, 0.0]).view([1, 2, 3]);
    let prepared = |class| {
        let picker = settings(
            class,
            json!({"norm": "std", "component_order": "ZN",
            "in_channels": 2}),
        );
        let values = picker.preparation.apply(&raw, AmplitudeRule::Absolute);
        Vec::<f32>::try_from(values.flatten(0, -1)).unwrap()
    };
    assert_eq!(prepared(PickerClass::PhaseNet), [-1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    // Deviation √(8/5) of six numbers; the taper is 0 at both ends.
    let together = prepared(PickerClass::EqTransformer);
    assert!(together.iter().all(|v| v.abs() < 1e-6), "{together:?}");
}
