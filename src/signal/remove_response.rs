//! Counts back into ground motion: division by an instrument's response, in the frequency domain.
//!
//! Not causal: every sample depends on the whole trace.

use std::f64::consts::{FRAC_PI_2, PI};
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use serde::{Deserialize, Serialize};

use super::response::{GroundMotion, TransferFunction};
use crate::error::{Error, Result};
use crate::read::response::{Response, StageFilter};
use crate::time::SampleRate;

/// How a response is removed. The defaults are ObsPy's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemovalSettings {
    /// What comes out.
    pub output: GroundMotion,
    /// Where the response is weaker than its maximum by more than this many decibels it is taken
    /// as so weak only. `None`: nowhere.
    pub water_level: Option<f64>,
    /// Four frequencies in Hz: cosine flanks rise from the first to the second and fall from the
    /// third to the fourth.
    pub pre_filter: Option<[f64; 4]>,
    /// Whether the mean is taken away first.
    pub zero_mean: bool,
    /// The part of the trace, both ends together, that a cosine taper takes; 0 for none.
    pub taper: f64,
}

impl Default for RemovalSettings {
    fn default() -> Self {
        Self {
            output: GroundMotion::Velocity,
            water_level: Some(60.0),
            pre_filter: None,
            zero_mean: true,
            taper: 0.05,
        }
    }
}

impl RemovalSettings {
    /// # Errors
    /// `Usage` if a number is out of its range.
    pub fn check(&self) -> Result<()> {
        if let Some([a, b, c, d]) = self.pre_filter
            && !(0.0 <= a && a < b && b <= c && c < d && d.is_finite())
        {
            return Err(Error::usage(format!(
                "pre-filter {a}, {b}, {c}, {d}: expected four rising frequencies in Hz"
            )));
        }
        if !(0.0..=1.0).contains(&self.taper) {
            let taper = self.taper;
            return Err(Error::usage(format!("taper {taper}: expected a part between 0 and 1")));
        }
        match self.water_level {
            Some(level) if !level.is_finite() => {
                Err(Error::usage(format!("water level {level}: expected decibels")))
            }
            _ => Ok(()),
        }
    }
}

/// Divides by the overall sensitivity, whatever the frequency.
///
/// # Errors
/// `Data` if the response states none.
pub fn remove_sensitivity(samples: &mut [f64], response: &Response) -> Result<()> {
    let stated = response.sensitivity.as_ref().map(|sensitivity| sensitivity.value);
    let value = match stated {
        Some(value) if value != 0.0 => value,
        Some(_) => return Err(Error::data("the response states a sensitivity of 0")),
        None => polynomial_gain(response)?
            .ok_or_else(|| Error::data("the response states no sensitivity"))?,
    };
    samples.iter_mut().for_each(|sample| *sample /= value);
    Ok(())
}

/// Turns counts into ground motion, in place. For many traces of one channel make a
/// [`ResponseRemoval`] once.
///
/// # Errors
/// As [`ResponseRemoval::new`] and [`ResponseRemoval::apply`].
pub fn remove_response(
    samples: &mut [f64],
    rate: SampleRate,
    response: &Response,
    settings: &RemovalSettings,
) -> Result<()> {
    ResponseRemoval::new(response, rate, settings)?.apply(samples)
}

/// A removal that remembers what it worked out for traces of one length.
pub struct ResponseRemoval {
    kind: Kind,
    rate: SampleRate,
    settings: RemovalSettings,
    planner: RealFftPlanner<f64>,
    ready: Option<Ready>,
}

enum Kind {
    Spectral(TransferFunction),
    /// `Σ cₖ·xᵏ`.
    Polynomial(Vec<f64>),
    /// `x / gain + offset`.
    Linear {
        gain: f64,
        offset: f64,
    },
}

/// For one transform length.
struct Ready {
    forward: Arc<dyn RealToComplex<f64>>,
    backward: Arc<dyn ComplexToReal<f64>>,
    /// What each frequency of the spectrum is multiplied with.
    factors: Vec<Complex64>,
}

impl ResponseRemoval {
    /// # Errors
    /// `Usage` for settings out of range; `Data` if the response cannot be evaluated.
    pub fn new(response: &Response, rate: SampleRate, settings: &RemovalSettings) -> Result<Self> {
        settings.check()?;
        let kind = Kind::of(response)?;
        let (planner, settings) = (RealFftPlanner::new(), settings.clone());
        Ok(Self { kind, rate, settings, planner, ready: None })
    }

    /// The rate it is made for.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Whether every sample is turned on its own, with its mean (a polynomial).
    pub fn is_pointwise(&self) -> bool {
        !matches!(self.kind, Kind::Spectral(_))
    }

    /// Turns counts into ground motion, in place. Memory: about ten times the trace.
    ///
    /// # Errors
    /// `Data` if a sample is not a finite number.
    pub fn apply(&mut self, samples: &mut [f64]) -> Result<()> {
        if let Some(at) = samples.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::data(format!(
                "sample {at} is no number; a response is removed from whole traces only"
            )));
        }
        match &self.kind {
            Kind::Polynomial(coefficients) => samples.iter_mut().for_each(|sample| {
                *sample = coefficients.iter().rev().fold(0.0, |sum, c| sum * *sample + c);
            }),
            Kind::Linear { gain, offset } => {
                samples.iter_mut().for_each(|sample| *sample = *sample / gain + offset);
            }
            Kind::Spectral(_) if samples.is_empty() => {}
            Kind::Spectral(_) => self.divide(samples)?,
        }
        Ok(())
    }

    fn divide(&mut self, samples: &mut [f64]) -> Result<()> {
        let count = samples.len();
        if self.settings.zero_mean {
            let mean = samples.iter().sum::<f64>() / count as f64;
            samples.iter_mut().for_each(|sample| *sample -= mean);
        }
        if self.settings.taper > 0.0 {
            let weights = cosine_taper(count, self.settings.taper);
            samples.iter_mut().zip(weights).for_each(|(sample, weight)| *sample *= weight);
        }
        let Self { kind, rate, settings, planner, ready } = self;
        let Kind::Spectral(function) = &*kind else { return Ok(()) };
        let length = transform_length(count);
        let ready = match ready {
            Some(ready) if ready.forward.len() == length => ready,
            _ => ready.insert(Ready {
                forward: planner.plan_fft_forward(length),
                backward: planner.plan_fft_inverse(length),
                factors: factors(function, length, rate.hz(), settings),
            }),
        };
        let transformed = |error: realfft::FftError| Error::data(error.to_string());
        let mut padded = ready.forward.make_input_vec();
        padded[..count].copy_from_slice(samples);
        let mut spectrum = ready.forward.make_output_vec();
        ready.forward.process(&mut padded, &mut spectrum).map_err(transformed)?;
        spectrum.iter_mut().zip(&ready.factors).for_each(|(value, factor)| *value *= factor);
        if let [first, .., last] = &mut spectrum[..] {
            first.im = 0.0;
            *last = Complex64::new(last.norm(), 0.0);
        }
        ready.backward.process(&mut spectrum, &mut padded).map_err(transformed)?;
        let scale = length as f64;
        samples.iter_mut().zip(&padded).for_each(|(sample, value)| *sample = value / scale);
        Ok(())
    }
}

impl Kind {
    fn of(response: &Response) -> Result<Self> {
        let Some(first) = response.stages.first() else {
            return match &response.polynomial {
                Some(polynomial) => Ok(Self::Polynomial(polynomial.coefficients.clone())),
                None => TransferFunction::new(response).map(Self::Spectral),
            };
        };
        let StageFilter::Polynomial(polynomial) = &first.filter else {
            return TransferFunction::new(response).map(Self::Spectral);
        };
        // Of higher order the polynomial of the whole instrument is needed.
        if polynomial.coefficients.len() > 2 {
            return match &response.polynomial {
                Some(whole) => Ok(Self::Polynomial(whole.coefficients.clone())),
                None => Err(Error::data(
                    "stage 1 is a polynomial of order above 1 and the whole instrument has none",
                )),
            };
        }
        let offset = polynomial.coefficients.first().copied().unwrap_or(0.0);
        let gain = if response.stages.len() == 1 {
            first.gain.map_or(1.0, |(gain, _)| gain)
        } else {
            match &response.sensitivity {
                Some(sensitivity) => sensitivity.value,
                None => polynomial_gain(response)?.unwrap_or(1.0),
            }
        };
        if gain == 0.0 {
            return Err(Error::data("the response states a sensitivity of 0"));
        }
        Ok(Self::Linear { gain, offset })
    }
}

/// The overall gain of a chain that begins with a polynomial, worked out from its stages.
fn polynomial_gain(response: &Response) -> Result<Option<f64>> {
    let first = response.stages.first().map(|stage| &stage.filter);
    let Some(StageFilter::Polynomial(polynomial)) = first else { return Ok(None) };
    let middle = polynomial.frequencies.map_or(0.0, |(lowest, highest)| (lowest + highest) / 2.0);
    let frequency = if middle > 0.0 { middle } else { 1.0 };
    let function = TransferFunction::new(response)?;
    let gain = function.evaluate(&[frequency], GroundMotion::InputUnit);
    Ok(gain.first().map(|gain| gain.norm()).filter(|&gain| gain != 0.0))
}

/// What each frequency is multiplied with: the inverse of the response, filtered.
fn factors(
    function: &TransferFunction,
    length: usize,
    rate: f64,
    settings: &RemovalSettings,
) -> Vec<Complex64> {
    let step = (rate / 2.0) / (length / 2) as f64;
    let frequencies: Vec<f64> = (0..=length / 2).map(|k| k as f64 * step).collect();
    let mut response = function.evaluate(&frequencies, settings.output);
    let zero = Complex64::default();
    match settings.water_level {
        Some(level) => {
            let most = response.iter().map(|value| value.norm()).fold(0.0, f64::max);
            let least = most * 10f64.powf(-level / 20.0);
            for value in &mut response {
                let modulus = value.norm();
                if modulus > 0.0 && modulus < least {
                    *value *= least / modulus;
                }
                *value = if value.norm() > 0.0 { value.inv() } else { zero };
            }
        }
        None => response.iter_mut().enumerate().for_each(|(k, value)| {
            *value = if k == 0 || *value == zero { zero } else { value.inv() };
        }),
    }
    if let Some(corners) = settings.pre_filter {
        for (value, frequency) in response.iter_mut().zip(frequencies) {
            *value *= flank(frequency, corners);
        }
    }
    response
}

/// The pre-filter's weight.
fn flank(frequency: f64, [a, b, c, d]: [f64; 4]) -> f64 {
    if frequency < a || frequency > d {
        0.0
    } else if frequency <= b {
        0.5 * (1.0 - (PI * (frequency - a) / (b - a)).cos())
    } else if frequency < c {
        1.0
    } else {
        0.5 * (1.0 + (PI * (frequency - c) / (d - c)).cos())
    }
}

/// Quarter cosines over `part` of `count` samples, half of it at each end (SAC's taper).
pub fn cosine_taper(count: usize, part: f64) -> Vec<f64> {
    let mut weights = vec![1.0; count];
    if count < 3 {
        return weights;
    }
    let flank = ((count as f64 * part / 2.0 + 0.5) as usize).min(count - 1);
    let rising = flank.max(1);
    let falling_from = (count - flank - 1).min(count - 2);
    let falling = (count - 1 - falling_from) as f64;
    for (i, weight) in weights.iter_mut().enumerate() {
        if i <= rising {
            *weight = (FRAC_PI_2 * (rising - i) as f64 / rising as f64).cos();
        }
        if i >= falling_from {
            *weight = (FRAC_PI_2 * (i - falling_from) as f64 / falling).cos();
        }
    }
    weights
}

/// Points of the transform for a trace of `count` samples: twice as many, and where that has a
/// prime factor of 500 or more, a near number that has none.
pub fn transform_length(count: usize) -> usize {
    let length = 2 * (count + count % 2);
    if length <= 5000 {
        return length;
    }
    (0..=10)
        .map(|i| length + 2 * i)
        .find(|&length| largest_prime_factor(length) < 500)
        .unwrap_or_else(|| length.next_power_of_two())
}

fn largest_prime_factor(mut number: usize) -> usize {
    let (mut largest, mut factor) = (1, 2);
    while factor * factor <= number {
        while number.is_multiple_of(factor) {
            (largest, number) = (factor, number / factor);
        }
        factor += 1;
    }
    if number > 1 { number.max(largest) } else { largest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::response::{Polynomial, Sensitivity, Stage};

    fn rate() -> SampleRate {
        SampleRate::from_ratio(10, 1).unwrap()
    }

    /// A chain of one plain gain, in the unit given.
    fn amplifier(unit: &str) -> Response {
        let stage = Stage {
            number: 1,
            input_unit: unit.into(),
            output_unit: "COUNTS".into(),
            filter: StageFilter::Gain,
            gain: Some((100.0, Some(1.0))),
            decimation: None,
        };
        let sensitivity = Some(Sensitivity { value: 100.0, ..Sensitivity::default() });
        Response { sensitivity, polynomial: None, stages: vec![stage] }
    }

    #[test]
    fn a_flat_response_is_a_division_and_a_trace_of_any_length_comes_back() {
        let plain = RemovalSettings { zero_mean: false, taper: 0.0, ..Default::default() };
        let mut removal = ResponseRemoval::new(&amplifier("m/s"), rate(), &plain).unwrap();
        for count in [0, 1, 2, 3, 7, 7, 100, 1001] {
            let mut samples: Vec<f64> = (0..count).map(|i| f64::from(i * i % 17) - 8.0).collect();
            // Only a highest frequency of negative sign would be changed.
            samples.iter_mut().take(1).for_each(|first| *first += 1e4);
            let expected: Vec<f64> = samples.iter().map(|x| x / 100.0).collect();
            removal.apply(&mut samples).unwrap();
            let off = samples.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f64::max) < 1e-12, "{count}");
            assert_eq!(samples.len(), count as usize);
        }
        let mut samples = vec![5.0, f64::NAN];
        assert!(removal.apply(&mut samples).unwrap_err().to_string().contains("sample 1"));
    }

    #[test]
    fn a_sine_measured_as_velocity_becomes_displacement() {
        let settings = RemovalSettings {
            output: GroundMotion::Displacement,
            pre_filter: Some([0.05, 0.1, 3.0, 4.0]),
            ..RemovalSettings::default()
        };
        let omega = 2.0 * PI * 0.5;
        let time = |i: usize| i as f64 / 10.0;
        let mut samples: Vec<f64> = (0..2000).map(|i| 100.0 * (omega * time(i)).sin()).collect();
        remove_response(&mut samples, rate(), &amplifier("m/s"), &settings).unwrap();
        for (i, sample) in samples.iter().enumerate().take(1500).skip(500) {
            let expected = -(omega * time(i)).cos() / omega;
            assert!((sample - expected).abs() < 2e-3, "{i}: {sample} and {expected}");
        }
    }

    #[test]
    fn polynomials_and_missing_numbers() {
        let polynomial = Polynomial { coefficients: vec![1.0, 2.0, 0.5], ..Default::default() };
        let whole = Response { polynomial: Some(polynomial), ..Response::default() };
        let mut samples = vec![0.0, 2.0];
        let settings = RemovalSettings::default();
        remove_response(&mut samples, rate(), &whole, &settings).unwrap();
        assert_eq!(samples, [1.0, 7.0]);
        assert!(remove_sensitivity(&mut samples, &whole).is_err());
        let nothing = Response::default();
        let message = remove_response(&mut samples, rate(), &nothing, &settings).unwrap_err();
        assert!(message.to_string().contains("no stages"), "{message}");
        remove_sensitivity(&mut samples, &amplifier("M/S")).unwrap();
        assert_eq!(samples, [0.01, 0.07]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let default = RemovalSettings::default;
        for wrong in [
            RemovalSettings { taper: 1.5, ..default() },
            RemovalSettings { taper: f64::NAN, ..default() },
            RemovalSettings { water_level: Some(f64::INFINITY), ..default() },
            RemovalSettings { pre_filter: Some([1.0, 1.0, 2.0, 3.0]), ..default() },
            RemovalSettings { pre_filter: Some([1.0, 2.0, 3.0, f64::NAN]), ..default() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
