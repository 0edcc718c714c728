//! Weighted means over batches.

use std::collections::BTreeMap;

use crate::model::Reading;

/// Sums of a loss and of readings over batches.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Meter {
    /// Sum and weight of the loss.
    pub loss: (f64, f64),
    /// Sum and weight of each reading.
    pub readings: BTreeMap<String, (f64, f64)>,
}

impl Meter {
    /// Adds a batch.
    pub fn add(&mut self, sum: f64, weight: f64, readings: Vec<Reading>) {
        self.loss.0 += sum;
        self.loss.1 += weight;
        for reading in readings {
            let entry = self.readings.entry(reading.name.to_string()).or_default();
            entry.0 += reading.sum;
            entry.1 += reading.weight;
        }
    }

    /// Mean loss; NaN if nothing counted.
    pub fn mean_loss(&self) -> f64 {
        self.loss.0 / self.loss.1
    }

    /// Mean readings of positive weight.
    pub fn mean_readings(&self) -> BTreeMap<String, f64> {
        let known = self.readings.iter().filter(|(_, (_, weight))| *weight > 0.0);
        known.map(|(name, (sum, weight))| (name.clone(), sum / weight)).collect()
    }
}
