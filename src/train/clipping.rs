//! Bounds on gradients.

use tch::Tensor;

use crate::error::Result;

/// Divides a flat gradient by `weight`, bounds its norm over all parameters (factor
/// `min(1, limit / (norm + 1e-6))`, as PyTorch) and then each of its numbers. Returns the norm
/// before bounding.
pub fn clip(
    gradient: &mut Tensor,
    weight: f64,
    norm_limit: Option<f64>,
    value_limit: Option<f64>,
) -> Result<f64> {
    let norm = gradient.f_norm()?.f_double_value(&[])? / weight;
    let factor = norm_limit.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0));
    *gradient = gradient.f_mul_scalar_(factor / weight)?;
    if let Some(limit) = value_limit {
        *gradient = gradient.f_clamp_(-limit, limit)?;
    }
    Ok(norm)
}
