//! The networks by name, with their settings: what a run file says and a run folder keeps.

use tch::{Device, Tensor};

use super::cnn1d::Cnn1d;
use super::cnn1d_strided::{Cnn1dStrided, CnnLstm};
use super::cnn2d::Cnn2d;
use super::layers::{Builder, Cell, Initialisation, LayerRow, Registry};
use super::mlp::Mlp;
use super::nlinear::Nlinear;
use super::recurrent::RecurrentSettings;
use super::shape::Axes;
use super::{Model, Network};
use crate::data::{ExampleSpec, Layout, Target};
use crate::error::{Error, Result};

/// A network and all its settings, `kind = "lstm"` and so on. Settings left out have defaults;
/// unknown ones are errors.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelSpec {
    /// Multilayer perceptron over values and features.
    Mlp(Mlp),
    /// Tanh recurrence.
    Rnn(RecurrentSettings),
    /// Gated recurrent unit.
    Gru(RecurrentSettings),
    /// Long short-term memory.
    Lstm(RecurrentSettings),
    /// Dilated residual convolutions over time.
    Cnn1d(Cnn1d),
    /// Strided convolutions over raw waveforms.
    Cnn1dStrided(Cnn1dStrided),
    /// Strided convolutions, then an LSTM.
    CnnLstm(CnnLstm),
    /// One linear layer over the values less their last.
    Nlinear(Nlinear),
    /// Convolutions over images or log spectrograms.
    Cnn2d(Cnn2d),
}

/// One kind of network for listings.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct KindEntry {
    /// The name in `kind = …`.
    pub kind: &'static str,
    /// What it reads: `series`, `waveform`, `image`.
    pub reads: &'static [Layout],
    /// One line.
    pub about: &'static str,
}

const SEQUENCES: &[Layout] = &[Layout::Series, Layout::Waveform];

/// All kinds, in the order of [`ModelSpec`].
pub const KINDS: &[KindEntry] = &[
    KindEntry {
        kind: "mlp",
        reads: &[Layout::Series, Layout::Waveform, Layout::Image],
        about: "multilayer perceptron over flattened values, features or both",
    },
    KindEntry { kind: "rnn", reads: SEQUENCES, about: "recurrent layers with tanh" },
    KindEntry { kind: "gru", reads: SEQUENCES, about: "gated recurrent units" },
    KindEntry {
        kind: "lstm",
        reads: SEQUENCES,
        about: "long short-term memory; front_end puts a log spectrogram before it",
    },
    KindEntry {
        kind: "cnn1d",
        reads: SEQUENCES,
        about: "dilated residual convolutions over time, causal or same",
    },
    KindEntry {
        kind: "cnn1d_strided",
        reads: SEQUENCES,
        about: "strided convolutions with batch norm, for raw waveforms",
    },
    KindEntry {
        kind: "cnn_lstm",
        reads: SEQUENCES,
        about: "strided convolutions, then an LSTM over what they leave",
    },
    KindEntry {
        kind: "nlinear",
        reads: SEQUENCES,
        about: "one linear layer over the values less their last: the floor",
    },
    KindEntry {
        kind: "cnn2d",
        reads: &[Layout::Image, Layout::Waveform],
        about: "convolutions over images; front_end reads waveforms as log spectrograms",
    },
];

impl ModelSpec {
    /// The kind called `name` with default settings; the error lists the kinds.
    pub fn of_kind(name: &str) -> Result<Self> {
        match name {
            "mlp" => Ok(Self::Mlp(Mlp::default())),
            "rnn" => Ok(Self::Rnn(RecurrentSettings::default())),
            "gru" => Ok(Self::Gru(RecurrentSettings::default())),
            "lstm" => Ok(Self::Lstm(RecurrentSettings::default())),
            "cnn1d" => Ok(Self::Cnn1d(Cnn1d::default())),
            "cnn1d_strided" => Ok(Self::Cnn1dStrided(Cnn1dStrided::default())),
            "cnn_lstm" => Ok(Self::CnnLstm(CnnLstm::default())),
            "nlinear" => Ok(Self::Nlinear(Nlinear::default())),
            "cnn2d" => Ok(Self::Cnn2d(Cnn2d::default())),
            _ => {
                let kinds: Vec<&str> = KINDS.iter().map(|k| k.kind).collect();
                Err(Error::usage(format!("no network '{name}'; there are: {}", kinds.join(", "))))
            }
        }
    }

    /// The name in `kind = …`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mlp(_) => "mlp",
            Self::Rnn(_) => "rnn",
            Self::Gru(_) => "gru",
            Self::Lstm(_) => "lstm",
            Self::Cnn1d(_) => "cnn1d",
            Self::Cnn1dStrided(_) => "cnn1d_strided",
            Self::CnnLstm(_) => "cnn_lstm",
            Self::Nlinear(_) => "nlinear",
            Self::Cnn2d(_) => "cnn2d",
        }
    }

    /// Makes the network for examples of the given shape with `outputs` numbers an example
    /// ([`super::Task::outputs`]). Initial values follow from `seed` alone.
    ///
    /// # Errors
    /// Settings or shapes that do not fit, naming both shapes and the axis; a device that is not
    /// there.
    pub fn build(
        &self,
        example: &ExampleSpec,
        outputs: usize,
        seed: u64,
        device: Device,
    ) -> Result<Model> {
        Ok(self.build_with_summary(example, outputs, seed, device)?.0)
    }

    /// [`ModelSpec::build`], with one row a layer.
    pub fn build_with_summary(
        &self,
        example: &ExampleSpec,
        outputs: usize,
        seed: u64,
        device: Device,
    ) -> Result<(Model, Vec<LayerRow>)> {
        let axes = Axes::of(example)?;
        check_outputs(example, outputs)?;
        // A device that is not there answers with an error here, and with a panic later.
        let _ = Tensor::f_zeros([1], (tch::Kind::Float, device))?;
        let parameters = tch::nn::VarStore::new(device);
        let registry = Registry::new(seed, self.initialisation());
        let network = self.network(&Builder::new(&parameters, &registry), &axes, outputs as i64)?;
        Ok((Model { parameters, network }, registry.into_rows()))
    }

    fn initialisation(&self) -> Initialisation {
        match self {
            Self::Cnn2d(settings) => settings.initialisation,
            _ => Initialisation::PyTorch,
        }
    }

    fn network(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        match self {
            Self::Mlp(settings) => settings.build(builder, axes, outputs),
            Self::Rnn(settings) => settings.build(Cell::Rnn, builder, axes, outputs),
            Self::Gru(settings) => settings.build(Cell::Gru, builder, axes, outputs),
            Self::Lstm(settings) => settings.build(Cell::Lstm, builder, axes, outputs),
            Self::Cnn1d(settings) => settings.build(builder, axes, outputs),
            Self::Cnn1dStrided(settings) => settings.build(builder, axes, outputs),
            Self::CnnLstm(settings) => settings.build(builder, axes, outputs),
            Self::Nlinear(settings) => settings.build(builder, axes, outputs),
            Self::Cnn2d(settings) => settings.build(builder, axes, outputs),
        }
    }
}

/// Class targets need an output a class; horizons at least one an horizon.
fn check_outputs(example: &ExampleSpec, outputs: usize) -> Result<()> {
    let (expected, what) = match example.target {
        Target::Class { count } => (count, "classes"),
        Target::Levels { horizons } | Target::Events { horizons } => (horizons, "horizons"),
    };
    let fits = match example.target {
        Target::Class { .. } => outputs == expected,
        _ => expected > 0 && outputs.is_multiple_of(expected),
    };
    if fits && (1..=1 << 20).contains(&outputs) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the network puts out (N, {outputs}), the targets have {expected} {what} along axis 1"
    )))
}
