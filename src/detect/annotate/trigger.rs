//! Curves of probability become stretches between thresholds.

use std::ops::RangeInclusive;

/// A stretch in which a curve is held above the lower threshold after it has reached the upper.
#[derive(Clone, Debug, PartialEq)]
pub struct Onset {
    /// From the first sample at or above the upper threshold to the last at or above the lower.
    pub samples: RangeInclusive<usize>,
    /// Where the largest value is, the first if several are.
    pub peak: usize,
    /// The largest value.
    pub value: f32,
}

/// All onsets of a curve `[T]` (`trigger_onset` of ObsPy). Values that are not a number end a
/// stretch; thresholds are compared in single precision.
pub fn onsets(curve: &[f32], on: f64, off: f64) -> Vec<Onset> {
    let (on, off) = (on as f32, off.min(on) as f32);
    let mut found: Vec<Onset> = Vec::new();
    let mut active = false;
    for (i, &value) in curve.iter().enumerate() {
        if active && value >= off {
            if let Some(onset) = found.last_mut() {
                onset.samples = *onset.samples.start()..=i;
                if value > onset.value {
                    (onset.peak, onset.value) = (i, value);
                }
            }
        } else if value >= on {
            active = true;
            found.push(Onset { samples: i..=i, peak: i, value });
        } else {
            active = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(curve: &[f32]) -> Vec<(usize, usize, usize)> {
        let onsets = onsets(curve, 0.3, 0.15);
        onsets.iter().map(|o| (*o.samples.start(), *o.samples.end(), o.peak)).collect()
    }

    #[test]
    fn onsets_are_inclusive_and_held_to_half() {
        assert_eq!(found(&[0.0, 0.2, 0.3, 0.9, 0.9, 0.15, 0.1, 0.4]), [(2, 5, 3), (7, 7, 7)]);
        // Below the upper threshold and up again without leaving: one.
        assert_eq!(found(&[0.5, 0.2, 0.6]), [(0, 2, 2)]);
        assert_eq!(found(&[0.5, f32::NAN, 0.2, 0.6]), [(0, 0, 0), (3, 3, 3)]);
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[0.2; 5]), []);
    }

    /// Runs of values at or above the lower threshold that hold one at or above the upper, of all
    /// sequences of three levels.
    #[test]
    fn every_short_sequence_follows_the_rule() {
        for length in 1..=8u32 {
            for code in 0..3usize.pow(length) {
                let level = |i: u32| [0.0, 0.2, 0.5][code / 3usize.pow(i) % 3];
                let curve: Vec<f32> = (0..length).map(level).collect();
                let mut expected = Vec::new();
                for run in curve.chunk_by(|a, b| (*a >= 0.15) == (*b >= 0.15)) {
                    let begin = (run.as_ptr() as usize - curve.as_ptr() as usize) / 4;
                    if let Some(first) = run.iter().position(|&x| x >= 0.3) {
                        expected.push((begin + first, begin + run.len() - 1, begin + first));
                    }
                }
                assert_eq!(found(&curve), expected, "{curve:?}");
            }
        }
    }
}
