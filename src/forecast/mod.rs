//! Forecasters (baselines and networks alike), backtests and calibration.
//!
//! A [`Record`] is one series prepared once; a [`History`] is what is known of it at one issue
//! time, and all a [`Forecaster`] ever receives. [`Forecasts`] hold the numbers of many issue
//! times. A new baseline is one new file and one line in [`classical`].

mod ar;
mod arima;
mod arma_filter;
mod backtest;
mod blend;
mod calibrate;
mod choose;
mod classical;
mod climatology;
mod climatology_doy;
pub mod conformal;
mod enbpi;
mod event;
mod event_check;
mod event_models;
mod event_network;
mod event_run;
mod event_state;
mod forecasts;
mod gate;
mod history;
mod intervals;
mod level;
mod level_scores;
pub mod linear;
mod logistic;
mod members;
mod network;
mod persistence;
mod platt;
mod recent_mean;
mod ridge;
mod seasonal;
mod ses;
mod simplex;
mod state;
mod trailing;

pub use ar::Ar;
pub use arima::Arima;
pub use backtest::{Backtest, Refit};
pub use blend::Blend;
pub use calibrate::Calibrator;
pub use choose::{BASELINES, BASES, NETWORKS, choose};
pub use classical::{CLASSICAL, classical};
pub use climatology::Climatology;
pub use climatology_doy::ClimatologyDoy;
pub use event::EventSettings;
pub use event_check::check_event;
pub use event_run::{EventForecasts, EventResult, forecast_event, forecast_event_fitted};
pub use event_state::{KeptEvent, keep_event};
pub use forecasts::{Forecast, Forecasts, LEVELS, Outcome};
pub use gate::Gate;
pub use history::{History, Record, Training};
pub use level::{
    COMBINATION, LevelForecasts, LevelResult, LevelSettings, forecast_fitted, forecast_level,
};
pub use level_scores::scored;
pub use network::{Center, Network, NetworkSettings, Scaling};
pub use persistence::Persistence;
pub use platt::Platt;
pub use recent_mean::RecentMean;
pub use ridge::Ridge;
pub use seasonal::Seasonal;
pub use ses::{Ses, SmoothingRate};
pub use state::{KeptTarget, keep_target, restore_target};
pub use trailing::{Norm, TrailingMeans};

use crate::error::{Error, Result};

/// Something that forecasts a series from its past.
///
/// [`Forecaster::issue`] must depend on nothing but the fit and the history it is given; the
/// batched form must give the same bits.
pub trait Forecaster: Send + Sync {
    /// The name in tables.
    fn name(&self) -> String;

    /// Fits to the rows of training; rows behind them may be used only for choices, and only
    /// as far as [`Training::with_validation`] shows them.
    fn fit(&mut self, training: &Training<'_>) -> Result<()>;

    /// All that was fitted, for a file; weights of networks go to files of their own.
    fn state(&self) -> Result<serde_json::Value> {
        Err(Error::usage(format!("{} cannot be kept in a run folder", self.name())))
    }

    /// Becomes the fitted forecaster whose [`Self::state`] this was: it issues the same bits,
    /// once [`Self::load_weights`] was called too.
    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        let _ = state;
        Err(Error::usage(format!("{} cannot be restored from a run folder", self.name())))
    }

    /// Writes the weights of each member as `STEM.MEMBER.safetensors`; nothing without networks.
    fn save_weights(&self, folder: &std::path::Path, stem: &str) -> Result<()> {
        let _ = (folder, stem);
        Ok(())
    }

    /// Reads what [`Self::save_weights`] wrote, after [`Self::restore`].
    fn load_weights(&mut self, folder: &std::path::Path, stem: &str) -> Result<()> {
        let _ = (folder, stem);
        Ok(())
    }

    /// How the training of each member went; nothing without networks or once restored.
    fn reports(&self) -> &[crate::train::Report] {
        &[]
    }

    /// What the numbers mean; a point forecast is the quantile of level .5.
    fn outcome(&self) -> Outcome {
        Outcome::Quantiles(vec![0.5])
    }

    /// The forecast issued at the end of the history, `[H, Q]` row-major; NaN where the history
    /// is too short or nothing was observed yet.
    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>>;

    /// The forecasts of many issue rows (rising), `[N, H, Q]`. Recursive models override it to
    /// walk the record once.
    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        for &issue in issues {
            values.extend(self.issue(&record.at(issue))?);
        }
        Ok(values)
    }

    /// The forecasts of each member of an ensemble alone, for the spread over seeds; nothing for
    /// what is not an ensemble.
    fn issue_members(&self, record: &Record, issues: &[usize]) -> Result<Vec<Vec<f64>>> {
        let _ = (record, issues);
        Ok(Vec::new())
    }
}

fn not_fitted(name: &str) -> Error {
    Error::usage(format!("{name} must be fitted before it forecasts"))
}
