//! A response listed at some frequencies, between them by cubic splines.

use realfft::num_complex::Complex64;

use crate::read::response::ListPoint;

/// Amplitude and phase as not-a-knot cubic splines over frequency; beyond the list its first and
/// last polynomials go on.
#[derive(Debug)]
pub(super) struct ResponseCurve {
    frequencies: Vec<f64>,
    amplitude: Spline,
    /// In degrees.
    phase: Spline,
}

/// Values and slopes at the knots.
#[derive(Debug)]
struct Spline {
    values: Vec<f64>,
    slopes: Vec<f64>,
}

impl ResponseCurve {
    /// A curve through points with rising frequencies; else what is wrong with them.
    pub fn new(points: &[ListPoint]) -> Result<Self, String> {
        let frequencies: Vec<f64> = points.iter().map(|point| point.frequency).collect();
        if frequencies.len() < 2 {
            return Err(format!("a list of {} frequencies", frequencies.len()));
        }
        if let Some(pair) = frequencies.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(format!("a list in which {} Hz follows {} Hz", pair[1], pair[0]));
        }
        let spline = |value: fn(&ListPoint) -> f64| {
            Spline::new(&frequencies, points.iter().map(value).collect())
        };
        let (amplitude, phase) = (spline(|point| point.amplitude), spline(|point| point.phase));
        Ok(Self { frequencies, amplitude, phase })
    }

    /// The response at a frequency, Hz.
    pub fn at(&self, frequency: f64) -> Complex64 {
        let after = self.frequencies.partition_point(|&knot| knot <= frequency);
        let piece = after.saturating_sub(1).min(self.frequencies.len() - 2);
        let (from, to) = (self.frequencies[piece], self.frequencies[piece + 1]);
        let at = |spline: &Spline| spline.at(piece, to - from, frequency - from);
        Complex64::from_polar(at(&self.amplitude), at(&self.phase).to_radians())
    }
}

impl Spline {
    fn new(knots: &[f64], values: Vec<f64>) -> Self {
        let slopes = slopes(knots, &values);
        Self { values, slopes }
    }

    fn at(&self, piece: usize, width: f64, offset: f64) -> f64 {
        let (a, b) = (self.values[piece], self.values[piece + 1]);
        let (slope, next) = (self.slopes[piece], self.slopes[piece + 1]);
        let chord = (b - a) / width;
        let bend = (slope + next - 2.0 * chord) / width;
        let cubic = bend / width;
        let square = (chord - slope) / width - bend;
        let squared = offset * offset;
        a + slope * offset + square * squared + cubic * (squared * offset)
    }
}

/// Slopes at the knots for which the second derivative is continuous, and the third across the
/// second and the last but one knot. Two knots give a line, three a parabola.
fn slopes(knots: &[f64], values: &[f64]) -> Vec<f64> {
    let n = knots.len();
    let widths: Vec<f64> = knots.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let pairs = values.windows(2).zip(&widths);
    let chords: Vec<f64> = pairs.map(|(pair, width)| (pair[1] - pair[0]) / width).collect();
    if n == 2 {
        return vec![chords[0]; 2];
    }
    if n == 3 {
        let bend = (chords[1] - chords[0]) / (widths[0] + widths[1]);
        let first = chords[0] - bend * widths[0];
        return vec![first, chords[0] + bend * widths[0], chords[1] + bend * widths[1]];
    }
    // Rows of a tridiagonal system: what stands on, after and before the diagonal.
    let end = |near: f64, far: f64, near_chord: f64, far_chord: f64| {
        let both = near + far;
        ((near + 2.0 * both) * far * near_chord + near * near * far_chord) / both
    };
    let (mut own, mut right) = (vec![0.0; n], vec![0.0; n]);
    let (mut after, mut before) = (vec![0.0; n - 1], vec![0.0; n - 1]);
    (own[0], after[0]) = (widths[1], widths[0] + widths[1]);
    right[0] = end(widths[0], widths[1], chords[0], chords[1]);
    for i in 1..n - 1 {
        (before[i - 1], after[i]) = (widths[i], widths[i - 1]);
        own[i] = 2.0 * (widths[i - 1] + widths[i]);
        right[i] = 3.0 * (widths[i] * chords[i - 1] + widths[i - 1] * chords[i]);
    }
    let (last, second) = (widths[n - 2], widths[n - 3]);
    (before[n - 2], own[n - 1]) = (last + second, second);
    right[n - 1] = end(last, second, chords[n - 2], chords[n - 3]);
    solve(before, own, after, right)
}

/// Solves a tridiagonal system by elimination. The larger of two pivots is taken: beside a wide
/// gap in the list the diagonal alone would lose half of the digits.
fn solve(
    before: Vec<f64>,
    mut own: Vec<f64>,
    mut after: Vec<f64>,
    mut right: Vec<f64>,
) -> Vec<f64> {
    let n = own.len();
    // What an exchange of rows puts two places after the diagonal.
    let mut second = vec![0.0; n];
    for i in 0..n - 1 {
        if own[i].abs() >= before[i].abs() {
            let factor = before[i] / own[i];
            own[i + 1] -= factor * after[i];
            right[i + 1] -= factor * right[i];
            continue;
        }
        let factor = own[i] / before[i];
        own[i] = before[i];
        let next = own[i + 1];
        own[i + 1] = after[i] - factor * next;
        after[i] = next;
        if i + 2 < n {
            second[i] = after[i + 1];
            after[i + 1] *= -factor;
        }
        let exchanged = right[i];
        right[i] = right[i + 1];
        right[i + 1] = exchanged - factor * right[i];
    }
    for i in (0..n).rev() {
        let near = if i + 1 < n { after[i] * right[i + 1] } else { 0.0 };
        let far = if i + 2 < n { second[i] * right[i + 2] } else { 0.0 };
        right[i] = (right[i] - near - far) / own[i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_kept_between_and_beyond_uneven_knots() {
        let cubic = |x: f64| 1.0 + x * (2.0 - x * (0.5 - 0.1 * x));
        for knots in [&[0.0, 0.5, 2.0, 3.0][..], &[0.1, 1.0, 1.5, 4.0, 5.0, 9.0]] {
            let spline = Spline::new(knots, knots.iter().map(|&x| cubic(x)).collect());
            for x in [-1.0, 0.3, 1.2, 2.9, 4.4, 11.0] {
                let after = knots.partition_point(|&knot| knot <= x);
                let piece = after.saturating_sub(1).min(knots.len() - 2);
                let found = spline.at(piece, knots[piece + 1] - knots[piece], x - knots[piece]);
                assert!((found - cubic(x)).abs() < 1e-11, "{x}: {found}");
            }
        }
    }

    /// Expected values from exact fractions.
    #[test]
    fn a_list_with_a_wide_gap_keeps_its_digits() {
        let knots = [0.1172, 0.1367, 0.1563, 3.3594, 3.3789, 3.3984];
        let values = vec![0.00138495, 0.00247239, 0.00422287, 68.5493, 69.3155, 70.134];
        let spline = Spline::new(&knots, values);
        for (x, piece, expected) in [
            (0.05, 0, -0.070_709_593_991_428_73),
            (1.0, 2, 5.506_275_543_370_559),
            (20.0, 4, 5_084_911.017_061_735),
        ] {
            let found = spline.at(piece, knots[piece + 1] - knots[piece], x - knots[piece]);
            assert!((found / expected - 1.0).abs() < 1e-12, "{x}: {found}");
        }
    }

    #[test]
    fn short_lists_are_lines_and_parabolas_and_disorder_is_refused() {
        let square = Spline::new(&[0.0, 1.0, 3.0], vec![0.0, 1.0, 9.0]);
        assert!((square.at(1, 2.0, 1.0) - 4.0).abs() < 1e-14);
        let line = Spline::new(&[0.0, 2.0], vec![1.0, 5.0]);
        assert_eq!(line.at(0, 2.0, 3.0), 7.0);
        let point = |frequency| ListPoint { frequency, amplitude: 1.0, phase: 0.0 };
        assert!(ResponseCurve::new(&[point(1.0)]).is_err());
        assert!(ResponseCurve::new(&[point(1.0), point(1.0)]).is_err());
        let curve = ResponseCurve::new(&[point(1.0), point(2.0)]).unwrap();
        assert_eq!(curve.at(5.0), Complex64::new(1.0, 0.0));
    }
}
