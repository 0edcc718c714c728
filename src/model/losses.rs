//! Losses, element by element. Definitions and names are PyTorch's; sums, masks and weights are
//! the business of the tasks.

use tch::{Kind, Reduction, Tensor};

/// Absolute differences; shape of the inputs, as all of these unless said.
pub fn absolute(prediction: &Tensor, target: &Tensor) -> Tensor {
    (prediction - target).abs()
}

/// Squared differences.
pub fn squared(prediction: &Tensor, target: &Tensor) -> Tensor {
    (prediction - target).square()
}

/// Huber: `d²/2` up to `delta`, then `delta (|d| - delta/2)`.
pub fn huber(prediction: &Tensor, target: &Tensor, delta: f64) -> Tensor {
    prediction.huber_loss(target, Reduction::None, delta)
}

/// Smooth L1: `d²/(2 beta)` up to `beta`, then `|d| - beta/2`.
pub fn smooth_absolute(prediction: &Tensor, target: &Tensor, beta: f64) -> Tensor {
    prediction.smooth_l1_loss(target, Reduction::None, beta)
}

/// Gaussian negative log likelihood without its constant, the variance at least 1e-6.
pub fn gaussian(prediction: &Tensor, target: &Tensor, variance: &Tensor) -> Tensor {
    let variance = variance.clamp_min(1e-6);
    0.5 * (variance.log() + squared(prediction, target) / variance)
}

/// Pinball loss of `quantiles` `[…, Q]` at `levels` `[Q]` for `target` `[…]`; `[…, Q]`.
/// (Koenker and Bassett 1978: `max(τ d, (τ - 1) d)` with `d = target - quantile`.)
pub fn pinball(quantiles: &Tensor, target: &Tensor, levels: &Tensor) -> Tensor {
    let difference: Tensor = target.unsqueeze(-1) - quantiles;
    // The same as the maximum, and one operation fewer: τ d + max(-d, 0).
    let below = (-&difference).relu();
    levels * difference + below
}

/// Binary cross-entropy of logits; positive targets count `positive_weight` times.
pub fn binary_cross_entropy(
    logits: &Tensor,
    target: &Tensor,
    positive_weight: Option<f64>,
) -> Tensor {
    let weight = positive_weight.map(|w| Tensor::full([1], w, (logits.kind(), logits.device())));
    logits.binary_cross_entropy_with_logits(
        target,
        None::<&Tensor>,
        weight.as_ref(),
        Reduction::None,
    )
}

/// Focal loss of binary logits (Lin et al. 2017): `alpha_t (1 - p_t)^gamma · cross-entropy`.
pub fn binary_focal(logits: &Tensor, target: &Tensor, alpha: f64, gamma: f64) -> Tensor {
    let probability = logits.sigmoid();
    let against: Tensor = 1.0 - target;
    let of_truth = &probability * target + (1.0 - &probability) * &against;
    let balance = target * alpha + against * (1.0 - alpha);
    let missed: Tensor = 1.0 - of_truth;
    balance * missed.pow_tensor_scalar(gamma) * binary_cross_entropy(logits, target, None)
}

/// How class weights act on the part of label smoothing that is spread over all classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmoothingWeights {
    /// Each class by its own weight, as PyTorch does.
    #[default]
    OfEachClass,
    /// All classes by the weight of the example's class.
    OfTheTarget,
}

/// Cross-entropy of logits `[N, C]` with class indices `[N]`, class weights `[C]` and label
/// smoothing; `[N]`. To be divided by the sum of the targets' weights for PyTorch's mean.
pub fn cross_entropy(
    logits: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    smoothing: f64,
    smoothing_weights: SmoothingWeights,
) -> Tensor {
    let log_probability = logits.log_softmax(1, Kind::Float);
    let hard = -log_probability.gather(1, &target.unsqueeze(1), false).squeeze_dim(1);
    let hard = match weights {
        Some(weights) => hard * weights.index_select(0, target),
        None => hard,
    };
    if smoothing == 0.0 {
        return hard;
    }
    let soft = match (weights, smoothing_weights) {
        (None, _) => -log_probability.mean_dim(1, false, Kind::Float),
        (Some(weights), SmoothingWeights::OfEachClass) => {
            -(log_probability * weights).mean_dim(1, false, Kind::Float)
        }
        (Some(weights), SmoothingWeights::OfTheTarget) => {
            -log_probability.mean_dim(1, false, Kind::Float) * weights.index_select(0, target)
        }
    };
    hard * (1.0 - smoothing) + soft * smoothing
}

/// Focal loss of class logits `[N, C]`: `-w_t (1 - p_t)^gamma ln p_t`; `[N]`.
pub fn focal(logits: &Tensor, target: &Tensor, weights: Option<&Tensor>, gamma: f64) -> Tensor {
    let log_probability = logits.log_softmax(1, Kind::Float);
    let of_truth = log_probability.gather(1, &target.unsqueeze(1), false).squeeze_dim(1);
    let missed: Tensor = 1.0 - of_truth.exp();
    let loss = -missed.pow_tensor_scalar(gamma) * of_truth;
    match weights {
        Some(weights) => loss * weights.index_select(0, target),
        None => loss,
    }
}
