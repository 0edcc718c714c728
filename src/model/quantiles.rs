//! Quantiles that cannot cross.

use tch::{Kind, Tensor};

use super::losses;
use super::masks::{counted, known};
use super::task::{Loss, Reading, Task};
use crate::data::Batch;
use crate::error::{Error, Result};

/// Quantiles of `[N, H]` levels. The network puts out `H · Q` numbers: the median, and for each
/// level the distance to its neighbour towards the median, made positive by softplus.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantileTask {
    /// Levels in (0, 1), rising, with 0.5 among them.
    pub levels: Vec<f64>,
    /// Number of horizons.
    pub horizons: usize,
    /// Added to the raw distances before softplus: -1.5 lets an output layer that starts at zero
    /// begin with neighbours 0.2 apart instead of 0.7.
    #[serde(default)]
    pub spacing_start: f64,
}

impl QuantileTask {
    /// Checks the levels.
    pub fn new(levels: Vec<f64>, horizons: usize) -> Result<Self> {
        let task = Self { levels, horizons, spacing_start: 0.0 };
        task.check()?;
        Ok(task)
    }

    /// What [`QuantileTask::new`] checks, for tasks read from files.
    pub fn check(&self) -> Result<()> {
        let rising = self.levels.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = self.levels.iter().all(|&level| 0.0 < level && level < 1.0);
        if !rising || !inside || !self.levels.contains(&0.5) || self.horizons == 0 {
            return Err(Error::usage(format!(
                "quantile levels {:?}: expected rising numbers between 0 and 1 with 0.5 among \
                 them, and at least one horizon",
                self.levels
            )));
        }
        Ok(())
    }

    fn median(&self) -> i64 {
        self.levels.iter().position(|&level| level == 0.5).unwrap_or(0) as i64
    }

    /// Raw outputs `[N, H·Q]` as quantiles `[N, H, Q]`; see [`quantiles`].
    pub fn quantiles(&self, output: &Tensor) -> Tensor {
        let shape = [-1, self.horizons as i64, self.levels.len() as i64];
        quantiles(&output.view(shape), self.median(), None, self.spacing_start)
    }

    fn levels(&self, like: &Tensor) -> Tensor {
        Tensor::from_slice(&self.levels).to_kind(like.kind()).to_device(like.device())
    }
}

/// Quantiles `[…, Q]` of raw numbers `[…, Q]` with the median at index `median`:
/// `Q_m = anchor + o_m`, `Q_{m±j} = Q_{m±(j-1)} ± softplus(o_{m±j} + spacing_start)`.
/// `anchor` broadcasts against `[…]`; absent, targets are relative already.
///
/// The sums run outwards one by one, so that rounding cannot make neighbours cross.
pub fn quantiles(raw: &Tensor, median: i64, anchor: Option<&Tensor>, spacing_start: f64) -> Tensor {
    let count = raw.size().last().copied().unwrap_or(0);
    let middle = raw.narrow(-1, median, 1);
    let middle = match anchor {
        Some(anchor) => middle + anchor.unsqueeze(-1),
        None => middle,
    };
    let distances = |start: i64, length: i64| {
        let part = raw.narrow(-1, start, length);
        if spacing_start == 0.0 { part.softplus() } else { (part + spacing_start).softplus() }
    };
    let mut parts = Vec::new();
    if median > 0 {
        let outwards = distances(0, median).flip([-1]).cumsum(-1, raw.kind());
        parts.push(&middle - outwards.flip([-1]));
    }
    let above = count - median - 1;
    let upper = (above > 0).then(|| &middle + distances(median + 1, above).cumsum(-1, raw.kind()));
    parts.push(middle);
    parts.extend(upper);
    Tensor::cat(&parts, -1)
}

impl Task for QuantileTask {
    fn outputs(&self) -> usize {
        self.horizons * self.levels.len()
    }

    /// Masked pinball loss, the mean over levels of the weighted sum over targets.
    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let counted = counted(batch);
        let levels = self.levels(output);
        let elements = losses::pinball(&self.quantiles(output), &known(batch), &levels);
        let sum = (elements.mean_dim(-1, false, Kind::Float) * &counted).sum(Kind::Float);
        Loss { sum, weight: counted.sum(Kind::Float) }
    }

    /// `[N, H, Q]`.
    fn decode(&self, output: &Tensor) -> Tensor {
        self.quantiles(output)
    }

    /// The mean absolute error of the median.
    fn readings(&self, output: &Tensor, batch: &Batch) -> Vec<Reading> {
        let median = self.quantiles(output).select(-1, self.median());
        vec![Reading::weighted("mae", &losses::absolute(&median, &known(batch)), &counted(batch))]
    }
}
