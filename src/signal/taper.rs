//! Tapers at the ends of a whole trace.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The shape of a taper; names and values as in ObsPy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaperShape {
    /// Half a cosine that reaches 1 on its last sample (ObsPy's own, not SciPy's `cosine`).
    Cosine,
    /// Hann: reaches 1 one sample behind its last.
    #[default]
    Hann,
    /// Hamming: begins at 0.08.
    Hamming,
    /// A straight line.
    Triang,
}

/// Which ends are tapered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaperSide {
    /// Both.
    #[default]
    Both,
    /// The beginning only.
    Left,
    /// The end only.
    Right,
}

/// Multiplies the first and last `length` samples with a rising and a falling taper. `length` is
/// cut to half the trace.
pub fn taper(samples: &mut [f64], length: usize, shape: TaperShape, side: TaperSide) {
    let n = samples.len();
    let length = length.min(n / 2);
    // A window of an even number of samples where the two sides meet, else of an odd number.
    let whole = if 2 * length == n { 2 * length } else { 2 * length + 1 };
    let rising: Vec<f64> = (0..length).map(|i| weight(shape, i, length, whole)).collect();
    if side != TaperSide::Right {
        samples.iter_mut().zip(&rising).for_each(|(x, w)| *x *= w);
    }
    if side != TaperSide::Left {
        samples.iter_mut().rev().zip(&rising).for_each(|(x, w)| *x *= w);
    }
}

/// Weight `i` of the rising side of `length` samples, of a symmetric window of `whole`.
fn weight(shape: TaperShape, i: usize, length: usize, whole: usize) -> f64 {
    let (i, last) = (i as f64, (whole.max(2) - 1) as f64);
    match shape {
        TaperShape::Cosine => 0.5 * (1.0 - (PI * i / (length.max(2) - 1) as f64).cos()),
        TaperShape::Hann => 0.5 - 0.5 * (2.0 * PI * i / last).cos(),
        TaperShape::Hamming => 0.54 - 0.46 * (2.0 * PI * i / last).cos(),
        TaperShape::Triang if whole.is_multiple_of(2) => (2.0 * i + 1.0) / whole as f64,
        TaperShape::Triang => 2.0 * (i + 1.0) / (whole as f64 + 1.0),
    }
}

/// Multiplies with a Tukey window: a cosine over `share` of the trace, half of it at either end
/// (`scipy.signal.windows.tukey`).
pub fn tukey(samples: &mut [f64], share: f64) {
    let n = samples.len();
    if share.is_nan() || share <= 0.0 || n < 2 {
        return;
    }
    let (share, last) = (share.min(1.0), (n - 1) as f64);
    let width = (share * last / 2.0).floor() as usize;
    let weight = |i: usize| 0.5 * (1.0 + (PI * (-1.0 + 2.0 * i as f64 / share / last)).cos());
    for i in 0..=width.min((n - 1) / 2) {
        samples[i] *= weight(i);
        if n - 1 - i != i {
            samples[n - 1 - i] *= weight(i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_and_lengths_hold() {
        let tapered = |n: usize, length: usize, side: TaperSide| {
            let mut ones = vec![1.0; n];
            taper(&mut ones, length, TaperShape::Hann, side);
            ones
        };
        let both = tapered(11, 3, TaperSide::Both);
        assert!((0..11).all(|i| both[i] == both[10 - i]));
        assert_eq!((both[0], both[3]), (0.0, 1.0));
        assert_eq!(tapered(11, 3, TaperSide::Left)[10], 1.0);
        assert_eq!(tapered(11, 3, TaperSide::Right)[0], 1.0);
        for n in 0..6 {
            assert_eq!(tapered(n, 99, TaperSide::Both).len(), n);
            let mut ones = vec![1.0; n];
            taper(&mut ones, 99, TaperShape::Cosine, TaperSide::Both);
            tukey(&mut ones, 1.0);
            assert!(ones.iter().all(|x| x.is_finite()));
        }
    }
}
