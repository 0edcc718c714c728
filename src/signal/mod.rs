//! Traces become clean traces and activity features.
//!
//! All filters run in f64 as cascades of second-order sections: a single transfer-function
//! polynomial is unstable at the low corners seismology needs.

mod activity;
mod aic;
mod ar_pick;
mod autoregression;
mod baer;
mod blockwise_removal;
mod butterworth;
mod chebyshev;
mod detrend;
mod differentiate;
mod filter_design;
mod fourier_resample;
mod geodesic;
mod integrate;
mod interpolate;
mod noise_density;
mod noise_models;
mod normalise;
mod onset_picker;
mod polyphase;
mod power_density;
mod power_spectra;
mod remove_response;
mod response;
mod response_list;
mod response_stage;
mod rotate;
mod running_sum;
mod sections;
mod sinc_resample;
mod spectrogram_mean;
mod spectrum;
mod spline;
mod sta_lta;
pub mod steps;
mod taper;
mod trace_checks;
mod trigger;
mod whiten;
mod window_features;

pub use activity::{Activity, ActivityRows, ActivitySettings, Align, Feature, SpectralShape};
pub(crate) use activity::{bits, cut, finite_stretches};
pub use aic::{aic, aic_onset};
pub use ar_pick::{ArOnsets, ArPhase, ArPicker};
pub use baer::{BaerPick, BaerPicker};
pub use blockwise_removal::{BlockwiseRemoval, activity_pre_filter};
pub use butterworth::{Band, butterworth};
pub use chebyshev::{anti_alias_low_pass, chebyshev1_low_pass, chebyshev2_low_pass};
pub use detrend::{demean, detrend_linear, detrend_polynomial, detrend_simple};
pub use differentiate::{Gradient, gradient};
pub use fourier_resample::{resample_fourier, resample_fourier_to};
pub use geodesic::{Geodesic, geodesic};
pub use integrate::TrapezoidIntegrator;
pub use interpolate::{Interpolation, Interpolator, interpolate};
pub use noise_density::{NoiseDensity, NoiseHours};
pub use noise_models::peterson;
pub use normalise::{Norm, Statistics, StatisticsFit, normalise};
pub use onset_picker::{Onset, OnsetPicker};
pub use polyphase::{PolyphaseResampler, resample_polyphase};
pub use power_density::{PowerDensity, SectionTaper};
pub use power_spectra::{Segments, TimeFrequency, spectrogram, stft_zero_padded, welch};
pub use remove_response::{
    RemovalSettings, ResponseRemoval, cosine_taper, remove_response, remove_sensitivity,
    transform_length,
};
pub use response::{GroundMotion, TransferFunction};
pub use rotate::{Matrix, inverse, lqt_matrix, rotate, rotate_ne_rt, rotate_rt_ne, zne_matrix};
pub use sections::{
    Section, SosFilter, filter_forward_backward_zero_state, gain_at, sosfilt, sosfilt_zi,
    sosfiltfilt,
};
pub use sinc_resample::SincResampler;
pub use spectrogram_mean::{MeanSpectrogram, SpectrogramMean, SpectrogramSettings};
pub use spectrum::{Periodogram, stft};
pub use spline::integrate_spline;
pub use sta_lta::{
    CarlLevels, ClassicStaLta, carl_sta_trig, classic_sta_lta, delayed_sta_lta, z_detect,
};
pub use taper::{TaperShape, TaperSide, taper, tukey};
pub use trace_checks::{CheckSettings, TraceChecker, TraceChecks};
pub use trigger::{RecursiveStaLta, Trigger, recursive_sta_lta, trigger_onset};
pub use whiten::{Whitening, correlate, envelope, whiten};
pub use window_features::{EVENT_BAND, WINDOW_FEATURES, prepare_window, window_features};
