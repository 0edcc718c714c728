//! A multilayer perceptron over features, flattened values or both.

use tch::Tensor;

use super::layers::{Builder, Linear, dropout};
use super::shape::{Axes, check_fraction, check_positive};
use super::{Input, Mode, Network};
use crate::error::{Error, Result};

/// What stands between the linear layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x Φ(x)`.
    #[default]
    Gelu,
    /// `max(x, 0)`.
    Relu,
}

impl Activation {
    fn apply(self, values: &Tensor) -> Tensor {
        match self {
            Self::Gelu => values.gelu("none"),
            Self::Relu => values.relu(),
        }
    }
}

/// `kind = "mlp"`: input → (linear → activation → dropout) … → linear.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mlp {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// What stands between the layers.
    pub activation: Activation,
    /// Dropout after each hidden layer.
    pub dropout: f64,
    /// Whether the values are an input, flattened; else the features alone.
    pub use_values: bool,
    /// Whether the output layer starts at zero.
    pub zero_output: bool,
}

impl Default for Mlp {
    fn default() -> Self {
        let (hidden, activation) = (vec![64], Activation::Gelu);
        Self { hidden, activation, dropout: 0.0, use_values: true, zero_output: false }
    }
}

struct MlpNetwork {
    settings: Mlp,
    features: bool,
    hidden: Vec<Linear>,
    output: Linear,
}

impl Mlp {
    /// Layers `hidden.0` …, `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_fraction("dropout", self.dropout)?;
        for &width in &self.hidden {
            check_positive("hidden", width)?;
        }
        let values = if self.use_values { axes.numbers() } else { 0 };
        let mut width = values + axes.features;
        if width == 0 {
            return Err(Error::usage(
                "mlp: nothing to read: the examples have no features, and their values are \
                 unused or empty",
            ));
        }
        let mut hidden = Vec::new();
        for (number, &next) in self.hidden.iter().enumerate() {
            hidden.push(Linear::new(&builder.at(&format!("hidden.{number}")), width, next as i64));
            width = next as i64;
        }
        let place = builder.at("head");
        let output = if self.zero_output {
            Linear::zero(&place, width, outputs)
        } else {
            Linear::new(&place, width, outputs)
        };
        let features = axes.features > 0;
        Ok(Box::new(MlpNetwork { settings: self.clone(), features, hidden, output }))
    }
}

impl Network for MlpNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let flat = self.settings.use_values.then(|| input.values.flatten(1, -1));
        let features = input.features.filter(|_| self.features);
        let mut state = match (flat, features) {
            (Some(flat), Some(features)) => Tensor::cat(&[&flat, features], 1),
            (Some(flat), None) => flat,
            (None, Some(features)) => features.shallow_clone(),
            (None, None) => input.values.flatten(1, -1),
        };
        for layer in &self.hidden {
            let next = self.settings.activation.apply(&layer.forward(&state));
            state = dropout(next, self.settings.dropout, mode);
        }
        self.output.forward(&state)
    }
}
