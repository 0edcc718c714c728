//! Autoregressive integrated moving average by its exact likelihood.

use super::arma_filter::{ArmaFilter, partial_to_coefficients};
use super::simplex::minimise;
use super::{Forecaster, History, Record, Training, not_fitted, state};
use crate::error::{Error, Result};

/// Largest order of either part.
const LARGEST: usize = 5;

/// ARIMA(p, d, q) with d of 0 or 1: parameters by maximum likelihood on the training rows
/// (state space, missing rows skipped), filtered forward from the start of the record.
/// With d = 0 the training mean is subtracted; with d = 1 there is no drift.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Arima {
    order: (usize, usize, usize),
    horizons: Vec<usize>,
    mean: f64,
    fitted: Option<ArmaFilter>,
}

impl Arima {
    /// Orders of the autoregression, the differencing and the moving average.
    pub fn new(p: usize, d: usize, q: usize) -> Self {
        Self { order: (p, d, q), horizons: Vec::new(), mean: 0.0, fitted: None }
    }

    /// The fitted coefficients `(φ [p], θ [q], σ²)`.
    pub fn coefficients(&self) -> Option<(&[f64], &[f64], f64)> {
        let filter = self.fitted.as_ref()?;
        Some((filter.phi(), filter.theta(), filter.variance()))
    }

    fn check(&self) -> Result<()> {
        let (p, d, q) = self.order;
        if p > LARGEST || q > LARGEST || d > 1 || p + q == 0 {
            return Err(Error::usage(format!(
                "ARIMA orders must be p, q <= {LARGEST} (not both 0) and d <= 1, found {p},{d},{q}"
            )));
        }
        Ok(())
    }

    /// The filter at unconstrained parameters: tanh of each is a partial autocorrelation, so
    /// that every point is stationary and invertible.
    fn filter_at(&self, free: &[f64]) -> ArmaFilter {
        let (p, d, _) = self.order;
        let partial: Vec<f64> = free.iter().map(|u| u.tanh()).collect();
        let phi = partial_to_coefficients(&partial[..p]);
        let theta = partial_to_coefficients(&partial[p..]).iter().map(|c| -c).collect();
        ArmaFilter::new(phi, theta, d == 1)
    }

    fn centred(&self, observed: &[f64]) -> Vec<f64> {
        observed.iter().map(|value| value - self.mean).collect()
    }

    fn forecasts(&self, observed: &[f64], issues: &[usize]) -> Result<Vec<f64>> {
        let Some(filter) = &self.fitted else { return Err(not_fitted(&self.name())) };
        let mut values = Vec::with_capacity(issues.len() * self.horizons.len());
        let mut next = issues.iter().peekable();
        let centred = self.centred(observed);
        filter.walk(&centred, |row, state| {
            while next.next_if_eq(&&row).is_some() {
                let ahead = filter.ahead(state, &self.horizons);
                values.extend(ahead.iter().map(|value| value + self.mean));
            }
        });
        values.resize(issues.len() * self.horizons.len(), f64::NAN);
        Ok(values)
    }
}

impl Forecaster for Arima {
    fn name(&self) -> String {
        let (p, d, q) = self.order;
        format!("arima({p},{d},{q})")
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        self.check()?;
        let observed = &training.history().observed()[training.rows()];
        let finite: Vec<f64> = observed.iter().copied().filter(|v| v.is_finite()).collect();
        let (p, d, q) = self.order;
        if finite.len() < 10 * (p + q + 1) {
            return Err(Error::data(format!(
                "{}: {} observations in training, {} are needed",
                self.name(),
                finite.len(),
                10 * (p + q + 1)
            )));
        }
        self.mean = if d == 0 { crate::score::mean(&finite) } else { 0.0 };
        let centred = self.centred(observed);
        let misfit = |free: &[f64]| -self.filter_at(free).log_likelihood(&centred).0;
        // An autoregression and a moving average that cancel make a flat ridge through zero:
        // the search starts on the better side of it.
        let start = |sign: f64| -> Vec<f64> {
            (0..p + q)
                .map(|k| if k == 0 || k == p { if k < p { sign } else { 1.5 * sign } } else { 0.0 })
                .collect()
        };
        let best = [0.5, -0.5, 0.05]
            .map(|sign| minimise(&start(sign), 0.3, 1e-7, 1200, misfit))
            .into_iter()
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let Some((free, _)) = best.filter(|(_, value)| value.is_finite()) else {
            return Err(Error::data(format!("{}: the training rows do not vary", self.name())));
        };
        let mut filter = self.filter_at(&free);
        let variance = filter.log_likelihood(&centred).1;
        filter.set_variance(variance);
        self.horizons = training.horizons().to_vec();
        self.fitted = Some(filter);
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        let Some(last) = history.rows().checked_sub(1) else {
            return Ok(vec![f64::NAN; self.horizons.len()]);
        };
        self.forecasts(history.observed(), &[last])
    }

    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let known = issues.last().map_or(record.until(0), |&last| record.at(last));
        self.forecasts(known.observed(), issues)
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::record;
    use super::*;

    /// ARMA(1,1) noise with φ = .7, θ = .4, summed up if asked.
    fn simulated(rows: usize, sum: bool) -> Vec<f64> {
        let mut noise = 99u64;
        let (mut w, mut before, mut level) = (0.0, 0.0, 0.0);
        (0..rows)
            .map(|_| {
                let mut shock = -6.0;
                for _ in 0..12 {
                    noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    shock += (noise >> 33) as f64 / (1u64 << 31) as f64;
                }
                w = 0.7 * w + shock + 0.4 * before;
                before = shock;
                level += w;
                if sum { level } else { w + 3.0 }
            })
            .collect()
    }

    #[test]
    fn recovers_simulated_coefficients_with_and_without_differencing() {
        for (d, sum) in [(1, true), (0, false)] {
            let mut values = simulated(4000, sum);
            values[500..520].fill(f64::NAN);
            let record = record(values);
            let mut arima = Arima::new(1, d, 1);
            arima.fit(&Training::new(&record, 0..4000, 4000..4000, &[1], 1).unwrap()).unwrap();
            let (phi, theta, variance) = arima.coefficients().unwrap();
            assert!((phi[0] - 0.7).abs() < 0.05, "{phi:?}");
            assert!((theta[0] - 0.4).abs() < 0.06, "{theta:?}");
            assert!((variance - 1.0).abs() < 0.06, "{variance}");
        }
    }

    #[test]
    fn impossible_orders_are_refused() {
        let record = record(simulated(200, true));
        let training = Training::new(&record, 0..200, 200..200, &[1], 1).unwrap();
        for (p, d, q) in [(0, 1, 0), (9, 1, 0), (1, 2, 1)] {
            assert_eq!(Arima::new(p, d, q).fit(&training).unwrap_err().exit_code(), 2);
        }
        assert!(Arima::new(2, 1, 2).fit(&training).is_ok());
    }
}
