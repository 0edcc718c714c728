//! One direction of an LSTM with PyTorch's gate order, under each of the names that EQTransformer
//! weights use for its tensors, and with either kind of gate.

use tch::Tensor;

use super::super::super::layers::Builder;

/// Gates i, f, g, o: `c' = f c + i tanh(g)`, `h = o tanh(c')`, from zero states.
pub struct Lstm {
    /// `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`.
    weights: [Tensor; 4],
    hidden: i64,
    hard: bool,
}

impl Lstm {
    /// Tensors `weight_ih_l0` …, as of `torch.nn.LSTM`.
    pub fn named(builder: &Builder<'_>, inputs: i64, hidden: i64) -> Self {
        Self::new(builder, inputs, hidden, "_l0", false)
    }

    /// Tensors `weight_ih_l0_reverse` …: the backward direction of `torch.nn.LSTM`.
    pub fn reversed(builder: &Builder<'_>, inputs: i64, hidden: i64) -> Self {
        Self::new(builder, inputs, hidden, "_l0_reverse", false)
    }

    /// Tensors `weight_ih` …: a cell of its own.
    pub fn unnumbered(builder: &Builder<'_>, inputs: i64, hidden: i64) -> Self {
        Self::new(builder, inputs, hidden, "", false)
    }

    /// The same with gates `clip(0.2 x + 0.5, 0, 1)`.
    pub fn hard(builder: &Builder<'_>, inputs: i64, hidden: i64) -> Self {
        Self::new(builder, inputs, hidden, "", true)
    }

    fn new(builder: &Builder<'_>, inputs: i64, hidden: i64, suffix: &str, hard: bool) -> Self {
        let bound = (hidden as f64).sqrt().recip();
        let rows = 4 * hidden;
        let parameter =
            |name: &str, shape: &[i64]| builder.uniform(&format!("{name}{suffix}"), shape, bound);
        let weights = [
            parameter("weight_ih", &[rows, inputs]),
            parameter("weight_hh", &[rows, hidden]),
            parameter("bias_ih", &[rows]),
            parameter("bias_hh", &[rows]),
        ];
        builder.row(format!("lstm{suffix}"), &[hidden], &weights.each_ref());
        Self { weights, hidden, hard }
    }

    /// `[N, T, inputs]` to the states `[N, T, hidden]`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let [of_input, of_state, input_bias, state_bias] = &self.weights;
        if !self.hard {
            let zero =
                Tensor::zeros([1, values.size()[0], self.hidden], (values.kind(), values.device()));
            let initial = [&zero, &zero];
            let parameters = [of_input, of_state, input_bias, state_bias];
            return values.lstm(&initial, &parameters, true, 1, 0.0, false, false, true).0;
        }
        let count = values.size()[0];
        let inputs = values.linear(of_input, Some(input_bias));
        let zero = || Tensor::zeros([count, self.hidden], (values.kind(), values.device()));
        let (mut state, mut cell) = (zero(), zero());
        let mut states = Vec::new();
        for step in 0..values.size()[1] {
            let gates = inputs.select(1, step) + state.linear(of_state, Some(state_bias));
            let parts = gates.chunk(4, 1);
            let [input, forget, candidate, output] = parts.as_slice() else { break };
            let kept = hard_sigmoid(forget) * &cell;
            cell = kept + hard_sigmoid(input) * candidate.tanh();
            state = hard_sigmoid(output) * cell.tanh();
            states.push(state.shallow_clone());
        }
        Tensor::stack(&states, 1)
    }
}

/// Keras' gate.
fn hard_sigmoid(values: &Tensor) -> Tensor {
    (values * 0.2 + 0.5).clamp(0.0, 1.0)
}
