//! More curves of short-term over long-term averages, and the Z-detector (Withers et al. 1998,
//! Bull. Seismol. Soc. Am. 88, 95-106), numbers as ObsPy's functions of the same names.

use super::running_sum::SlidingSum;

/// Classic STA/LTA with carried state: mean energy of the last `nsta` samples over that of the
/// last `nlta`, both with the present one; 0 for the first `nlta − 1` samples.
#[derive(Clone, Debug)]
pub struct ClassicStaLta {
    short: SlidingSum,
    long: SlidingSum,
    nsta: usize,
    nlta: usize,
    seen: usize,
}

impl ClassicStaLta {
    /// Windows of `nsta` and `nlta` samples (at least 1 each).
    pub fn new(nsta: usize, nlta: usize) -> Self {
        let (nsta, nlta) = (nsta.max(1), nlta.max(1));
        let (short, long) = (SlidingSum::new(nsta), SlidingSum::new(nlta));
        Self { short, long, nsta, nlta, seen: 0 }
    }

    /// The ratio at the next sample.
    pub fn next(&mut self, sample: f64) -> f64 {
        let energy = sample * sample;
        let short = self.short.next(energy) / self.nsta as f64;
        let long = self.long.next(energy) / self.nlta as f64;
        self.seen = self.seen.saturating_add(1);
        if self.seen < self.nlta || long <= 0.0 { 0.0 } else { short / long }
    }
}

/// [`ClassicStaLta`] of a whole trace `[T]`.
pub fn classic_sta_lta(samples: &[f64], nsta: usize, nlta: usize) -> Vec<f64> {
    let mut ratio = ClassicStaLta::new(nsta, nlta);
    samples.iter().map(|&x| ratio.next(x)).collect()
}

/// Delayed STA/LTA of a whole trace `[T]`: the long average ends where the short one begins. The
/// averages are sums that only grow, and samples before the first are taken from the end, as in
/// ObsPy; 0 for the first `nlta + nsta + 50` samples.
pub fn delayed_sta_lta(samples: &[f64], nsta: usize, nlta: usize) -> Vec<f64> {
    let (n, nsta, nlta) = (samples.len(), nsta.max(1), nlta.max(1));
    let energy = |i: usize, back: usize| {
        // Before the first sample by at most a whole trace, else nothing is there.
        let index = if i >= back { Some(i - back) } else { (i + n).checked_sub(back) };
        index.and_then(|index| samples.get(index)).map_or(0.0, |x| x * x)
    };
    let (mut short, mut long) = (0.0, 0.0);
    let muted = nlta.saturating_add(nsta).saturating_add(50);
    (0..n)
        .map(|i| {
            short += (energy(i, 0) + energy(i, nsta)) / nsta as f64;
            let delayed = nsta.saturating_add(1);
            let earlier = energy(i, delayed) + energy(i, delayed.saturating_add(nlta));
            long += earlier / nlta as f64;
            if i < muted || long <= 0.0 { 0.0 } else { short / long }
        })
        .collect()
}

/// Parameters of [`carl_sta_trig`] beside the window lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CarlLevels {
    /// The smaller, the more sensitive.
    pub ratio: f64,
    /// Likewise; in the unit of the samples.
    pub quiet: f64,
}

/// The characteristic function of Carl Johnson's trigger of a whole trace `[T]`; −1 for the first
/// `nlta` samples. Needs no later sample.
pub fn carl_sta_trig(samples: &[f64], nsta: usize, nlta: usize, levels: CarlLevels) -> Vec<f64> {
    let (nsta, nlta) = (nsta.max(1), nlta.max(1));
    let sta = mean_before(samples.iter().copied(), nsta);
    let mut lta = mean_before(sta.iter().copied(), nlta);
    // ObsPy holds this average back by one sample.
    lta.insert(0, 0.0);
    lta.truncate(samples.len());
    let departure = samples.iter().zip(&lta).map(|(x, long)| (x - long).abs());
    let star = mean_before(departure, nsta);
    let ltar = mean_before(star.iter().copied(), nlta);
    let eta = |i: usize| star[i] - levels.ratio * ltar[i] - (sta[i] - lta[i]).abs() - levels.quiet;
    (0..samples.len()).map(|i| if i < nlta { -1.0 } else { eta(i) }).collect()
}

/// The mean of the `length` values before each; 0 for the first `length`.
fn mean_before(values: impl Iterator<Item = f64>, length: usize) -> Vec<f64> {
    let mut sum = SlidingSum::new(length);
    let mut before = 0.0;
    values
        .enumerate()
        .map(|(i, value)| {
            let mean = if i < length { 0.0 } else { before / length as f64 };
            before = sum.next(value);
            mean
        })
        .collect()
}

/// The Z-detector of a whole trace `[T]` (Swindell & Snell 1977): the energy of the `nsta` samples
/// before each, less its mean over the trace, in its standard deviations. 0 everywhere if the
/// energy never changes.
pub fn z_detect(samples: &[f64], nsta: usize) -> Vec<f64> {
    let nsta = nsta.max(1);
    let mut energy = mean_before(samples.iter().map(|x| x * x), nsta);
    energy.iter_mut().for_each(|e| *e *= nsta as f64);
    let n = energy.len() as f64;
    let mean = energy.iter().sum::<f64>() / n;
    let deviation = (energy.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n).sqrt();
    energy.into_iter().map(|e| if deviation > 0.0 { (e - mean) / deviation } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_short_traces_give_finite_curves() {
        let levels = CarlLevels { ratio: 0.8, quiet: 0.8 };
        for n in [0, 1, 2, 40, 3000] {
            let zeros = vec![0.0; n];
            let curves = [
                classic_sta_lta(&zeros, 5, 50),
                delayed_sta_lta(&zeros, 5, 50),
                carl_sta_trig(&zeros, 5, 50, levels),
                z_detect(&zeros, 5),
            ];
            for curve in curves {
                assert!(curve.len() == n && curve.iter().all(|x| x.is_finite() && *x <= 0.0));
            }
        }
        assert_eq!(classic_sta_lta(&[1.0; 3], 5, 50), [0.0; 3]);
        let huge = delayed_sta_lta(&[1.0; 10], usize::MAX, usize::MAX);
        assert_eq!(huge.len(), 10);
    }

    #[test]
    fn classic_ratio_recovers_after_a_huge_burst() {
        let mut samples = vec![1.0; 300];
        samples[100] = 1e9;
        let ratio = classic_sta_lta(&samples, 5, 50);
        assert!((ratio[200] - 1.0).abs() < 1e-12, "{}", ratio[200]);
    }
}
