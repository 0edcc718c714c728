//! Optimisers over one flat tensor. Their moments are tensors of the program, so that training
//! can be resumed exactly; libtorch's own cannot be read back.

use tch::Tensor;

use super::Parameters;
use crate::error::Result;

/// Which optimiser, with the constants that belong to it. Defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    Adamw(AdamConstants),
    /// Adam (Kingma and Ba 2015); weight decay joins the gradient.
    Adam(AdamConstants),
    /// Stochastic gradient descent; weight decay joins the gradient.
    Sgd {
        /// Share of the last step that is kept.
        #[serde(default)]
        momentum: f64,
        /// Share of the gradient that does not enter the momentum.
        #[serde(default)]
        dampening: f64,
        /// Nesterov's form.
        #[serde(default)]
        nesterov: bool,
    },
    /// RMSprop (Hinton); weight decay joins the gradient.
    Rmsprop {
        /// Share of the mean square that is kept.
        #[serde(default = "rmsprop_alpha")]
        alpha: f64,
        /// Added to the root.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Share of the last step that is kept.
        #[serde(default)]
        momentum: f64,
        /// Divide by the variance, not the mean square.
        #[serde(default)]
        centered: bool,
    },
}

/// Constants of the Adam family.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConstants {
    /// Share of the mean gradient that is kept (.9).
    pub beta1: f64,
    /// Share of the mean square that is kept (.999).
    pub beta2: f64,
    /// Added to the root (1e-8; Keras: 1e-7).
    pub epsilon: f64,
    /// Divide by the largest mean square so far.
    pub amsgrad: bool,
    /// Keras's form: epsilon is added before the correction for the start, so that it weighs
    /// more in the first steps.
    pub keras_epsilon: bool,
}

impl Default for AdamConstants {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: epsilon(), amsgrad: false, keras_epsilon: false }
    }
}

impl AdamConstants {
    /// Keras's defaults: epsilon 1e-7 in Keras's form.
    pub fn keras() -> Self {
        Self { epsilon: 1e-7, keras_epsilon: true, ..Self::default() }
    }
}

fn epsilon() -> f64 {
    1e-8
}

fn rmsprop_alpha() -> f64 {
    0.99
}

/// An optimiser at work: constants, moments, number of steps done.
pub struct Optimizer {
    kind: OptimizerKind,
    weight_decay: f64,
    decayed: Option<Tensor>,
    steps: u64,
    moments: Vec<(&'static str, Tensor)>,
}

impl Optimizer {
    /// Moments start at zero. With `spare_biases`, weight decay leaves parameters of one axis
    /// (biases, gains and offsets of normalisation) alone.
    pub fn new(
        kind: OptimizerKind,
        weight_decay: f64,
        spare_biases: bool,
        parameters: &Parameters,
    ) -> Result<Self> {
        let names: &[&'static str] = match &kind {
            OptimizerKind::Adamw(c) | OptimizerKind::Adam(c) if c.amsgrad => {
                &["mean", "square", "largest_square"]
            }
            OptimizerKind::Adamw(_) | OptimizerKind::Adam(_) => &["mean", "square"],
            OptimizerKind::Sgd { .. } => &["velocity"],
            OptimizerKind::Rmsprop { .. } => &["square", "mean", "velocity"],
        };
        let zero = |name: &&'static str| Ok((*name, parameters.flat.f_zeros_like()?));
        let moments = names.iter().map(zero).collect::<Result<_>>()?;
        let decayed =
            (spare_biases && weight_decay > 0.0).then(|| parameters.decayed()).transpose()?;
        Ok(Self { kind, weight_decay, decayed, steps: 0, moments })
    }

    /// Moments by name, laid out as [`Parameters::flat`].
    pub fn moments(&self) -> &[(&'static str, Tensor)] {
        &self.moments
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Puts saved steps and moments back; `moment` gives the tensor of a name.
    pub fn restore(
        &mut self,
        steps: u64,
        mut moment: impl FnMut(&str) -> Result<Tensor>,
    ) -> Result<()> {
        self.steps = steps;
        for (name, tensor) in &mut self.moments {
            tensor.f_copy_(&moment(name)?)?;
        }
        Ok(())
    }

    /// One step with learning rate `rate`; `momentum` replaces the momentum (SGD, RMSprop) or
    /// beta1 (Adam) where a schedule cycles it.
    pub fn step(
        &mut self,
        flat: &mut Tensor,
        gradient: Tensor,
        rate: f64,
        momentum: Option<f64>,
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        match self.kind.clone() {
            OptimizerKind::Adamw(constants) => {
                self.shrink(flat, rate)?;
                self.adam(flat, &gradient, rate, momentum, &constants)
            }
            OptimizerKind::Adam(constants) => {
                let gradient = self.with_decay(flat, gradient)?;
                self.adam(flat, &gradient, rate, momentum, &constants)
            }
            OptimizerKind::Sgd { momentum: own, dampening, nesterov } => {
                let gradient = self.with_decay(flat, gradient)?;
                self.sgd(flat, gradient, rate, momentum.unwrap_or(own), dampening, nesterov)
            }
            OptimizerKind::Rmsprop { alpha, epsilon, momentum: own, centered } => {
                let gradient = self.with_decay(flat, gradient)?;
                let momentum = momentum.unwrap_or(own);
                self.rmsprop(flat, &gradient, rate, alpha, epsilon, momentum, centered)
            }
        }
    }

    /// Decoupled decay: `p ← p·(1 − rate·decay)`.
    fn shrink(&self, flat: &mut Tensor, rate: f64) -> Result<()> {
        let share = rate * self.weight_decay;
        if share == 0.0 {
            return Ok(());
        }
        match &self.decayed {
            None => *flat = flat.f_mul_scalar_(1.0 - share)?,
            Some(mask) => *flat -= flat.f_mul(mask)?.f_mul_scalar_(share)?,
        }
        Ok(())
    }

    /// Decay in the gradient: `g + decay·p`.
    fn with_decay(&self, flat: &Tensor, gradient: Tensor) -> Result<Tensor> {
        if self.weight_decay == 0.0 {
            return Ok(gradient);
        }
        let mut pull = flat.f_mul_scalar(self.weight_decay)?;
        if let Some(mask) = &self.decayed {
            pull = pull.f_mul(mask)?;
        }
        Ok(gradient.f_add(&pull)?)
    }

    fn adam(
        &mut self,
        flat: &mut Tensor,
        gradient: &Tensor,
        rate: f64,
        momentum: Option<f64>,
        constants: &AdamConstants,
    ) -> Result<()> {
        let beta1 = momentum.unwrap_or(constants.beta1);
        let steps = self.steps as f64;
        let correction1 = 1.0 - beta1.powf(steps);
        let correction2 = (1.0 - constants.beta2.powf(steps)).sqrt();
        let _ = self.moments[0].1.f_lerp_(gradient, 1.0 - beta1)?;
        let square = &mut self.moments[1].1;
        let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - constants.beta2)?;
        let mut divisor = if constants.amsgrad {
            let largest = self.moments[2].1.f_maximum(&self.moments[1].1)?;
            self.moments[2].1.f_copy_(&largest)?;
            largest
        } else {
            square.f_detach_copy()?
        };
        // Both forms as mean / (√square + ε') · rate', with the corrections in ε' and rate'.
        let epsilon = if constants.keras_epsilon { 1.0 } else { correction2 } * constants.epsilon;
        let mut update = divisor.f_sqrt_()?.f_add_scalar_(epsilon)?;
        update = self.moments[0].1.f_div(&update)?;
        *flat -= update.f_mul_scalar_(rate * correction2 / correction1)?;
        Ok(())
    }

    fn sgd(
        &mut self,
        flat: &mut Tensor,
        gradient: Tensor,
        rate: f64,
        momentum: f64,
        dampening: f64,
        nesterov: bool,
    ) -> Result<()> {
        let mut update = gradient;
        if momentum != 0.0 {
            let velocity = &mut self.moments[0].1;
            if self.steps == 1 {
                velocity.f_copy_(&update)?;
            } else {
                let fresh = update.f_mul_scalar(1.0 - dampening)?;
                *velocity = velocity.f_mul_scalar_(momentum)?.f_add_(&fresh)?;
            }
            update = if nesterov {
                update.f_add(&velocity.f_mul_scalar(momentum)?)?
            } else {
                velocity.f_detach_copy()?
            };
        }
        *flat -= update.f_mul_scalar(rate)?;
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the constants of one formula")]
    fn rmsprop(
        &mut self,
        flat: &mut Tensor,
        gradient: &Tensor,
        rate: f64,
        alpha: f64,
        epsilon: f64,
        momentum: f64,
        centered: bool,
    ) -> Result<()> {
        let _ = self.moments[0].1.f_lerp_(&gradient.f_square()?, 1.0 - alpha)?;
        let mut spread = self.moments[0].1.f_detach_copy()?;
        if centered {
            let _ = self.moments[1].1.f_lerp_(gradient, 1.0 - alpha)?;
            spread = spread.f_sub(&self.moments[1].1.f_square()?)?;
        }
        let mut update = gradient.f_div(&spread.f_sqrt_()?.f_add_scalar_(epsilon)?)?;
        if momentum != 0.0 {
            let velocity = self.moments[2].1.f_mul_scalar_(momentum)?.f_add_(&update)?;
            update = velocity.f_detach_copy()?;
        }
        *flat -= update.f_mul_scalar_(rate)?;
        Ok(())
    }
}
