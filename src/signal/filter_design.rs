//! Digital filters from analogue prototypes: shifted to the band, bilinear transform with pre-warped
//! edges, poles and zeros paired nearest-first into second-order sections (Oppenheim & Schafer,
//! Discrete-Time Signal Processing, ch. 7; pairing as in `scipy.signal.zpk2sos`).

use std::f64::consts::PI;

use realfft::num_complex::Complex64;

use super::sections::Section;
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// What a filter lets through; edges in Hz (−3 dB for Butterworth filters).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// Below `f64` Hz.
    LowPass(f64),
    /// Above `f64` Hz.
    HighPass(f64),
    /// Between the two, in Hz.
    BandPass(f64, f64),
    /// Outside the two, in Hz.
    BandStop(f64, f64),
}

/// Zeros, poles and gain of a rational transfer function.
pub(super) struct Roots {
    pub zeros: Vec<Complex64>,
    pub poles: Vec<Complex64>,
    pub gain: f64,
}

/// The sections of a digital filter with the given low-pass prototype (edge 1 rad/s).
///
/// # Errors
/// `Usage` if an edge does not lie strictly between 0 and half the sampling rate, or the lower
/// edge is not the lower one.
pub(super) fn sections(prototype: Roots, band: Band, rate: SampleRate) -> Result<Vec<Section>> {
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
        Band::LowPass(edge) => low_pass(prototype, warp(edge)?),
        Band::HighPass(edge) => high_pass(prototype, warp(edge)?),
        Band::BandPass(low, high) if low < high => band_pass(prototype, warp(low)?, warp(high)?),
        Band::BandStop(low, high) if low < high => band_stop(prototype, warp(low)?, warp(high)?),
        Band::BandPass(low, high) | Band::BandStop(low, high) => {
            return Err(Error::usage(format!(
                "the band {low} to {high} Hz is empty: give the lower edge first"
            )));
        }
    };
    Ok(pair(bilinear(analogue)))
}

/// `prod(4 − s)` or, of negated roots, `prod(−s)`.
fn product(roots: &[Complex64], of: impl Fn(Complex64) -> Complex64) -> Complex64 {
    roots.iter().map(|s| of(*s)).product()
}

fn low_pass(prototype: Roots, edge: f64) -> Roots {
    let degree = prototype.poles.len() - prototype.zeros.len();
    let scale = |roots: Vec<Complex64>| roots.into_iter().map(|s| s * edge).collect();
    Roots {
        zeros: scale(prototype.zeros),
        poles: scale(prototype.poles),
        gain: prototype.gain * edge.powi(degree as i32),
    }
}

/// The gain a prototype takes along when its roots are inverted.
fn inverted_gain(prototype: &Roots) -> f64 {
    let negated = |roots: &[Complex64]| product(roots, |s| -s);
    prototype.gain * (negated(&prototype.zeros) / negated(&prototype.poles)).re
}

fn high_pass(prototype: Roots, edge: f64) -> Roots {
    let gain = inverted_gain(&prototype);
    let invert = |roots: Vec<Complex64>| -> Vec<Complex64> {
        roots.into_iter().map(|s| s.inv() * edge).collect()
    };
    let (mut zeros, poles) = (invert(prototype.zeros), invert(prototype.poles));
    zeros.resize(poles.len(), Complex64::ZERO);
    Roots { zeros, poles, gain }
}

/// Two roots for each: `s ± √(s² − centre²)`.
fn split(roots: &[Complex64], centre: f64) -> Vec<Complex64> {
    let root = |s: &Complex64| (s * s - centre * centre).sqrt();
    roots.iter().map(|s| s + root(s)).chain(roots.iter().map(|s| s - root(s))).collect()
}

fn band_pass(prototype: Roots, low: f64, high: f64) -> Roots {
    let (width, centre) = (high - low, (low * high).sqrt());
    let degree = prototype.poles.len() - prototype.zeros.len();
    let scale = |roots: &[Complex64]| -> Vec<Complex64> {
        roots.iter().map(|s| s * (width / 2.0)).collect()
    };
    let mut zeros = split(&scale(&prototype.zeros), centre);
    zeros.resize(zeros.len() + degree, Complex64::ZERO);
    Roots {
        zeros,
        poles: split(&scale(&prototype.poles), centre),
        gain: prototype.gain * width.powi(degree as i32),
    }
}

fn band_stop(prototype: Roots, low: f64, high: f64) -> Roots {
    let (width, centre) = (high - low, (low * high).sqrt());
    let degree = prototype.poles.len() - prototype.zeros.len();
    let gain = inverted_gain(&prototype);
    let invert = |roots: &[Complex64]| -> Vec<Complex64> {
        roots.iter().map(|s| s.inv() * (width / 2.0)).collect()
    };
    let mut zeros = split(&invert(&prototype.zeros), centre);
    for _ in 0..degree {
        zeros.extend([Complex64::new(0.0, centre), Complex64::new(0.0, -centre)]);
    }
    Roots { zeros, poles: split(&invert(&prototype.poles), centre), gain }
}

/// The bilinear transform at a sampling rate of 2; zeros at infinity come to −1.
fn bilinear(analogue: Roots) -> Roots {
    let move_to_z = |s: &Complex64| (4.0 + s) / (4.0 - s);
    let below = |roots: &[Complex64]| product(roots, |s| 4.0 - s);
    let gain = analogue.gain * (below(&analogue.zeros) / below(&analogue.poles)).re;
    let mut zeros: Vec<Complex64> = analogue.zeros.iter().map(move_to_z).collect();
    zeros.resize(analogue.poles.len(), Complex64::new(-1.0, 0.0));
    Roots { zeros, poles: analogue.poles.iter().map(move_to_z).collect(), gain }
}

/// Takes the element of `values` with the smallest `cost`; an infinite cost is no choice.
fn take_best<T: Copy>(values: &mut Vec<T>, cost: impl Fn(T) -> f64) -> Option<T> {
    let best = (0..values.len()).min_by(|&a, &b| cost(values[a]).total_cmp(&cost(values[b])))?;
    (cost(values[best]) < f64::INFINITY).then(|| values.remove(best))
}

/// The real roots, made exactly real, and one of each conjugate pair.
fn without_conjugates(roots: &[Complex64]) -> Vec<Complex64> {
    let is_real = |p: &Complex64| p.im.abs() <= 100.0 * f64::EPSILON * p.norm();
    roots
        .iter()
        .filter(|p| is_real(p) || p.im > 0.0)
        .map(|p| if is_real(p) { Complex64::new(p.re, 0.0) } else { *p })
        .collect()
}

/// Pairs poles and zeros into sections: the poles nearest the unit circle choose first and stand
/// last.
fn pair(digital: Roots) -> Vec<Section> {
    let mut zeros = without_conjugates(&digital.zeros);
    let mut poles = without_conjugates(&digital.poles);
    if digital.poles.len() % 2 == 1 {
        poles.push(Complex64::ZERO);
        zeros.push(Complex64::ZERO);
    }
    let from_circle = |p: Complex64| (1.0 - p.norm()).abs();
    let if_real = |p: Complex64, cost: f64| if p.im == 0.0 { cost } else { f64::INFINITY };
    let mut sections = Vec::new();
    while let Some(first) = take_best(&mut poles, from_circle) {
        let (pole_sum, pole_product) = if first.im == 0.0 {
            let second = take_best(&mut poles, |p| if_real(p, from_circle(p)));
            let second = second.unwrap_or_default().re;
            (first.re + second, first.re * second)
        } else {
            (2.0 * first.re, first.norm_sqr())
        };
        let zero = take_best(&mut zeros, |z| (first - z).norm()).unwrap_or_default();
        let (zero_sum, zero_product) = if zero.im == 0.0 {
            let second = take_best(&mut zeros, |z| if_real(z, (first - z).norm()));
            let second = second.unwrap_or_default().re;
            (zero.re + second, zero.re * second)
        } else {
            (2.0 * zero.re, zero.norm_sqr())
        };
        sections.push(Section { b: [1.0, -zero_sum, zero_product], a: [-pole_sum, pole_product] });
    }
    sections.reverse();
    if let Some(first) = sections.first_mut() {
        first.b = first.b.map(|b| b * digital.gain);
    }
    sections
}
