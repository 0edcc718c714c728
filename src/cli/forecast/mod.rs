//! `temblor forecast`: trains, backtests, calibrates, scores, and forecasts from the end of the data.

mod events;
mod input;
mod results;
mod reuse;

use std::path::PathBuf;

use input::{InputArgs, Target};

use super::Outcome;
use super::history::draw_networks;
use super::interrupted::resumable;
use crate::data::{Membership, PartEnds};
use crate::error::{Error, Result};
use crate::forecast::{
    Calibrator, LevelSettings, Record, Refit, forecast_event, forecast_level, keep_target,
};
use crate::model::{DeviceChoice, device_name};
use crate::progress;
use crate::time::UtcTime;
use crate::train::{InputMark, RunFolder, Workplace, begin};

/// Forecast seismic activity or any series: quantiles with their scores beside trivial baselines.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// Forecaster, repeatable: lstm, gru, rnn, cnn1d, mlp, linear, nlinear, dlinear
    /// (NETWORK@smooth|lad|arima|last says what it starts from), ridge, lad, ar, arima, ses,
    /// ses-per-horizon, smooth, mean, persistence, climatology, climatology_doy (by day of the
    /// year), seasonal, combination.
    #[arg(long = "model", short, value_name = "NAME")]
    models: Vec<String>,
    /// Forecaster that the combination weighs, repeatable; all but climatologies and seasonal if
    /// absent.
    #[arg(long = "expert", value_name = "NAME")]
    experts: Vec<String>,
    /// Horizons in rows, separated by commas.
    #[arg(long, value_name = "ROWS", value_delimiter = ',', default_value = "1,6,12,24")]
    horizon: Vec<usize>,
    /// Rows a network sees.
    #[arg(long, value_name = "ROWS", default_value_t = 60)]
    lookback: usize,
    /// End of training; without any date 60 % train, 10 % validate, 10 % calibrate, 20 % test.
    #[arg(long, value_name = "TIME")]
    train_until: Option<UtcTime>,
    /// End of validation (early stopping and choices); no such part if absent.
    #[arg(long, value_name = "TIME")]
    validate_until: Option<UtcTime>,
    /// End of calibration (intervals); no such part if absent.
    #[arg(long, value_name = "TIME")]
    calibrate_until: Option<UtcTime>,
    /// End of the test; the end of the data if absent.
    #[arg(long, value_name = "TIME")]
    test_until: Option<UtcTime>,
    /// Score every target of the test, also those issued before it began.
    #[arg(long)]
    targets_only: bool,
    /// Fit anew every so many rows of the test.
    #[arg(long, value_name = "ROWS")]
    refit_every: Option<usize>,
    /// Refit on as many rows as at first (sliding origins) instead of on all (expanding).
    #[arg(long, requires = "refit_every")]
    sliding: bool,
    /// Intervals: none, residuals, split, scaled, two-sided, per-level, rolling, adaptive,
    /// enbpi, adaptive-signed, rolling-per-level; chosen by the parts given if absent.
    #[arg(long, value_name = "KIND")]
    calibration: Option<String>,
    /// Networks per ensemble.
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: usize,
    /// The one seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Epochs at most.
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Order of ar, rows.
    #[arg(long, value_name = "ROWS", default_value_t = 12)]
    order: usize,
    /// Period of seasonal, rows; a day of the series if absent.
    #[arg(long, value_name = "ROWS")]
    period: Option<usize>,
    /// Rows in a block of the bootstrap.
    #[arg(long, value_name = "ROWS", default_value_t = 60)]
    block: usize,
    /// Forecast that others are compared with in pairs.
    #[arg(long, value_name = "NAME", default_value = "persistence")]
    reference: String,
    #[command(flatten)]
    event: events::EventArgs,
    /// Folder for forecasts, scores and figures.
    #[arg(long, short, value_name = "DIR", default_value = "forecast")]
    out: PathBuf,
    /// Overwrite an existing run folder.
    #[arg(long)]
    force: bool,
    /// Go on with an interrupted run: the results are those of a run never stopped.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Seconds between checkpoints of a network in training.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    checkpoint_seconds: f64,
    /// Where networks run: cpu, cuda (an error where there is none), auto (cuda where there is one).
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceChoice,
    /// Scores as JSON lines on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn settings(&self, step: i64) -> Result<LevelSettings> {
        let defaults = LevelSettings::default();
        let day = (crate::time::DAY / step.max(1)).max(1) as usize;
        Ok(LevelSettings {
            models: match self.models.is_empty() {
                true => defaults.models,
                false => self.models.clone(),
            },
            experts: self.experts.clone(),
            horizons: self.horizon.clone(),
            lookback: self.lookback,
            parts: PartEnds {
                train: self.train_until,
                validate: self.validate_until,
                calibrate: self.calibrate_until,
                test: self.test_until,
            },
            membership: match self.targets_only {
                true => Membership::Target,
                false => Membership::IssueAndTarget,
            },
            refit: match (self.refit_every, self.sliding) {
                (None, _) => Refit::Never,
                (Some(every), false) => Refit::Expanding { every },
                (Some(every), true) => Refit::Sliding { every },
            },
            calibration: self.calibration.as_deref().map(Calibrator::named).transpose()?,
            seeds: self.seeds,
            seed: self.seed,
            epochs: self.epochs,
            order: self.order,
            period: self.period.unwrap_or(if day > 1 { day } else { 365 }),
            block: self.block,
            reference: self.reference.clone(),
            device: self.device,
            computed_on: Some(device_name(self.device.resolve()?)),
            place: Workplace::default(),
        })
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    if let Some(folder) = reuse::run_folder(&args.input.input) {
        return reuse::run(args, &folder);
    }
    let device = args.device.resolve()?;
    if !args.resume {
        RunFolder::check_free(&args.out, args.force)?;
    }
    let targets = args.input.read()?;
    let first = targets.first().ok_or_else(|| Error::data("the input holds no series"))?;
    let mut settings = args.settings(first.series.step)?;
    let event = args.event.settings(&settings.horizons)?;
    let mark = |target: &Target| InputMark::of_series(&target.name, &target.series);
    let inputs: Vec<InputMark> = targets.iter().map(mark).collect();
    let told = reuse::RunSettings::new(&settings, &args.input);
    let folder = begin(&args.out, (args.resume, args.force), &told, &inputs)?;
    if folder.is_finished() {
        Workplace::of(&folder, device).clear()?;
        progress::note(format_args!("{}: finished already", args.out.display()));
        return Ok(Outcome::Done);
    }
    settings.place = Workplace {
        checkpoint_seconds: Some(args.checkpoint_seconds),
        ..Workplace::of(&folder, device)
    };
    if let Some(event) = &event {
        folder.write_json("event.json", event)?;
    }
    let mut kept = Vec::new();
    let all_read = targets.iter().all(|target| target.all_read);
    let several = targets.len() > 1;
    let mut scores = crate::score::ScoreTable::default();
    let mut forecasts = Vec::new();
    let mut probabilities = Vec::new();
    for target in targets {
        progress::note(format_args!(
            "{}: {} rows of {} s from {}",
            target.name,
            target.series.rows(),
            target.series.step as f64 / crate::time::SECOND as f64,
            target.series.start
        ));
        let record = Record::new(target.series, 0)?;
        let happens = match &event {
            Some(event) => {
                Some(forecast_event(&record, &target.name, &settings, event).map_err(resumable)?)
            }
            None => None,
        };
        let result = forecast_level(record, &target.name, &settings).map_err(resumable)?;
        let label =
            if several { format!("{}_", results::file_name(&target.name)) } else { String::new() };
        let shown = happens.as_ref().zip(event.as_ref());
        let words = (target.name.as_str(), target.quantity.as_str());
        results::draw(&result, &settings, words, shown, &folder, &label)?;
        draw_networks(&result, &target.name, folder.path(), &label)?;
        kept.push(keep_target(&target.name, &result, folder.path())?);
        forecasts.push((target.name.clone(), results::table(&result)));
        scores.rows.extend(result.scores.rows);
        if let Some(happens) = happens {
            events::draw(&happens, &folder, &label)?;
            probabilities.push((target.name, events::table(&happens, result.record.series())));
            scores.rows.extend(happens.scores.rows);
        }
    }
    if !probabilities.is_empty() {
        results::write_table(&folder, "events", &probabilities)?;
    }
    reuse::keep(&folder, kept)?;
    results::write(&folder, &forecasts, &scores)?;
    settings.place.clear()?;
    if args.json {
        results::print_json(&scores)?;
    } else {
        println!("{}", results::brief(&scores));
    }
    progress::note(format_args!("forecasts, scores and figures are in {}", args.out.display()));
    Ok(if all_read { Outcome::Done } else { Outcome::SomeInputsFailed })
}
