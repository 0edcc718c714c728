//! The Kalman filter of an ARMA process, summed up or not (Harvey 1989, chapter 3).

/// Prior variance of an unknown starting level, in units of the innovation variance.
const DIFFUSE: f64 = 1e6;

/// State: for a differenced process the level of the row before, then the ARMA states.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct ArmaFilter {
    phi: Vec<f64>,
    theta: Vec<f64>,
    differenced: bool,
    variance: f64,
    size: usize,
    /// `[S, S]`.
    transition: Vec<f64>,
    /// How the innovation enters the state, `[S]`.
    loading: Vec<f64>,
    /// State covariance before the first row, in units of the innovation variance, `[S, S]`.
    prior: Vec<f64>,
}

impl ArmaFilter {
    /// `phi` must be stationary.
    pub fn new(phi: Vec<f64>, theta: Vec<f64>, differenced: bool) -> Self {
        let states = phi.len().max(theta.len() + 1);
        let first = usize::from(differenced);
        let size = states + first;
        let mut transition = vec![0.0; size * size];
        let mut loading = vec![0.0; size];
        for k in 0..states {
            let row = first + k;
            transition[row * size + first] = phi.get(k).copied().unwrap_or(0.0);
            if k + 1 < states {
                transition[row * size + row + 1] = 1.0;
            }
            loading[row] = if k == 0 { 1.0 } else { theta.get(k - 1).copied().unwrap_or(0.0) };
        }
        let mut prior = stationary_covariance(&transition, &loading, size);
        if differenced {
            transition[0] = 1.0;
            transition[1] = 1.0;
            prior[0] = DIFFUSE;
        }
        Self { phi, theta, differenced, variance: 1.0, size, transition, loading, prior }
    }

    /// Autoregressive coefficients, `[p]`.
    pub fn phi(&self) -> &[f64] {
        &self.phi
    }

    /// Moving-average coefficients, `[q]`, with the sign of `1 + θ₁L + …`.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// Variance of the innovations.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Stores the variance of the innovations; forecasts do not depend on it.
    pub fn set_variance(&mut self, variance: f64) {
        self.variance = variance;
    }

    /// Gaussian log-likelihood (up to a constant) with the innovation variance concentrated
    /// out, and that variance. The first observation of a differenced process only sets the
    /// level.
    pub fn log_likelihood(&self, observed: &[f64]) -> (f64, f64) {
        let (mut squares, mut logarithms, mut count) = (0.0, 0.0, 0.0);
        let mut skip = self.differenced;
        self.run(
            observed,
            |innovation, variance| {
                if std::mem::take(&mut skip) {
                    return;
                }
                squares += innovation * innovation / variance;
                logarithms += variance.ln();
                count += 1.0;
            },
            |_, _| (),
        );
        let variance = squares / count;
        (-0.5 * (count * variance.ln() + logarithms), variance)
    }

    /// Calls `visit(row, state)` with the filtered state of every row from the first
    /// observation on.
    pub fn walk(&self, observed: &[f64], visit: impl FnMut(usize, &[f64])) {
        self.run(observed, |_, _| (), visit);
    }

    /// Expected values `horizons` rows (rising) after the row of a filtered state, `[H]`.
    pub fn ahead(&self, state: &[f64], horizons: &[usize]) -> Vec<f64> {
        let mut state = state.to_vec();
        let mut at = 0;
        let mut reach = |&horizon: &usize| {
            while at < horizon {
                state = self.step(&state);
                at += 1;
            }
            self.observe(&state)
        };
        horizons.iter().map(&mut reach).collect()
    }

    fn observe(&self, state: &[f64]) -> f64 {
        if self.differenced { state[0] + state[1] } else { state[0] }
    }

    fn step(&self, state: &[f64]) -> Vec<f64> {
        let row = |row: &[f64]| row.iter().zip(state).map(|(t, s)| t * s).sum();
        self.transition.chunks_exact(self.size).map(row).collect()
    }

    fn run(
        &self,
        observed: &[f64],
        mut innovation: impl FnMut(f64, f64),
        mut visit: impl FnMut(usize, &[f64]),
    ) {
        let Some(first) = observed.iter().position(|v| v.is_finite()) else { return };
        let n = self.size;
        let mut state = vec![0.0; n];
        if self.differenced {
            state[0] = observed[first];
        }
        let mut covariance = self.prior.clone();
        let (mut gain, mut product) = (vec![0.0; n], vec![0.0; n * n]);
        for (row, &value) in observed.iter().enumerate().skip(first) {
            if value.is_finite() {
                for (i, g) in gain.iter_mut().enumerate() {
                    *g = self.observe(&covariance[i * n..(i + 1) * n]);
                }
                let spread = self.observe(&gain);
                let surprise = value - self.observe(&state);
                innovation(surprise, spread);
                for i in 0..n {
                    state[i] += gain[i] * surprise / spread;
                    for j in 0..n {
                        covariance[i * n + j] -= gain[i] * gain[j] / spread;
                    }
                }
            }
            visit(row, &state);
            state = self.step(&state);
            self.spread(&mut covariance, &mut product);
        }
    }

    /// `P ← T P Tᵀ + R Rᵀ`.
    fn spread(&self, covariance: &mut [f64], product: &mut [f64]) {
        let n = self.size;
        multiply(&self.transition, covariance, product, n);
        for i in 0..n {
            for j in 0..n {
                let row = &product[i * n..(i + 1) * n];
                let column = &self.transition[j * n..(j + 1) * n];
                let sum: f64 = row.iter().zip(column).map(|(a, b)| a * b).sum();
                covariance[i * n + j] = sum + self.loading[i] * self.loading[j];
            }
        }
    }
}

/// `out = a·b` for square matrices `[n, n]`.
fn multiply(a: &[f64], b: &[f64], out: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..n {
            out[i * n + j] = (0..n).map(|k| a[i * n + k] * b[k * n + j]).sum();
        }
    }
}

/// Solves `P = T P Tᵀ + R Rᵀ` by doubling: after k rounds 2ᵏ terms of the series are summed.
fn stationary_covariance(transition: &[f64], loading: &[f64], n: usize) -> Vec<f64> {
    let mut power = transition.to_vec();
    let mut sum: Vec<f64> = (0..n * n).map(|at| loading[at / n] * loading[at % n]).collect();
    let (mut half, mut square) = (vec![0.0; n * n], vec![0.0; n * n]);
    for _ in 0..60 {
        multiply(&power, &sum, &mut half, n);
        let mut change = 0.0f64;
        for i in 0..n {
            for j in 0..n {
                let term: f64 = (0..n).map(|k| half[i * n + k] * power[j * n + k]).sum();
                square[i * n + j] = term;
                change = change.max(term.abs());
            }
        }
        sum.iter_mut().zip(&square).for_each(|(s, term)| *s += term);
        if change < 1e-14 || !change.is_finite() {
            break;
        }
        multiply(&power, &power, &mut square, n);
        power.copy_from_slice(&square);
    }
    sum
}

/// Coefficients of a stationary autoregression from its partial autocorrelations, each inside
/// −1 … 1 (Barndorff-Nielsen and Schou 1973).
pub fn partial_to_coefficients(partial: &[f64]) -> Vec<f64> {
    let mut coefficients: Vec<f64> = Vec::with_capacity(partial.len());
    for &last in partial {
        let before = coefficients.clone();
        for (value, mirrored) in coefficients.iter_mut().zip(before.iter().rev()) {
            *value -= last * mirrored;
        }
        coefficients.push(last);
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prior_of_a_first_order_process_is_its_variance() {
        let filter = ArmaFilter::new(vec![0.8], vec![], false);
        assert!((filter.prior[0] - 1.0 / (1.0 - 0.64)).abs() < 1e-12);
    }

    #[test]
    fn a_random_walk_forecasts_its_last_value() {
        let filter = ArmaFilter::new(vec![0.0], vec![], true);
        let mut last = Vec::new();
        filter.walk(&[5.0, 6.0, 4.5], |_, state| last = state.to_vec());
        let ahead = filter.ahead(&last, &[1, 9]);
        assert!(ahead.iter().all(|value| (value - 4.5).abs() < 1e-12), "{ahead:?}");
    }

    #[test]
    fn second_order_coefficients_from_partial_autocorrelations() {
        let coefficients = partial_to_coefficients(&[0.5, -0.3]);
        assert!((coefficients[0] - 0.65).abs() < 1e-15 && coefficients[1] == -0.3);
    }
}
