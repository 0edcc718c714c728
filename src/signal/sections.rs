//! Second-order sections at work: causal, with carried state, and the two zero-phase ways.

use std::f64::consts::TAU;

use realfft::num_complex::Complex64;

use crate::error::{Error, Result};
use crate::time::SampleRate;

/// One second-order section: `(b0 + b1/z + b2/z²) / (1 + a1/z + a2/z²)`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Section {
    /// Numerator `b0, b1, b2`.
    pub b: [f64; 3],
    /// Denominator `a1, a2`; `a0` is 1.
    pub a: [f64; 2],
}

/// A causal filter that remembers where it stopped: filtering a trace in blocks gives the same
/// bits as filtering it at once. Direct form II transposed.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct SosFilter {
    sections: Vec<Section>,
    state: Vec<[f64; 2]>,
}

impl SosFilter {
    /// With zero state, as if the past had been silence.
    pub fn new(sections: &[Section]) -> Self {
        Self { sections: sections.to_vec(), state: vec![[0.0; 2]; sections.len()] }
    }

    /// In the steady state of a past that was always `level`.
    pub fn settled(sections: &[Section], level: f64) -> Self {
        let state = sosfilt_zi(sections).into_iter().map(|z| z.map(|s| s * level)).collect();
        Self { sections: sections.to_vec(), state }
    }

    /// Back to zero state.
    pub fn reset(&mut self) {
        self.state.fill([0.0; 2]);
    }

    /// Filters the next samples in place.
    pub fn run(&mut self, samples: &mut [f64]) {
        // Four sections at a time in one pass: their recursions overlap in the processor.
        let (fours, rest) = self.sections.split_at(self.sections.len() / 4 * 4);
        let (four_states, rest_states) = self.state.split_at_mut(fours.len());
        for (sections, states) in
            fours.as_chunks::<4>().0.iter().zip(four_states.as_chunks_mut::<4>().0)
        {
            cascade(sections, states, samples);
        }
        for (section, state) in rest.as_chunks::<1>().0.iter().zip(rest_states.as_chunks_mut().0) {
            cascade(section, state, samples);
        }
    }
}

fn cascade<const N: usize>(sections: &[Section; N], state: &mut [[f64; 2]; N], x: &mut [f64]) {
    let mut carried = *state;
    for sample in x {
        let mut value = *sample;
        for (section, z) in sections.iter().zip(&mut carried) {
            let out = section.b[0] * value + z[0];
            z[0] = section.b[1] * value - section.a[0] * out + z[1];
            z[1] = section.b[2] * value - section.a[1] * out;
            value = out;
        }
        *sample = value;
    }
    *state = carried;
}

/// Filters a whole trace `[T]` from zero state (`scipy.signal.sosfilt`).
pub fn sosfilt(sections: &[Section], samples: &[f64]) -> Vec<f64> {
    let mut out = samples.to_vec();
    SosFilter::new(sections).run(&mut out);
    out
}

/// The state of each section after an endless unit step (`scipy.signal.sosfilt_zi`).
pub fn sosfilt_zi(sections: &[Section]) -> Vec<[f64; 2]> {
    let mut scale = 1.0;
    sections
        .iter()
        .map(|Section { b, a }| {
            let denominator = 1.0 + a[0] + a[1];
            let c1 = b[1] - a[0] * b[0];
            let c2 = b[2] - a[1] * b[0];
            let z0 = (c1 + c2) / denominator;
            let zi = [scale * z0, scale * ((1.0 + a[0]) * z0 - c1)];
            scale *= (b[0] + b[1] + b[2]) / denominator;
            zi
        })
        .collect()
}

/// Zero-phase filtering of a trace `[T]` as `scipy.signal.sosfiltfilt` does it: odd extension at
/// both ends, forward and backward from the scaled steady state.
///
/// # Errors
/// `Data` if the trace is not longer than the extension,
/// `3·(2n + 1 − min(sections with b2 = 0, sections with a2 = 0))` samples for `n` sections.
pub fn sosfiltfilt(sections: &[Section], samples: &[f64]) -> Result<Vec<f64>> {
    let no_b2 = sections.iter().filter(|s| s.b[2] == 0.0).count();
    let no_a2 = sections.iter().filter(|s| s.a[1] == 0.0).count();
    let pad = 3 * (2 * sections.len() + 1 - no_b2.min(no_a2));
    let n = samples.len();
    if n <= pad {
        return Err(Error::data(format!(
            "zero-phase filtering with these {} sections needs more than {pad} samples, found {n}",
            sections.len()
        )));
    }
    let (first, last) = (samples[0], samples[n - 1]);
    let mut extended = Vec::with_capacity(n + 2 * pad);
    extended.extend((1..=pad).rev().map(|i| 2.0 * first - samples[i]));
    extended.extend_from_slice(samples);
    extended.extend((1..=pad).map(|i| 2.0 * last - samples[n - 1 - i]));
    for _ in 0..2 {
        SosFilter::settled(sections, extended[0]).run(&mut extended);
        extended.reverse();
    }
    extended.truncate(n + pad);
    extended.drain(..pad);
    Ok(extended)
}

/// Zero-phase filtering as ObsPy's `zerophase=True` does it: forward and backward, both from
/// zero state, nothing added at the ends. It differs from [`sosfiltfilt`] near the ends.
pub fn filter_forward_backward_zero_state(sections: &[Section], samples: &[f64]) -> Vec<f64> {
    let mut out = samples.to_vec();
    for _ in 0..2 {
        SosFilter::new(sections).run(&mut out);
        out.reverse();
    }
    out
}

/// The amplitude response at `frequency` Hz.
pub fn gain_at(sections: &[Section], frequency: f64, rate: SampleRate) -> f64 {
    let delay = Complex64::from_polar(1.0, -TAU * frequency / rate.hz());
    let response: Complex64 = sections
        .iter()
        .map(|Section { b, a }| {
            (b[0] + delay * (b[1] + delay * b[2])) / (1.0 + delay * (a[0] + delay * a[1]))
        })
        .product();
    response.norm()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signal::{Band, butterworth};

    fn band_pass(order: usize) -> Vec<Section> {
        let rate = SampleRate::from_hz(40.0).unwrap();
        butterworth(order, Band::BandPass(2.0, 5.0), rate).unwrap()
    }

    proptest! {
        #[test]
        fn blocks_equal_the_whole_bit_for_bit(
            samples in prop::collection::vec(-1e6..1e6f64, 1..400),
            cut in 0usize..400,
            order in 1usize..7,
        ) {
            let sections = band_pass(order);
            let whole = sosfilt(&sections, &samples);
            let mut parts = samples.clone();
            let (head, tail) = parts.split_at_mut(cut.min(samples.len()));
            let mut filter = SosFilter::new(&sections);
            filter.run(head);
            filter.run(tail);
            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn settled_filter_sees_no_step() {
        let rate = SampleRate::from_hz(40.0).unwrap();
        let sections = butterworth(4, Band::LowPass(1.0), rate).unwrap();
        let mut constant = vec![7.0; 500];
        SosFilter::settled(&sections, 7.0).run(&mut constant);
        assert!(constant.iter().all(|x| (x - 7.0).abs() < 1e-9));
    }

    #[test]
    fn a_trace_shorter_than_its_extension_is_refused() {
        let sections = band_pass(4);
        assert!(sosfiltfilt(&sections, &[0.0; 27]).is_err());
        assert_eq!(sosfiltfilt(&sections, &[1.0; 28]).unwrap().len(), 28);
        assert!(sosfiltfilt(&sections, &[]).is_err());
    }
}
