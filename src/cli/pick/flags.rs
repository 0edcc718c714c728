//! Flags become the arguments of annotate and classify.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::detect::PickerSettings;
use crate::detect::annotate::Stacking;
use crate::error::{Error, Result};

/// `P=0.3`, or `0.3` for all phases.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    phase: Option<String>,
    value: f64,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (phase, value) = match text.split_once('=') {
            Some((phase, value)) => (Some(phase.trim().to_string()), value),
            None => (None, text),
        };
        let value = value.trim().parse::<f64>().ok().filter(|v| (0.0..=1.0).contains(v));
        let value =
            value.ok_or_else(|| format!("expected P=0.3, or 0.3 for all, found '{text}'"))?;
        Ok(Self { phase, value })
    }
}

/// How windows are laid and thresholds set; what is not given comes from the weight file.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Over what the weight file says")]
pub struct WindowFlags {
    /// Least probability of a pick, by phase (P=0.3) or for all (0.3); repeatable. A pick lasts until
    /// the probability falls below half of it.
    #[arg(long, value_name = "[PHASE=]VALUE")]
    threshold: Vec<Threshold>,
    /// Least probability of a detection (EQTransformer).
    #[arg(long, value_name = "VALUE")]
    detection_threshold: Option<f64>,
    /// Samples that neighbouring windows share, or below 1 the part of a window.
    #[arg(long, value_name = "SAMPLES")]
    overlap: Option<f64>,
    /// Samples from window to window of networks that answer for one sample (GPD).
    #[arg(long, value_name = "SAMPLES")]
    stride: Option<usize>,
    /// Predictions left out at the beginning and the end of every window.
    #[arg(long, value_name = "A,B", value_delimiter = ',', num_args = 1)]
    blinding: Vec<usize>,
    /// How values of overlapping windows become one.
    #[arg(long, value_enum)]
    stacking: Option<Stacking>,
    /// Only where all components of the network are.
    #[arg(long)]
    strict: bool,
    /// 1 and 2 do not stand for N and E, nor these for those.
    #[arg(long)]
    exact_horizontals: bool,
}

impl WindowFlags {
    /// The arguments that the flags are, by SeisBench's names.
    ///
    /// # Errors
    /// `Usage` for a phase that the network does not have.
    pub fn arguments(&self, picker: &PickerSettings) -> Result<Map<String, Value>> {
        let mut arguments = Map::new();
        let mut set = |name: &str, value: Value| {
            arguments.insert(name.to_string(), value);
        };
        for Threshold { phase, value } in &self.threshold {
            match phase {
                Some(phase) if !picker.phases.contains(phase) => {
                    let known = picker.phases.join(", ");
                    return Err(Error::usage(format!(
                        "--threshold: the network has no phase '{phase}'; it has {known}"
                    )));
                }
                Some(phase) => set(&format!("{phase}_threshold"), json!(value)),
                None => {
                    for phase in &picker.phases {
                        set(&format!("{phase}_threshold"), json!(value));
                    }
                }
            }
        }
        if let Some(value) = self.detection_threshold {
            set("detection_threshold", json!(value));
        }
        if let Some(value) = self.overlap {
            set("overlap", json!(value));
        }
        if let Some(value) = self.stride {
            set("stride", json!(value));
        }
        match self.blinding.as_slice() {
            [] => {}
            &[a, b] => set("blinding", json!([a, b])),
            found => {
                let n = found.len();
                return Err(Error::usage(format!("--blinding: expected two numbers, found {n}")));
            }
        }
        if let Some(value) = self.stacking {
            set("stacking", serde_json::to_value(value).unwrap_or_default());
        }
        if self.strict {
            set("strict", json!(true));
        }
        if self.exact_horizontals {
            set("flexible_horizontal_components", json!(false));
        }
        Ok(arguments)
    }

    /// Whether any is given.
    pub fn is_any(&self) -> bool {
        let Self { threshold, detection_threshold, overlap, stride, blinding, stacking, .. } = self;
        !threshold.is_empty()
            || detection_threshold.is_some()
            || overlap.is_some()
            || stride.is_some()
            || !blinding.is_empty()
            || stacking.is_some()
            || self.strict
            || self.exact_horizontals
    }
}
