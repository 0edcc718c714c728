//! The classes of pickers, as SeisBench names and configures them.

use serde_json::{Map, Value, json};

use super::arguments::Arguments;
use crate::error::{Error, Result};
use crate::model::picker::{EqTransformer, Gates, Gpd, PhaseNet, PhaseNetLight, PhaseNetVariable};
use crate::model::{ModelSpec, PickActivation};

/// A class of SeisBench 0.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PickerClass {
    /// Zhu and Beroza (2019).
    PhaseNet,
    /// A smaller PhaseNet.
    PhaseNetLight,
    /// PhaseNet for windows of any length.
    VariableLengthPhaseNet,
    /// Mousavi et al. (2020).
    #[serde(rename = "EQTransformer")]
    EqTransformer,
    /// Ross et al. (2018).
    #[serde(rename = "GPD")]
    Gpd,
}

impl PickerClass {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PhaseNet,
        Self::PhaseNetLight,
        Self::VariableLengthPhaseNet,
        Self::EqTransformer,
        Self::Gpd,
    ];

    /// SeisBench's name, which also stands in the ids of its probability traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::PhaseNet => "PhaseNet",
            Self::PhaseNetLight => "PhaseNetLight",
            Self::VariableLengthPhaseNet => "VariableLengthPhaseNet",
            Self::EqTransformer => "EQTransformer",
            Self::Gpd => "GPD",
        }
    }

    /// The class of that name in any case, as a folder of weights is called.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }

    /// The class whose parameters have these names. PhaseNet's are those of
    /// VariableLengthPhaseNet too.
    pub fn of_tensors<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<Self> {
        names.find_map(|name| match name {
            "up_branch.0.0.weight" => Some(Self::PhaseNet),
            "conv1.conv.weight" => Some(Self::PhaseNetLight),
            "encoder.convs.0.weight" => Some(Self::EqTransformer),
            "fc1.weight" => Some(Self::Gpd),
            _ => None,
        })
    }

    /// Labels at which `classify` thresholds where none is given, defaults of the class.
    pub fn default_arguments(self) -> Map<String, Value> {
        let arguments = match self {
            Self::PhaseNet | Self::PhaseNetLight => json!({
                "overlap": 1500, "stacking": "avg", "blinding": [0, 0], "*_threshold": 0.3,
            }),
            Self::VariableLengthPhaseNet => json!({
                "overlap": 0.5, "stacking": "avg", "blinding": [0, 0], "*_threshold": 0.3,
            }),
            Self::EqTransformer => json!({
                "overlap": 3000, "stacking": "max", "blinding": [500, 500],
                "*_threshold": 0.1, "detection_threshold": 0.3,
            }),
            Self::Gpd => json!({ "stride": 10, "*_threshold": 0.7 }),
        };
        match arguments {
            Value::Object(arguments) => arguments,
            _ => Map::new(),
        }
    }

    /// Samples of a window, where that is no argument of the constructor.
    pub fn fixed_samples(self) -> Option<usize> {
        match self {
            Self::PhaseNet | Self::PhaseNetLight => Some(3001),
            Self::Gpd => Some(400),
            Self::VariableLengthPhaseNet | Self::EqTransformer => None,
        }
    }

    /// Constructor arguments where a weight file says nothing.
    pub fn default_model_arguments(self) -> Map<String, Value> {
        let own = match self {
            Self::PhaseNet => json!({ "phases": "NPS", "norm": "std", "filter_factor": 1 }),
            Self::PhaseNetLight => json!({ "phases": "NPS", "norm": "std" }),
            Self::VariableLengthPhaseNet => json!({ "phases": "PSN", "norm": "peak",
                "in_samples": 600, "norm_axis": [-1], "output_activation": "softmax" }),
            Self::EqTransformer => json!({ "phases": "PS", "norm": "std", "in_samples": 6000,
                "lstm_blocks": 3, "drop_rate": 0.1, "original_compatible": false }),
            Self::Gpd => json!({ "phases": null, "pred_sample": 200, "eps": 1e-10,
                "original_compatible": false }),
        };
        let mut arguments = match own {
            Value::Object(own) => own,
            _ => Map::new(),
        };
        for (name, value) in [
            ("component_order", json!("ZNE")),
            ("sampling_rate", json!(100)),
            ("in_channels", json!(3)),
            ("classes", json!(if self == Self::EqTransformer { 2 } else { 3 })),
            ("filter_args", Value::Null),
            ("filter_kwargs", Value::Null),
        ] {
            arguments.insert(name.to_string(), value);
        }
        if matches!(self, Self::PhaseNet | Self::PhaseNetLight | Self::EqTransformer) {
            arguments.insert("norm_amp_per_comp".into(), json!(false));
            arguments.insert("norm_detrend".into(), json!(false));
        }
        arguments
    }

    /// The network that constructor arguments describe.
    pub(super) fn network(self, arguments: &Arguments<'_>) -> Result<ModelSpec> {
        Ok(match self {
            Self::PhaseNet => {
                ModelSpec::PhaseNet(PhaseNet { filter_factor: arguments.count("filter_factor")? })
            }
            Self::PhaseNetLight => ModelSpec::PhaseNetLight(PhaseNetLight {}),
            Self::VariableLengthPhaseNet => ModelSpec::PhaseNetVariable(PhaseNetVariable {}),
            Self::EqTransformer => ModelSpec::EqTransformer(EqTransformer {
                lstm_blocks: arguments.count("lstm_blocks")?,
                drop_rate: arguments.number("drop_rate")?,
                gates: gates(arguments)?,
            }),
            Self::Gpd => ModelSpec::Gpd(Gpd {
                epsilon: arguments.number("eps")?,
                original_compatible: arguments.flag("original_compatible")?,
            }),
        })
    }

    pub(super) fn activation(
        self,
        arguments: &Arguments<'_>,
        labels: usize,
    ) -> Result<PickActivation> {
        match self {
            Self::EqTransformer => Ok(PickActivation::Sigmoid),
            Self::Gpd if labels == 1 => Ok(PickActivation::Sigmoid),
            Self::VariableLengthPhaseNet => match arguments.text("output_activation")? {
                "softmax" => Ok(PickActivation::Softmax),
                "sigmoid" => Ok(PickActivation::Sigmoid),
                other => Err(Error::usage(format!(
                    "output_activation '{other}': expected softmax or sigmoid"
                ))),
            },
            _ => Ok(PickActivation::Softmax),
        }
    }
}

fn gates(arguments: &Arguments<'_>) -> Result<Gates> {
    match arguments.get("original_compatible") {
        Value::Bool(false) | Value::Null => Ok(Gates::Plain),
        Value::Bool(true) => Ok(Gates::NonConservative),
        Value::String(text) if text == "non-conservative" => Ok(Gates::NonConservative),
        Value::String(text) if text == "conservative" => Ok(Gates::Conservative),
        other => Err(Error::usage(format!(
            "original_compatible {other}: expected false, \"non-conservative\" or \"conservative\""
        ))),
    }
}

impl std::fmt::Display for PickerClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
