//! The noise models of Peterson (1993): how quiet and how noisy stations of the world are.

/// Period in seconds from which on, and A and B of `A + B·log10(period)`.
type Piece = (f64, f64, f64);

/// New low-noise model; ends at 10⁵ s.
const LOW: [Piece; 21] = [
    (0.1, -162.36, 5.64),
    (0.17, -166.7, 0.0),
    (0.4, -170.0, -8.3),
    (0.8, -166.4, 28.9),
    (1.24, -168.6, 52.48),
    (2.4, -159.98, 29.81),
    (4.3, -141.1, 0.0),
    (5.0, -71.36, -99.77),
    (6.0, -97.26, -66.49),
    (10.0, -132.18, -31.57),
    (12.0, -205.27, 36.16),
    (15.6, -37.65, -104.33),
    (21.9, -114.37, -47.1),
    (31.6, -160.58, -16.28),
    (45.0, -187.5, 0.0),
    (70.0, -216.47, 15.7),
    (101.0, -185.0, 0.0),
    (154.0, -168.34, -7.61),
    (328.0, -217.43, 11.9),
    (600.0, -258.28, 26.6),
    (10_000.0, -346.88, 48.75),
];

/// New high-noise model; ends at 10⁵ s.
const HIGH: [Piece; 11] = [
    (0.1, -108.73, -17.23),
    (0.22, -150.34, -80.5),
    (0.32, -122.31, -23.87),
    (0.8, -116.85, 32.51),
    (3.8, -108.48, 18.08),
    (4.6, -74.66, -32.95),
    (6.3, 0.66, -127.18),
    (7.9, -93.37, -22.42),
    (15.4, 73.54, -162.98),
    (20.0, -151.52, 10.01),
    (354.8, -206.66, 31.63),
];

/// Power spectral density of acceleration in dB relative to 1 (m/s²)²/Hz of the low-noise and of the
/// high-noise model at a period in seconds; `None` outside 0.1 s to 10⁵ s.
pub fn peterson(period_s: f64) -> Option<(f64, f64)> {
    let at = |model: &[Piece]| {
        let piece = model.iter().rev().find(|(from, ..)| *from <= period_s)?;
        Some(piece.1 + piece.2 * period_s.log10())
    };
    if period_s > 1e5 {
        return None;
    }
    Some((at(&LOW)?, at(&HIGH)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_hold_together_and_meet_published_values() {
        assert!(peterson(0.09).is_none() && peterson(2e5).is_none());
        let near = |found: f64, value: f64| (found - value).abs() < 0.02;
        for (period, low, high) in [(0.1, -168.0, -91.5), (1e5, -103.13, -48.51)] {
            let found = peterson(period).unwrap();
            assert!(near(found.0, low) && near(found.1, high), "{period}: {found:?}");
        }
        // Neighbouring pieces meet.
        for (model, high) in [(&LOW[..], false), (&HIGH[..], true)] {
            for pair in model.windows(2) {
                let border = pair[1].0;
                let side = |piece: Piece| piece.1 + piece.2 * border.log10();
                assert!((side(pair[0]) - side(pair[1])).abs() < 0.2, "{border} {high}");
            }
        }
    }
}
