//! As one period ago.

use super::{Forecaster, History, Training, state};
use crate::error::{Error, Result};

/// The value one period before the target (two periods if that is still ahead, and so on);
/// the training mean where the record does not reach back so far.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Seasonal {
    period: usize,
    horizons: Vec<usize>,
    mean: f64,
}

impl Seasonal {
    /// `period` in rows: a day of half-minute rows is 2880.
    pub fn new(period: usize) -> Self {
        Self { period, horizons: Vec::new(), mean: f64::NAN }
    }
}

impl Forecaster for Seasonal {
    fn name(&self) -> String {
        format!("seasonal({})", self.period)
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        if self.period == 0 {
            return Err(Error::usage("the period of the seasonal forecast must be at least 1 row"));
        }
        let observed = &training.history().observed()[training.rows()];
        let finite: Vec<f64> = observed.iter().copied().filter(|v| v.is_finite()).collect();
        self.mean = crate::score::mean(&finite);
        self.horizons = training.horizons().to_vec();
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        let Some(issue) = history.rows().checked_sub(1) else {
            return Ok(vec![f64::NAN; self.horizons.len()]);
        };
        let at = |&horizon: &usize| {
            let periods = horizon.div_ceil(self.period);
            let row = (issue + horizon).checked_sub(periods * self.period);
            let value = row.map_or(f64::NAN, |row| history.level()[row]);
            if value.is_finite() { value } else { self.mean }
        };
        Ok(self.horizons.iter().map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::record;
    use super::*;

    #[test]
    fn a_period_is_repeated_and_never_taken_from_the_future() {
        let record = record((0..20).map(|t| f64::from(t % 4)).collect());
        let mut seasonal = Seasonal::new(4);
        seasonal.fit(&Training::new(&record, 0..16, 16..16, &[1, 4, 6], 1).unwrap()).unwrap();
        assert_eq!(seasonal.issue(&record.at(9)).unwrap(), [2.0, 1.0, 3.0]);
        assert_eq!(seasonal.issue(&record.at(0)).unwrap(), [1.5, 0.0, 1.5]);
    }
}
