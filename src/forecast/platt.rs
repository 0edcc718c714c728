//! Calibration of probabilities with two parameters (Platt 1999).

/// `σ(slope · logit p + shift)`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Platt {
    slope: f64,
    shift: f64,
}

/// Probabilities nearer to 0 or 1 are taken for this near.
const NEAREST: f64 = 1e-6;

fn logit(p: f64) -> f64 {
    let p = p.clamp(NEAREST, 1.0 - NEAREST);
    (p / (1.0 - p)).ln()
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

impl Platt {
    /// Fits to forecasts and outcomes (0 or 1) `[N]`; pairs that are not finite are left out.
    /// Outcomes are drawn inwards as Platt does, `(N₁+1)/(N₁+2)` and `1/(N₀+2)`, so that
    /// separable cases have a finite fit. A slope below 0 would turn the forecast around; it becomes
    /// 0, which leaves the rate.
    pub fn fit(probabilities: &[f64], outcomes: &[f64]) -> Self {
        let pairs: Vec<(f64, bool)> = probabilities
            .iter()
            .zip(outcomes)
            .filter(|(p, y)| p.is_finite() && y.is_finite())
            .map(|(&p, &y)| (logit(p), y > 0.5))
            .collect();
        let events = pairs.iter().filter(|(_, y)| *y).count() as f64;
        let others = pairs.len() as f64 - events;
        let aim = |y: bool| {
            if y { (events + 1.0) / (events + 2.0) } else { 1.0 / (others + 2.0) }
        };
        let rate = logit((events + 1.0) / (pairs.len() as f64 + 2.0));
        let (mut slope, mut shift) = (0.0, rate);
        for _ in 0..100 {
            let (mut gs, mut gt, mut ss, mut st, mut tt) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
            for &(z, y) in &pairs {
                let p = sigmoid(slope * z + shift);
                let (error, weight) = (p - aim(y), (p * (1.0 - p)).max(1e-6));
                gs += error * z;
                gt += error;
                ss += weight * z * z;
                st += weight * z;
                tt += weight;
            }
            let determinant = ss * tt - st * st;
            if determinant <= 1e-12 * ss * tt {
                break;
            }
            let step = ((tt * gs - st * gt) / determinant, (ss * gt - st * gs) / determinant);
            slope -= step.0.clamp(-2.0, 2.0);
            shift -= step.1.clamp(-2.0, 2.0);
            if step.0.abs() + step.1.abs() < 1e-10 {
                break;
            }
        }
        if slope < 0.0 || !slope.is_finite() || !shift.is_finite() {
            return Self { slope: 0.0, shift: rate };
        }
        Self { slope, shift }
    }

    /// Calibrated probabilities; NaN stays NaN.
    pub fn apply(&self, probabilities: &[f64]) -> Vec<f64> {
        let calibrated = |&p: &f64| {
            if p.is_finite() { sigmoid(self.slope * logit(p) + self.shift) } else { f64::NAN }
        };
        probabilities.iter().map(calibrated).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{brier, mean};

    #[test]
    fn overconfident_probabilities_become_the_observed_rates() {
        // Said .99 and .01, seen 7 and 2 times of 10.
        let said: Vec<f64> = (0..1000).map(|n| if n % 2 == 0 { 0.99 } else { 0.01 }).collect();
        let happens = |n: usize| if n.is_multiple_of(2) { n / 2 % 10 < 7 } else { n / 2 % 10 < 2 };
        let seen: Vec<f64> = (0..1000).map(|n| f64::from(u8::from(happens(n)))).collect();
        let better = Platt::fit(&said, &seen).apply(&said);
        assert!((better[0] - 0.7).abs() < 0.01 && (better[1] - 0.2).abs() < 0.01, "{better:?}");
        assert!(mean(&brier(&seen, &better)) < mean(&brier(&seen, &said)) - 0.05);
    }

    #[test]
    fn a_forecast_that_is_turned_around_becomes_the_rate() {
        let said = [0.9, 0.8, 0.7, 0.1, 0.2, 0.3].repeat(10);
        let seen = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0].repeat(10);
        let rate = Platt::fit(&said, &seen).apply(&said);
        assert!(rate.iter().all(|p| (p - 0.5).abs() < 1e-9));
        assert!(Platt::fit(&said, &seen).apply(&[f64::NAN])[0].is_nan());
    }
}
