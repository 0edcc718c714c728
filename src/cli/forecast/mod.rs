//! `temblor forecast`: trains, backtests, calibrates, scores, and forecasts from the end of the data.

mod events;
mod input;
mod outputs;
mod results;
mod reuse;

use std::path::PathBuf;

use input::{InputArgs, Target};
use outputs::{Outputs, Words};

use super::Outcome;
use super::interrupted::resumable;
use crate::data::{Membership, PartEnds};
use crate::error::{Error, Result};
use crate::forecast::{
    BASELINES, Calibrator, EventSettings, KeptTarget, LevelSettings, Record, Refit, check_event,
    forecast_event, forecast_level, keep_event, keep_target,
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
    /// year), seasonal, combination. If absent: lstm, ridge, ar, ses, persistence, climatology
    /// and their combination.
    #[arg(long = "model", short, value_name = "NAME", help_heading = MODELS)]
    models: Vec<String>,
    /// Leave out the baselines that are scored beside the models: persistence, climatology,
    /// seasonal, ses, ar.
    #[arg(long, help_heading = MODELS)]
    no_baselines: bool,
    /// Forecaster that the combination weighs, repeatable; if absent, all models but climatologies
    /// and seasonal, and the baselines too where those are fewer than two.
    #[arg(long = "expert", value_name = "NAME", help_heading = MODELS)]
    experts: Vec<String>,
    /// Horizons in rows, separated by commas.
    #[arg(long, value_name = "ROWS", value_delimiter = ',', default_value = "1,6,12,24")]
    #[arg(help_heading = MODELS)]
    horizon: Vec<usize>,
    /// Rows a network sees.
    #[arg(long, value_name = "ROWS", default_value_t = 60, help_heading = MODELS)]
    lookback: usize,
    /// Networks per ensemble.
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = MODELS)]
    seeds: usize,
    /// The one seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = MODELS)]
    seed: u64,
    /// Epochs at most.
    #[arg(long, value_name = "N", help_heading = MODELS)]
    epochs: Option<usize>,
    /// Order of ar, rows.
    #[arg(long, value_name = "ROWS", default_value_t = 12, help_heading = MODELS)]
    order: usize,
    /// Period of seasonal, rows; a day of the series if absent.
    #[arg(long, value_name = "ROWS", help_heading = MODELS)]
    period: Option<usize>,
    /// End of training; without any date 60 % train, 10 % validate, 10 % calibrate, 20 % test.
    #[arg(long, value_name = "TIME", help_heading = PARTS)]
    train_until: Option<UtcTime>,
    /// End of validation (early stopping and choices); no such part if absent.
    #[arg(long, value_name = "TIME", help_heading = PARTS)]
    validate_until: Option<UtcTime>,
    /// End of calibration (intervals); no such part if absent.
    #[arg(long, value_name = "TIME", help_heading = PARTS)]
    calibrate_until: Option<UtcTime>,
    /// End of the test; the end of the data if absent.
    #[arg(long, value_name = "TIME", help_heading = PARTS)]
    test_until: Option<UtcTime>,
    /// Score every target of the test, also those issued before it began.
    #[arg(long, help_heading = PARTS)]
    targets_only: bool,
    /// Fit anew every so many rows of the test.
    #[arg(long, value_name = "ROWS", help_heading = PARTS)]
    refit_every: Option<usize>,
    /// Refit on as many rows as at first (sliding origins) instead of on all (expanding).
    #[arg(long, requires = "refit_every", help_heading = PARTS)]
    sliding: bool,
    /// Intervals: none, residuals, split, scaled, two-sided, per-level, rolling, adaptive,
    /// enbpi, adaptive-signed, rolling-per-level; chosen by the parts given if absent.
    #[arg(long, value_name = "KIND", help_heading = SCORES)]
    calibration: Option<String>,
    /// Rows in a block of the bootstrap.
    #[arg(long, value_name = "ROWS", default_value_t = 60, help_heading = SCORES)]
    block: usize,
    /// Forecast that others are compared with in pairs; persistence if absent.
    #[arg(long, value_name = "NAME", help_heading = SCORES)]
    reference: Option<String>,
    #[command(flatten)]
    event: events::EventArgs,
    /// Folder for forecasts, scores and figures.
    #[arg(long, short, visible_alias = "run", value_name = "DIR", default_value = "forecast")]
    #[arg(help_heading = OUTPUT)]
    out: PathBuf,
    /// Overwrite an existing run folder.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Go on with an interrupted run: the results are those of a run never stopped.
    #[arg(long, conflicts_with = "force", help_heading = OUTPUT)]
    resume: bool,
    /// Seconds between checkpoints of a network in training.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, help_heading = OUTPUT)]
    checkpoint_seconds: f64,
    /// Where networks run: cpu, cuda (an error where there is none), auto (cuda where there is one).
    #[arg(long, value_enum, default_value = "cpu", help_heading = MODELS)]
    device: DeviceChoice,
    /// One JSON object on stdout instead of a table: paths, parts, the latest forecast, scores.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
}

const MODELS: &str = "Models";
const PARTS: &str = "Training and test";
const SCORES: &str = "Intervals and scores";
const OUTPUT: &str = "Output";

impl Args {
    fn settings(&self, step: i64) -> Result<LevelSettings> {
        let day = (crate::time::DAY / step.max(1)).max(1) as usize;
        Ok(LevelSettings {
            models: match self.models.is_empty() {
                true => LevelSettings::default().models,
                false => self.models.clone(),
            },
            baselines: match self.no_baselines {
                true => Vec::new(),
                false => BASELINES.map(String::from).to_vec(),
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
            reference: self.reference.clone().unwrap_or(LevelSettings::default().reference),
            device: self.device,
            computed_on: Some(device_name(self.device.resolve()?)),
            place: Workplace::default(),
        })
    }
}

impl Args {
    /// A reference that was named must be among the forecasts.
    fn check_reference(&self, settings: &LevelSettings) -> Result<()> {
        let Some(name) = &self.reference else { return Ok(()) };
        let mut all = settings.models.iter().chain(&settings.baselines);
        if all.any(|known| known == name) {
            return Ok(());
        }
        let text = format!("--reference {name}: no such forecast here; add --model {name}");
        Err(Error::usage(text))
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
    args.check_reference(&settings)?;
    let event = args.event.settings(&settings.horizons)?;
    let mut all_read = targets.iter().all(|target| target.all_read);
    let mark = |target: &Target| InputMark::of_series(&target.name, &target.series);
    let inputs: Vec<InputMark> = targets.iter().map(mark).collect();
    let (ready, skipped) = ready(targets, &settings, event.as_ref())?;
    all_read &= !skipped;
    let told = reuse::RunSettings::new(&settings, event.as_ref(), &args.input);
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
    let done = train(ready, &settings, event.as_ref(), &folder).and_then(|(kept, outputs)| {
        reuse::keep(&folder, kept)?;
        let done = outputs.finish(&folder, args.json, all_read)?;
        settings.place.clear().map(|()| done)
    });
    if matches!(&done, Err(Error::Data(_) | Error::Usage(_))) {
        folder.remove_if_barren();
    }
    done
}

/// Forecasts one target after another.
fn train(
    ready: Vec<(Record, Words)>,
    settings: &LevelSettings,
    event: Option<&EventSettings>,
    folder: &RunFolder,
) -> Result<(Vec<KeptTarget>, Outputs)> {
    let mut kept = Vec::new();
    let mut outputs = Outputs::new(ready.len() > 1);
    for (record, words) in ready {
        let series = record.series();
        progress::note(format_args!(
            "{}: {} rows of {} s from {}",
            words.target,
            series.rows(),
            series.step as f64 / crate::time::SECOND as f64,
            series.start
        ));
        let happens = match event {
            Some(event) => {
                let made = forecast_event(&record, &words.target, settings, event);
                Some(made.map_err(resumable)?)
            }
            None => None,
        };
        let result = forecast_level(record, &words.target, settings).map_err(resumable)?;
        let mut target = keep_target(&words.target, &result, folder.path())?;
        if let Some(happens) = &happens {
            target.event = Some(keep_event(&words.target, happens, folder.path())?);
        }
        kept.push(target);
        let happens = happens.as_ref().zip(event);
        outputs.add(&result, settings, &words, happens, folder)?;
    }
    Ok((kept, outputs))
}

/// Everything that can be refused is, before a run folder is made. Where there are several
/// targets, one that cannot be forecast costs only itself; the answer says if one was.
fn ready(
    targets: Vec<Target>,
    settings: &LevelSettings,
    event: Option<&EventSettings>,
) -> Result<(Vec<(Record, Words)>, bool)> {
    let several = targets.len() > 1;
    let (mut ready, mut skipped) = (Vec::new(), None);
    for target in targets {
        let words = Words { target: target.name, quantity: target.quantity };
        let checked = Record::new(target.series, 0).and_then(|record| {
            settings.check(&record)?;
            if let Some(event) = event {
                check_event(&record, &words.target, settings, event)?;
            }
            Ok(record)
        });
        match checked {
            Ok(record) => ready.push((record, words)),
            Err(error @ Error::Data(_)) if several => {
                eprintln!("skipped {}: {error}", words.target);
                skipped = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (ready.is_empty(), skipped) {
        (true, Some(error)) => Err(error),
        (_, skipped) => Ok((ready, skipped.is_some())),
    }
}
