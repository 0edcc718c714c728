//! Forecasters by the names of the command line, with the recipes of the networks.

use super::{
    Blend, Center, Forecaster, LEVELS, LevelSettings, Network, NetworkSettings, classical,
};
use crate::data::level_features::SpreadScale;
use crate::error::{Error, Result};
use crate::model::layers::Readout;
use crate::model::{Cnn1d, Dlinear, Mlp, ModelSpec, Nlinear, RecurrentSettings};
use crate::train::{OptimizerKind, Schedule, TrainSettings};

/// Networks that can forecast a series.
pub const NETWORKS: [&str; 8] =
    ["lstm", "gru", "rnn", "cnn1d", "mlp", "linear", "nlinear", "dlinear"];

/// Baselines that stand beside every level forecast: one pass over the record each, so that
/// they cost next to nothing beside a network.
pub const BASELINES: [&str; 5] = ["persistence", "climatology", "seasonal", "ses", "ar"];

/// What a network can start from.
pub const BASES: [&str; 4] = ["smooth", "lad", "arima", "last"];

/// An unfitted forecaster. `NETWORK@BASE` says what a network starts from (`smooth` if not said,
/// `lad` for `mlp`).
pub fn choose(name: &str, settings: &LevelSettings) -> Result<Box<dyn Forecaster>> {
    let (kind, base) = match name.split_once('@') {
        Some((kind, base)) => (kind, Some(base)),
        None => (name, None),
    };
    if !NETWORKS.contains(&kind) {
        return classical(name, settings.order, settings.period).map_err(|error| match error {
            Error::Usage(message) => Error::usage(format!(
                "{message}; networks: {}, alone or as NETWORK@BASE with a base of {}",
                NETWORKS.join(", "),
                BASES.join(", ")
            )),
            other => other,
        });
    }
    let base = base.unwrap_or(if kind == "mlp" { "lad" } else { "smooth" });
    let network = network(kind, base, settings)?;
    Ok(Box::new(Network::new(network, starting_point(base, settings)?)))
}

/// A network with its recipe.
pub(super) fn network(kind: &str, base: &str, settings: &LevelSettings) -> Result<NetworkSettings> {
    Ok(NetworkSettings {
        model: spec(kind, base)?,
        training: training(base, settings),
        lookback: settings.lookback,
        levels: LEVELS.to_vec(),
        center: if base == "arima" { Center::Base } else { Center::Smoothed },
        spreads: if base == "arima" { SpreadScale::Logarithm } else { SpreadScale::Plain },
        seeds: settings.seeds,
        place: settings.place.clone(),
    })
}

fn starting_point(base: &str, settings: &LevelSettings) -> Result<Box<dyn Forecaster>> {
    let named = |name: &str| classical(name, settings.order, settings.period);
    match base {
        "last" => named("persistence"),
        "smooth" | "arima" => named(base),
        "lad" => Ok(Box::new(Blend::new(vec![named("lad")?, named("trailing-ridge")?]))),
        other => Err(Error::usage(format!(
            "no base '{other}' for a network; there are: {}",
            BASES.join(", ")
        ))),
    }
}

/// Small networks with a zero start: they begin as their base.
fn spec(kind: &str, base: &str) -> Result<ModelSpec> {
    let (hidden, head_hidden) = if base == "arima" { (32, 0) } else { (24, 32) };
    let recurrent = RecurrentSettings {
        hidden,
        head_hidden,
        dropout: 0.2,
        zero_output: true,
        ..RecurrentSettings::default()
    };
    Ok(match kind {
        "lstm" => ModelSpec::Lstm(recurrent),
        "gru" => ModelSpec::Gru(recurrent),
        "rnn" => ModelSpec::Rnn(recurrent),
        "cnn1d" => ModelSpec::Cnn1d(Cnn1d {
            width: 16,
            readout: Readout::LastMeanMax,
            head_hidden: 32,
            dropout: 0.2,
            zero_output: true,
            ..Cnn1d::default()
        }),
        "mlp" => ModelSpec::Mlp(Mlp {
            hidden: vec![32],
            dropout: if base == "arima" { 0.2 } else { 0.1 },
            use_values: false,
            zero_output: true,
            ..Mlp::default()
        }),
        "linear" => ModelSpec::Mlp(Mlp {
            hidden: Vec::new(),
            use_values: true,
            zero_output: true,
            ..Mlp::default()
        }),
        "nlinear" => ModelSpec::Nlinear(Nlinear::default()),
        "dlinear" => ModelSpec::Dlinear(Dlinear::default()),
        other => return Err(Error::usage(format!("no network '{other}' for series"))),
    })
}

/// On a smoothed level training stops early, which survives a change of regime; on a fitted
/// linear base it runs a fixed course with averaged weights, which stopping early would cut short.
fn training(base: &str, settings: &LevelSettings) -> TrainSettings {
    let common = TrainSettings {
        seed: settings.seed,
        batch_size: 64,
        learning_rate: 2e-3,
        clip_norm: Some(1.0),
        optimizer: OptimizerKind::Adamw(Default::default()),
        ..TrainSettings::default()
    };
    match base {
        "lad" => TrainSettings {
            epochs: settings.epochs.unwrap_or(25),
            weight_decay: 0.01,
            schedule: Schedule::Cosine { minimum: 0.0 },
            weight_average: Some(0.99),
            restore_best: false,
            ..common
        },
        "arima" => TrainSettings {
            epochs: settings.epochs.unwrap_or(60),
            learning_rate: 1e-3,
            weight_decay: 0.01,
            patience: Some(8),
            ..common
        },
        _ => TrainSettings {
            epochs: settings.epochs.unwrap_or(60),
            weight_decay: 0.05,
            patience: Some(10),
            ..common
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{record, wandering};
    use super::super::{Forecasts, Training};
    use super::*;

    #[test]
    fn l14_dlinear_of_a_cut_record_gives_the_same_bits() {
        let whole = wandering(420, &[(350, 355)]);
        let settings =
            LevelSettings { lookback: 30, seeds: 1, epochs: Some(2), ..LevelSettings::default() };
        let mut dlinear = choose("dlinear", &settings).unwrap();
        dlinear.fit(&Training::new(&whole, 0..300, 300..340, &[1, 6], 30).unwrap()).unwrap();
        let issues: Vec<usize> = (345..405).step_by(7).collect();
        let all = Forecasts::issue(&*dlinear, &whole, &issues, &[1, 6]).unwrap();
        for (n, &issue) in issues.iter().enumerate() {
            let cut = record(whole.observed()[..=issue].to_vec());
            let alone = dlinear.issue(&cut.at(issue)).unwrap();
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&alone), bits(&all.forecast(&whole, n).values), "at {issue}");
            assert!(alone.iter().all(|value| value.is_finite()));
        }
    }
}
