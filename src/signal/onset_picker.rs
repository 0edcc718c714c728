//! One onset of a window by STA/LTA, refined by the criterion of Akaike.

use super::aic::aic;
use super::butterworth::{Band, butterworth};
use super::sections::sosfilt;
use super::trigger::recursive_sta_lta;
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// Recursive STA/LTA on a band-passed component, and the minimum of [`aic`] around its maximum:
/// the picker that a trained one has to beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnsetPicker {
    /// Edges of the causal band-pass of four corners, Hz.
    pub band: (f64, f64),
    /// Short-term average, s.
    pub short: f64,
    /// Long-term average, s.
    pub long: f64,
    /// Where the search for the minimum begins before the maximum of the ratio, s.
    pub before: f64,
    /// Where it ends behind that, s.
    pub behind: f64,
}

impl Default for OnsetPicker {
    /// 2–15 Hz, 0.5 s over 5 s, from 3 s before to 1 s behind.
    fn default() -> Self {
        Self { band: (2.0, 15.0), short: 0.5, long: 5.0, before: 3.0, behind: 1.0 }
    }
}

/// What [`OnsetPicker::pick`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Onset {
    /// First sample at which the ratio reaches half its maximum.
    pub trigger: usize,
    /// Sample of the least value of the criterion.
    pub refined: usize,
    /// The maximum of the ratio.
    pub ratio: f64,
}

/// Values of the criterion at either end of its stretch, where one half is too short to judge.
const ENDS: usize = 5;

impl OnsetPicker {
    /// The onset on a component `[T]`; none where nothing moves or the trace is no longer than
    /// the long average.
    ///
    /// # Errors
    /// A rate too low for the band, or averages of no sample.
    pub fn pick(&self, samples: &[f64], rate: SampleRate) -> Result<Option<Onset>> {
        let count = |seconds: f64| (seconds * rate.hz()).round() as usize;
        let (short, long) = (count(self.short), count(self.long));
        if short == 0 || long < short {
            return Err(Error::usage(format!(
                "averages of {short} and {long} samples: expected at least 1, the long one longer"
            )));
        }
        let sections = butterworth(4, Band::BandPass(self.band.0, self.band.1), rate)?;
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        let centred: Vec<f64> = samples.iter().map(|x| x - mean).collect();
        let filtered = sosfilt(&sections, &centred);
        // The curve itself is 0 while the long average fills.
        let ratios = recursive_sta_lta(&filtered, short, long);
        let (summit, ratio) = largest(&ratios);
        if ratio.is_nan() || ratio <= 0.0 {
            return Ok(None);
        }
        let trigger = ratios.iter().position(|&r| r >= 0.5 * ratio).unwrap_or(summit);
        let from = summit.saturating_sub(count(self.before));
        let to = (summit + count(self.behind)).min(filtered.len());
        let refined = least(&aic(&filtered[from..to])).map_or(summit, |at| from + at);
        Ok(Some(Onset { trigger, refined, ratio }))
    }
}

/// The first largest value and where it stands.
fn largest(values: &[f64]) -> (usize, f64) {
    values.iter().enumerate().fold((0, 0.0), |best, (i, &x)| if x > best.1 { (i, x) } else { best })
}

/// Where the first least finite value stands, the ends left out.
fn least(values: &[f64]) -> Option<usize> {
    let inner = (ENDS..values.len().saturating_sub(ENDS)).filter(|&i| values[i].is_finite());
    inner.min_by(|&a, &b| values[a].total_cmp(&values[b]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_found_and_silence_has_no_onset() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        let noise = |i: usize| ((i * 7919) % 101) as f64 / 101.0 - 0.5;
        let burst: Vec<f64> =
            (0..3000).map(|i| noise(i) * if i < 1500 { 1.0 } else { 30.0 }).collect();
        let onset = OnsetPicker::default().pick(&burst, rate).unwrap().unwrap();
        assert!(onset.refined.abs_diff(1500) <= 5, "{onset:?}");
        assert!(onset.trigger >= 1500 && onset.ratio > 5.0, "{onset:?}");
        for n in [0, 1, 3, 499, 3000] {
            assert_eq!(OnsetPicker::default().pick(&vec![0.0; n], rate).unwrap(), None);
        }
        let slow = SampleRate::from_hz(20.0).unwrap();
        assert!(OnsetPicker::default().pick(&burst, slow).is_err());
    }
}
