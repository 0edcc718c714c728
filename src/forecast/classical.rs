//! The classical forecasters by name.

use super::{
    Ar, Arima, Climatology, ClimatologyDoy, Forecaster, LEVELS, Norm, Persistence, RecentMean,
    Ridge, Seasonal, Ses, SmoothingRate, TrailingMeans,
};
use crate::error::{Error, Result};

/// A forecaster, not yet fitted, from an order and a period in rows.
type Make = fn(usize, usize) -> Box<dyn Forecaster>;

/// The registry: a name, and what it makes.
const REGISTRY: [(&str, Make); 13] = [
    ("persistence", |_, _| Box::<Persistence>::default()),
    ("mean", |order, _| Box::new(RecentMean::new(order))),
    ("climatology", |_, _| Box::new(Climatology::new(LEVELS.to_vec()))),
    ("climatology_doy", |_, _| Box::<ClimatologyDoy>::default()),
    ("seasonal", |_, period| Box::new(Seasonal::new(period))),
    ("ses", |_, _| Box::new(Ses::new(SmoothingRate::OneStep))),
    ("ses-per-horizon", |_, _| Box::new(Ses::new(SmoothingRate::PerHorizon))),
    ("smooth", |_, _| Box::new(Ses::new(SmoothingRate::Fixed(0.1)))),
    ("ar", |order, _| Box::new(Ar::new(order))),
    ("arima", |_, _| Box::new(Arima::new(1, 1, 1))),
    ("ridge", |_, _| Box::<Ridge>::default()),
    ("lad", |_, _| Box::new(TrailingMeans::new(Norm::Absolute))),
    ("trailing-ridge", |_, _| Box::new(TrailingMeans::new(Norm::Squared))),
];

/// The names [`classical`] knows.
pub const CLASSICAL: [&str; REGISTRY.len()] = {
    let mut names = [""; REGISTRY.len()];
    let mut entry = 0;
    while entry < names.len() {
        names[entry] = REGISTRY[entry].0;
        entry += 1;
    }
    names
};

/// A classical forecaster, not yet fitted. `order` is that of `ar` and the length of
/// `mean`, `period` that of `seasonal`, both in rows.
pub fn classical(name: &str, order: usize, period: usize) -> Result<Box<dyn Forecaster>> {
    match REGISTRY.iter().find(|entry| entry.0 == name) {
        Some((_, make)) => Ok(make(order, period)),
        None => {
            let names = CLASSICAL.join(", ");
            Err(Error::usage(format!("no forecaster '{name}'; there are: {names}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{record, wandering};
    use super::super::{Forecasts, Record, Training};
    use super::*;

    const HORIZONS: [usize; 3] = [1, 5, 20];

    fn fitted(name: &str, record: &Record) -> Box<dyn Forecaster> {
        let mut forecaster = classical(name, 5, 24).unwrap();
        let training = Training::new(record, 0..300, 300..350, &HORIZONS, 1).unwrap();
        forecaster.fit(&training).unwrap();
        forecaster
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn l14_a_file_cut_at_the_issue_gives_the_same_bits() {
        let whole = wandering(500, &[(100, 110), (380, 395)]);
        let issues: Vec<usize> = (0..20).map(|k| 301 + 9 * k).collect();
        for name in CLASSICAL {
            let forecaster = fitted(name, &whole);
            let all = Forecasts::issue(&*forecaster, &whole, &issues, &HORIZONS).unwrap();
            for (n, &issue) in issues.iter().enumerate() {
                let cut = record(whole.observed()[..=issue].to_vec());
                let alone = forecaster.issue(&cut.at(issue)).unwrap();
                let batch = all.forecast(&whole, n).values;
                assert_eq!(bits(&alone), bits(&batch), "{name} at {issue}");
                assert!(alone.iter().all(|v| v.is_finite()), "{name} at {issue}");
            }
        }
    }

    #[test]
    fn l12_a_fit_on_the_truncated_file_gives_the_same_bits() {
        let whole = wandering(500, &[(100, 110)]);
        let cut = record(whole.observed()[..350].to_vec());
        for name in CLASSICAL {
            let (a, b) = (fitted(name, &whole), fitted(name, &cut));
            let (a, b) = (a.issue(&whole.at(340)).unwrap(), b.issue(&cut.at(340)).unwrap());
            assert_eq!(bits(&a), bits(&b), "{name}");
        }
    }

    #[test]
    fn l11_a_constant_added_to_the_series_shifts_the_forecast_by_it() {
        let plain = wandering(500, &[(100, 110)]);
        let raised = record(plain.observed().iter().map(|v| v + 8.0).collect());
        for name in CLASSICAL {
            let (a, b) = (fitted(name, &plain), fitted(name, &raised));
            let (a, b) = (a.issue(&plain.at(400)).unwrap(), b.issue(&raised.at(400)).unwrap());
            let worst = a.iter().zip(&b).map(|(a, b)| (b - a - 8.0).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-6, "{name}: {worst}");
        }
    }

    #[test]
    fn nothing_observed_is_an_error_or_no_forecast_but_never_a_panic() {
        let empty = record(vec![f64::NAN; 400]);
        for name in CLASSICAL {
            let mut forecaster = classical(name, 5, 24).unwrap();
            let training = Training::new(&empty, 0..300, 300..300, &HORIZONS, 1).unwrap();
            if forecaster.fit(&training).is_ok() {
                let values = forecaster.issue(&empty.at(350)).unwrap();
                assert!(values.iter().all(|v| v.is_nan()), "{name}");
            }
            let unfitted = classical(name, 5, 24).unwrap();
            let short = wandering(3, &[]);
            let _ = unfitted.issue(&short.at(0));
        }
        assert_eq!(classical("oracle", 1, 1).err().unwrap().exit_code(), 2);
    }
}
