//! Walks the issue times of a record with a stated refit policy.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Forecaster, Forecasts, Outcome, Record, Training};
use crate::data::Parts;
use crate::error::Result;
use crate::progress::check_interrupt;

/// When a forecaster is fitted anew while the test goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refit {
    /// Fitted once, before the test.
    #[default]
    Never,
    /// Every so many rows on everything known by then: expanding origins.
    Expanding {
        /// Rows between fits.
        every: usize,
    },
    /// Every so many rows on as many rows as the first fit had: sliding origins.
    Sliding {
        /// Rows between fits.
        every: usize,
    },
}

impl Refit {
    fn every(self) -> Option<usize> {
        match self {
            Self::Never => None,
            Self::Expanding { every } | Self::Sliding { every } => Some(every.max(1)),
        }
    }
}

/// What is walked, and how.
#[derive(Clone, Debug)]
pub struct Backtest<'a> {
    /// The parts of the record.
    pub parts: &'a Parts,
    /// Horizons in rows, rising, `[H]`.
    pub horizons: &'a [usize],
    /// Issue rows wanted; those before the test serve calibration.
    pub issues: Range<usize>,
    /// When to fit anew.
    pub refit: Refit,
}

/// Where a fit begins to be used, and what it may see.
pub(super) struct Fold {
    pub(super) issues: Range<usize>,
    pub(super) train: Range<usize>,
    pub(super) validate: Range<usize>,
}

impl Backtest<'_> {
    /// The first fold sees exactly the training and validation parts. A later one begins where the
    /// fold before ends, with training and validation moved up by as much; its targets end
    /// before its first issue.
    pub(super) fn folds(&self) -> Vec<Fold> {
        let (train, validate) = (self.parts.train.clone(), self.parts.validate.clone());
        let begins = self.parts.test.start.clamp(self.issues.start, self.issues.end);
        let every = self.refit.every().unwrap_or(usize::MAX);
        let mut folds = Vec::new();
        let mut moved = 0usize;
        loop {
            let start = if moved == 0 { self.issues.start } else { begins + moved };
            let end = begins.saturating_add(moved).saturating_add(every).min(self.issues.end);
            let from = match self.refit {
                Refit::Sliding { .. } => train.start + moved,
                _ => train.start,
            };
            let fold_train = from..train.end + moved;
            let fold_validate = validate.start + moved..validate.end + moved;
            folds.push(Fold { issues: start..end, train: fold_train, validate: fold_validate });
            if end >= self.issues.end {
                return folds;
            }
            moved += every;
        }
    }

    /// Fits and issues. `make` gives an unfitted forecaster for each fold, so that nothing is
    /// carried over; the last fitted one comes back with the forecasts, for the forecast from
    /// the end of the data.
    pub fn run(
        &self,
        record: &Record,
        make: &dyn Fn() -> Result<Box<dyn Forecaster>>,
    ) -> Result<(Forecasts, Box<dyn Forecaster>)> {
        let mut all: Option<Forecasts> = None;
        let mut last = make()?;
        for fold in self.folds() {
            check_interrupt()?;
            let mut forecaster = make()?;
            let (train, validate) = (fold.train, fold.validate);
            let training = Training::new(record, train, validate, self.horizons, 1)?;
            forecaster.fit(&training)?;
            let issues: Vec<usize> = fold.issues.collect();
            let forecasts = Forecasts::issue(&*forecaster, record, &issues, self.horizons)?;
            match &mut all {
                None => all = Some(forecasts),
                Some(all) => {
                    all.issues.extend(forecasts.issues);
                    all.values.extend(forecasts.values);
                }
            }
            last = forecaster;
        }
        let empty = || Forecasts {
            name: last.name(),
            issues: Vec::new(),
            horizons: self.horizons.to_vec(),
            outcome: Outcome::Quantiles(vec![0.5]),
            values: Vec::new(),
        };
        Ok((all.unwrap_or_else(empty), last))
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::wandering;
    use super::super::{Persistence, classical};
    use super::*;

    fn parts() -> Parts {
        Parts { train: 0..200, validate: 200..220, calibrate: 220..250, test: 250..400 }
    }

    fn backtest(parts: &Parts, refit: Refit) -> Backtest<'_> {
        Backtest { parts, horizons: &[1, 5], issues: 220..400, refit }
    }

    #[test]
    fn folds_tile_the_issues_and_never_train_on_what_they_forecast() {
        let parts = parts();
        for refit in [Refit::Never, Refit::Expanding { every: 40 }, Refit::Sliding { every: 40 }] {
            let folds = backtest(&parts, refit).folds();
            let mut next = 220;
            for fold in &folds {
                assert_eq!(fold.issues.start, next);
                assert!(fold.train.end <= fold.validate.start);
                assert!(fold.validate.end <= fold.issues.start.max(parts.test.start));
                next = fold.issues.end;
            }
            assert_eq!(next, 400);
            assert_eq!(folds.len(), if refit == Refit::Never { 1 } else { 4 });
        }
    }

    #[test]
    fn l12_a_refitted_fold_equals_a_stand_alone_run_on_the_truncated_file() {
        let (whole, parts) = (wandering(400, &[(90, 95)]), parts());
        let make = || classical("ar", 5, 24);
        let walk = backtest(&parts, Refit::Expanding { every: 40 });
        let (forecasts, _) = walk.run(&whole, &make).unwrap();
        // The second fold begins at row 290 with training up to row 240.
        let cut = whole.until(300).to_record().unwrap();
        let mut alone = make().unwrap();
        alone.fit(&Training::new(&cut, 0..240, 240..260, &[1, 5], 1).unwrap()).unwrap();
        let row = forecasts.issues.iter().position(|&issue| issue == 295).unwrap();
        let both: Vec<f64> = (0..2).map(|h| forecasts.at(row, h)[0]).collect();
        assert_eq!(both, alone.issue(&cut.at(295)).unwrap());
    }

    #[test]
    fn nothing_is_carried_from_fold_to_fold() {
        let (record, parts) = (wandering(400, &[]), parts());
        let made = std::cell::Cell::new(0);
        let make = || -> Result<Box<dyn Forecaster>> {
            made.set(made.get() + 1);
            Ok(Box::<Persistence>::default())
        };
        let walk = backtest(&parts, Refit::Sliding { every: 50 });
        walk.run(&record, &make).unwrap();
        assert_eq!(made.get(), 4);
    }
}
