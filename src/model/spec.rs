//! The networks by name, with their settings: what a run file says and a run folder keeps.

use tch::{Device, Tensor};

use super::cnn1d::Cnn1d;
use super::cnn1d_strided::{Cnn1dStrided, CnnLstm};
use super::cnn2d::Cnn2d;
use super::dlinear::Dlinear;
use super::layers::{Builder, Cell, Initialisation, LayerRow, Registry};
use super::mlp::Mlp;
use super::nlinear::Nlinear;
use super::picker::{EqTransformer, Gpd, PhaseNet, PhaseNetLight, PhaseNetVariable};
use super::recurrent::RecurrentSettings;
use super::shape::Axes;
use super::{Model, Network};
use crate::data::{ExampleSpec, Layout, Target};
use crate::error::{Error, Result};

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
const ANYTHING: &[Layout] = &[Layout::Series, Layout::Waveform, Layout::Image];
const WAVEFORMS: &[Layout] = &[Layout::Waveform];
const IMAGES: &[Layout] = &[Layout::Image, Layout::Waveform];

/// An entry: the variant with its settings (and what their `build` takes before the builder), the
/// name in `kind = …`, what it reads, one line about it.
macro_rules! networks {
    ($($variant:ident($settings:ty $(, $first:expr)?), $kind:literal, $reads:expr, $about:literal;)*) => {
        /// A network and all its settings, `kind = "lstm"` and so on. Settings left out have
        /// defaults; unknown ones are errors.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        pub enum ModelSpec {
            $(
                #[doc = $about]
                #[serde(rename = $kind)]
                $variant($settings),
            )*
        }

        /// All kinds, in the order of [`ModelSpec`].
        pub const KINDS: &[KindEntry] =
            &[$(KindEntry { kind: $kind, reads: $reads, about: $about },)*];

        impl ModelSpec {
            /// The kind called `name` with default settings; the error lists the kinds.
            pub fn of_kind(name: &str) -> Result<Self> {
                match name {
                    $($kind => Ok(Self::$variant(<$settings>::default())),)*
                    _ => {
                        let kinds: Vec<&str> = KINDS.iter().map(|k| k.kind).collect();
                        let kinds = kinds.join(", ");
                        Err(Error::usage(format!("no network '{name}'; there are: {kinds}")))
                    }
                }
            }

            /// The name in `kind = …`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            fn network(
                &self,
                builder: &Builder<'_>,
                axes: &Axes,
                outputs: i64,
            ) -> Result<Box<dyn Network>> {
                match self {
                    $(Self::$variant(settings) => {
                        settings.build($($first,)? builder, axes, outputs)
                    })*
                }
            }
        }
    };
}

networks! {
    Mlp(Mlp), "mlp", ANYTHING, "multilayer perceptron over flattened values, features or both";
    Rnn(RecurrentSettings, Cell::Rnn), "rnn", SEQUENCES, "recurrent layers with tanh";
    Gru(RecurrentSettings, Cell::Gru), "gru", SEQUENCES, "gated recurrent units";
    Lstm(RecurrentSettings, Cell::Lstm), "lstm", SEQUENCES,
        "long short-term memory; front_end puts a log spectrogram before it";
    Cnn1d(Cnn1d), "cnn1d", SEQUENCES,
        "dilated residual convolutions over time, causal or same";
    Cnn1dStrided(Cnn1dStrided), "cnn1d_strided", SEQUENCES,
        "strided convolutions with batch norm, for raw waveforms";
    CnnLstm(CnnLstm), "cnn_lstm", SEQUENCES,
        "strided convolutions, then an LSTM over what they leave";
    Nlinear(Nlinear), "nlinear", SEQUENCES,
        "one linear layer over the values less their last: the floor";
    Dlinear(Dlinear), "dlinear", SEQUENCES,
        "one linear layer over a running mean, one over the remainder";
    Cnn2d(Cnn2d), "cnn2d", IMAGES,
        "convolutions over images; front_end reads waveforms as log spectrograms";
    PhaseNet(PhaseNet), "phasenet", WAVEFORMS, "U-net picker, windows of 3001 samples";
    PhaseNetLight(PhaseNetLight), "phasenet-light", WAVEFORMS,
        "U-net picker of 23,305 parameters, windows of 3001 samples";
    PhaseNetVariable(PhaseNetVariable), "phasenet-variable", WAVEFORMS,
        "U-net picker, windows of any length";
    EqTransformer(EqTransformer), "eqtransformer", WAVEFORMS,
        "detector and picker with recurrent layers and attention";
    Gpd(Gpd), "gpd", WAVEFORMS, "convolutions that name the phase of a short window";
}

impl ModelSpec {
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
        self.check_target(example)?;
        // A device that is not there answers with an error here, and with a panic later.
        let _ = Tensor::f_zeros([1], (tch::Kind::Float, device))?;
        let parameters = tch::nn::VarStore::new(device);
        let registry = Registry::new(seed, self.initialisation());
        let network = self.network(&Builder::new(&parameters, &registry), &axes, outputs as i64)?;
        Ok((Model { parameters, network }, registry.into_rows()))
    }

    /// Whether it puts out a number a label at every sample, `[N, K, T]`, and not `[N, K]`.
    pub fn answers_every_sample(&self) -> bool {
        matches!(
            self,
            Self::PhaseNet(_)
                | Self::PhaseNetLight(_)
                | Self::PhaseNetVariable(_)
                | Self::EqTransformer(_)
        )
    }

    fn initialisation(&self) -> Initialisation {
        match self {
            Self::Cnn2d(settings) => settings.initialisation,
            _ => Initialisation::PyTorch,
        }
    }
}

impl ModelSpec {
    /// Refuses targets at every sample for networks that answer once a window, and the reverse.
    fn check_target(&self, example: &ExampleSpec) -> Result<()> {
        let kind = self.kind();
        match (&example.target, self.answers_every_sample()) {
            (Target::Samples { samples, .. }, true) => match example.values.last() {
                Some(length) if length == samples => Ok(()),
                _ => Err(Error::usage(format!(
                    "{kind} answers at every sample of (N, {:?}); the targets have {samples}",
                    example.values
                ))),
            },
            (Target::Samples { .. }, false) => Err(Error::usage(format!(
                "{kind} answers once a window, the targets have labels at every sample; take \
                 phasenet, phasenet-light, phasenet-variable or eqtransformer"
            ))),
            (_, true) => Err(Error::usage(format!(
                "{kind} answers at every sample, the targets are one a window; take another kind"
            ))),
            (_, false) => Ok(()),
        }
    }
}

/// Class targets need an output a class; horizons at least one an horizon.
fn check_outputs(example: &ExampleSpec, outputs: usize) -> Result<()> {
    let (expected, what) = match example.target {
        Target::Class { count } => (count, "classes"),
        Target::Levels { horizons } | Target::Events { horizons } => (horizons, "horizons"),
        Target::Samples { labels, .. } => (labels, "labels"),
    };
    let fits = match example.target {
        Target::Class { .. } | Target::Samples { .. } => outputs == expected,
        _ => expected > 0 && outputs.is_multiple_of(expected),
    };
    if fits && (1..=1 << 20).contains(&outputs) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the network puts out (N, {outputs}), the targets have {expected} {what} along axis 1"
    )))
}
