//! `temblor train`: trains and judges classifiers from a settings file.

use std::path::{Path, PathBuf};

use tch::Device;

use super::class_figures::{self, ImageSheet};
use super::interrupted::resumable;
use super::{Outcome, history, train_picker};
use crate::detect::{
    ClassExamples, ClassKind, ClassRun, ClassSettings, Split, Study, WindowInput,
    fingerprint_of_all, read_images, read_windows, study,
};
use crate::error::{Error, Result};
use crate::model::{DeviceChoice, device_name};
use crate::progress::note;
use crate::train::{InputMark, RunFolder, Workplace, begin};

/// Train classifiers of waveform windows or images, or pickers of phases, cross-validated by groups,
/// from a settings file (see examples/windows.toml, examples/images.toml and examples/picker.toml).
#[derive(clap::Args)]
pub struct Args {
    /// The settings, kind = "windows", "images" or "picker".
    #[arg(value_name = "FILE.toml")]
    settings: PathBuf,
    /// The run folder [default: the settings file's name without .toml, in the current folder].
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Relative paths of the settings start here [default: the folder of the settings file].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Number of seeds, over the settings file.
    #[arg(long)]
    seeds: Option<u64>,
    /// Fits at a time, one thread each [default: the number of cores].
    #[arg(long)]
    workers: Option<usize>,
    /// Where networks are trained: cpu, cuda (an error where there is none), auto (cuda where there
    /// is one) [default: that of the settings file, else cpu, which gives the same bits again].
    #[arg(long, value_enum)]
    device: Option<DeviceChoice>,
    /// What folds keep whole, over the settings file.
    #[arg(long, value_enum)]
    split: Option<Split>,
    /// What of waveform windows the classifiers see, over the settings file: what a score rests on.
    #[arg(long, value_enum)]
    input: Option<WindowInput>,
    /// Go on with an interrupted run: the results are those of a run never stopped.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Empty an existing run folder first.
    #[arg(long)]
    force: bool,
}

/// What every kind of training is told.
pub(super) struct Request {
    /// The settings file, for messages.
    pub settings: PathBuf,
    /// Where relative paths start.
    pub folder: PathBuf,
    /// The run folder.
    pub run: PathBuf,
    /// Number of seeds, over the settings file.
    pub seeds: Option<u64>,
    /// Fits at a time.
    pub workers: usize,
    /// The device, over the settings file.
    pub device: Option<DeviceChoice>,
    /// Go on with an interrupted run.
    pub resume: bool,
    /// Empty an existing run folder first.
    pub force: bool,
}

impl Request {
    fn of(args: &Args) -> Result<Self> {
        let run = args
            .run
            .clone()
            .unwrap_or_else(|| PathBuf::from(args.settings.file_stem().unwrap_or("run".as_ref())));
        Ok(Self {
            settings: args.settings.clone(),
            folder: data_folder(args)?,
            run,
            seeds: args.seeds,
            workers: args.workers.unwrap_or_else(|| {
                std::thread::available_parallelism().map(std::num::NonZero::get).unwrap_or(1)
            }),
            device: args.device,
            resume: args.resume,
            force: args.force,
        })
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let text = std::fs::read_to_string(&args.settings).map_err(Error::io(&args.settings))?;
    // What is no TOML at all is refused by the reader of classes.
    let table: toml::Table = toml::from_str(&text).unwrap_or_default();
    if table.get("kind").and_then(toml::Value::as_str) == Some("picker") {
        return train_picker::run(&Request::of(&args)?, &text);
    }
    let mut settings = read_settings(&args, &text)?;
    let device = settings.device.resolve()?;
    settings.computed_on = Some(device_name(device));
    let path = match &args.run {
        Some(path) => path.clone(),
        None => PathBuf::from(args.settings.file_stem().unwrap_or("run".as_ref())),
    };
    if !args.resume {
        RunFolder::check_free(&path, args.force)?;
    }
    let workers = args.workers.unwrap_or_else(|| {
        std::thread::available_parallelism().map(std::num::NonZero::get).unwrap_or(1)
    });
    match settings.kind {
        ClassKind::Windows => {
            let windows = settings.windows.as_ref();
            let windows = windows.ok_or_else(|| Error::usage("no table [windows]"))?;
            let mut read = read_windows(windows, None)?;
            let skipped = name_failed(&read.failed);
            make_folds(&settings, &mut read.examples.table)?;
            let place = (path.as_path(), device, workers);
            let study = train(&args, &settings, &read.examples, place)?;
            let title = format!("{}, out of fold", study.answer);
            class_figures::examples(&title, &read.examples, &study.probabilities, &path)?;
            report(&study, &path);
            Ok(skipped)
        }
        ClassKind::Images => {
            let images = settings.images.as_ref();
            let images = images.ok_or_else(|| Error::usage("no table [images]"))?;
            let mut read = read_images(images)?;
            let skipped = name_failed(&read.failed);
            make_folds(&settings, &mut read.examples.table)?;
            let sheet = ImageSheet::of(&read.examples.set);
            let place = (path.as_path(), device, workers);
            let study = train(&args, &settings, &read.examples, place)?;
            let title = format!("{}: out-of-fold predictions", study.answer);
            let table = &read.examples.table;
            let names = ("images", title.as_str());
            class_figures::images(names, &sheet, table, &study.probabilities, &path)?;
            report(&study, &path);
            Ok(skipped)
        }
    }
}

fn read_settings(args: &Args, text: &str) -> Result<ClassSettings> {
    let mut settings = ClassSettings::parse(text)
        .map_err(|e| Error::usage(format!("{}: {e}", args.settings.display())))?;
    if let Some(device) = args.device {
        settings.device = device;
    }
    if let Some(seeds) = args.seeds {
        settings.seeds = seeds.max(1);
        settings.final_fits = settings.final_fits.min(settings.seeds);
    }
    if let Some(split) = args.split {
        settings.split = split;
    }
    match (args.input, &mut settings.windows) {
        (Some(input), Some(windows)) => windows.input = input,
        (Some(_), None) => return Err(Error::usage("--input is for waveform windows")),
        (None, _) => {}
    }
    settings.relative_to(&data_folder(args)?);
    Ok(settings)
}

/// Where relative paths of the settings start; absolute, so that the run folder can be used from
/// anywhere.
fn data_folder(args: &Args) -> Result<PathBuf> {
    let beside = args.settings.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = args.data.as_deref().or(beside).unwrap_or(Path::new("."));
    std::path::absolute(folder).map_err(Error::io(folder))
}

/// Names what could not be read; the rest is used.
pub(super) fn name_failed(failed: &[(PathBuf, String)]) -> Outcome {
    for (file, problem) in failed {
        note(format_args!("skipped {}: {problem}", file.display()));
    }
    if failed.is_empty() { Outcome::Done } else { Outcome::SomeInputsFailed }
}

fn make_folds(settings: &ClassSettings, table: &mut crate::detect::ClassTable) -> Result<()> {
    table.divide(settings.split, settings.folds)?.iter().for_each(note);
    Ok(())
}

fn train(
    args: &Args,
    settings: &ClassSettings,
    examples: &dyn ClassExamples,
    (path, device, workers): (&Path, Device, usize),
) -> Result<Study> {
    let mark = InputMark {
        name: "examples".into(),
        count: examples.table().len(),
        sha256: fingerprint_of_all(examples),
    };
    let run = begin(path, (args.resume, args.force), settings, &[mark])?;
    ClassRun::describe(settings, examples, &run)?;
    let place = Workplace::of(&run, device);
    let study = study(settings, examples, &run, (&place, workers)).map_err(resumable)?;
    let table = examples.table();
    let title = format!("{}: out-of-fold predictions", study.answer);
    class_figures::confusion(&title, table, &study.confusion, run.path())?;
    class_figures::scores(&study.scores, run.path())?;
    history::draw("Cross-entropy of the fits", &study.courses, run.path(), "history")?;
    class_figures::curves(&study.answer, table, &study.probabilities, run.path())?;
    Ok(study)
}

fn report(study: &Study, path: &Path) {
    let mut shown = study.scores.clone();
    // They stand in scores.csv; a terminal is not wide enough for all.
    shown
        .rows
        .retain(|row| !row.metric.starts_with("precision_") && !row.metric.starts_with("recall_"));
    print!("{shown}");
    note(format_args!("run folder: {}", path.display()));
}
