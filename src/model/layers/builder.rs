//! Where layers put their parameters, and what they start from.

use std::cell::RefCell;

use rand::{Rng as _, SeedableRng};
use tch::{Tensor, nn};

use crate::data::Rng;

/// Which library's initial values linear and convolution layers start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// Weights and biases uniform in ±1/√fan_in.
    #[default]
    #[serde(rename = "pytorch")]
    PyTorch,
    /// Weights uniform in ±√(6 / (fan_in + fan_out)) (Glorot), biases 0.
    Keras,
}

/// One line of a summary.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LayerRow {
    /// Name of the layer, the beginning of its parameters' names.
    pub name: String,
    /// What it does: `conv2d 3×3`, `lstm`.
    pub kind: String,
    /// Shape of its output behind the batch axis.
    pub output: Vec<i64>,
    /// Trainable numbers in it.
    pub parameters: usize,
}

/// What one build shares between all layers: the generator and the rows of the summary.
pub struct Registry {
    rng: RefCell<Rng>,
    initialisation: Initialisation,
    rows: RefCell<Vec<LayerRow>>,
}

impl Registry {
    /// Initial values follow from `seed` alone, in the order in which layers are made.
    pub fn new(seed: u64, initialisation: Initialisation) -> Self {
        let rng = RefCell::new(Rng::seed_from_u64(seed));
        Self { rng, initialisation, rows: RefCell::default() }
    }

    /// The rows so far, in order of building.
    pub fn into_rows(self) -> Vec<LayerRow> {
        self.rows.into_inner()
    }
}

/// A named place in a [`nn::VarStore`] for the parameters of one layer.
#[derive(Clone)]
pub struct Builder<'a> {
    path: nn::Path<'a>,
    name: String,
    registry: &'a Registry,
}

impl<'a> Builder<'a> {
    /// The root of `parameters`.
    pub fn new(parameters: &'a nn::VarStore, registry: &'a Registry) -> Self {
        Self { path: parameters.root(), name: String::new(), registry }
    }

    /// The place `name` below this one; dots make further levels (`blocks.0.conv1`).
    pub fn at(&self, name: &str) -> Self {
        let path = name.split('.').fold(self.path.clone(), |path, part| path.sub(part));
        let full = if self.name.is_empty() { name.into() } else { format!("{}.{name}", self.name) };
        Self { path, name: full, registry: self.registry }
    }

    /// Where tensors of this build live.
    pub fn device(&self) -> tch::Device {
        self.path.device()
    }

    /// The initial values asked for.
    pub fn initialisation(&self) -> Initialisation {
        self.registry.initialisation
    }

    /// A trainable parameter uniform in `±bound`.
    pub fn uniform(&self, name: &str, shape: &[i64], bound: f64) -> Tensor {
        let count = shape.iter().product::<i64>().max(0) as usize;
        let mut rng = self.registry.rng.borrow_mut();
        let values: Vec<f32> = (0..count)
            .map(|_| {
                let fraction = f64::from(rng.next_u32() >> 8) / f64::from(1u32 << 24);
                (bound * (2.0 * fraction - 1.0)) as f32
            })
            .collect();
        self.add(name, Tensor::from_slice(&values).view(shape), true)
    }

    /// A trainable parameter that starts at `value` everywhere.
    pub fn constant(&self, name: &str, shape: &[i64], value: f64) -> Tensor {
        self.add(name, Tensor::full(shape, value, tch::kind::FLOAT_CPU), true)
    }

    /// A stored tensor that is not trained, `value` everywhere.
    pub fn buffer(&self, name: &str, shape: &[i64], value: f64) -> Tensor {
        self.add(name, Tensor::full(shape, value, tch::kind::FLOAT_CPU), false)
    }

    fn add(&self, name: &str, tensor: Tensor, trainable: bool) -> Tensor {
        self.path.add(name, tensor.to_device(self.path.device()), trainable)
    }

    /// Adds a line to the summary for the layer at this place.
    pub fn row(&self, kind: impl Into<String>, output: &[i64], parameters: &[&Tensor]) {
        let parameters = parameters.iter().map(|t| t.numel()).sum();
        self.registry.rows.borrow_mut().push(LayerRow {
            name: self.name.clone(),
            kind: kind.into(),
            output: output.to_vec(),
            parameters,
        });
    }
}
