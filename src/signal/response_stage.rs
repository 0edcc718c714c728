//! The filter of one stage of a response, evaluated at any frequency.

use std::f64::consts::TAU;

use realfft::num_complex::Complex64;

use super::response::SUM_TOLERANCE;
use super::response_list::ResponseCurve;
use crate::read::response::{Plane, StageFilter, Symmetry};

/// A stage's filter, ready to be evaluated, without gain.
#[derive(Debug)]
pub(super) enum Filter {
    /// 1 everywhere.
    Flat,
    PolesZeros {
        plane: Plane,
        interval: f64,
        zeros: Vec<Complex64>,
        poles: Vec<Complex64>,
    },
    /// `Σ bₖ·e^(−jωk·dt)` over another such sum.
    Rational {
        interval: f64,
        numerator: Vec<f64>,
        denominator: Vec<f64>,
    },
    /// A filter of finite length that is its own mirror image, made free of delay.
    Symmetric {
        interval: f64,
        half: Vec<f64>,
        is_odd: bool,
    },
    /// Any other filter of finite length.
    Asymmetric {
        interval: f64,
        coefficients: Vec<f64>,
    },
    List(ResponseCurve),
    /// Its slope is part of the gain.
    Polynomial,
}

impl Filter {
    /// `interval` is the time between samples, seconds; else why the stage has no response.
    pub fn new(filter: &StageFilter, interval: f64) -> Result<Self, String> {
        Ok(match filter {
            StageFilter::Gain => Self::Flat,
            StageFilter::PolesZeros { plane, zeros, poles, .. } => Self::PolesZeros {
                plane: *plane,
                interval,
                zeros: zeros.clone(),
                poles: poles.clone(),
            },
            StageFilter::Coefficients { plane, numerator, denominator } => {
                if numerator.is_empty() && denominator.is_empty() {
                    return Ok(Self::Flat);
                }
                if *plane != Plane::Digital {
                    return Err("coefficients of an analogue filter".to_string());
                }
                if denominator.is_empty() {
                    return Self::of_finite_length(numerator, interval);
                }
                let (numerator, denominator) = (numerator.clone(), denominator.clone());
                Self::Rational { interval, numerator, denominator }
            }
            StageFilter::Fir { coefficients, .. } if coefficients.is_empty() => Self::Flat,
            StageFilter::Fir { symmetry: Symmetry::None, coefficients } => {
                return Self::of_finite_length(coefficients, interval);
            }
            StageFilter::Fir { symmetry, coefficients } => Self::Symmetric {
                interval,
                half: coefficients.clone(),
                is_odd: *symmetry == Symmetry::Odd,
            },
            StageFilter::List(points) => Self::List(ResponseCurve::new(points)?),
            StageFilter::Polynomial(_) => Self::Polynomial,
        })
    }

    /// All coefficients are there; what is symmetric is taken as free of delay.
    fn of_finite_length(coefficients: &[f64], interval: f64) -> Result<Self, String> {
        let mut coefficients = coefficients.to_vec();
        let sum: f64 = coefficients.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            if sum == 0.0 {
                return Err("coefficients whose sum is 0".to_string());
            }
            coefficients.iter_mut().for_each(|coefficient| *coefficient /= sum);
        }
        let length = coefficients.len();
        if coefficients.iter().eq(coefficients.iter().rev()) {
            coefficients.truncate(length.div_ceil(2));
            return Ok(Self::Symmetric { interval, half: coefficients, is_odd: length % 2 == 1 });
        }
        Ok(Self::Asymmetric { interval, coefficients })
    }

    /// Whether its modulus is brought to 1 where the gain is stated.
    pub fn is_normalized(&self) -> bool {
        !matches!(self, Self::Flat | Self::List(_) | Self::Polynomial)
    }

    /// Whether the delay that was corrected for must be put back.
    pub fn is_asymmetric(&self) -> bool {
        matches!(self, Self::Asymmetric { .. })
    }

    /// At a frequency in Hz. A denominator of 0 gives 0.
    pub fn at(&self, frequency: f64) -> Complex64 {
        let omega = TAU * frequency;
        match self {
            Self::Flat | Self::Polynomial => Complex64::new(1.0, 0.0),
            Self::PolesZeros { plane, interval, zeros, poles } => {
                let variable = match plane {
                    Plane::Radians => Complex64::new(0.0, omega),
                    Plane::Hertz => Complex64::new(0.0, frequency),
                    Plane::Digital => Complex64::cis(omega * interval),
                };
                let product = |roots: &[Complex64]| -> Complex64 {
                    roots.iter().map(|root| variable - root).product()
                };
                quotient(product(zeros), product(poles))
            }
            Self::Rational { interval, numerator, denominator } => {
                let angle = omega * interval;
                quotient(power_sum(numerator, angle), power_sum(denominator, angle))
            }
            Self::Symmetric { interval, half, is_odd } => {
                let angle = omega * interval;
                let last = half.len().saturating_sub(1);
                let cosines = |shift: f64, coefficients: &[f64]| -> f64 {
                    let cosine = |(k, c)| c * (angle * ((last - k) as f64 + shift)).cos();
                    coefficients.iter().enumerate().map(cosine).sum()
                };
                let value = match half.split_last() {
                    Some((middle, rest)) if *is_odd => middle + 2.0 * cosines(0.0, rest),
                    _ => 2.0 * cosines(0.5, half),
                };
                Complex64::new(value, 0.0)
            }
            Self::Asymmetric { interval, coefficients } => {
                power_sum(coefficients, omega * interval)
            }
            Self::List(curve) => curve.at(frequency),
        }
    }
}

fn quotient(above: Complex64, below: Complex64) -> Complex64 {
    if below == Complex64::default() { below } else { above / below }
}

/// `Σ cₖ·e^(−j·angle·k)`. Term by term: Horner's rule is faster, but where terms cancel (far down a
/// stop band, near a pole at frequency 0) its rounding is not that of other programs.
fn power_sum(coefficients: &[f64], angle: f64) -> Complex64 {
    let term = |(k, c): (usize, &f64)| {
        let (sine, cosine) = (angle * k as f64).sin_cos();
        Complex64::new(c * cosine, -c * sine)
    };
    coefficients.iter().enumerate().map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fir(coefficients: &[f64], symmetry: Symmetry) -> Filter {
        let filter = StageFilter::Fir { symmetry, coefficients: coefficients.to_vec() };
        Filter::new(&filter, 0.01).unwrap()
    }

    #[test]
    fn a_symmetric_filter_is_the_same_however_it_is_stored_and_has_no_delay() {
        let odd =
            [fir(&[0.1, 0.2, 0.4, 0.2, 0.1], Symmetry::None), fir(&[0.1, 0.2, 0.4], Symmetry::Odd)];
        let even = [fir(&[0.1, 0.4, 0.4, 0.1], Symmetry::None), fir(&[0.1, 0.4], Symmetry::Even)];
        for frequency in [0.0, 1.0, 7.3, 49.0] {
            let angle = TAU * frequency * 0.01;
            let of_odd = 0.4 + 0.4 * angle.cos() + 0.2 * (2.0 * angle).cos();
            let of_even = 0.8 * (0.5 * angle).cos() + 0.2 * (1.5 * angle).cos();
            for (filters, expected) in [(&odd, of_odd), (&even, of_even)] {
                for filter in filters {
                    let off = filter.at(frequency) - expected;
                    assert!(off.norm() < 1e-15, "{filter:?} at {frequency}: {off}");
                }
            }
        }
    }

    #[test]
    fn coefficients_are_brought_to_a_sum_of_one_and_delay_is_kept() {
        let Filter::Asymmetric { coefficients, .. } = fir(&[3.0, 1.0], Symmetry::None) else {
            panic!("asymmetric")
        };
        assert_eq!(coefficients, [0.75, 0.25]);
        let at = fir(&[0.0, 1.0], Symmetry::None).at(10.0);
        assert!((at - Complex64::cis(-TAU * 0.1)).norm() < 1e-15);
        assert!(Filter::of_finite_length(&[1.0, -1.0], 1.0).is_err());
        let digital = StageFilter::PolesZeros {
            plane: Plane::Digital,
            normalization: 1.0,
            normalization_frequency: None,
            zeros: vec![],
            poles: vec![Complex64::new(1.0, 0.0)],
        };
        // A pole on the frequency itself gives 0, not infinity.
        assert_eq!(Filter::new(&digital, 1.0).unwrap().at(0.0), Complex64::default());
    }
}
