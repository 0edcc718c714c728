//! Chebyshev low-passes before decimation, as second-order sections.

use std::f64::consts::PI;

use realfft::num_complex::Complex64;

use super::filter_design::{self, Band, Roots};
use super::sections::Section;
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// Orders at which the angles of the prototype's poles are counted: −N+1, −N+3 … N−1.
fn angles(order: usize) -> impl Iterator<Item = i64> {
    (0..order).map(move |i| 2 * i as i64 + 1 - order as i64)
}

fn check_order(order: usize) -> Result<()> {
    if order == 0 || order > 32 {
        let text = format!("a Chebyshev filter has an order between 1 and 32, found {order}");
        return Err(Error::usage(text));
    }
    Ok(())
}

/// Sections of a Chebyshev filter of the first kind with `ripple_db` in the pass band, low-pass
/// below `edge` Hz (`scipy.signal.cheby1`).
///
/// # Errors
/// `Usage` for an order outside 1 to 32 or an edge not between 0 and half the rate.
pub fn chebyshev1_low_pass(
    order: usize,
    ripple_db: f64,
    edge: f64,
    rate: SampleRate,
) -> Result<Vec<Section>> {
    check_order(order)?;
    let ripple = (10f64.powf(0.1 * ripple_db) - 1.0).sqrt();
    let mu = (1.0 / ripple).asinh() / order as f64;
    let poles: Vec<Complex64> = angles(order)
        .map(|m| -Complex64::new(mu, PI * m as f64 / (2.0 * order as f64)).sinh())
        .collect();
    let mut gain = poles.iter().map(|p| -p).product::<Complex64>().re;
    if order.is_multiple_of(2) {
        gain /= (1.0 + ripple * ripple).sqrt();
    }
    filter_design::sections(Roots { zeros: Vec::new(), poles, gain }, Band::LowPass(edge), rate)
}

/// Sections of a Chebyshev filter of the second kind with `attenuation_db` from `edge` Hz on
/// (`scipy.signal.cheby2`).
///
/// # Errors
/// `Usage` for an order outside 1 to 32 or an edge not between 0 and half the rate.
pub fn chebyshev2_low_pass(
    order: usize,
    attenuation_db: f64,
    edge: f64,
    rate: SampleRate,
) -> Result<Vec<Section>> {
    check_order(order)?;
    let mu = (10f64.powf(0.1 * attenuation_db) - 1.0).sqrt().asinh() / order as f64;
    let angle = |m: i64| PI * m as f64 / (2.0 * order as f64);
    let zeros: Vec<Complex64> = angles(order)
        .filter(|m| *m != 0)
        .map(|m| Complex64::new(0.0, 1.0 / angle(m).sin()))
        .collect();
    let poles: Vec<Complex64> =
        angles(order).map(|m| -Complex64::new(mu, angle(m)).sinh().inv()).collect();
    let negated = |roots: &[Complex64]| roots.iter().map(|s| -s).product::<Complex64>();
    let gain = (negated(&poles) / negated(&zeros)).re;
    filter_design::sections(Roots { zeros, poles, gain }, Band::LowPass(edge), rate)
}

/// Loss at the edge of the pass band and in the stop band, in dB, and the highest order.
const PASS_DB: f64 = 1.0;
const STOP_DB: f64 = 96.0;
const HIGHEST_ORDER: usize = 12;

/// Sections of the low-pass that keeps 96 dB away from everything above `stop` Hz, the pass band
/// as wide as order 12 allows: its edge (1 dB) is lowered by 1 % at a time (`lowpass_cheby_2` of
/// ObsPy).
///
/// # Errors
/// `Usage` if `stop` does not lie between 0 and half the rate.
pub fn anti_alias_low_pass(stop: f64, rate: SampleRate) -> Result<Vec<Section>> {
    let nyquist = rate.hz() / 2.0;
    let stop_edge = stop / nyquist;
    if !(stop_edge > 0.0 && stop_edge < 1.0) {
        return Err(Error::usage(format!(
            "the stop band must begin between 0 and half the sampling rate ({nyquist} Hz), \
             found {stop} Hz"
        )));
    }
    let power = |db: f64| 10f64.powf(0.1 * db) - 1.0;
    let ratio = (power(STOP_DB) / power(PASS_DB)).sqrt().acosh();
    let warp = |edge: f64| (PI * edge / 2.0).tan();
    let mut pass_edge = stop_edge;
    loop {
        pass_edge *= 0.99;
        let order = (ratio / (warp(stop_edge) / warp(pass_edge)).acosh()).ceil();
        if order <= HIGHEST_ORDER as f64 {
            // Where the analogue filter of this order has lost PASS_DB.
            let edge = warp(pass_edge) * (ratio / order).cosh();
            let edge = 2.0 / PI * edge.atan() * nyquist;
            return chebyshev2_low_pass(order as usize, STOP_DB, edge, rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::gain_at;

    #[test]
    fn anti_alias_filter_keeps_what_it_promises() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        for factor in 2..=16 {
            let stop = 50.0 / f64::from(factor);
            let sections = anti_alias_low_pass(stop, rate).unwrap();
            assert!(sections.len() <= 6);
            for share in 0..50 {
                let frequency = stop + (49.9 - stop) * f64::from(share) / 49.0;
                let loss = -20.0 * gain_at(&sections, frequency, rate).log10();
                assert!(loss > 95.9, "factor {factor}: {loss} dB at {frequency} Hz");
            }
            assert!((gain_at(&sections, stop / 100.0, rate) - 1.0).abs() < 1e-3);
        }
        assert!(anti_alias_low_pass(50.0, rate).is_err());
        assert!(anti_alias_low_pass(f64::NAN, rate).is_err());
    }

    #[test]
    fn odd_orders_and_ripples_stand() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        for order in 1..=12 {
            let sections = chebyshev1_low_pass(order, 0.5, 10.0, rate).unwrap();
            let loss = -20.0 * gain_at(&sections, 10.0, rate).log10();
            assert!((loss - 0.5).abs() < 1e-6, "{order}: {loss}");
            let sections = chebyshev2_low_pass(order, 40.0, 10.0, rate).unwrap();
            let loss = -20.0 * gain_at(&sections, 10.0, rate).log10();
            assert!((loss - 40.0).abs() < 1e-6, "{order}: {loss}");
        }
        assert!(chebyshev1_low_pass(0, 0.5, 10.0, rate).is_err());
        assert!(chebyshev2_low_pass(33, 40.0, 10.0, rate).is_err());
    }
}
