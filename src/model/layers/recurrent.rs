//! Recurrent layers: tanh, gated recurrent unit (Cho et al. 2014), long short-term memory
//! (Hochreiter and Schmidhuber 1997), with PyTorch's gate order and parameter names.

use tch::{Kind, Tensor};

use super::super::Mode;
use super::builder::Builder;
use super::dropout;

/// Which recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// `h' = tanh(W x + b + U h + c)`.
    Rnn,
    /// Gates r, z, n.
    Gru,
    /// Gates i, f, g, o.
    Lstm,
}

impl Cell {
    /// Rows of the weight matrices in units of the hidden size.
    pub fn gates(self) -> i64 {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// The user's name of the cell.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        }
    }
}

/// Sizes of a stack of recurrent layers.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentShape {
    /// Width of the input at each step.
    pub inputs: i64,
    /// Width of a state in one direction.
    pub hidden: i64,
    /// Layers on top of one another.
    pub layers: i64,
    /// Whether a second set of layers reads backwards in time.
    pub bidirectional: bool,
}

impl RecurrentShape {
    /// 1 or 2.
    pub fn directions(&self) -> i64 {
        1 + i64::from(self.bidirectional)
    }

    /// Width of the states of both directions together.
    pub fn width(&self) -> i64 {
        self.hidden * self.directions()
    }
}

/// A stack of recurrent layers; layer `l` has `weight_ih_l{l}`, `weight_hh_l{l}`, `bias_ih_l{l}`,
/// `bias_hh_l{l}`, the backward direction the same with `_reverse`; all start uniform in ±1/√H.
pub struct Recurrent {
    cell: Cell,
    shape: RecurrentShape,
    dropout: f64,
    /// Four tensors a direction a layer, in PyTorch's order.
    weights: Vec<Tensor>,
}

/// What a recurrent stack puts out; `L` layers, `D` directions.
pub struct RecurrentOutput {
    /// `[N, T, D·H]`, the forward state first; 0 beyond an example's length.
    pub states: Tensor,
    /// `[L·D, N, H]`: forward at the last valid step, backward at step 0; index `l·D + d`.
    pub hidden: Tensor,
    /// The same of the cell state, for LSTM.
    pub cell: Option<Tensor>,
}

impl RecurrentOutput {
    /// The final states of the top layer, directions side by side: `[N, D·H]`.
    pub fn last(&self, directions: i64) -> Tensor {
        let layers = self.hidden.size()[0];
        if directions == 1 {
            return self.hidden.select(0, layers - 1);
        }
        let top = self.hidden.narrow(0, layers - directions, directions);
        top.transpose(0, 1).flatten(1, 2)
    }
}

/// A sequence as the recurrence wants it: padded `[N, T, C]`, or packed step by step.
enum Steps {
    Padded(Tensor),
    Packed { data: Tensor, batch_sizes: Tensor },
}

impl Recurrent {
    /// `dropout` acts between layers; `steps` is the length for the summary alone.
    pub fn new(
        builder: &Builder<'_>,
        cell: Cell,
        shape: RecurrentShape,
        dropout: f64,
        steps: i64,
    ) -> Self {
        let bound = (shape.hidden as f64).sqrt().recip();
        let rows = cell.gates() * shape.hidden;
        let mut weights = Vec::new();
        for layer in 0..shape.layers {
            let inputs = if layer == 0 { shape.inputs } else { shape.width() };
            for suffix in ["", "_reverse"].iter().take(shape.directions() as usize) {
                let of = |what: &str| format!("{what}_l{layer}{suffix}");
                weights.push(builder.uniform(&of("weight_ih"), &[rows, inputs], bound));
                weights.push(builder.uniform(&of("weight_hh"), &[rows, shape.hidden], bound));
                weights.push(builder.uniform(&of("bias_ih"), &[rows], bound));
                weights.push(builder.uniform(&of("bias_hh"), &[rows], bound));
            }
        }
        let kind = format!(
            "{}{} ×{}",
            if shape.bidirectional { "bidirectional " } else { "" },
            cell.name(),
            shape.layers
        );
        builder.row(kind, &[steps, shape.width()], &weights.iter().collect::<Vec<_>>());
        let stack = Self { cell, shape, dropout, weights };
        stack.join_memory(builder.device());
        stack
    }

    /// cuDNN wants all weights in one piece of memory, else it copies them at every call.
    fn join_memory(&self, device: tch::Device) {
        if !device.is_cuda() || !tch::Cuda::cudnn_is_available() {
            return;
        }
        let mode = match self.cell {
            Cell::Rnn => 1,
            Cell::Lstm => 2,
            Cell::Gru => 3,
        };
        let RecurrentShape { inputs, hidden, layers, bidirectional } = self.shape;
        let _guard = tch::no_grad_guard();
        // Refusal costs speed alone.
        let _ = Tensor::f_internal_cudnn_rnn_flatten_weight(
            &self.weights,
            4,
            inputs,
            mode,
            hidden,
            0,
            layers,
            true,
            bidirectional,
        );
    }

    /// Runs over `values` `[N, T, inputs]` from the given or zero states. With `lengths` `[N]`
    /// each example is run on its valid steps alone, the backward direction from the last valid
    /// step, as in PyTorch's packed sequences.
    pub fn forward(
        &self,
        values: &Tensor,
        lengths: Option<&Tensor>,
        initial: Option<(&Tensor, Option<&Tensor>)>,
        mode: Mode<'_>,
    ) -> RecurrentOutput {
        let (count, steps) = (values.size()[0], values.size()[1]);
        let shorter = lengths.map(|l| l.clamp(1, steps).to_device(tch::Device::Cpu));
        let shorter = shorter.filter(|l| count > 0 && l.min().int64_value(&[]) < steps);
        let Some(lengths) = shorter else {
            let (steps, hidden, cell) =
                self.stack(Steps::Padded(values.shallow_clone()), count, initial, mode);
            let (Steps::Padded(states) | Steps::Packed { data: states, .. }) = steps;
            return RecurrentOutput { states, hidden, cell };
        };
        let (sorted, order) = lengths.sort(0, true);
        let restore = order.argsort(0, false).to_device(values.device());
        let order = order.to_device(values.device());
        let (data, batch_sizes) =
            values.index_select(0, &order).internal_pack_padded_sequence(&sorted, true);
        let start =
            initial.map(|(h, c)| (h.index_select(1, &order), c.map(|c| c.index_select(1, &order))));
        let start = start.as_ref().map(|(h, c)| (h, c.as_ref()));
        let (packed, hidden, cell) =
            self.stack(Steps::Packed { data, batch_sizes }, count, start, mode);
        let states = match packed {
            Steps::Padded(states) => states,
            Steps::Packed { data, batch_sizes } => {
                Tensor::internal_pad_packed_sequence(&data, &batch_sizes, true, 0.0, steps).0
            }
        };
        RecurrentOutput {
            states: states.index_select(0, &restore),
            hidden: hidden.index_select(1, &restore),
            cell: cell.map(|c| c.index_select(1, &restore)),
        }
    }

    /// All layers in one call; one call a layer where dropout acts between them, for libtorch
    /// would draw it from its global generator.
    fn stack(
        &self,
        steps: Steps,
        count: i64,
        initial: Option<(&Tensor, Option<&Tensor>)>,
        mode: Mode<'_>,
    ) -> (Steps, Tensor, Option<Tensor>) {
        let RecurrentShape { hidden: width, layers, .. } = self.shape;
        let directions = self.shape.directions();
        let zero = || {
            Tensor::zeros(
                [layers * directions, count, width],
                (Kind::Float, self.weights[0].device()),
            )
        };
        let hidden = initial.map_or_else(zero, |(h, _)| h.shallow_clone());
        let cell = match initial {
            Some((_, Some(c))) => c.shallow_clone(),
            Some((_, None)) => zero(),
            None => hidden.shallow_clone(),
        };
        let dropped = !matches!(mode, Mode::Evaluate) && self.dropout > 0.0;
        if layers == 1 || !dropped {
            return self.call(&steps, &hidden, &cell, &self.weights, layers, mode);
        }
        let per_layer = self.weights.len() / layers as usize;
        let (mut steps, mut finals, mut cells) = (steps, Vec::new(), Vec::new());
        for (layer, weights) in self.weights.chunks(per_layer).enumerate() {
            if layer > 0 {
                steps = match steps {
                    Steps::Padded(states) => Steps::Padded(dropout(states, self.dropout, mode)),
                    Steps::Packed { data, batch_sizes } => {
                        Steps::Packed { data: dropout(data, self.dropout, mode), batch_sizes }
                    }
                };
            }
            let first = layer as i64 * directions;
            let (h, c) = (hidden.narrow(0, first, directions), cell.narrow(0, first, directions));
            let (next, h, c) = self.call(&steps, &h, &c, weights, 1, mode);
            steps = next;
            finals.push(h);
            cells.extend(c);
        }
        let cell = (!cells.is_empty()).then(|| Tensor::cat(&cells, 0));
        (steps, Tensor::cat(&finals, 0), cell)
    }

    /// One call of libtorch over `layers` layers.
    fn call(
        &self,
        steps: &Steps,
        hidden: &Tensor,
        cell: &Tensor,
        weights: &[Tensor],
        layers: i64,
        mode: Mode<'_>,
    ) -> (Steps, Tensor, Option<Tensor>) {
        let (both, train) = (self.shape.bidirectional, matches!(mode, Mode::Train(_)));
        let weights: Vec<&Tensor> = weights.iter().collect();
        let weights = weights.as_slice();
        let (states, hidden, cell) = match (steps, self.cell) {
            (Steps::Padded(x), Cell::Lstm) => {
                let (y, h, c) =
                    x.lstm(&[hidden, cell], weights, true, layers, 0.0, train, both, true);
                (y, h, Some(c))
            }
            (Steps::Padded(x), Cell::Gru | Cell::Rnn) => {
                let run = if self.cell == Cell::Gru { Tensor::gru } else { Tensor::rnn_tanh };
                let (y, h) = run(x, hidden, weights, true, layers, 0.0, train, both, true);
                (y, h, None)
            }
            (Steps::Packed { data, batch_sizes }, Cell::Lstm) => {
                let (y, h, c) = Tensor::lstm_data(
                    data,
                    batch_sizes,
                    &[hidden, cell],
                    weights,
                    true,
                    layers,
                    0.0,
                    train,
                    both,
                );
                (y, h, Some(c))
            }
            (Steps::Packed { data, batch_sizes }, Cell::Gru | Cell::Rnn) => {
                let gru = self.cell == Cell::Gru;
                let run = if gru { Tensor::gru_data } else { Tensor::rnn_tanh_data };
                let (y, h) =
                    run(data, batch_sizes, hidden, weights, true, layers, 0.0, train, both);
                (y, h, None)
            }
        };
        let states = match steps {
            Steps::Padded(_) => Steps::Padded(states),
            Steps::Packed { batch_sizes, .. } => {
                Steps::Packed { data: states, batch_sizes: batch_sizes.shallow_clone() }
            }
        };
        (states, hidden, cell)
    }
}
