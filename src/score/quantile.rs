//! Quantiles of samples by the two rules the field uses.

/// Quantile by linear interpolation between order statistics (Hyndman and Fan 1996, type 7;
/// the default of NumPy) of values that are already in rising order. NaN for none.
pub fn of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// [`of_sorted`] of the finite ones among `values`, for each of `shares`.
pub fn of(values: &[f64], shares: &[f64]) -> Vec<f64> {
    let sorted = sorted_finite(values);
    shares.iter().map(|&share| of_sorted(&sorted, share)).collect()
}

/// The finite values in rising order.
pub fn sorted_finite(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Median of the finite values, NaN for none.
pub fn median(values: &[f64]) -> f64 {
    of_sorted(&sorted_finite(values), 0.5)
}

/// The ⌈(n+1)·share⌉-th smallest of values in rising order: the quantile with the finite-sample
/// guarantee of conformal prediction (Vovk et al. 2005). Infinite where n is too small for it.
pub fn conformal(sorted: &[f64], share: f64) -> f64 {
    match conformal_rank(sorted.len(), share) {
        rank if rank > sorted.len() => f64::INFINITY,
        rank => sorted[rank.max(1) - 1],
    }
}

/// ⌈(n+1)·share⌉, not clipped.
pub fn conformal_rank(count: usize, share: f64) -> usize {
    ((count as f64 + 1.0) * share).ceil().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_quantile_interpolates_and_ignores_missing() {
        let values = [4.0, 1.0, f64::NAN, 2.0, 3.0];
        assert_eq!(of(&values, &[0.0, 0.5, 1.0, 0.1]), [1.0, 2.5, 4.0, 1.3]);
        assert!(of(&[], &[0.5])[0].is_nan());
    }

    #[test]
    fn conformal_quantile_is_infinite_when_the_sample_is_too_small() {
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(conformal(&nine, 0.9), 9.0);
        assert_eq!(conformal(&nine[..8], 0.9), f64::INFINITY);
        assert_eq!(conformal(&nine, 0.0), 1.0);
        assert_eq!(conformal(&[], 0.9), f64::INFINITY);
    }
}
