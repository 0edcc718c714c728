//! The response of an instrument as StationXML states it: plain numbers, not yet evaluated
//! (`signal::response` does that).

use realfft::num_complex::Complex64;

/// A response: what the whole chain does at one frequency, and the stages of the chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Counts per unit of ground motion at one frequency.
    pub sensitivity: Option<Sensitivity>,
    /// Coefficients of the polynomial from counts to the unit measured, lowest order first.
    pub polynomial: Option<Polynomial>,
    /// The stages, by number.
    pub stages: Vec<Stage>,
}

impl Response {
    /// The unit of what the instrument measures, as it is written: `M/S`.
    pub fn input_unit(&self) -> Option<&str> {
        let stages = self.stages.iter().map(|stage| stage.input_unit.as_str());
        let whole = self.sensitivity.iter().map(|s| s.input_unit.as_str());
        let polynomial = self.polynomial.iter().map(|p| p.input_unit.as_str());
        stages.chain(whole).chain(polynomial).find(|unit| !unit.is_empty())
    }
}

/// The overall gain at one frequency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sensitivity {
    /// Counts per unit.
    pub value: f64,
    /// In Hz.
    pub frequency: Option<f64>,
    /// The unit measured, `M/S`.
    pub input_unit: String,
    /// The unit delivered, `COUNTS`.
    pub output_unit: String,
}

/// `Σ cₖ·xᵏ`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polynomial {
    /// The unit measured; empty in a stage, which has its own.
    pub input_unit: String,
    /// Lowest order first.
    pub coefficients: Vec<f64>,
    /// Bounds of the frequencies it holds for, in Hz.
    pub frequencies: Option<(f64, f64)>,
}

/// One stage of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its place in the chain, from 1.
    pub number: u32,
    /// Unit of what goes in; empty for a stage that is a gain only.
    pub input_unit: String,
    /// Unit of what comes out.
    pub output_unit: String,
    /// What it does beside its gain.
    pub filter: StageFilter,
    /// Gain, and the frequency in Hz at which it is stated.
    pub gain: Option<(f64, Option<f64>)>,
    /// Rate of a digital stage.
    pub decimation: Option<Decimation>,
}

/// What a stage does beside its gain.
#[derive(Clone, Debug, PartialEq)]
pub enum StageFilter {
    /// Nothing.
    Gain,
    /// A rational function of frequency.
    PolesZeros {
        /// The variable the roots are given in.
        plane: Plane,
        /// `A0`, which makes the modulus 1 at `normalization_frequency`.
        normalization: f64,
        /// In Hz.
        normalization_frequency: Option<f64>,
        /// Roots of the numerator.
        zeros: Vec<Complex64>,
        /// Roots of the denominator.
        poles: Vec<Complex64>,
    },
    /// Numerator and denominator of a digital filter; both may be empty.
    Coefficients {
        /// The variable; anything but digital is refused when it is evaluated.
        plane: Plane,
        /// Numerator.
        numerator: Vec<f64>,
        /// Denominator.
        denominator: Vec<f64>,
    },
    /// A digital filter of finite length.
    Fir {
        /// Which half of the coefficients is stored.
        symmetry: Symmetry,
        /// The coefficients stored.
        coefficients: Vec<f64>,
    },
    /// Amplitude and phase at some frequencies.
    List(Vec<ListPoint>),
    /// A polynomial from its output to its input.
    Polynomial(Polynomial),
}

/// The variable of a rational function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Laplace, `j·2π·f`.
    Radians,
    /// Laplace, `j·f`.
    Hertz,
    /// The z-transform.
    Digital,
}

/// Which coefficients of a filter are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// All.
    None,
    /// The first half of an odd number and the middle one.
    Odd,
    /// The first half of an even number.
    Even,
}

/// One row of a response list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListPoint {
    /// In Hz.
    pub frequency: f64,
    /// Modulus.
    pub amplitude: f64,
    /// In degrees.
    pub phase: f64,
}

/// Rates of a digital stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decimation {
    /// Samples per second that go in.
    pub input_rate: f64,
    /// Of these every `factor`-th comes out.
    pub factor: f64,
    /// Seconds by which the times of the samples were corrected for the filter's delay.
    pub correction: f64,
}
