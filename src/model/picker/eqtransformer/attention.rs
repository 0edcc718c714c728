//! Additive attention (Bahdanau et al. 2015) of a sequence to itself, and the block around it.

use tch::{Kind, Tensor};

use super::super::super::Mode;
use super::super::super::layers::{Builder, Linear, dropout};

/// Width of the layer in which queries and keys meet.
const UNITS: i64 = 32;

/// Weights `a[i, j] = e[i, j] / (Σ_j e[i, j] + ε)` with
/// `e = exp(tanh(q_i + k_j + b_h) W_a + b_a - max_j)`, parameters `Wt` (queries), `Wx` (keys),
/// `bh`, `Wa`, `ba`. The maximum is that of the whole row, also where only some neighbours count:
/// with ε in the sum, that is not the same as a softmax.
pub struct Attention {
    query: Tensor,
    key: Tensor,
    query_key_bias: Tensor,
    score: Tensor,
    score_bias: Tensor,
    /// 1 where step `j` counts for step `i`, `[T, T]`.
    neighbours: Option<Tensor>,
    epsilon: f64,
}

impl Attention {
    /// `width` is the number of steps that count for each, from `-width / 2` on; all if `None`.
    pub fn new(
        builder: &Builder<'_>,
        channels: i64,
        width: Option<i64>,
        epsilon: f64,
        steps: i64,
    ) -> Self {
        // Glorot and Bengio (2010).
        let bound = |from: i64, to: i64| (6.0 / (from + to) as f64).sqrt();
        let layer = Self {
            key: builder.uniform("Wx", &[channels, UNITS], bound(channels, UNITS)),
            query: builder.uniform("Wt", &[channels, UNITS], bound(channels, UNITS)),
            query_key_bias: builder.constant("bh", &[UNITS], 0.0),
            score: builder.uniform("Wa", &[UNITS, 1], bound(UNITS, 1)),
            score_bias: builder.constant("ba", &[1], 0.0),
            neighbours: width.map(|width| neighbours(steps, width).to_device(builder.device())),
            epsilon,
        };
        let parameters =
            [&layer.key, &layer.query, &layer.query_key_bias, &layer.score, &layer.score_bias];
        builder.row("attention", &[channels, steps], &parameters);
        layer
    }

    /// `[N, C, T]`, same shape out.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let steps = values.transpose(1, 2);
        let queries = steps.matmul(&self.query).unsqueeze(2);
        let keys = steps.matmul(&self.key).unsqueeze(1);
        let meeting = (queries + keys + &self.query_key_bias).tanh_();
        let scores = (meeting.matmul(&self.score) + &self.score_bias).squeeze_dim(-1);
        let highest = scores.amax(-1, true);
        let weights = (scores - highest).exp();
        // Not in place: the gradient needs what the exponential gave.
        let weights = match &self.neighbours {
            Some(neighbours) => &weights * neighbours,
            None => weights,
        };
        let sum = weights.sum_dim_intlist(-1, true, Kind::Float) + self.epsilon;
        (weights / sum).matmul(&steps).transpose(1, 2)
    }
}

fn neighbours(steps: i64, width: i64) -> Tensor {
    let counts = |i: i64, j: i64| {
        let first = j - width / 2;
        f32::from(u8::from((first..first + width).contains(&i)))
    };
    let values: Vec<f32> = (0..steps).flat_map(|i| (0..steps).map(move |j| counts(i, j))).collect();
    Tensor::from_slice(&values).view([steps, steps])
}

/// Normalises the channels at each step: `(x - mean) / √(variance + 1e-14) · gamma + beta`.
struct StepNorm {
    gamma: Tensor,
    beta: Tensor,
}

impl StepNorm {
    fn new(builder: &Builder<'_>, channels: i64, steps: i64) -> Self {
        let gamma = builder.constant("gamma", &[channels, 1], 1.0);
        let beta = builder.constant("beta", &[channels, 1], 0.0);
        builder.row("layer norm", &[channels, steps], &[&gamma, &beta]);
        Self { gamma, beta }
    }

    fn forward(&self, values: &Tensor) -> Tensor {
        let centred = values - values.mean_dim(1, true, Kind::Float);
        let variance = centred.square().mean_dim(1, true, Kind::Float);
        centred / (variance + 1e-14).sqrt() * &self.gamma + &self.beta
    }
}

/// Attention and two linear layers, each added to what it reads and normalised.
pub struct Transformer {
    attention: Attention,
    norm1: StepNorm,
    lin1: Linear,
    lin2: Linear,
    norm2: StepNorm,
}

/// Width between the two linear layers.
const HIDDEN: i64 = 128;

impl Transformer {
    /// `steps` is the length of the sequence.
    pub fn new(builder: &Builder<'_>, channels: i64, epsilon: f64, steps: i64) -> Self {
        let place = builder.at("attention");
        Self {
            attention: Attention::new(&place, channels, None, epsilon, steps),
            norm1: StepNorm::new(&builder.at("norm1"), channels, steps),
            lin1: Linear::new(&builder.at("ff.lin1"), channels, HIDDEN),
            lin2: Linear::new(&builder.at("ff.lin2"), HIDDEN, channels),
            norm2: StepNorm::new(&builder.at("norm2"), channels, steps),
        }
    }

    /// `[N, C, T]`, same shape out; `observe` is shown what the attention puts out.
    pub fn forward(
        &self,
        values: &Tensor,
        drop_rate: f64,
        mode: Mode<'_>,
        observe: &mut dyn FnMut(&Tensor),
    ) -> Tensor {
        let attended = self.attention.forward(values);
        observe(&attended);
        let first = self.norm1.forward(&(values + attended));
        let hidden = self.lin1.forward(&first.transpose(1, 2)).relu();
        let fed = self.lin2.forward(&dropout(hidden, drop_rate, mode)).transpose(1, 2);
        self.norm2.forward(&(first + fed))
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::super::super::layers::{Initialisation, Registry};
    use super::*;

    const STEPS: usize = 9;
    const CHANNELS: usize = 3;

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).unwrap()
    }

    /// The definition, number by number.
    fn defined(layer: &Attention, x: &[f64], width: Option<i64>) -> Vec<f64> {
        let units = UNITS as usize;
        let [key, query, score] = [&layer.key, &layer.query, &layer.score].map(numbers);
        let project = |weights: &[f64], step: usize, unit: usize| -> f64 {
            (0..CHANNELS).map(|c| x[c * STEPS + step] * weights[c * units + unit]).sum()
        };
        let mut output = vec![0.0; CHANNELS * STEPS];
        for i in 0..STEPS {
            let energies: Vec<f64> = (0..STEPS)
                .map(|j| {
                    let meet = |u: usize| project(&query, i, u) + project(&key, j, u);
                    (0..units).map(|u| meet(u).tanh() * score[u]).sum()
                })
                .collect();
            let highest = energies.iter().copied().fold(f64::MIN, f64::max);
            let counts = |j: usize| {
                let first = j as i64 - width.unwrap_or(0) / 2;
                width.is_none_or(|width| (first..first + width).contains(&(i as i64)))
            };
            let weights: Vec<f64> = energies
                .iter()
                .enumerate()
                .map(|(j, energy)| if counts(j) { (energy - highest).exp() } else { 0.0 })
                .collect();
            let sum = weights.iter().sum::<f64>() + layer.epsilon;
            for c in 0..CHANNELS {
                output[c * STEPS + i] =
                    (0..STEPS).map(|j| weights[j] / sum * x[c * STEPS + j]).sum();
            }
        }
        output
    }

    #[test]
    fn weights_are_relative_to_the_highest_of_the_whole_row() {
        // Scores far apart, so that a neighbourhood without the highest weighs little beside ε.
        let x: Vec<f64> = (0..CHANNELS * STEPS).map(|i| (i as f64 * 1.7).sin() * 40.0).collect();
        let values = Tensor::from_slice(&x).view([1, CHANNELS as i64, STEPS as i64]);
        let values = values.to_kind(Kind::Float);
        for (width, epsilon) in [(None, 1e-5), (Some(3), 1e-5), (Some(3), 1e-2), (Some(4), 1e-7)] {
            let parameters = tch::nn::VarStore::new(Device::Cpu);
            let registry = Registry::new(3, Initialisation::PyTorch);
            let builder = Builder::new(&parameters, &registry);
            let layer = Attention::new(&builder, CHANNELS as i64, width, epsilon, STEPS as i64);
            let ours = numbers(&layer.forward(&values));
            let defined = defined(&layer, &x, width);
            let apart = ours.iter().zip(&defined).map(|(a, b)| (a - b).abs());
            let apart = apart.fold(0.0, f64::max);
            assert!(apart < 1e-3, "{width:?} {epsilon}: {apart}");
        }
    }

    #[test]
    fn steps_are_normalised_with_the_published_epsilon() {
        let parameters = tch::nn::VarStore::new(Device::Cpu);
        let registry = Registry::new(3, Initialisation::PyTorch);
        let norm = StepNorm::new(&Builder::new(&parameters, &registry), 2, 1);
        // A variance of 1e-12, in which 1e-14 shows and 1e-5 would leave nothing.
        let values = Tensor::from_slice(&[1e-6f32, -1e-6]).view([1, 2, 1]);
        let normed = numbers(&norm.forward(&values));
        let expected = 1e-6 / (1e-12f64 + 1e-14).sqrt();
        assert!((normed[0] - expected).abs() < 1e-4 && (normed[1] + expected).abs() < 1e-4);
    }
}
