//! Removal of means and trends from a whole trace.

/// Subtracts the mean. An empty trace stays empty.
pub fn demean(samples: &mut [f64]) {
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    samples.iter_mut().for_each(|x| *x -= mean);
}

/// Subtracts the straight line through the first and the last sample (`simple` of ObsPy).
pub fn detrend_simple(samples: &mut [f64]) {
    let (Some(&first), Some(&last)) = (samples.first(), samples.last()) else { return };
    let steps = (samples.len() - 1).max(1) as f64;
    for (i, x) in samples.iter_mut().enumerate() {
        *x -= first + i as f64 * (last - first) / steps;
    }
}

/// Subtracts the least-squares line (`scipy.signal.detrend`).
pub fn detrend_linear(samples: &mut [f64]) {
    detrend_polynomial(samples, 1);
}

/// Subtracts the least-squares polynomial of degree `order`; of a trace with no more samples than
/// `order`, the polynomial of the highest degree these determine.
///
/// The polynomial is a sum of polynomials that are orthogonal over the samples, made by their
/// three-term recurrence (Forsythe 1957, J. Soc. Indust. Appl. Math. 5, 74-88): powers of the
/// sample number would lose all digits at a high order.
pub fn detrend_polynomial(samples: &mut [f64], order: usize) {
    let n = samples.len();
    if n == 0 {
        return;
    }
    let middle = (n - 1) as f64 / 2.0;
    let half = middle.max(1.0);
    let position = |i: usize| (i as f64 - middle) / half;
    let mut before = vec![0.0; n];
    let mut present = vec![1.0; n];
    let mut norm_before = 1.0;
    for degree in 0..=order.min(n - 1) {
        let norm = present.iter().map(|p| p * p).sum::<f64>();
        let share = samples.iter().zip(&present).map(|(x, p)| x * p).sum::<f64>() / norm;
        samples.iter_mut().zip(&present).for_each(|(x, p)| *x -= share * p);
        // Positions are symmetric about 0, so the recurrence has two terms only.
        let back = if degree == 0 { 0.0 } else { norm / norm_before };
        for i in 0..n {
            let next = position(i) * present[i] - back * before[i];
            (before[i], present[i]) = (present[i], next);
        }
        norm_before = norm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_leaves_nothing_of_itself() {
        for order in 0..=12 {
            let mut samples: Vec<f64> =
                (0..5000).map(|i| (i as f64 / 2500.0 - 0.7).powi(order) * 100.0).collect();
            detrend_polynomial(&mut samples, order as usize);
            let worst = samples.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            assert!(worst < 1e-8, "{order}: {worst}");
        }
    }

    #[test]
    fn short_traces_come_to_zero_and_ends_are_exact() {
        for n in 0..4 {
            let mut samples: Vec<f64> = (0..n).map(|i| f64::from(i * i) + 3.0).collect();
            detrend_polynomial(&mut samples, 9);
            assert!(samples.iter().all(|x| x.abs() < 1e-12), "{samples:?}");
        }
        let mut line = vec![2.0, 9.0, -4.0, 5.0];
        detrend_simple(&mut line);
        assert_eq!((line[0], line[3]), (0.0, 0.0));
        let mut one = vec![7.0];
        detrend_simple(&mut one);
        assert_eq!(one, [0.0]);
        demean(&mut []);
        detrend_simple(&mut []);
    }
}
