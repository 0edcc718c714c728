//! Trains an LSTM to forecast the next value of a noisy oscillation made here.
//!
//! ```text
//! cargo run --example train_lstm
//! ```

use rand::{Rng as _, SeedableRng};
use temblor::Result;
use temblor::data::{Dataset, ExampleSpec, Layout, Rng, Slot, Subset, Target};
use temblor::model::{LevelLoss, LevelTask, ModelSpec, RecurrentSettings};
use temblor::train::{TrainSettings, Trainer};

/// Rows that the network sees.
const LOOKBACK: usize = 24;

/// Windows over one series: `LOOKBACK` rows in, the next row out.
struct Windows(Vec<f32>);

impl Dataset for Windows {
    fn len(&self) -> usize {
        self.0.len() - LOOKBACK
    }

    fn spec(&self) -> ExampleSpec {
        ExampleSpec {
            layout: Layout::Series,
            values: vec![LOOKBACK, 1],
            features: 0,
            lengths: false,
            target: Target::Levels { horizons: 1 },
        }
    }

    fn group(&self, _: usize) -> usize {
        0
    }

    fn name(&self, example: usize) -> String {
        format!("window that ends at row {}", example + LOOKBACK)
    }

    fn write(&self, example: usize, _: &mut Rng, slot: Slot<'_>) -> Result<()> {
        slot.values.copy_from_slice(&self.0[example..][..LOOKBACK]);
        slot.target[0] = self.0[example + LOOKBACK];
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut rng = Rng::seed_from_u64(0);
    let mut noise = || 0.1 * (rng.next_u32() as f32 / u32::MAX as f32 - 0.5);
    let windows = Windows((0..800).map(|row| (0.3 * row as f32).sin() + noise()).collect());

    // The later part of the series is held out, with a gap so that no training target is seen there.
    let train = Subset::new(&windows, (0..500).collect());
    let valid = Subset::new(&windows, (500 + LOOKBACK..windows.len()).collect());

    let spec = ModelSpec::Lstm(RecurrentSettings::default());
    let task = LevelTask { horizons: 1, loss: LevelLoss::Squared };
    let mut model = spec.build(&windows.spec(), 1, 0, tch::Device::Cpu)?;
    let settings = TrainSettings { epochs: 10, ..TrainSettings::default() };
    let report =
        Trainer::new(&settings).titled(None).fit(&mut model, &task, &train, Some(&valid))?;
    println!("{report:#?}");
    Ok(())
}
