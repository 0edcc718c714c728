//! What an instrument does to ground motion, by frequency: the stages of a response evaluated.
//!
//! The rules are those of evalresp (IRIS) as ObsPy uses it; where a standard leaves a choice, the
//! result is what that program gives.

use std::f64::consts::TAU;

use rayon::prelude::*;
use realfft::num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::response_stage::Filter;
use crate::error::{Error, Result};
use crate::read::response::{Response, Stage, StageFilter};

/// Frequencies evaluated by one thread at a time.
const CHUNK: usize = 2048;

/// A sum of coefficients further from 1 than this is brought to 1.
pub(super) const SUM_TOLERANCE: f64 = 0.02;

/// What the motion of the ground is expressed as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroundMotion {
    /// Metres.
    Displacement,
    /// Metres per second.
    #[default]
    Velocity,
    /// Metres per second squared.
    Acceleration,
    /// Whatever unit the first stage measures (pascal, tesla, …).
    InputUnit,
}

/// A response made ready: gains and normalisations worked out, units checked.
#[derive(Debug)]
pub struct TransferFunction {
    stages: Vec<ReadyStage>,
    gain: f64,
    unit: Unit,
}

#[derive(Debug)]
struct ReadyStage {
    filter: Filter,
    /// What makes the filter's modulus 1 where its gain is stated.
    normalization: f64,
    /// Seconds by which samples were corrected for an asymmetric filter's delay.
    correction: f64,
}

/// Counts per metre, per metre per second or per metre per second squared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Motion {
    Displacement,
    Velocity,
    Acceleration,
}

#[derive(Clone, Copy, Debug)]
struct Unit {
    motion: Motion,
    /// How many of it make one unit without prefix.
    scale: f64,
}

impl Unit {
    /// Units that are no motion of the ground count as velocity: ask for
    /// [`GroundMotion::InputUnit`] then.
    fn of(name: &str) -> Self {
        let name = name.trim().to_ascii_uppercase();
        Self::known(&name).unwrap_or(Self { motion: Motion::Velocity, scale: 1.0 })
    }

    /// By its name in capitals; strain counts as displacement.
    fn known(name: &str) -> Option<Self> {
        if matches!(name, "M/M" | "M**3/M**3") {
            return Some(Self { motion: Motion::Displacement, scale: 1.0 });
        }
        let prefixes = [("", 1.0), ("C", 1e2), ("M", 1e3), ("N", 1e9)];
        prefixes.into_iter().find_map(|(prefix, scale)| {
            let motion = match name.strip_prefix(prefix)? {
                "M" => Motion::Displacement,
                "M/S" | "M/SEC" => Motion::Velocity,
                "M/S**2" | "M/(S**2)" | "M/SEC**2" | "M/(SEC**2)" | "M/S/S" => Motion::Acceleration,
                _ => return None,
            };
            Some(Self { motion, scale })
        })
    }
}

impl TransferFunction {
    /// Works out the product of the stages of `response`.
    ///
    /// # Errors
    /// `Data` if there is no stage, if a stage has no frequency response (a polynomial of higher
    /// order, a gain of 0), or if the unit of a stage's output is not that of the next one's input.
    pub fn new(response: &Response) -> Result<Self> {
        if response.stages.is_empty() {
            return Err(Error::data(
                "the response has no stages; its sensitivity alone can be removed",
            ));
        }
        check_units(&response.stages)?;
        let reference = reference_frequency(response);
        let mut ready = Self {
            stages: Vec::new(),
            gain: 1.0,
            unit: Unit::of(response.input_unit().unwrap_or_default()),
        };
        let mut interval = 1.0;
        for stage in &response.stages {
            let rate = stage.decimation.map(|decimation| decimation.input_rate);
            let own = rate.map(|rate| if rate == 0.0 { 0.0 } else { 1.0 / rate });
            ready.add(stage, own.unwrap_or(interval), reference)?;
            if let Some(decimation) = stage.decimation.filter(|d| d.input_rate > 0.0) {
                interval = decimation.factor / decimation.input_rate;
            }
        }
        Ok(ready)
    }

    fn add(&mut self, stage: &Stage, interval: f64, reference: f64) -> Result<()> {
        let wrong = |problem: String| Error::data(format!("stage {}: {problem}", stage.number));
        let filter = Filter::new(&stage.filter, interval).map_err(wrong)?;
        let (mut gain, stated_at) = stage.gain.unwrap_or((1.0, None));
        if gain == 0.0 {
            return Err(wrong("a gain of 0".to_string()));
        }
        let mut normalization = 1.0;
        let mut normalized_at = None;
        if let StageFilter::PolesZeros { normalization: a0, normalization_frequency, .. } =
            &stage.filter
        {
            (normalization, normalized_at) = (*a0, *normalization_frequency);
        }
        let is_elsewhere = |frequency: Option<f64>| frequency.is_some_and(|f| f != reference);
        if filter.is_normalized() && (is_elsewhere(stated_at) || is_elsewhere(normalized_at)) {
            let there = filter.at(stated_at.unwrap_or(reference)).norm();
            let here = filter.at(reference).norm();
            if there == 0.0 || here == 0.0 {
                let text = format!("no output at {reference} Hz, where its gain is needed");
                return Err(wrong(text));
            }
            gain = gain / there * here;
            normalization = 1.0 / here;
        }
        if let StageFilter::Polynomial(polynomial) = &stage.filter {
            match polynomial.coefficients[..] {
                [] | [_] => {}
                [_, slope] if slope != 0.0 => self.gain /= slope,
                _ => {
                    let text = "a polynomial of order above 1 has no frequency response";
                    return Err(wrong(text.to_string()));
                }
            }
        }
        self.gain *= gain;
        let delayed = stage.decimation.filter(|_| filter.is_asymmetric());
        let correction = delayed.map_or(0.0, |decimation| decimation.correction);
        self.stages.push(ReadyStage { filter, normalization, correction });
        Ok(())
    }

    /// Counts per unit of `motion` at frequencies in Hz.
    pub fn evaluate(&self, frequencies: &[f64], motion: GroundMotion) -> Vec<Complex64> {
        let chunk = |part: &[f64]| -> Vec<Complex64> {
            part.iter().map(|&frequency| self.at(frequency, motion)).collect()
        };
        if frequencies.len() <= CHUNK {
            return chunk(frequencies);
        }
        frequencies.par_chunks(CHUNK).flat_map_iter(chunk).collect()
    }

    fn at(&self, frequency: f64, motion: GroundMotion) -> Complex64 {
        let mut product = Complex64::new(1.0, 0.0);
        for stage in &self.stages {
            product *= stage.filter.at(frequency) * stage.normalization;
            if stage.correction != 0.0 {
                product *= Complex64::cis(TAU * frequency * stage.correction);
            }
        }
        converted(product * self.gain, frequency, self.unit.motion, motion) * self.unit.scale
    }
}

/// A response per unit of `from` as one per unit of `to`. Both steps go by way of velocity, which
/// leaves 0 at the frequency 0, as evalresp does.
fn converted(value: Complex64, frequency: f64, from: Motion, to: GroundMotion) -> Complex64 {
    let omega = TAU * frequency;
    let times = Complex64::new(0.0, omega);
    let over = Complex64::new(0.0, if omega == 0.0 { 0.0 } else { -1.0 / omega });
    let mut value = value;
    let is_same = match from {
        Motion::Displacement => to == GroundMotion::Displacement,
        Motion::Velocity => to == GroundMotion::Velocity,
        Motion::Acceleration => to == GroundMotion::Acceleration,
    };
    if is_same || to == GroundMotion::InputUnit {
        return value;
    }
    match from {
        Motion::Displacement => value *= over,
        Motion::Acceleration => value *= times,
        Motion::Velocity => {}
    }
    match to {
        GroundMotion::Displacement => value * times,
        GroundMotion::Acceleration => value * over,
        GroundMotion::Velocity | GroundMotion::InputUnit => value,
    }
}

/// Where the overall gain is stated: the sensitivity's frequency, else that of the last gain.
fn reference_frequency(response: &Response) -> f64 {
    match &response.sensitivity {
        Some(sensitivity) if sensitivity.value != 0.0 => sensitivity.frequency.unwrap_or(0.0),
        _ => {
            let stated = |stage: &Stage| stage.gain?.1.filter(|&frequency| frequency != 0.0);
            response.stages.iter().rev().find_map(stated).unwrap_or(0.0)
        }
    }
}

/// The unit of each filter's output is that of the next one's input, where both are known.
fn check_units(stages: &[Stage]) -> Result<()> {
    let filters: Vec<&Stage> = stages.iter().filter(|stage| !stage.input_unit.is_empty()).collect();
    for pair in filters.windows(2) {
        let (output, input) = (&pair[0].output_unit, &pair[1].input_unit);
        if let (Some(given), Some(taken)) = (quantity(output), quantity(input))
            && given != taken
        {
            return Err(Error::data(format!(
                "stage {} gives {output}, but stage {} takes {input}",
                pair[0].number, pair[1].number
            )));
        }
    }
    Ok(())
}

/// What a unit measures; `None` if it is not known.
fn quantity(unit: &str) -> Option<&'static str> {
    Some(match unit.trim().to_ascii_uppercase().as_str() {
        "V" | "VOLT" | "VOLTS" | "V/M" => "voltage",
        "COUNT" | "COUNTS" => "counts",
        "T" => "magnetic flux density",
        "PA" | "PASCAL" | "PASCALS" | "MBAR" => "pressure",
        name => match Unit::known(name)?.motion {
            Motion::Displacement => "displacement",
            Motion::Velocity => "velocity",
            Motion::Acceleration => "acceleration",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::response::{Plane, Sensitivity};

    /// A geophone of 1 Hz and a converter, its gain stated at 5 Hz.
    fn geophone() -> Response {
        let root = Complex64::new(-4.44, 4.44);
        let zero = Complex64::default();
        let sensor = Stage {
            number: 1,
            input_unit: "m/s".into(),
            output_unit: "V".into(),
            filter: StageFilter::PolesZeros {
                plane: Plane::Radians,
                normalization: 1.0,
                normalization_frequency: Some(5.0),
                zeros: vec![zero, zero],
                poles: vec![root, root.conj()],
            },
            gain: Some((400.0, Some(5.0))),
            decimation: None,
        };
        let converter = Stage {
            number: 2,
            input_unit: "V".into(),
            output_unit: "COUNTS".into(),
            filter: StageFilter::Gain,
            gain: Some((1e6, Some(5.0))),
            decimation: None,
        };
        let sensitivity = Sensitivity { value: 4e8, frequency: Some(10.0), ..Default::default() };
        let sensitivity = Some(sensitivity);
        Response { sensitivity, polynomial: None, stages: vec![sensor, converter] }
    }

    #[test]
    fn the_gain_holds_at_its_frequency_and_motions_differ_by_powers_of_frequency() {
        let function = TransferFunction::new(&geophone()).unwrap();
        let at = |motion| function.evaluate(&[5.0], motion)[0];
        let velocity = at(GroundMotion::Velocity);
        // 400 V/(m/s) hold at 5 Hz, though the sensitivity is stated at 10 Hz.
        assert!((velocity.norm() / 4e8 - 1.0).abs() < 1e-12, "{velocity}");
        let omega = TAU * 5.0;
        let ratio = at(GroundMotion::Displacement) / velocity;
        assert!((ratio - Complex64::new(0.0, omega)).norm() < 1e-12 * omega);
        let ratio = velocity / at(GroundMotion::Acceleration);
        assert!((ratio - Complex64::new(0.0, omega)).norm() < 1e-12 * omega);
        let zero = function.evaluate(&[0.0], GroundMotion::Acceleration)[0];
        assert_eq!(zero, Complex64::default());
    }

    #[test]
    fn what_has_no_frequency_response_is_refused() {
        let refused = |change: &dyn Fn(&mut Response)| {
            let mut response = geophone();
            change(&mut response);
            TransferFunction::new(&response).unwrap_err().to_string()
        };
        assert!(refused(&|r| r.stages.clear()).contains("no stages"));
        assert!(
            refused(&|r| r.stages[1].gain = Some((0.0, None))).contains("stage 2: a gain of 0")
        );
        assert!(refused(&|r| r.stages[1].input_unit = "PA".into()).contains("stage 1 gives V"));
        let unheard = |r: &mut Response| r.stages[0].gain = Some((400.0, Some(0.0)));
        assert!(refused(&unheard).contains("stage 1: no output"));
    }

    #[test]
    fn units_with_prefixes_scale() {
        for (name, motion, scale) in [
            ("nm/s", Motion::Velocity, 1e9),
            ("MM", Motion::Displacement, 1e3),
            ("m", Motion::Displacement, 1.0),
            ("cm/s**2", Motion::Acceleration, 1e2),
            ("M/M", Motion::Displacement, 1.0),
            ("Pa", Motion::Velocity, 1.0),
        ] {
            let unit = Unit::of(name);
            assert_eq!((unit.motion, unit.scale), (motion, scale), "{name}");
        }
    }
}
