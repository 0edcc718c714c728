//! What a run folder keeps, and `temblor forecast RUN INPUT`: its models on new data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::input::{AggregateChoice, DuplicatesChoice, InputArgs};
use super::outputs::{Outputs, Words};
use super::{Args, Outcome};
use crate::cli::table_reading::TableReading;
use crate::cli::waveform_reading::WaveformReading;
use crate::error::{Error, Result};
use crate::forecast::{
    EventSettings, Forecasts, KeptTarget, LevelResult, LevelSettings, forecast_event_fitted,
    forecast_fitted, restore_target,
};
use crate::model::device_name;
use crate::signal::steps::Pipeline;
use crate::time::UtcTime;
use crate::train::RunFolder;
use crate::train::run_folder::{DESCRIPTION, SETTINGS};

/// Version of `model.json`.
const VERSION: u32 = 1;

/// Everything the command was told, as `run.toml` keeps it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    input: InputSettings,
    forecast: LevelSettings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<EventSettings>,
}

/// How the input becomes series.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputSettings {
    paths: Vec<PathBuf>,
    channels: Vec<String>,
    window: f64,
    align_start: bool,
    feature: String,
    #[serde(default)]
    value: Vec<String>,
    #[serde(default)]
    each: bool,
    covariates: Vec<String>,
    index: Option<String>,
    group: Option<String>,
    step: Option<f64>,
    #[serde(default)]
    duplicates: DuplicatesChoice,
    #[serde(default)]
    aggregate: AggregateChoice,
    log10: bool,
    from: Option<UtcTime>,
    to: Option<UtcTime>,
    #[serde(default)]
    table: TableReading,
    #[serde(default)]
    waveforms: WaveformReading,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<Pipeline>,
}

/// The file `model.json`.
#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    targets: Vec<KeptTarget>,
}

impl RunSettings {
    /// The settings of a run from these arguments.
    pub fn new(forecast: &LevelSettings, event: Option<&EventSettings>, args: &InputArgs) -> Self {
        let input = InputSettings {
            paths: args.input.clone(),
            channels: args.channels.iter().map(ToString::to_string).collect(),
            window: args.window,
            align_start: args.align_start,
            feature: args.feature.clone(),
            value: args.value.clone(),
            each: args.each,
            covariates: args.covariates.clone(),
            index: args.index.clone(),
            group: args.group.clone(),
            step: args.step,
            duplicates: args.duplicates,
            aggregate: args.aggregate,
            log10: args.log10,
            from: args.from,
            to: args.to,
            table: args.reading.clone(),
            waveforms: args.waveforms.clone(),
            steps: args.steps.clone(),
        };
        Self { input, forecast: forecast.clone(), event: event.cloned() }
    }
}

impl InputSettings {
    /// The run's way of reading for other paths. An end is not taken over: data after it are
    /// what a run is used for.
    fn arguments(&self, given: &InputArgs) -> Result<InputArgs> {
        let differs = |flag: &str, given: &str, own: &str| {
            Err(Error::usage(format!("--{flag} {given}: the run was trained with {own}")))
        };
        if !given.value.is_empty() && given.value != self.value {
            let own = match self.value.is_empty() {
                true if self.each => "each column".to_string(),
                true => "the only column".to_string(),
                false => self.value.join(", "),
            };
            return differs("value", &given.value.join(", "), &own);
        }
        if !given.covariates.is_empty() && given.covariates != self.covariates {
            return differs("with", &given.covariates.join(", "), &self.covariates.join(", "));
        }
        if given.feature != "rsam" && given.feature != self.feature {
            return differs("feature", &given.feature, &self.feature);
        }
        if given.steps.is_some() && given.steps != self.steps {
            let text =
                "--steps: the run was trained with other steps; without the flag it takes them";
            return Err(Error::usage(text));
        }
        if let Some(step) = given.step
            && Some(step) != self.step
        {
            let own = self.step.map_or("the median step".into(), |own| own.to_string());
            return differs("step", &step.to_string(), &own);
        }
        let channels = match given.channels.is_empty() {
            true => self.channels.iter().map(|text| text.parse()).collect::<Result<_>>()?,
            false => given.channels.clone(),
        };
        Ok(InputArgs {
            input: given.input[1..].to_vec(),
            channels,
            window: self.window,
            align_start: self.align_start,
            feature: self.feature.clone(),
            value: self.value.clone(),
            each: self.each,
            covariates: self.covariates.clone(),
            index: self.index.clone(),
            group: self.group.clone(),
            step: self.step,
            duplicates: self.duplicates,
            aggregate: self.aggregate,
            log10: self.log10,
            from: given.from.or(self.from),
            to: given.to,
            // New data may be written in another way.
            reading: match given.reading == TableReading::default() {
                true => self.table.clone(),
                false => given.reading.clone(),
            },
            waveforms: match given.waveforms == WaveformReading::default() {
                true => self.waveforms.clone(),
                false => given.waveforms.clone(),
            },
            steps: self.steps.clone(),
        })
    }
}

/// The first path if it is a run folder.
pub fn run_folder(paths: &[PathBuf]) -> Option<PathBuf> {
    paths.first().filter(|path| path.join(SETTINGS).is_file()).cloned()
}

/// Writes `model.json`.
pub fn keep(folder: &RunFolder, targets: Vec<KeptTarget>) -> Result<()> {
    folder.write_json(DESCRIPTION, &Description { version: VERSION, targets })
}

/// Forecasts the input with the models of the run in `path`.
pub fn run(args: Args, path: &Path) -> Result<Outcome> {
    let run = RunFolder::open(path)?;
    if args.input.input.len() < 2 {
        let text = "give the data to forecast after the run folder";
        return Err(Error::usage(format!("{}: {text}", path.display())));
    }
    if args.resume {
        return Err(Error::usage("--resume: with a run folder as input nothing is trained"));
    }
    if !args.models.is_empty() {
        return Err(Error::usage("--model: the run folder decides which models forecast"));
    }
    let same = |a: &Path| a.canonicalize().ok();
    if args.out.exists() && same(&args.out) == same(path) {
        let text = "is the run itself; name another folder with --out";
        return Err(Error::usage(format!("{}: {text}", args.out.display())));
    }
    RunFolder::check_free(&args.out, args.force)?;
    let mut settings: RunSettings = run.read_settings()?;
    let kept: Description = match run.file(DESCRIPTION).is_file() {
        true => run.read_json(DESCRIPTION)?,
        false => {
            let text = format!("holds no {DESCRIPTION}: its training was not finished");
            return Err(Error::usage(format!("{}: {text}", path.display())));
        }
    };
    if kept.version != VERSION {
        let found = kept.version;
        let text = format!("version {found}, this program reads version {VERSION}");
        return Err(Error::input(run.file(DESCRIPTION), text));
    }
    let input = settings.input.arguments(&args.input)?;
    let targets = input.read()?;
    let all_read = targets.iter().all(|target| target.all_read);
    let find = |name: &str| {
        kept.targets.iter().find(|kept| kept.name == name).ok_or_else(|| {
            let there: Vec<&str> = kept.targets.iter().map(|kept| kept.name.as_str()).collect();
            let there = there.join(", ");
            Error::usage(format!("the input holds {name}; the run was trained on {there}"))
        })
    };
    let event = args.event.settings_again(settings.event.take())?;
    if args.no_baselines {
        settings.forecast.baselines.clear();
    }
    let mut ready = Vec::new();
    for target in targets {
        let kept = find(&target.name)?;
        let continued = kept.continued(&target.series)?;
        ready.push((target, kept, continued));
    }
    let level = &mut settings.forecast;
    level.device = args.device;
    level.place.device = args.device.resolve()?;
    level.computed_on = Some(device_name(level.place.device));
    let folder = RunFolder::create(&args.out, args.force)?;
    settings.input.paths = input.input;
    settings.event = event.as_ref().map(|(event, _)| event.clone());
    folder.write_settings(&settings)?;
    let mut outputs = Outputs::new(ready.len() > 1);
    for (target, kept, (record, test, first)) in ready {
        let level = &settings.forecast;
        let happens = match (&event, &kept.event) {
            (Some((event, newly_listed)), Some(kept)) => {
                let place = (target.name.as_str(), &test, first);
                let event = (event, *newly_listed);
                Some(forecast_event_fitted(&record, place, level, event, kept, run.path())?)
            }
            _ => None,
        };
        let fitted = restore_target(kept, level, run.path())?;
        let mut result = forecast_fitted(record, &kept.parts, test, &target.name, level, fitted)?;
        keep_from(&mut result, first);
        let words = Words { target: target.name, quantity: target.quantity };
        let happens = happens.as_ref().zip(event.as_ref().map(|(event, _)| event));
        outputs.add(&result, level, &words, happens, &folder)?;
    }
    outputs.finish(&folder, args.json, all_read)
}

/// Leaves the forecasts issued at row `first` or later.
fn keep_from(result: &mut LevelResult, first: usize) {
    let cut = |forecasts: &mut Forecasts| {
        let before = forecasts.issues.iter().take_while(|&&issue| issue < first).count();
        let size = forecasts.horizons.len() * forecasts.outcome.width();
        forecasts.issues.drain(..before);
        forecasts.values.drain(..before * size);
    };
    for model in &mut result.models {
        cut(&mut model.raw);
        cut(&mut model.calibrated);
    }
}
