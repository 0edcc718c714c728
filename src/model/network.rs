//! What every network is to the trainer.

use std::cell::RefCell;

use rand::{Rng as _, SeedableRng};
use tch::{Kind, Tensor};

use crate::data::Rng;

/// What a network sees: never a target.
pub struct Input<'a> {
    /// `[N, T, C]` series, `[N, C, T]` waveforms, `[N, C, H, W]` images.
    pub values: &'a Tensor,
    /// `[N, F]` features that join the last layers.
    pub features: Option<&'a Tensor>,
    /// `[N]` int64 valid steps.
    pub lengths: Option<&'a Tensor>,
}

/// Draws for layers that act in training only (dropout, spectrogram masks). Independent of
/// libtorch's global generator, so that a run depends on its seed alone.
pub struct DropoutSource(RefCell<Rng>);

impl DropoutSource {
    /// A source for one batch, seeded from (seed, epoch, batch).
    pub fn new(seed: u64) -> Self {
        Self(RefCell::new(Rng::seed_from_u64(seed)))
    }

    /// A mask of `shape` on `like`'s device: 0 with `probability`, else `1 / (1 - probability)`.
    pub fn mask(&self, shape: &[i64], probability: f64, like: &Tensor) -> Tensor {
        let count = shape.iter().product::<i64>().max(0) as usize;
        let keep = (1.0 / (1.0 - probability)) as f32;
        let threshold = (probability * f64::from(u32::MAX)) as u32;
        let mut rng = self.0.borrow_mut();
        let values: Vec<f32> =
            (0..count).map(|_| if rng.next_u32() < threshold { 0.0 } else { keep }).collect();
        Tensor::from_slice(&values).view(shape).to_device(like.device()).to_kind(Kind::Float)
    }

    /// An integer drawn uniformly from `0..bound` (0 if `bound` is 0).
    pub fn below(&self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.0.borrow_mut().next_u64() % bound as u64) as usize }
    }
}

/// Training or evaluation; training carries its source of randomness.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    /// Dropout on, batch statistics used and updated.
    Train(&'a DropoutSource),
    /// Dropout on, running statistics used: answers differ from draw to draw.
    Sample(&'a DropoutSource),
    /// Dropout off, running statistics used.
    Evaluate,
}

/// A differentiable map from [`Input`] to raw outputs (logits, quantile increments) `[N, K]`.
pub trait Network: Send {
    /// Returns `[N, outputs]`, or `[N, outputs, T]` for targets at every sample; the task gives it
    /// meaning.
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor;

    /// [`Network::forward`], showing `observe` what comes out of named layers on the way, in the
    /// network's own axes. Networks that name no layers show nothing.
    fn forward_observed(
        &self,
        input: &Input<'_>,
        mode: Mode<'_>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let _ = observe;
        self.forward(input, mode)
    }
}
