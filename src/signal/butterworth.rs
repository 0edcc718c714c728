//! Butterworth filters of any order as second-order sections.

use std::f64::consts::PI;

use realfft::num_complex::Complex64;

pub use super::filter_design::Band;
use super::filter_design::{self, Roots};
use super::sections::Section;
use crate::error::{Error, Result};
use crate::time::SampleRate;

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
    filter_design::sections(prototype(order), band, rate)
}

/// The low-pass prototype with edge 1 rad/s: poles on the unit circle, no zeros, gain 1.
fn prototype(order: usize) -> Roots {
    let poles = (0..order)
        .map(|i| {
            let m = 2 * i as i64 + 1 - order as i64;
            // The middle pole of an odd order is exactly real.
            if m == 0 {
                Complex64::new(-1.0, 0.0)
            } else {
                -Complex64::from_polar(1.0, PI * m as f64 / (2.0 * order as f64))
            }
        })
        .collect();
    Roots { zeros: Vec::new(), poles, gain: 1.0 }
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
                (Band::BandStop(8.0, 12.0), vec![8.0, 12.0], 1.0),
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
            Band::BandStop(3.0, 3.0),
        ] {
            assert!(butterworth(4, band, hz(100.0)).is_err(), "{band:?}");
        }
        assert!(butterworth(0, Band::LowPass(1.0), hz(100.0)).is_err());
        assert!(butterworth(65, Band::LowPass(1.0), hz(100.0)).is_err());
    }
}
