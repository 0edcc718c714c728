//! temblor: sequence modelling for seismology and geology.
//!
//! Data flows one way, and so do the `use` lines (`tests/architecture.rs` holds it):
//!
//! ```text
//! read → signal → data → model → train → score → forecast, detect → plot → cli
//! ```
//!
//! | room | what it does |
//! |---|---|
//! | [`read`] | bytes become traces, tables, images |
//! | [`signal`] | traces become clean traces and activity features |
//! | [`data`] | series, waveforms and images become windows, splits and batches |
//! | [`model`] | networks, heads and losses |
//! | [`train`] | one training loop for all of them |
//! | [`score`] | metrics with their uncertainty |
//! | [`forecast`] | forecasters, backtests, calibration |
//! | [`detect`] | classes of windows and of continuous data |
//! | [`plot`] | finished results become PNG and SVG |
//! | [`synth`] | makes archives and images for demo and tests |
//! | [`cli`] | one file a command |
//!
//! Letters in shapes: `N` batch, `T` time, `C` channel or class, `F` feature, `H` horizon
//! (or image height), `W` image width, `Q` quantile level.

#![deny(unsafe_code)]

pub mod error;
pub mod output;
pub mod progress;
pub mod time;

pub mod read;

pub mod signal;

pub mod data;

pub mod model;

pub mod train;

pub mod score;

pub mod forecast;

pub mod detect;

pub mod plot;

pub mod synth;

pub mod cli;

pub use error::{Error, Result};
