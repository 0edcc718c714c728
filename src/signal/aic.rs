//! The Akaike information criterion of an onset.

/// For every sample how badly two stationary halves, up to it and behind it, explain the trace
/// `[T]`: `(j+1)·ln var(x[0..=j]) + (N−j−2)·ln var(x[j+1..])` with population variances (Maeda
/// 1985, Zisin 38, 365-379; `aic_simple` of ObsPy). The smallest value stands at the last sample
/// before the onset. The first and the last two values repeat their neighbours.
pub fn aic(samples: &[f64]) -> Vec<f64> {
    let n = samples.len();
    if n < 4 {
        return vec![0.0; n];
    }
    let before = variances(samples.iter());
    let behind = variances(samples.iter().rev());
    let value = |j: usize| {
        let left = (j + 1) as f64 * before[j].ln();
        let right = (n - j - 2) as f64 * behind[n - 2 - j].ln();
        left + right
    };
    let inner: Vec<f64> = (1..n - 2).map(value).collect();
    let last = inner[inner.len() - 1];
    let mut out = vec![inner[0]];
    out.extend(inner);
    out.extend([last; 2]);
    out
}

/// Population variance of the first 1, 2, 3 … values (Welford's recurrence).
fn variances<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let (mut mean, mut squares) = (0.0, 0.0);
    values
        .enumerate()
        .map(|(i, &x)| {
            let count = (i + 1) as f64;
            let off = x - mean;
            mean += off / count;
            squares += off * (x - mean);
            squares / count
        })
        .collect()
}

/// The onset by [`aic`]: the first sample of the second half; `None` for fewer than four samples
/// or a trace without a finite value of the criterion.
pub fn aic_onset(samples: &[f64]) -> Option<usize> {
    let n = samples.len();
    if n < 4 {
        return None;
    }
    let curve = aic(samples);
    let inner = (1..n - 2).filter(|&j| curve[j].is_finite());
    inner.min_by(|&a, &b| curve[a].total_cmp(&curve[b])).map(|j| j + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onset_of_a_burst_is_found_and_short_traces_have_none() {
        let noise = |i: usize| ((i * 7919) % 101) as f64 / 101.0 - 0.5;
        let samples: Vec<f64> =
            (0..400).map(|i| if i < 250 { noise(i) } else { 20.0 * noise(i) }).collect();
        let onset = aic_onset(&samples).unwrap();
        assert!((249..254).contains(&onset), "{onset}");
        for n in 0..4 {
            assert_eq!(aic_onset(&vec![1.0; n]), None);
            assert_eq!(aic(&vec![1.0; n]).len(), n);
        }
        assert_eq!(aic_onset(&[f64::NAN; 10]), None);
    }
}
