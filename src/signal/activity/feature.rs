//! The columns: what there is, what it is called, what it needs.

use crate::error::{Error, Result};

/// A frequency band of the activity features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl Feature {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 15] = [
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
        }
    }

    /// Unit of the column; `None` for ratios and numbers of events.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Dsar | Self::DsarMedian | Self::KurtosisRsamBand | Self::Triggers => None,
            _ => Some("counts"),
        }
    }

    /// The feature called `name`.
    ///
    /// # Errors
    /// `Usage`, with the names there are.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|f| f.name()).collect();
            Error::usage(format!("no feature '{name}'; there are: {}", names.join(", ")))
        })
    }

    /// The bands it is computed from; none: the unfiltered trace.
    pub(super) fn bands(self) -> &'static [ActivityBand] {
        match self {
            Self::Mf | Self::MfMedian => &[ActivityBand::Medium],
            Self::Hf | Self::HfMedian => &[ActivityBand::High],
            Self::Dsar | Self::DsarMedian => &[ActivityBand::Medium, ActivityBand::High],
            Self::Rms | Self::Peak => &[],
            _ => &[ActivityBand::Rsam],
        }
    }

    /// Whether it needs displacement.
    pub(super) fn needs_displacement(self) -> bool {
        matches!(self, Self::Dsar | Self::DsarMedian)
    }
}
