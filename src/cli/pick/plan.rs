//! Flags and weight file become the settings of a run.

use serde_json::{Map, Value, json};

use super::Args;
use crate::detect::annotate::instruments::StretchRules;
use crate::detect::annotate::{
    AnnotateSettings, ArchivePicker, ComponentMap, DETECTION, MeasureWindows, PickingSettings,
    StreamFilters,
};
use crate::detect::{AmplitudeRule, PickerClass, PickerSettings};
use crate::error::{Error, Result};
use crate::time::SECOND;

/// Windows a network is given at once, where nothing else is said.
const BATCH: usize = 16;

/// All settings of a run, checked.
pub struct Plan {
    pub picker: PickerSettings,
    pub settings: PickingSettings,
    pub stretches: StretchRules,
    pub filters: StreamFilters,
    pub as_seisbench: bool,
    pub warnings: Vec<String>,
}

impl Plan {
    /// Settings of the flags over those of the weight file; else what contradicts itself.
    pub fn new(args: &Args, picker: &PickerSettings) -> Result<Self> {
        let as_seisbench = args.seisbench.is_some();
        let call = match &args.seisbench {
            Some(text) => {
                let ours = args.windows.is_any() || !args.map_channel.is_empty();
                if ours {
                    return Err(Error::usage(
                        "--seisbench takes its arguments from JSON only: leave out flags that say \
                         the same",
                    ));
                }
                serde_json::from_str::<Map<String, Value>>(text).map_err(|e| {
                    Error::usage(format!("--seisbench: expected a JSON object such as '{{}}': {e}"))
                })?
            }
            None => {
                let mut call = args.windows.arguments(picker)?;
                call.insert("batch_size".into(), json!(args.batch_size.unwrap_or(BATCH)));
                call
            }
        };
        let (annotate, warnings) = AnnotateSettings::resolve(picker, &call)?;
        if !as_seisbench {
            ArchivePicker::check(picker, &annotate)?;
        }
        for (flag, value, least) in [
            ("bridge", args.bridge, 0.0),
            ("shortest", args.shortest.unwrap_or(1.0), 0.0),
            ("min-distance", args.min_distance, 0.0),
            ("pair", args.pair.unwrap_or(1.0), 0.0),
            ("signal-window", args.signal_window, 1e-6),
            ("noise-window", args.noise_window, 1e-6),
        ] {
            if !(least..=86_400.0).contains(&value) {
                return Err(Error::usage(format!(
                    "--{flag}: expected seconds up to a day, found {value}"
                )));
            }
        }
        args.pictures.check()?;
        if args.dropout_samples > 0 && picker.class != PickerClass::EqTransformer {
            let class = picker.class;
            return Err(Error::usage(format!("--dropout-samples: {class} has no dropout")));
        }
        if args.dropout_samples == 1 || args.dropout_samples > 10_000 {
            return Err(Error::usage("--dropout-samples: expected 2 to 10000, or 0"));
        }
        if let Some(wrong) = args.sweep.iter().find(|t| !(**t > 0.0 && **t <= 1.0)) {
            return Err(Error::usage(format!("--sweep: expected 0 to 1, found {wrong}")));
        }
        let bridge = (args.bridge * SECOND as f64) as i64;
        let rate = picker.rate_hz.unwrap_or(100.0);
        let least = match args.shortest {
            Some(seconds) => (seconds * rate).round() as u64,
            None => picker.in_samples as u64 / 4,
        };
        let stretches = StretchRules {
            components: ComponentMap::new(&picker.components, annotate.flexible_horizontals),
            channels: args.map_channel.clone(),
            rate_hz: picker.rate_hz,
            strict: annotate.strict,
            bridge,
            least_samples: least,
        };
        let measures = MeasureWindows {
            signal_s: args.signal_window,
            noise_s: args.noise_window,
            ..MeasureWindows::default()
        };
        let settings = PickingSettings {
            annotate,
            bridge,
            measures,
            sweep: args.sweep.clone(),
            curves: args.annotations || args.pictures.is_any(),
            dropout_samples: args.dropout_samples,
        };
        let filters = StreamFilters::parse(picker.filter.as_ref())?;
        let picker = picker.clone();
        Ok(Self { picker, settings, stretches, filters, as_seisbench, warnings })
    }

    /// SeisBench's rule with its other rules, else ours.
    pub fn amplitude(&self) -> AmplitudeRule {
        if self.as_seisbench { AmplitudeRule::Absolute } else { AmplitudeRule::Relative }
    }

    /// What the run works with, by name.
    pub fn used(&self) -> Value {
        let a = &self.settings.annotate;
        let thresholds: Map<String, Value> =
            a.thresholds.iter().map(|(phase, t)| (phase.clone(), json!(t))).collect();
        let mut used = json!({
            "rules": if self.as_seisbench { "SeisBench" } else { "temblor" },
            "stacking": a.stacking,
            "strict": a.strict,
            "thresholds": thresholds,
        });
        let mut set = |name: &str, value: Value| {
            used[name] = value;
        };
        match self.picker.point_sample {
            Some(_) => set("stride", json!(a.stride)),
            None => {
                set("overlap", json!(a.overlap));
                set("blinding", json!([a.blinding.0, a.blinding.1]));
            }
        }
        if self.picker.labels.iter().any(|l| l == DETECTION) {
            set("detection_threshold", json!(a.detection_threshold));
        }
        if !self.as_seisbench {
            set("bridge_s", json!(self.settings.bridge as f64 / SECOND as f64));
            set("shortest_samples", json!(self.stretches.least_samples));
        }
        used
    }

    /// The settings in use, for the user.
    pub fn said(&self) -> String {
        self.used().to_string()
    }
}
