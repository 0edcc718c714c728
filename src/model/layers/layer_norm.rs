//! Layer normalisation (Ba et al. 2016).

use tch::Tensor;

use super::builder::Builder;

/// Normalises the last axis of each example; parameters `weight` (starts at 1), `bias` (0).
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// `width` is the length of the last axis.
    pub fn new(builder: &Builder<'_>, width: i64) -> Self {
        let weight = builder.constant("weight", &[width], 1.0);
        let bias = builder.constant("bias", &[width], 0.0);
        builder.row("layer norm", &[width], &[&weight, &bias]);
        Self { weight, bias }
    }

    /// `[…, width]`, same shape out.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        values.layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), 1e-5, true)
    }
}
