//! The one interface between data of any kind and the trainer.

use tch::Tensor;

use crate::error::Result;

/// The generator handed to everything random; seeded from (seed, epoch, example), so that the
/// order of work and the number of threads cannot matter.
pub type Rng = rand_chacha::ChaCha8Rng;

/// What the target of an example is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `[H]` values, some possibly unobserved.
    Levels {
        /// Number of horizons `H`.
        horizons: usize,
    },
    /// `[H]` zeros and ones, some possibly unobserved.
    Events {
        /// Number of horizons `H`.
        horizons: usize,
    },
    /// One class index of `0..count`, stored as a number in `[1]`.
    Class {
        /// Number of classes.
        count: usize,
    },
    /// `[K, T]`: how much each label holds at each sample of a window.
    Samples {
        /// Number of labels `K`.
        labels: usize,
        /// Samples `T`.
        samples: usize,
    },
}

impl Target {
    /// Numbers per example.
    pub fn len(&self) -> usize {
        match self {
            Self::Levels { horizons } | Self::Events { horizons } => *horizons,
            Self::Class { .. } => 1,
            Self::Samples { labels, samples } => labels.saturating_mul(*samples),
        }
    }

    /// Shape of the numbers of one example.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Samples { labels, samples } => vec![*labels, *samples],
            _ => vec![self.len()],
        }
    }

    /// Whether an example has no target at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the axes of an example's values mean. Two axes alone could be either of the first two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `[T, C]`: steps of a series, the last row is the issue time.
    #[default]
    Series,
    /// `[C, T]`: channels of a waveform window.
    Waveform,
    /// `[C, H, W]`.
    Image,
}

impl Layout {
    /// Names of the axes for messages.
    pub fn axes(self) -> &'static str {
        match self {
            Self::Series => "(time, channel)",
            Self::Waveform => "(channel, time)",
            Self::Image => "(channel, height, width)",
        }
    }
}

/// Shapes of one example; the same for every example of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExampleSpec {
    /// What the axes of the values mean.
    #[serde(default)]
    pub layout: Layout,
    /// Shape of the values: `[T, C]` for series, `[C, T]` for waveforms, `[C, H, W]` for images.
    pub values: Vec<usize>,
    /// Number of further features `F` that join the network's last layers; 0 for none.
    pub features: usize,
    /// Whether examples have lengths (valid steps at the start of the time axis).
    pub lengths: bool,
    /// The target.
    pub target: Target,
}

impl ExampleSpec {
    /// Numbers in the values of one example.
    pub fn values_len(&self) -> usize {
        self.values.iter().product()
    }
}

/// Where one example writes itself: its place in a preallocated batch. All numbers start at 0,
/// `weight` and `observed` at 1, `length` at the full time axis.
pub struct Slot<'a> {
    /// The values, in the shape of [`ExampleSpec::values`].
    pub values: &'a mut [f32],
    /// The further features, `[F]`.
    pub features: &'a mut [f32],
    /// Valid steps.
    pub length: &'a mut i64,
    /// The target, `[len]` of [`Target::len`].
    pub target: &'a mut [f32],
    /// 1 where the target was observed, 0 where it must not count, same shape as `target`.
    pub observed: &'a mut [f32],
    /// Weight of the example in the loss.
    pub weight: &'a mut f32,
}

/// Examples by number. Implementations hold views and index maps, never a tensor per example.
pub trait Dataset: Sync {
    /// Number of examples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shapes of every example.
    fn spec(&self) -> ExampleSpec;

    /// The group (station, event, rock sample) that must not be shared between splits.
    fn group(&self, example: usize) -> usize;

    /// Names the example for messages: file, row, issue time.
    fn name(&self, example: usize) -> String;

    /// Writes example number `example`. `rng` serves augmentation only; datasets without
    /// augmentation leave it alone.
    fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()>;
}

/// A dataset seen through a list of example numbers.
pub struct Subset<'a> {
    whole: &'a dyn Dataset,
    members: Vec<usize>,
}

impl<'a> Subset<'a> {
    /// `members` are example numbers of `whole`, in any order.
    pub fn new(whole: &'a dyn Dataset, members: Vec<usize>) -> Self {
        Self { whole, members }
    }
}

impl Dataset for Subset<'_> {
    fn len(&self) -> usize {
        self.members.len()
    }

    fn spec(&self) -> ExampleSpec {
        self.whole.spec()
    }

    fn group(&self, example: usize) -> usize {
        self.whole.group(self.members[example])
    }

    fn name(&self, example: usize) -> String {
        self.whole.name(self.members[example])
    }

    fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
        self.whole.write(self.members[example], rng, slot)
    }
}

/// `N` examples as tensors.
#[derive(Debug)]
pub struct Batch {
    /// `[N, …]`, the shape of [`ExampleSpec::values`] behind the batch axis.
    pub values: Tensor,
    /// `[N, F]` if the dataset has features.
    pub features: Option<Tensor>,
    /// `[N]` int64 if the dataset has lengths.
    pub lengths: Option<Tensor>,
    /// `[N, H]`, `[N]` int64 class indices for [`Target::Class`], `[N, K, T]` for
    /// [`Target::Samples`].
    pub target: Tensor,
    /// 1 where the target counts: `[N]` with the shape of [`Target::shape`] behind.
    pub observed: Tensor,
    /// `[N]`.
    pub weight: Tensor,
    /// Example numbers in the dataset, `[N]`.
    pub examples: Vec<usize>,
}
