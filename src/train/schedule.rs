//! Learning rates over a run.

use std::f64::consts::PI;

/// How the learning rate moves. Schedules of steps run over the whole training; those of epochs
/// act between epochs. Formulas as in PyTorch's `lr_scheduler`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same rate throughout.
    #[default]
    Constant,
    /// Half a cosine from the rate to `minimum`, per step.
    Cosine {
        /// Rate at the end.
        #[serde(default)]
        minimum: f64,
    },
    /// Half cosines that start anew, per epoch.
    CosineRestarts {
        /// Epochs of the first.
        first: usize,
        /// Each is this many times as long as the one before.
        #[serde(default = "one")]
        factor: usize,
        /// Rate at the end of each.
        #[serde(default)]
        minimum: f64,
    },
    /// Up to the learning rate and down again, per step; momentum (beta1 of Adam) the other way.
    OneCycle(OneCycle),
    /// Down by `factor` when the validation loss has not improved for more than `patience` epochs.
    Plateau(Plateau),
    /// Down by `factor` every `every` epochs.
    Step {
        /// Epochs between.
        every: usize,
        /// Multiplies the rate.
        factor: f64,
    },
    /// Down by `factor` at each of the epochs `at`.
    MultiStep {
        /// Epochs, rising.
        at: Vec<usize>,
        /// Multiplies the rate.
        factor: f64,
    },
    /// Times `factor` every epoch.
    Exponential {
        /// Multiplies the rate.
        factor: f64,
    },
    /// Linear from `start` times the rate in `steps` steps, then half a cosine to `minimum`, per step.
    WarmUpCosine {
        /// Steps of the warm-up.
        steps: usize,
        /// Share of the rate at step 0.
        #[serde(default = "tenth")]
        start: f64,
        /// Rate at the end.
        #[serde(default)]
        minimum: f64,
    },
    /// `(1 − step/steps)^power`, per step.
    Polynomial {
        /// The power.
        power: f64,
    },
}

fn one() -> usize {
    1
}

fn tenth() -> f64 {
    0.1
}

/// Constants of the one-cycle schedule (Smith and Topin 2018); the learning rate is its top.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneCycle {
    /// Share of the steps on the way up (.3).
    pub rising: f64,
    /// The first rate is the top divided by this (25).
    pub start_divisor: f64,
    /// The last rate is the first divided by this (1e4).
    pub end_divisor: f64,
    /// Straight lines, not half cosines.
    pub linear: bool,
    /// Up, symmetrically down, then to the end; else up and down to the end.
    pub three_phases: bool,
    /// Move the momentum too.
    pub cycle_momentum: bool,
    /// Momentum at the top (.85).
    pub low_momentum: f64,
    /// Momentum at start and end (.95).
    pub high_momentum: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            rising: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
            linear: false,
            three_phases: false,
            cycle_momentum: true,
            low_momentum: 0.85,
            high_momentum: 0.95,
        }
    }
}

/// Constants of the plateau schedule.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plateau {
    /// Multiplies the rate (.1).
    pub factor: f64,
    /// Epochs without improvement that are borne (10).
    pub patience: usize,
    /// What counts as an improvement, relative to the best loss (1e-4).
    pub threshold: f64,
    /// Epochs after a reduction in which none is counted (0).
    pub cooldown: usize,
    /// The rate never falls below (0).
    pub minimum: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, minimum: 0.0 }
    }
}

/// Rate and, where cycled, momentum of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Learning rate.
    pub learning_rate: f64,
    /// Momentum of SGD and RMSprop, beta1 of Adam; `None` leaves the optimiser's own.
    pub momentum: Option<f64>,
}

impl Schedule {
    /// The rate of step `step` of `steps`, in epoch `epoch`; `base` is the learning rate of the
    /// settings, `reduction` the [`PlateauState::reduction`].
    pub fn rate(&self, base: f64, step: u64, steps: u64, epoch: usize, reduction: f64) -> Rate {
        let (at, total) = (step as f64, steps.max(1) as f64);
        let learning_rate = match self {
            Self::Constant => base,
            Self::Cosine { minimum } => cosine(base, *minimum, at / total),
            Self::CosineRestarts { first, factor, minimum } => {
                let (since, length) = since_restart(epoch, (*first).max(1), (*factor).max(1));
                cosine(base, *minimum, since as f64 / length as f64)
            }
            Self::OneCycle(cycle) => return cycle.rate(base, at, total),
            Self::Plateau(plateau) => (base * reduction).max(plateau.minimum),
            Self::Step { every, factor } => base * factor.powi((epoch / (*every).max(1)) as i32),
            Self::MultiStep { at, factor } => {
                base * factor.powi(at.iter().filter(|e| **e <= epoch).count() as i32)
            }
            Self::Exponential { factor } => base * factor.powi(epoch as i32),
            Self::WarmUpCosine { steps: rise, start, minimum } => {
                let rise = *rise as f64;
                if at < rise {
                    base * (start + (1.0 - start) * at / rise)
                } else {
                    cosine(base, *minimum, (at - rise) / (total - rise).max(1.0))
                }
            }
            Self::Polynomial { power } => base * (1.0 - (at / total).min(1.0)).powf(*power),
        };
        Rate { learning_rate, momentum: None }
    }
}

/// Half a cosine from `from` (position 0) to `to` (position 1).
fn cosine(from: f64, to: f64, position: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * position).cos()) / 2.0
}

/// Epochs since the last restart and the length of the running stretch.
fn since_restart(epoch: usize, first: usize, factor: usize) -> (usize, usize) {
    if factor == 1 {
        return (epoch % first, first);
    }
    let (mut since, mut length) = (epoch, first);
    while since >= length {
        since -= length;
        length = length.saturating_mul(factor);
    }
    (since, length)
}

impl OneCycle {
    fn rate(&self, top: f64, step: f64, steps: f64) -> Rate {
        let first = top / self.start_divisor;
        let last = first / self.end_divisor;
        let (low, high) = (self.low_momentum, self.high_momentum);
        let up = self.rising * steps - 1.0;
        // (end of the phase, rates from and to, momenta from and to)
        let mut phases = vec![(up, first, top, high, low)];
        if self.three_phases {
            phases.push((2.0 * self.rising * steps - 2.0, top, first, low, high));
            phases.push((steps - 1.0, first, last, high, high));
        } else {
            phases.push((steps - 1.0, top, last, low, high));
        }
        let mut start = 0.0;
        for (end, from, to, momentum_from, momentum_to) in phases {
            if step <= end || end >= steps - 1.0 {
                let position = ((step - start) / (end - start)).min(1.0);
                let between = |a: f64, b: f64| {
                    if self.linear { a + (b - a) * position } else { cosine(a, b, position) }
                };
                let momentum = self.cycle_momentum.then(|| between(momentum_from, momentum_to));
                return Rate { learning_rate: between(from, to), momentum };
            }
            start = end;
        }
        Rate { learning_rate: last, momentum: self.cycle_momentum.then_some(high) }
    }
}

/// What the plateau schedule remembers.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PlateauState {
    /// Product of the reductions so far.
    pub reduction: f64,
    /// Lowest loss so far.
    pub best: Option<f64>,
    /// Epochs without improvement.
    pub bad_epochs: usize,
    /// Epochs of cooldown left.
    pub cooldown: usize,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { reduction: 1.0, best: None, bad_epochs: 0, cooldown: 0 }
    }
}

impl PlateauState {
    /// Takes note of an epoch's loss.
    pub fn note(&mut self, plateau: &Plateau, loss: f64) {
        if self.best.is_none_or(|best| loss < best * (1.0 - plateau.threshold)) {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs > plateau.patience {
            self.reduction *= plateau.factor;
            self.cooldown = plateau.cooldown;
            self.bad_epochs = 0;
        }
    }
}
