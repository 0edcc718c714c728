//! What training held at this time of the year.

use super::{Forecaster, History, LEVELS, Outcome, Training, state};
use crate::error::{Error, Result};
use crate::score::quantile;
use crate::time::UtcTime;

/// Days of the circle on which days of the year lie.
const DAYS: usize = 366;

/// The quantiles of the training observations whose day of the year lies within `reach` days of
/// the target's, on a circle of 366 days; of all of them where there are none.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct ClimatologyDoy {
    reach: usize,
    levels: Vec<f64>,
    horizons: Vec<usize>,
    /// `[366, Q]` row-major.
    quantiles: Vec<f64>,
}

impl Default for ClimatologyDoy {
    /// Fifteen days either way, the usual levels.
    fn default() -> Self {
        let levels = LEVELS.to_vec();
        Self { reach: 15, levels, horizons: Vec::new(), quantiles: Vec::new() }
    }
}

/// Day of the year of a row, from 0.
fn day(start: UtcTime, step: i64, row: usize) -> usize {
    let time = start.plus(step.saturating_mul(row as i64));
    (time.year_and_day().1.max(1) as usize - 1).min(DAYS - 1)
}

impl Forecaster for ClimatologyDoy {
    fn name(&self) -> String {
        "climatology_doy".into()
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        let history = training.history();
        let mut of_day = vec![Vec::new(); DAYS];
        for row in training.rows() {
            let value = history.observed()[row];
            if value.is_finite() {
                of_day[day(history.start(), history.step(), row)].push(value);
            }
        }
        let all = of_day.concat();
        if all.is_empty() {
            return Err(Error::data("climatology_doy: nothing was observed in training"));
        }
        self.quantiles.clear();
        for center in 0..DAYS {
            let near = (0..=2 * self.reach.min(DAYS / 2 - 1))
                .flat_map(|offset| &of_day[(center + DAYS + offset - self.reach) % DAYS]);
            let near: Vec<f64> = near.copied().collect();
            let values = if near.is_empty() { &all } else { &near };
            self.quantiles.extend(quantile::of(values, &self.levels));
        }
        self.horizons = training.horizons().to_vec();
        Ok(())
    }

    fn outcome(&self) -> Outcome {
        Outcome::Quantiles(self.levels.clone())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        let width = self.levels.len();
        let at = |horizon: &usize| {
            // The history's last row is the issue.
            let row = (history.rows() + horizon).saturating_sub(1);
            let day = day(history.start(), history.step(), row);
            self.quantiles.get(day * width..(day + 1) * width).unwrap_or_default().to_vec()
        };
        Ok(self.horizons.iter().flat_map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::*;
    use crate::data::{Column, Series};
    use crate::time::DAY;

    #[test]
    fn summer_is_forecast_as_summer() {
        let start: UtcTime = "2001-01-01".parse().unwrap();
        // Two common years whose value is the day of the year; the third year is forecast.
        let values: Vec<f64> = (0..365 * 3).map(|row| f64::from(row % 365 + 1)).collect();
        let columns = vec![Column { name: "level".into(), unit: None }];
        let series = Series { group: "X".into(), start, step: DAY, columns, values };
        let record = Record::new(series, 0).unwrap();
        let training = Training::new(&record, 0..730, 730..730, &[1, 30], 1).unwrap();
        let mut climatology = ClimatologyDoy::default();
        climatology.fit(&training).unwrap();
        // Issued at day 200: days 201 and 230, each the median of 31 days around it.
        let issued = climatology.issue(&record.at(730 + 199)).unwrap();
        assert_eq!((issued[3], issued[10]), (201.0, 230.0));
        // Around New Year: days 351 to 365 and 1 to 16 are near day 1 (day 366 never came).
        let new_year = climatology.issue(&record.at(729)).unwrap();
        assert_eq!(new_year[0], 2.0);
        assert!(new_year[6] > 360.0);
    }
}
