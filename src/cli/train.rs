//! `temblor train`: trains and judges classifiers from a settings file.

use std::path::{Path, PathBuf};

use super::Outcome;
use super::class_figures::{self, ImageSheet};
use crate::detect::{
    ClassExamples, ClassKind, ClassRun, ClassSettings, read_images, read_windows, study,
};
use crate::error::{Error, Result};
use crate::progress::note;
use crate::train::RunFolder;

/// Train classifiers of waveform windows or images, cross-validated by groups beside simple
/// floors, from a settings file (see examples/windows.toml and examples/images.toml).
#[derive(clap::Args)]
pub struct Args {
    /// The settings, kind = "windows" or "images".
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
    /// Go on with an interrupted run.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Empty an existing run folder first.
    #[arg(long)]
    force: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let settings = read_settings(&args)?;
    let path = match &args.run {
        Some(path) => path.clone(),
        None => PathBuf::from(args.settings.file_stem().unwrap_or("run".as_ref())),
    };
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
            train(&args, &settings, &read.examples, &path, workers, None)?;
            Ok(skipped)
        }
        ClassKind::Images => {
            let images = settings.images.as_ref();
            let images = images.ok_or_else(|| Error::usage("no table [images]"))?;
            let mut read = read_images(images)?;
            let skipped = name_failed(&read.failed);
            make_folds(&settings, &mut read.examples.table)?;
            let sheet = ImageSheet::of(&read.examples.set);
            train(&args, &settings, &read.examples, &path, workers, Some(sheet))?;
            Ok(skipped)
        }
    }
}

fn read_settings(args: &Args) -> Result<ClassSettings> {
    let text = std::fs::read_to_string(&args.settings).map_err(Error::io(&args.settings))?;
    let mut settings = ClassSettings::parse(&text)
        .map_err(|e| Error::usage(format!("{}: {e}", args.settings.display())))?;
    if let Some(seeds) = args.seeds {
        settings.seeds = seeds.max(1);
        settings.final_fits = settings.final_fits.min(settings.seeds);
    }
    let beside = args.settings.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = args.data.as_deref().or(beside).unwrap_or(Path::new("."));
    // Absolute, so that the run folder can be used from anywhere.
    let folder = std::path::absolute(folder).map_err(Error::io(folder))?;
    settings.relative_to(&folder);
    Ok(settings)
}

/// Names what could not be read; the rest is used.
pub(super) fn name_failed(failed: &[(PathBuf, String)]) -> Outcome {
    for (file, problem) in failed {
        note(format_args!("skipped {}: {problem}", file.display()));
    }
    if failed.is_empty() { Outcome::Done } else { Outcome::SomeInputsFailed }
}

fn make_folds(settings: &ClassSettings, table: &mut crate::detect::ClassTable) -> Result<()> {
    if table.folds.is_empty() {
        table.make_folds(settings.folds)?;
        note(format_args!("no fold column: {} folds made of whole groups", settings.folds));
    }
    Ok(())
}

fn train(
    args: &Args,
    settings: &ClassSettings,
    examples: &dyn ClassExamples,
    path: &Path,
    workers: usize,
    sheet: Option<ImageSheet>,
) -> Result<()> {
    let run = match args.resume {
        true => {
            let run = RunFolder::open(path)?;
            let before: ClassSettings = run.read_settings()?;
            if &before != settings {
                let text = "was begun with other settings; finish it with those, or use --force";
                return Err(Error::usage(format!("{}: {text}", path.display())));
            }
            run
        }
        false => RunFolder::create(path, args.force)?,
    };
    run.write_settings(settings)?;
    ClassRun::describe(settings, examples.table(), &run)?;
    let study = study(settings, examples, &run, workers)?;
    let table = examples.table();
    let title = format!("{}: out-of-fold predictions", study.answer);
    class_figures::confusion(&title, table, &study.confusion, &run.file("confusion.png"))?;
    class_figures::scores(&study.scores, &run.file("scores.png"))?;
    if let Some(sheet) = sheet {
        let file = run.file("images.png");
        class_figures::images(&title, &sheet, table, &study.probabilities, &file)?;
    }
    print!("{}", study.scores);
    note(format_args!("run folder: {}", path.display()));
    Ok(())
}
