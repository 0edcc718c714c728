//! What is done to a window before a picker sees it (`annotate_batch_pre` of SeisBench 0.12).

use serde_json::Value;
use tch::{Kind, Tensor};

use super::PickerClass;
use super::arguments::Arguments;
use crate::error::{Error, Result};

/// What keeps a division by an amplitude of zero from failing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmplitudeRule {
    /// 1e-10 is added, as SeisBench does: windows in metres or metres a second, whose amplitudes
    /// are as small, come out flat.
    Absolute,
    /// 2⁻²² of the window's largest number is added, which is the rounding of its samples: units
    /// make no difference, and a component that is constant but for rounding stays near zero.
    #[default]
    Relative,
}

/// SeisBench's summand.
const ABSOLUTE: f64 = 1e-10;
/// Two units in the last place of the largest sample.
const RELATIVE: f64 = 1.0 / 4_194_304.0;
/// Samples of the cosine taper of EQTransformer.
const TAPER: usize = 6;

/// What amplitudes are divided by, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amplitude {
    Deviation,
    Peak,
    /// The network does it; here the window is only brought into its reach.
    InNetwork,
    Unchanged,
}

/// The steps, as a weight file asks for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Preparation {
    detrend: bool,
    amplitude: Amplitude,
    /// One amplitude for all components.
    together: bool,
    taper: bool,
}

impl Preparation {
    /// What the constructor arguments of a class ask for; else the argument without meaning.
    pub fn of(class: PickerClass, arguments: &Arguments<'_>) -> Result<Self> {
        if class == PickerClass::Gpd {
            let amplitude = Amplitude::InNetwork;
            return Ok(Self { detrend: false, amplitude, together: true, taper: false });
        }
        let norm = match arguments.text("norm")? {
            "std" => Amplitude::Deviation,
            "peak" => Amplitude::Peak,
            _ => Amplitude::Unchanged,
        };
        if class == PickerClass::VariableLengthPhaseNet {
            let together = norm_axes(arguments)?;
            return Ok(Self { detrend: false, amplitude: norm, together, taper: false });
        }
        let per_component = arguments.flag("norm_amp_per_comp")?;
        let taper = class == PickerClass::EqTransformer;
        Ok(Self {
            detrend: arguments.flag("norm_detrend")?,
            amplitude: if per_component { Amplitude::Peak } else { norm },
            together: taper && norm == Amplitude::Deviation && !per_component,
            taper,
        })
    }

    /// Windows `[N, C, T]`, float32, the same shape out.
    pub fn apply(&self, windows: &Tensor, rule: AmplitudeRule) -> Tensor {
        let centred = windows - windows.mean_dim(-1, true, Kind::Float);
        let straight = if self.detrend { without_slope(&centred) } else { centred };
        let scaled = match self.divisor(windows, &straight, rule) {
            Some(divisor) => straight / divisor,
            None => straight,
        };
        if self.taper { scaled * taper(windows) } else { scaled }
    }

    /// `[N, C, 1]` or `[N, 1, 1]`.
    fn divisor(&self, raw: &Tensor, values: &Tensor, rule: AmplitudeRule) -> Option<Tensor> {
        let axes: &[i64] = if self.together { &[-2, -1] } else { &[-1] };
        let scale = match self.amplitude {
            Amplitude::Unchanged => return None,
            Amplitude::InNetwork if rule == AmplitudeRule::Absolute => return None,
            Amplitude::InNetwork | Amplitude::Peak => values.abs().amax(axes, true),
            Amplitude::Deviation => values.std_dim(axes, true, true),
        };
        Some(match rule {
            AmplitudeRule::Absolute => scale + ABSOLUTE,
            AmplitudeRule::Relative => {
                let largest = raw.abs().amax(axes, true);
                // Components without any signal are 0 divided by something.
                (scale + largest * RELATIVE).clamp_min(f64::from(f32::MIN_POSITIVE))
            }
        })
    }
}

/// Whether the axes are those of components and time.
fn norm_axes(arguments: &Arguments<'_>) -> Result<bool> {
    let listed = match arguments.get("norm_axis") {
        Value::Array(list) => list.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>(),
        Value::Number(one) => one.as_i64().map(|axis| vec![axis]),
        _ => None,
    };
    match listed.as_deref() {
        Some([-1] | [2]) => Ok(false),
        Some([-1, -2] | [-2, -1] | [1, 2] | [2, 1]) => Ok(true),
        _ => Err(Error::usage(format!(
            "norm_axis is {}, expected [-1] or [-1, -2]",
            arguments.get("norm_axis")
        ))),
    }
}

/// Less the straight line fitted to the centred values.
fn without_slope(centred: &Tensor) -> Tensor {
    let samples = centred.size().last().copied().unwrap_or(0);
    let line = Tensor::linspace(-1.0, 1.0, samples, (Kind::Float, centred.device()));
    let slope =
        (centred * &line).sum_dim_intlist(-1, true, Kind::Float) / line.square().sum(Kind::Float);
    centred - line * slope
}

/// `[T]`: rises from 0 over six samples, falls over the last six.
fn taper(windows: &Tensor) -> Tensor {
    let samples = windows.size().last().copied().unwrap_or(0).max(0) as usize;
    let mut weights = vec![1f32; samples];
    for step in 0..TAPER.min(samples) {
        let angle = std::f64::consts::PI * (1.0 + step as f64 / (TAPER - 1) as f64);
        let weight = (0.5 * (1.0 + angle.cos())) as f32;
        weights[step] *= weight;
        weights[samples - 1 - step] *= weight;
    }
    Tensor::from_slice(&weights).to_device(windows.device())
}
