//! Series windows that lie in memory, one after the other.

use super::{Dataset, ExampleSpec, Layout, Rng, Slot, Target};
use crate::error::{Error, Result};

/// Windows `[N, T, C]` and what is to be forecast `[N, H]`; every window is a group of its own.
pub struct ArrayDataset {
    values: Vec<f32>,
    targets: Vec<f32>,
    steps: usize,
    channels: usize,
    horizons: usize,
}

impl ArrayDataset {
    /// Row-major `values` `[N, steps, channels]` and `targets` `[N, horizons]`.
    ///
    /// # Errors
    /// Lengths that do not fit one another.
    pub fn new(
        values: Vec<f32>,
        [steps, channels]: [usize; 2],
        targets: Vec<f32>,
        horizons: usize,
    ) -> Result<Self> {
        let windows = targets.len() / horizons.max(1);
        let fits = windows * horizons == targets.len()
            && Some(values.len()) == windows.checked_mul(steps.saturating_mul(channels));
        if horizons == 0 || !fits {
            return Err(Error::data(format!(
                "{} values and {} targets do not make windows of {steps} steps and {channels} \
                 channels with {horizons} horizons",
                values.len(),
                targets.len()
            )));
        }
        Ok(Self { values, targets, steps, channels, horizons })
    }
}

impl Dataset for ArrayDataset {
    fn len(&self) -> usize {
        self.targets.len() / self.horizons
    }

    fn spec(&self) -> ExampleSpec {
        ExampleSpec {
            layout: Layout::Series,
            values: vec![self.steps, self.channels],
            features: 0,
            lengths: false,
            target: Target::Levels { horizons: self.horizons },
        }
    }

    fn group(&self, example: usize) -> usize {
        example
    }

    fn name(&self, example: usize) -> String {
        format!("window {example}")
    }

    fn write(&self, example: usize, _: &mut Rng, slot: Slot<'_>) -> Result<()> {
        let size = self.steps * self.channels;
        slot.values.copy_from_slice(&self.values[example * size..][..size]);
        slot.target.copy_from_slice(&self.targets[example * self.horizons..][..self.horizons]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn each_window_stands_beside_its_target() {
        let values: Vec<f32> = (0..12).map(|n| n as f32).collect();
        let data = ArrayDataset::new(values.clone(), [3, 2], vec![1.0, 2.0], 1).unwrap();
        assert_eq!(data.len(), 2);
        let (mut window, mut target) = ([0.0; 6], [0.0]);
        let slot = Slot {
            values: &mut window,
            features: &mut [],
            length: &mut 3,
            target: &mut target,
            observed: &mut [1.0],
            weight: &mut 1.0,
        };
        data.write(1, &mut Rng::seed_from_u64(0), slot).unwrap();
        assert_eq!((window.as_slice(), target), (&values[6..], [2.0]));
        assert!(ArrayDataset::new(values.clone(), [3, 2], vec![1.0; 3], 1).is_err());
        assert!(ArrayDataset::new(values, [3, 2], vec![1.0; 3], 2).is_err());
    }
}
