//! Intervals that keep their promise: quantiles from residuals seen after training.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::intervals::Horizon;
use super::{Forecasts, Outcome, Record};
use crate::error::{Error, Result};

/// How quantiles are made or mended. Fixed kinds use the calibration rows alone; rolling and
/// adaptive kinds use, at each issue, the residuals whose outcome is known by then. All work
/// per horizon and end with sorted quantiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Calibrator {
    /// The forecaster's own quantiles.
    None,
    /// Quantiles of the signed residuals of the calibration rows, added to the point, which
    /// stays the median.
    Residuals,
    /// Split conformal: point ± the conformal quantile of |y − f|.
    Split,
    /// As `split`, with |y − f| in units of the forecaster's own outermost interval.
    Scaled,
    /// Conformalised quantile regression (Romano et al. 2019), two-sided: both ends of an
    /// interval move by the same amount.
    TwoSided,
    /// Each level but the median moves by itself.
    PerLevel,
    /// Point ± the conformal quantile of the last known |y − f|.
    Rolling {
        /// Residuals that count.
        window: usize,
    },
    /// Adaptive conformal inference on |y − f|.
    Adaptive {
        /// Residuals that count.
        window: usize,
        /// How fast the level follows misses.
        rate: f64,
        /// Bounds of the level in use.
        bounds: Option<(f64, f64)>,
    },
    /// Point + the narrowest interval over the last known signed residuals, as in EnbPI (Xu and Xie
    /// 2021), without its bootstrap: the residuals are of rows after training.
    Enbpi {
        /// Residuals that count.
        window: usize,
        /// New residuals after which the interval is sought anew.
        every: usize,
    },
    /// Point + quantiles of the last known signed residuals, with adaptive level.
    AdaptiveSigned {
        /// Residuals that count.
        window: usize,
        /// The miss aimed at as a share of the nominal one: below 1 makes up for residuals
        /// that lag behind a change.
        aim: f64,
        /// How fast the level follows misses.
        rate: f64,
        /// Bounds of the level.
        bounds: (f64, f64),
    },
    /// Each level but the median moves by a share of its rolling miscalibration.
    RollingPerLevel {
        /// Rows back to which residuals count.
        window: usize,
        /// Share of the correction that is applied.
        strength: f64,
    },
}

impl Calibrator {
    /// Bounded adaptive intervals from signed residuals: for combinations of point forecasts.
    pub const SIGNED: Self =
        Self::AdaptiveSigned { window: 240, aim: 0.8, rate: 0.01, bounds: (0.005, 0.4) };

    /// Half-strength rolling recalibration of quantile networks.
    pub const HALF: Self = Self::RollingPerLevel { window: 730, strength: 0.5 };

    /// A kind by name with its usual settings.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "none" => Self::None,
            "residuals" => Self::Residuals,
            "split" => Self::Split,
            "scaled" => Self::Scaled,
            "two-sided" => Self::TwoSided,
            "per-level" => Self::PerLevel,
            "rolling" => Self::Rolling { window: 250 },
            "adaptive" => Self::Adaptive { window: 250, rate: 0.05, bounds: Some((0.01, 0.5)) },
            "enbpi" => Self::Enbpi { window: 250, every: 1 },
            "adaptive-signed" => Self::SIGNED,
            "rolling-per-level" => Self::HALF,
            other => {
                return Err(Error::usage(format!(
                    "no calibration '{other}'; there are: none, residuals, split, scaled, \
                     two-sided, per-level, rolling, adaptive, enbpi, adaptive-signed, \
                     rolling-per-level"
                )));
            }
        })
    }

    /// Calibrates level forecasts. `calibration` are the rows of the calibration part (issue
    /// and target must both lie in it); `levels` are those to make from a point forecast, or
    /// from the forecaster's median where the kind does not mend its levels one by one.
    ///
    /// Where too few residuals are known the forecaster's own quantiles stay, if it has these
    /// levels; otherwise all but the median are NaN.
    pub fn calibrate(
        &self,
        forecasts: &Forecasts,
        record: &Record,
        calibration: &Range<usize>,
        levels: &[f64],
    ) -> Result<Forecasts> {
        let Outcome::Quantiles(own) = &forecasts.outcome else {
            return Err(Error::usage("intervals are calibrated for levels, not probabilities"));
        };
        let mends = matches!(
            self,
            Self::None | Self::TwoSided | Self::PerLevel | Self::RollingPerLevel { .. }
        );
        if own.len() < 2 && (mends && *self != Self::None || *self == Self::Scaled) {
            return Err(Error::usage(format!(
                "{self:?} mends quantiles, but {} gives a point forecast",
                forecasts.name
            )));
        }
        let levels = if mends { own.as_slice() } else { levels };
        let (count, horizons) = (forecasts.issues.len(), forecasts.horizons.len());
        let mut values = vec![f64::NAN; count * horizons * levels.len()];
        for (h, &horizon) in forecasts.horizons.iter().enumerate() {
            let horizon = Horizon {
                issues: &forecasts.issues,
                horizon,
                own,
                quantiles: forecasts.of_horizon(h),
                point: forecasts.point(h),
                observed: record.outcomes(&forecasts.issues, horizon),
                calibration,
            };
            let made = horizon.calibrated(self, levels)?;
            for (n, row) in made.chunks_exact(levels.len()).enumerate() {
                let first = (n * horizons + h) * levels.len();
                values[first..first + levels.len()].copy_from_slice(row);
            }
        }
        let outcome = Outcome::Quantiles(levels.to_vec());
        Ok(Forecasts { outcome, values, ..forecasts.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{record, wandering};
    use super::super::{Forecaster, LEVELS, Persistence, Training};
    use super::*;
    use crate::score::{LevelScores, mean};

    const KINDS: [&str; 10] = [
        "residuals",
        "split",
        "scaled",
        "two-sided",
        "per-level",
        "rolling",
        "adaptive",
        "enbpi",
        "adaptive-signed",
        "rolling-per-level",
    ];

    /// Persistence as a point, or quantiles that are far too narrow.
    fn forecasts(record: &Record, quantiles: bool) -> Forecasts {
        let horizons = [1, 5];
        let training = Training::new(record, 0..300, 300..300, &horizons, 1).unwrap();
        let mut persistence = Persistence::default();
        persistence.fit(&training).unwrap();
        let issues: Vec<usize> = (300..record.rows()).collect();
        let mut made = Forecasts::issue(&persistence, record, &issues, &horizons).unwrap();
        if quantiles {
            let spread = |point: &f64| LEVELS.map(|level| point + 0.02 * (level - 0.5));
            made.values = made.values.iter().flat_map(spread).collect();
            made.outcome = Outcome::Quantiles(LEVELS.to_vec());
        }
        made
    }

    fn needs_quantiles(kind: &str) -> bool {
        matches!(kind, "scaled" | "two-sided" | "per-level" | "rolling-per-level")
    }

    #[test]
    fn every_kind_brings_narrow_intervals_near_their_promise() {
        let record = wandering(3000, &[(700, 720)]);
        for name in KINDS {
            let plain = forecasts(&record, needs_quantiles(name));
            let kind = Calibrator::named(name).unwrap();
            let made = kind.calibrate(&plain, &record, &(300..1300), &LEVELS).unwrap();
            for (h, &horizon) in plain.horizons.iter().enumerate() {
                let outcomes = record.outcomes(&plain.issues, horizon);
                let scored: Vec<usize> =
                    (1000..outcomes.len()).filter(|&n| outcomes[n].is_finite()).collect();
                let observed: Vec<f64> = scored.iter().map(|&n| outcomes[n]).collect();
                let rows = scored.iter().flat_map(|&n| made.at(n, h).iter().copied());
                let quantiles: Vec<f64> = rows.collect();
                assert!(quantiles.chunks(7).all(|row| row.is_sorted()), "{name}");
                let sheet = LevelScores {
                    observed: &observed,
                    quantiles: &quantiles,
                    levels: &LEVELS,
                    point: None,
                    naive_change: None,
                    reference: None,
                };
                let (low, high) = sheet.interval(0.1).unwrap();
                let coverage = mean(&crate::score::covered(&observed, &low, &high));
                // Half of the correction leaves half of the fault.
                let least = if name == "rolling-per-level" { 0.5 } else { 0.85 };
                assert!((least..0.95).contains(&coverage), "{name} {horizon}: {coverage}");
            }
        }
    }

    #[test]
    fn l14_intervals_of_a_cut_record_have_the_same_bits() {
        let whole = wandering(900, &[(610, 615)]);
        let cut = record(whole.observed()[..801].to_vec());
        for name in KINDS {
            let kind = Calibrator::named(name).unwrap();
            let of = |record: &Record| {
                let plain = forecasts(record, needs_quantiles(name));
                kind.calibrate(&plain, record, &(300..600), &LEVELS).unwrap()
            };
            let (a, b) = (of(&whole), of(&cut));
            for n in 0..b.issues.len() {
                for h in 0..2 {
                    let bits = |row: &[f64]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(a.at(n, h)), bits(b.at(n, h)), "{name} {n}");
                }
            }
        }
    }

    #[test]
    fn points_cannot_be_mended_and_probabilities_not_calibrated() {
        let record = wandering(900, &[]);
        let plain = forecasts(&record, false);
        for name in KINDS.into_iter().filter(|name| needs_quantiles(name)) {
            let kind = Calibrator::named(name).unwrap();
            let refused = kind.calibrate(&plain, &record, &(300..600), &LEVELS);
            assert_eq!(refused.unwrap_err().exit_code(), 2, "{name}");
        }
        let events = Forecasts { outcome: Outcome::Probability, ..plain.clone() };
        assert!(Calibrator::Split.calibrate(&events, &record, &(300..600), &LEVELS).is_err());
        assert!(Calibrator::Split.calibrate(&plain, &record, &(10..20), &LEVELS).is_err());
        assert!(Calibrator::named("magic").is_err());
    }

    #[test]
    fn kinds_are_settings_by_name() {
        let text = serde_json::to_string(&Calibrator::SIGNED).unwrap();
        assert!(text.starts_with("{\"kind\":\"adaptive-signed\""), "{text}");
        assert_eq!(serde_json::from_str::<Calibrator>(&text).unwrap(), Calibrator::SIGNED);
    }
}
