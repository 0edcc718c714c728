//! Short-term over long-term average triggers.

/// Recursive STA/LTA with carried state (Withers et al. 1998, Bull. Seismol. Soc. Am. 88,
/// 95-106), numbers as ObsPy's `recursive_sta_lta`: the first sample is skipped and the ratio is
/// 0 for the first `nlta` samples.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct RecursiveStaLta {
    short: f64,
    long: f64,
    short_weight: f64,
    long_weight: f64,
    nlta: u64,
    seen: u64,
}

impl RecursiveStaLta {
    /// Averages over about `nsta` and `nlta` samples (at least 1 each).
    pub fn new(nsta: usize, nlta: usize) -> Self {
        let (nsta, nlta) = (nsta.max(1), nlta.max(1));
        Self {
            short: 0.0,
            long: 1e-99,
            short_weight: 1.0 / nsta as f64,
            long_weight: 1.0 / nlta as f64,
            nlta: nlta as u64,
            seen: 0,
        }
    }

    /// The ratio at the next sample.
    pub fn next(&mut self, sample: f64) -> f64 {
        let index = self.seen;
        self.seen += 1;
        if index > 0 {
            let energy = sample * sample;
            self.short += (energy - self.short) * self.short_weight;
            self.long += (energy - self.long) * self.long_weight;
        }
        // A trace of zeros forever has no ratio; 0 says "no trigger".
        if index < self.nlta || self.long <= 0.0 { 0.0 } else { self.short / self.long }
    }
}

/// [`RecursiveStaLta`] of a whole trace `[T]`.
pub fn recursive_sta_lta(samples: &[f64], nsta: usize, nlta: usize) -> Vec<f64> {
    let mut ratio = RecursiveStaLta::new(nsta, nlta);
    samples.iter().map(|&x| ratio.next(x)).collect()
}

/// A switch with hysteresis: on at or above `on`, off again below `off`.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Trigger {
    on: f64,
    off: f64,
    active: bool,
}

impl Trigger {
    /// Off, with the thresholds `on` and `off`.
    pub fn new(on: f64, off: f64) -> Self {
        Self { on, off, active: false }
    }

    /// Whether the switch goes on at this value.
    pub fn turns_on(&mut self, value: f64) -> bool {
        let was = self.active;
        self.active = if was { value >= self.off } else { value >= self.on };
        self.active && !was
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.active
    }
}

/// First and last sample numbers of every stretch that begins at or above `on` and lasts while the
/// curve stays at or above `off` (`trigger_onset` of ObsPy).
pub fn trigger_onset(curve: &[f64], on: f64, off: f64) -> Vec<(usize, usize)> {
    let mut trigger = Trigger::new(on, off.min(on));
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (i, &value) in curve.iter().enumerate() {
        if trigger.turns_on(value) {
            stretches.push((i, i));
        } else if trigger.is_on()
            && let Some(stretch) = stretches.last_mut()
        {
            stretch.1 = i;
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_triggers_once_between_its_ends() {
        let samples: Vec<f64> =
            (0..4000).map(|i| if (2000..2100).contains(&i) { 50.0 } else { 1.0 }).collect();
        let onsets = trigger_onset(&recursive_sta_lta(&samples, 50, 500), 3.5, 1.0);
        assert_eq!(onsets.len(), 1);
        assert_eq!(onsets[0].0, 2000);
        assert!((2100..2400).contains(&onsets[0].1));
    }

    #[test]
    fn silence_and_short_traces_never_trigger() {
        assert!(recursive_sta_lta(&[0.0; 3000], 5, 50).iter().all(|r| *r == 0.0));
        assert!(trigger_onset(&[], 3.0, 1.0).is_empty());
    }
}
