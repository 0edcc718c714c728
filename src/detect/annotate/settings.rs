//! The arguments of annotate and classify: defaults of the class, those of the weight file over
//! them, those of the call over both.

use serde_json::{Map, Value};

use super::stacking::Stacking;
use crate::detect::picker::{PickerClass, PickerSettings};
use crate::error::{Error, Result};

/// The label that makes detections instead of picks.
pub const DETECTION: &str = "Detection";

/// How continuous data are slid over and what counts as a pick.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotateSettings {
    /// Samples that neighbouring windows share (array models).
    pub overlap: usize,
    /// Samples from window to window (point models).
    pub stride: usize,
    /// How values of several windows become one.
    pub stacking: Stacking,
    /// Predictions left out at the beginning and the end of every window (array models).
    pub blinding: (usize, usize),
    /// Windows the network is given at once.
    pub batch_size: usize,
    /// Only where all components are.
    pub strict: bool,
    /// 1 stands for N and 2 for E, and the other way round.
    pub flexible_horizontals: bool,
    /// The low-pass before samples are left out runs forward and backward.
    pub zerophase_resample: bool,
    /// Least probability of a pick, by phase.
    pub thresholds: Vec<(String, f64)>,
    /// Least probability of a detection.
    pub detection_threshold: f64,
}

/// Windows at once. SeisBench takes 256, which changes probabilities by less than 6e-5 and needs more
/// memory.
const BATCH: usize = 32;

/// What SeisBench's annotate and classify know, beside `*_threshold`.
const KNOWN: [&str; 10] = [
    "overlap",
    "stride",
    "stacking",
    "blinding",
    "batch_size",
    "strict",
    "flexible_horizontal_components",
    "zerophase_resample",
    "copy",
    "sampling_rate",
];

/// Looks a name up in the call, then in the picker.
struct Layers<'a> {
    call: &'a Map<String, Value>,
    picker: &'a Map<String, Value>,
}

impl Layers<'_> {
    fn find(&self, name: &str) -> Option<&Value> {
        let given = self.call.get(name).or_else(|| self.picker.get(name));
        given.filter(|value| !value.is_null())
    }

    fn get<T>(
        &self,
        name: &str,
        expected: &str,
        default: T,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        match self.find(name) {
            None => Ok(default),
            Some(value) => read(value).ok_or_else(|| {
                Error::usage(format!("'{name}': expected {expected}, found {value}"))
            }),
        }
    }

    fn count(&self, name: &str, default: usize) -> Result<usize> {
        self.get(name, "a whole number above 0", default, |v| count(v).filter(|&n| n > 0))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool> {
        self.get(name, "true or false", default, Value::as_bool)
    }

    fn probability(&self, name: &str, default: f64) -> Result<f64> {
        self.get(name, "a number", default, Value::as_f64)
    }
}

/// A whole number that may be written as `1500.0`.
fn count(value: &Value) -> Option<usize> {
    let number = value.as_f64()?;
    (number >= 0.0 && number.fract() == 0.0 && number < 1e12).then_some(number as usize)
}

/// Defaults that SeisBench's classes state in code.
struct ClassDefaults {
    overlap: usize,
    stacking: Stacking,
    blinding: (usize, usize),
    threshold: f64,
}

impl ClassDefaults {
    fn of(picker: &PickerSettings) -> Self {
        let half = picker.in_samples / 2;
        let base =
            Self { overlap: half, stacking: Stacking::Avg, blinding: (0, 0), threshold: 0.3 };
        match picker.class {
            PickerClass::EqTransformer => {
                let blinding = (500, 500);
                Self { stacking: Stacking::Max, blinding, threshold: 0.1, ..base }
            }
            PickerClass::Gpd => Self { threshold: 0.7, ..base },
            _ => base,
        }
    }
}

impl AnnotateSettings {
    /// Settings of a picker with the arguments of a call over them, and a warning for each argument
    /// that is not known.
    ///
    /// # Errors
    /// `Usage` for a value of another kind, an overlap of a whole window or more, or a threshold
    /// outside 0 to 1.
    pub fn resolve(
        picker: &PickerSettings,
        call: &Map<String, Value>,
    ) -> Result<(Self, Vec<String>)> {
        let unknown =
            |name: &&String| !KNOWN.contains(&name.as_str()) && !name.ends_with("_threshold");
        let warnings = call
            .keys()
            .filter(unknown)
            .map(|name| format!("argument '{name}' is not known and has no effect"))
            .collect();
        let layers = Layers { call, picker: &picker.arguments };
        let defaults = ClassDefaults::of(picker);
        let every = layers.probability("*_threshold", defaults.threshold)?;
        let threshold = |phase: &String| {
            Ok((phase.clone(), layers.probability(&format!("{phase}_threshold"), every)?))
        };
        let phases = picker.phases.iter().filter(|phase| *phase != DETECTION);
        let settings = Self {
            overlap: overlap(&layers, picker.in_samples, defaults.overlap)?,
            stride: layers.count("stride", 10)?,
            stacking: layers.get("stacking", "\"avg\" or \"max\"", defaults.stacking, |value| {
                serde_json::from_value(value.clone()).ok()
            })?,
            blinding: layers.get("blinding", "two whole numbers", defaults.blinding, |value| {
                match value.as_array()?.as_slice() {
                    [a, b] => Some((count(a)?, count(b)?)),
                    _ => None,
                }
            })?,
            batch_size: layers.count("batch_size", BATCH)?,
            strict: layers.flag("strict", false)?,
            flexible_horizontals: layers.flag("flexible_horizontal_components", true)?,
            zerophase_resample: layers.flag("zerophase_resample", true)?,
            thresholds: phases.map(threshold).collect::<Result<_>>()?,
            detection_threshold: layers.probability("detection_threshold", 0.3)?,
        };
        settings.check(picker)?;
        Ok((settings, warnings))
    }

    /// Refuses what cannot be done.
    ///
    /// # Errors
    /// `Usage`.
    pub fn check(&self, picker: &PickerSettings) -> Result<()> {
        if picker.point_sample.is_none() && self.overlap >= picker.in_samples {
            return Err(Error::usage(format!(
                "an overlap of {} samples leaves no step: windows have {}",
                self.overlap, picker.in_samples
            )));
        }
        for (name, threshold) in &self.thresholds {
            if !(0.0..=1.0).contains(threshold) {
                return Err(Error::usage(format!(
                    "{name}_threshold: expected 0 to 1, found {threshold}"
                )));
            }
        }
        if !(0.0..=1.0).contains(&self.detection_threshold) {
            let found = self.detection_threshold;
            return Err(Error::usage(format!(
                "detection_threshold: expected 0 to 1, found {found}"
            )));
        }
        Ok(())
    }

    /// Samples from window to window.
    pub fn step(&self, picker: &PickerSettings) -> usize {
        match picker.point_sample {
            Some(_) => self.stride,
            None => picker.in_samples - self.overlap,
        }
    }

    /// Least probability of a pick of `phase`; `None` if there are no picks of it.
    pub fn threshold(&self, phase: &str) -> Option<f64> {
        self.thresholds.iter().find(|(name, _)| name == phase).map(|(_, threshold)| *threshold)
    }
}

/// Below 1 a fraction of a window, else samples.
fn overlap(layers: &Layers<'_>, in_samples: usize, default: usize) -> Result<usize> {
    layers.get("overlap", "samples, or a fraction below 1", default, |value| {
        let number = value.as_f64().filter(|number| (0.0..1e12).contains(number))?;
        Some(if number < 1.0 { (number * in_samples as f64) as usize } else { number as usize })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picker() -> PickerSettings {
        let defaults = json!({ "P_threshold": 0.39, "blinding": [250, 250] });
        let defaults = defaults.as_object().cloned().unwrap_or_default();
        PickerSettings::new(PickerClass::PhaseNet, &Map::new(), &defaults).unwrap()
    }

    fn resolve(call: Value) -> Result<(AnnotateSettings, Vec<String>)> {
        AnnotateSettings::resolve(&picker(), call.as_object().unwrap())
    }

    #[test]
    fn the_call_stands_over_the_file_and_the_file_over_the_class() {
        let (settings, warnings) = resolve(json!({ "overlap": 0.75, "stackin": "max" })).unwrap();
        assert_eq!((settings.overlap, settings.blinding), (2250, (250, 250)));
        assert_eq!((settings.threshold("P"), settings.threshold("S")), (Some(0.39), Some(0.3)));
        assert_eq!(settings.threshold("N"), None);
        assert_eq!(settings.batch_size, BATCH);
        assert!(warnings.len() == 1 && warnings[0].contains("'stackin'"), "{warnings:?}");
        let (settings, _) = resolve(json!({ "P_threshold": 0.1, "overlap": 1500.0 })).unwrap();
        assert_eq!((settings.threshold("P"), settings.overlap), (Some(0.1), 1500));
        assert_eq!(resolve(json!({ "overlap": 0 })).unwrap().0.overlap, 0);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for call in [
            json!({ "overlap": 3001 }),
            json!({ "overlap": -1 }),
            json!({ "overlap": "half" }),
            json!({ "stacking": "median" }),
            json!({ "blinding": [1] }),
            json!({ "batch_size": 0 }),
            json!({ "P_threshold": 1.5 }),
            json!({ "strict": 1 }),
        ] {
            assert!(resolve(call.clone()).is_err(), "{call}");
        }
        assert_eq!(resolve(json!({ "overlap": 3000 })).unwrap().0.step(&picker()), 1);
    }
}
