//! Butterworth filters of any order as second-order sections.
//!
//! Prototype poles on the unit circle, shifted to the band, bilinear transform with pre-warped
//! edges, poles and zeros paired nearest-first (Oppenheim & Schafer, Discrete-Time Signal
//! Processing, ch. 7; pairing as in `scipy.signal.zpk2sos`).

use std::f64::consts::PI;

use realfft::num_complex::Complex64;

use super::sections::Section;
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// What a filter lets through; edges (−3 dB) in Hz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// Below `f64` Hz.
    LowPass(f64),
    /// Above `f64` Hz.
    HighPass(f64),
    /// Between the two, in Hz.
    BandPass(f64, f64),
}

/// Zeros, poles and gain of a rational transfer function.
struct Roots {
    zeros: Vec<Complex64>,
    poles: Vec<Complex64>,
    gain: f64,
}

/// Second-order sections of a Butterworth filter of prototype order `order` at `rate`.
///
/// A band-pass of order 4 has eight poles, hence four sections. Sections stand in SciPy's order:
/// the poles nearest the unit circle last, the whole gain in the first.
///
/// # Errors
/// `Usage` if the order is 0 or above 64, or an edge does not lie strictly between 0 and half
/// the sampling rate, or the lower edge is not the lower one.
pub fn butterworth(order: usize, band: Band, rate: SampleRate) -> Result<Vec<Section>> {
    if order == 0 || order > 64 {
        return Err(Error::usage(format!("a filter order lies between 1 and 64, found {order}")));
    }
    let nyquist = rate.hz() / 2.0;
    let warp = |edge: f64| -> Result<f64> {
        if !(edge > 0.0 && edge < nyquist) {
            return Err(Error::usage(format!(
                "a filter edge must lie between 0 and half the sampling rate ({nyquist} Hz), \
                 found {edge} Hz"
            )));
        }
        // The bilinear transform below works at a rate of 2, its tangent is undone beforehand.
        Ok(4.0 * (PI * (edge / nyquist) / 2.0).tan())
    };
    let analogue = match band {
        Band::LowPass(edge) => low_pass(order, warp(edge)?),
        Band::HighPass(edge) => high_pass(order, warp(edge)?),
        Band::BandPass(low, high) if low < high => band_pass(order, warp(low)?, warp(high)?),
        Band::BandPass(low, high) => {
            return Err(Error::usage(format!(
                "the band {low} to {high} Hz is empty: give the lower edge first"
            )));
        }
    };
    Ok(pair(bilinear(analogue)))
}

/// Poles of the low-pass prototype with edge 1 rad/s; it has no zeros and gain 1.
fn prototype(order: usize) -> Vec<Complex64> {
    (0..order)
        .map(|i| {
            let m = 2 * i as i64 + 1 - order as i64;
            // The middle pole of an odd order is exactly real.
            if m == 0 {
                Complex64::new(-1.0, 0.0)
            } else {
                -Complex64::from_polar(1.0, PI * m as f64 / (2.0 * order as f64))
            }
        })
        .collect()
}

fn low_pass(order: usize, edge: f64) -> Roots {
    let poles = prototype(order).into_iter().map(|p| p * edge).collect();
    Roots { zeros: Vec::new(), poles, gain: edge.powi(order as i32) }
}

fn high_pass(order: usize, edge: f64) -> Roots {
    let poles = prototype(order).into_iter().map(|p| p.inv() * edge).collect();
    // The product of the negated prototype poles is 1.
    Roots { zeros: vec![Complex64::ZERO; order], poles, gain: 1.0 }
}

fn band_pass(order: usize, low: f64, high: f64) -> Roots {
    let width = high - low;
    let centre = (low * high).sqrt();
    let scaled: Vec<Complex64> = prototype(order).into_iter().map(|p| p * (width / 2.0)).collect();
    let root = |p: &Complex64| (p * p - centre * centre).sqrt();
    let poles = scaled.iter().map(|p| p + root(p)).chain(scaled.iter().map(|p| p - root(p)));
    Roots {
        poles: poles.collect(),
        zeros: vec![Complex64::ZERO; order],
        gain: width.powi(order as i32),
    }
}

/// The bilinear transform at a sampling rate of 2; zeros at infinity come to −1.
fn bilinear(analogue: Roots) -> Roots {
    let move_to_z = |s: &Complex64| (4.0 + s) / (4.0 - s);
    let product = |roots: &[Complex64]| roots.iter().map(|s| 4.0 - s).product::<Complex64>();
    let gain = analogue.gain * (product(&analogue.zeros) / product(&analogue.poles)).re;
    let mut zeros: Vec<Complex64> = analogue.zeros.iter().map(move_to_z).collect();
    zeros.resize(analogue.poles.len(), Complex64::new(-1.0, 0.0));
    Roots { zeros, poles: analogue.poles.iter().map(move_to_z).collect(), gain }
}

/// Takes the element of `values` with the smallest `cost`.
fn take_best<T: Copy>(values: &mut Vec<T>, cost: impl Fn(T) -> f64) -> Option<T> {
    let best = (0..values.len()).min_by(|&a, &b| cost(values[a]).total_cmp(&cost(values[b])))?;
    Some(values.remove(best))
}

/// Pairs poles and (real) zeros into sections: the poles nearest the unit circle choose first
/// and stand last.
fn pair(digital: Roots) -> Vec<Section> {
    let is_real = |p: &Complex64| p.im.abs() <= 100.0 * f64::EPSILON * p.norm();
    let mut zeros: Vec<f64> = digital.zeros.iter().map(|z| z.re).collect();
    let mut poles: Vec<Complex64> = digital
        .poles
        .iter()
        .filter(|p| is_real(p) || p.im > 0.0)
        .map(|p| if is_real(p) { Complex64::new(p.re, 0.0) } else { *p })
        .collect();
    if digital.poles.len() % 2 == 1 {
        poles.push(Complex64::ZERO);
        zeros.push(0.0);
    }
    let from_circle = |p: Complex64| (1.0 - p.norm()).abs();
    let mut sections = Vec::new();
    while let Some(first) = take_best(&mut poles, from_circle) {
        let mut nearest_zero = || take_best(&mut zeros, |z| (first - z).norm()).unwrap_or_default();
        let (zero1, zero2) = (nearest_zero(), nearest_zero());
        let (pole_sum, pole_product) = if first.im == 0.0 {
            let from_circle_if_real =
                |p: Complex64| if p.im == 0.0 { from_circle(p) } else { f64::INFINITY };
            let second = take_best(&mut poles, from_circle_if_real).unwrap_or_default().re;
            (first.re + second, first.re * second)
        } else {
            (2.0 * first.re, first.norm_sqr())
        };
        sections.push(Section {
            b: [1.0, -(zero1 + zero2), zero1 * zero2],
            a: [-pole_sum, pole_product],
        });
    }
    sections.reverse();
    if let Some(first) = sections.first_mut() {
        first.b = first.b.map(|b| b * digital.gain);
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::sections::gain_at;

    fn hz(rate: f64) -> SampleRate {
        SampleRate::from_hz(rate).unwrap()
    }

    #[test]
    fn edges_lie_at_three_decibels_for_every_order() {
        for order in 1..=12 {
            for (band, edges, inside) in [
                (Band::LowPass(7.0), vec![7.0], 0.0),
                (Band::HighPass(3.0), vec![3.0], 49.0),
                (Band::BandPass(2.0, 5.0), vec![2.0, 5.0], 3.163),
                // Wide enough that an odd order has two real poles.
                (Band::BandPass(0.5, 45.0), vec![0.5, 45.0], 10.0),
            ] {
                let sections = butterworth(order, band, hz(100.0)).unwrap();
                for edge in edges {
                    let gain = gain_at(&sections, edge, hz(100.0));
                    assert!((gain - 0.5f64.sqrt()).abs() < 1e-9, "{order} {band:?} {gain}");
                }
                assert!(gain_at(&sections, inside, hz(100.0)) > 0.99, "{order} {band:?}");
            }
        }
    }

    #[test]
    fn impossible_edges_and_orders_are_refused() {
        for band in [
            Band::LowPass(0.0),
            Band::LowPass(50.0),
            Band::HighPass(f64::NAN),
            Band::BandPass(5.0, 2.0),
            Band::BandPass(2.0, 60.0),
        ] {
            assert!(butterworth(4, band, hz(100.0)).is_err(), "{band:?}");
        }
        assert!(butterworth(0, Band::LowPass(1.0), hz(100.0)).is_err());
        assert!(butterworth(65, Band::LowPass(1.0), hz(100.0)).is_err());
    }
}
