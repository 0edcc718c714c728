//! The columns: what there is, what it is called, what it needs.

use serde::{Deserialize, Serialize};

use super::spectral::SSAM_NAMES;
use crate::error::{Error, Result};

/// A frequency band of the activity features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ActivityBand {
    /// 2–5 Hz.
    Rsam = 0,
    /// 4.5–8 Hz.
    Medium = 1,
    /// 8–16 Hz.
    High = 2,
}

impl ActivityBand {
    pub(super) const ALL: [Self; 3] = [Self::Rsam, Self::Medium, Self::High];

    /// Edges in Hz.
    pub(super) fn edges(self) -> (f64, f64) {
        match self {
            Self::Rsam => (2.0, 5.0),
            Self::Medium => (4.5, 8.0),
            Self::High => (8.0, 16.0),
        }
    }
}

/// One activity feature of a window.
///
/// `b` is the band-passed trace, `w` the unfiltered one less its mean in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Feature {
    /// Mean of |b|, 2–5 Hz: real-time seismic amplitude (Endo & Murray 1991, Bull. Volcanol. 53).
    Rsam,
    /// Median of |b|, 2–5 Hz: robust against single earthquakes.
    RsamMedian,
    /// Mean of |b|, 4.5–8 Hz.
    Mf,
    /// Median of |b|, 4.5–8 Hz.
    MfMedian,
    /// Mean of |b|, 8–16 Hz.
    Hf,
    /// Median of |b|, 8–16 Hz.
    HfMedian,
    /// Displacement seismic amplitude ratio: mean |∫b| of 4.5–8 Hz over that of 8–16 Hz
    /// (Caudron et al. 2019, Geology 47; Dempsey et al. 2020, Nat. Commun. 11, 3562).
    Dsar,
    /// The same with medians.
    DsarMedian,
    /// Root mean square of w.
    Rms,
    /// Root median square of b, 2–5 Hz.
    Rmes,
    /// Root mean square of b, 2–5 Hz.
    RmsRsamBand,
    /// Largest |w|.
    Peak,
    /// Largest |b|, 2–5 Hz.
    PeakRsamBand,
    /// Fourth moment over squared second moment of b, 2–5 Hz; 3 for Gaussian noise.
    KurtosisRsamBand,
    /// Onsets of a recursive STA/LTA (1 s / 30 s, on 3.5, off 1) of the 2–5 Hz trace.
    Triggers,
    /// Mean frequency of the Hann periodogram of w between 0.5 and 18 Hz.
    Centroid,
    /// Standard deviation about it.
    Bandwidth,
    /// Frequency of its largest power.
    PeakFrequency,
    /// Its entropy, 0 to 1.
    SpectralEntropy,
    /// Entropy in bits of the amplitudes of w in 100 classes.
    ShannonEntropy,
    /// Mean spectral amplitude of w in band `0` to `13` between 0.5 and 18 Hz
    /// (SSAM: Rogers & Stephens 1995).
    Ssam(u8),
}

impl Feature {
    /// The features that need no spectrum, in the order of the columns.
    pub const AMPLITUDES: [Self; 15] = [
        Self::Rsam,
        Self::RsamMedian,
        Self::Mf,
        Self::MfMedian,
        Self::Hf,
        Self::HfMedian,
        Self::Dsar,
        Self::DsarMedian,
        Self::Rms,
        Self::Rmes,
        Self::RmsRsamBand,
        Self::Peak,
        Self::PeakRsamBand,
        Self::KurtosisRsamBand,
        Self::Triggers,
    ];

    /// The features of a complete window's spectrum and histogram; missing where the window is
    /// not complete.
    pub const SHAPES: [Self; 5] = [
        Self::Centroid,
        Self::Bandwidth,
        Self::PeakFrequency,
        Self::SpectralEntropy,
        Self::ShannonEntropy,
    ];

    /// All of them, in the order of the columns.
    pub fn all() -> Vec<Self> {
        let ssam = (0..SSAM_NAMES.len()).map(|band| Self::Ssam(band as u8));
        Self::AMPLITUDES.into_iter().chain(Self::SHAPES).chain(ssam).collect()
    }

    /// Name of the column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsam => "rsam",
            Self::RsamMedian => "rsam_median",
            Self::Mf => "mf",
            Self::MfMedian => "mf_median",
            Self::Hf => "hf",
            Self::HfMedian => "hf_median",
            Self::Dsar => "dsar",
            Self::DsarMedian => "dsar_median",
            Self::Rms => "rms",
            Self::Rmes => "rmes",
            Self::RmsRsamBand => "rms_2_5",
            Self::Peak => "peak",
            Self::PeakRsamBand => "peak_2_5",
            Self::KurtosisRsamBand => "kurtosis_2_5",
            Self::Triggers => "triggers",
            Self::Centroid => "centroid",
            Self::Bandwidth => "bandwidth",
            Self::PeakFrequency => "peak_freq",
            Self::SpectralEntropy => "spectral_entropy",
            Self::ShannonEntropy => "shannon_entropy",
            Self::Ssam(band) => SSAM_NAMES.get(usize::from(band)).copied().unwrap_or("ssam"),
        }
    }

    /// Unit of the column; `None` for ratios and numbers of events.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Dsar | Self::DsarMedian | Self::KurtosisRsamBand | Self::Triggers => None,
            Self::SpectralEntropy => None,
            Self::ShannonEntropy => Some("bit"),
            Self::Centroid | Self::Bandwidth | Self::PeakFrequency => Some("Hz"),
            _ => Some("counts"),
        }
    }

    /// The feature called `name`.
    ///
    /// # Errors
    /// `Usage`, with the names there are.
    pub fn named(name: &str) -> Result<Self> {
        Self::all().into_iter().find(|f| f.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().iter().map(|f| f.name()).collect();
            Error::usage(format!("no feature '{name}'; there are: {}", names.join(", ")))
        })
    }

    /// The bands it is computed from; none: the unfiltered trace.
    pub(super) fn bands(self) -> &'static [ActivityBand] {
        match self {
            Self::Mf | Self::MfMedian => &[ActivityBand::Medium],
            Self::Hf | Self::HfMedian => &[ActivityBand::High],
            Self::Dsar | Self::DsarMedian => &[ActivityBand::Medium, ActivityBand::High],
            Self::Rsam
            | Self::RsamMedian
            | Self::Rmes
            | Self::RmsRsamBand
            | Self::PeakRsamBand
            | Self::KurtosisRsamBand
            | Self::Triggers => &[ActivityBand::Rsam],
            _ => &[],
        }
    }

    /// Whether it is taken from the spectrum.
    pub(super) fn needs_spectrum(self) -> bool {
        let entropy_of_amplitudes = self == Self::ShannonEntropy;
        matches!(self, Self::Ssam(_)) || (Self::SHAPES.contains(&self) && !entropy_of_amplitudes)
    }

    /// Whether it needs the unfiltered samples of the window.
    pub(super) fn needs_unfiltered(self) -> bool {
        self.bands().is_empty()
    }

    /// Whether it needs displacement.
    pub(super) fn needs_displacement(self) -> bool {
        matches!(self, Self::Dsar | Self::DsarMedian)
    }
}
