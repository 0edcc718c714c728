//! Pieces at the rate of the network, as SeisBench resamples.

use super::piece::Piece;
use super::stream_filter::sample_rate;
use crate::error::Result;
use crate::read::Samples;
use crate::signal::{
    Band, butterworth, filter_forward_backward_zero_state, resample_fourier_to, sosfilt,
};

/// Brings a piece to `rate` Hz: whole multiples by a low-pass at the new Nyquist frequency and
/// leaving samples out, all other rates in the frequency domain under a Hann window, without
/// anti-alias filter. A rate that differs in the last digit counts as another rate.
pub(super) fn resample(piece: &mut Piece, rate: f64, zerophase: bool) -> Result<()> {
    if piece.rate == rate {
        return Ok(());
    }
    let samples = piece.samples.to_f64();
    let resampled = if piece.rate % rate == 0.0 {
        let low_pass = butterworth(4, Band::LowPass(0.5 * rate), sample_rate(piece.rate)?)?;
        let filtered = match zerophase {
            true => filter_forward_backward_zero_state(&low_pass, &samples),
            false => sosfilt(&low_pass, &samples),
        };
        filtered.into_iter().step_by((piece.rate / rate) as usize).collect()
    } else {
        let factor = piece.rate / rate;
        let number = (samples.len() as f64 / factor) as usize;
        resample_fourier_to(&samples, factor, number.max(1), true)?
    };
    piece.samples = Samples::F64(resampled);
    piece.rate = rate;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::StreamId;

    fn piece(rate: f64, length: usize) -> Piece {
        let samples = Samples::I32(vec![7; length]);
        Piece { id: StreamId::default(), start: 0, rate, samples }
    }

    #[test]
    fn lengths_and_types_of_every_way() {
        for (rate, length, expected) in [
            (100.0, 1000, 1000),
            (200.0, 1001, 501),
            (300.0, 1000, 334),
            (50.0, 1000, 2000),
            (100.000_007_6, 12_000, 11_999),
            (99.99971, 18_000, 18_000),
        ] {
            let mut piece = piece(rate, length);
            resample(&mut piece, 100.0, true).unwrap();
            assert_eq!(piece.samples.len(), expected, "{rate}");
            assert_eq!(piece.rate, 100.0);
            assert_eq!(matches!(piece.samples, Samples::I32(_)), rate == 100.0);
        }
    }

    #[test]
    fn the_low_pass_lies_at_the_new_nyquist_frequency() {
        let mut piece = piece(200.0, 4000);
        let sine = |i: usize| (std::f64::consts::TAU * 50.0 * i as f64 / 200.0).sin();
        piece.samples = Samples::F64((0..4000).map(sine).collect());
        // sin(pi i / 2) at every second sample is zero; shifted by one it would not be.
        piece.samples = Samples::F64(piece.samples.to_f64().split_off(1));
        resample(&mut piece, 100.0, true).unwrap();
        let peak = piece.samples.to_f64()[500..1500].iter().fold(0.0f64, |m, x| m.max(x.abs()));
        // 3 dB twice.
        assert!((peak - 0.5).abs() < 0.01, "{peak}");
    }
}
