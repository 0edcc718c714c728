//! `y = x Wᵀ + b`.

use tch::Tensor;

use super::builder::{Builder, Initialisation};

/// A linear layer; parameters `weight` `[outputs, inputs]` and `bias` `[outputs]`.
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Initial values as asked for in the builder.
    pub fn new(builder: &Builder<'_>, inputs: i64, outputs: i64) -> Self {
        let fan_in = inputs.max(1) as f64;
        let layer = match builder.initialisation() {
            Initialisation::PyTorch => Self {
                weight: builder.uniform("weight", &[outputs, inputs], fan_in.sqrt().recip()),
                bias: builder.uniform("bias", &[outputs], fan_in.sqrt().recip()),
            },
            Initialisation::Keras => Self {
                weight: builder.uniform(
                    "weight",
                    &[outputs, inputs],
                    (6.0 / (fan_in + outputs as f64)).sqrt(),
                ),
                bias: builder.constant("bias", &[outputs], 0.0),
            },
        };
        layer.listed(builder, outputs)
    }

    /// Weights and biases all 0: the network starts by putting out nothing.
    pub fn zero(builder: &Builder<'_>, inputs: i64, outputs: i64) -> Self {
        let weight = builder.constant("weight", &[outputs, inputs], 0.0);
        let bias = builder.constant("bias", &[outputs], 0.0);
        Self { weight, bias }.listed(builder, outputs)
    }

    fn listed(self, builder: &Builder<'_>, outputs: i64) -> Self {
        builder.row("linear", &[outputs], &[&self.weight, &self.bias]);
        self
    }

    /// `[…, inputs]` to `[…, outputs]`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        values.linear(&self.weight, Some(&self.bias))
    }
}
