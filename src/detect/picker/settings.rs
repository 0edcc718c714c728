//! What a weight file says of its picker, with the defaults of the class.

use serde_json::{Map, Value};

use super::PickerClass;
use super::arguments::Arguments;
use super::preparation::Preparation;
use crate::data::{ExampleSpec, Layout, Target};
use crate::error::{Error, Result};
use crate::model::{ModelSpec, PickActivation};

/// A picker's configuration: everything but its weights. Arguments have SeisBench's names.
#[derive(Clone, Debug, PartialEq)]
pub struct PickerSettings {
    /// Which class.
    pub class: PickerClass,
    /// Letters of the components in the order in which the network reads them: `ZNE`.
    pub components: String,
    /// What the network's outputs stand for: `N`, `P`, `S`; `Detection` first for EQTransformer;
    /// numbers where the file gives no names.
    pub labels: Vec<String>,
    /// Labels of which picks are made.
    pub phases: Vec<String>,
    /// Sampling rate, Hz; that of the data if absent.
    pub rate_hz: Option<f64>,
    /// Samples of a window.
    pub in_samples: usize,
    /// The sample of a window for which it is answered; absent where every sample is.
    pub point_sample: Option<usize>,
    /// `[filter_args, filter_kwargs]` as the file has them, if it asks for a filter.
    pub filter: Option<Value>,
    /// Arguments of annotate and classify: defaults of the class under those of the file.
    pub arguments: Map<String, Value>,
    /// Constructor arguments: defaults of the class under those of the file.
    pub model_arguments: Map<String, Value>,
    /// Those of the file alone.
    pub default_arguments: Map<String, Value>,
    /// What the file says of itself.
    pub about: String,
    /// The network.
    pub network: ModelSpec,
    /// How its outputs become probabilities.
    pub activation: PickActivation,
    pub(super) preparation: Preparation,
}

impl PickerSettings {
    /// A picker of `class` with constructor arguments `model` and arguments of annotate and
    /// classify `defaults`, both over the defaults of the class.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the argument whose value has no meaning. Unknown arguments are
    /// kept.
    pub fn new(
        class: PickerClass,
        model: &Map<String, Value>,
        defaults: &Map<String, Value>,
    ) -> Result<Self> {
        let mut model_arguments = class.default_model_arguments();
        model_arguments.extend(model.clone());
        let mut arguments = class.default_arguments();
        arguments.extend(defaults.clone());
        let read = Arguments(&model_arguments);
        let components = match read.get("component_order") {
            Value::String(text) => text.clone(),
            Value::Array(_) => read.labels("component_order")?.unwrap_or_default().concat(),
            _ => read.text("component_order")?.to_string(),
        };
        let channels = read.count("in_channels")?;
        if components.chars().count() != channels {
            return Err(Error::usage(format!(
                "component_order '{components}' for {channels} channels"
            )));
        }
        let (labels, phases) = labels(class, &read)?;
        let in_samples = match class.fixed_samples() {
            Some(samples) => samples,
            None => read.count("in_samples")?,
        };
        let point_sample =
            if class == PickerClass::Gpd { Some(read.count("pred_sample")?) } else { None };
        let rate_hz = match read.get("sampling_rate") {
            Value::Null => None,
            _ => Some(read.number("sampling_rate")?),
        };
        if rate_hz.is_some_and(|rate| rate <= 0.0) {
            return Err(Error::usage(format!("sampling_rate {rate_hz:?}: expected above 0")));
        }
        let filter = match read.get("filter_args") {
            Value::Null => None,
            filter => Some(Value::Array(vec![filter.clone(), read.get("filter_kwargs").clone()])),
        };
        let network = class.network(&read)?;
        let activation = class.activation(&read, labels.len())?;
        let preparation = Preparation::of(class, &read)?;
        Ok(Self {
            class,
            components,
            labels,
            phases,
            rate_hz,
            in_samples,
            point_sample,
            filter,
            arguments,
            default_arguments: defaults.clone(),
            about: String::new(),
            network,
            activation,
            preparation,
            model_arguments,
        })
    }

    /// Shapes of a window and of what is learned of it.
    pub fn example(&self) -> ExampleSpec {
        let labels = self.labels.len();
        ExampleSpec {
            layout: Layout::Waveform,
            values: vec![self.components.chars().count(), self.in_samples],
            features: 0,
            lengths: false,
            target: match self.point_sample {
                Some(_) => Target::Class { count: labels },
                None => Target::Samples { labels, samples: self.in_samples },
            },
        }
    }

    /// Samples for which a window is answered.
    pub fn out_samples(&self) -> usize {
        if self.point_sample.is_some() { 1 } else { self.in_samples }
    }
}

/// What the outputs stand for, and those of which picks are made.
fn labels(class: PickerClass, arguments: &Arguments<'_>) -> Result<(Vec<String>, Vec<String>)> {
    let named = arguments.labels("phases")?;
    if class == PickerClass::EqTransformer {
        let phases = named.unwrap_or_default();
        let labels = std::iter::once("Detection".to_string()).chain(phases.clone()).collect();
        return Ok((labels, phases));
    }
    let classes = arguments.count("classes")?;
    let labels = match named {
        Some(labels) => labels,
        None => (0..classes).map(|number| number.to_string()).collect(),
    };
    if labels.len() != classes {
        return Err(Error::usage(format!("phases {labels:?} for {classes} classes")));
    }
    let phases = labels.iter().filter(|label| *label != "N").cloned().collect();
    Ok((labels, phases))
}
