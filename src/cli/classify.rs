//! `temblor classify`: a trained run on new windows, continuous data or images.

use std::path::{Path, PathBuf};

use super::Outcome;
use super::class_figures::{self, ImageSheet};
use super::train::name_failed;
use super::{classify_continuous, least_certain};
use crate::detect::class_report::{confusion, predictions_csv, score};
use crate::detect::cross_validation::Pooled;
use crate::detect::{
    ClassExamples, ClassKind, ClassRun, ClassTable, WindowSettings, read_images_to_classify,
    read_windows,
};
use crate::error::{Error, Result};
use crate::model::DeviceChoice;
use crate::output::write_atomically;
use crate::progress::note;
use crate::read::StreamPattern;
use crate::score::ScoreRow;

/// Classify new windows, continuous station data or images with a run of `temblor train`.
#[derive(clap::Args)]
pub struct Args {
    /// The run folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Windows: an array (.npz, .npy), an index table (.csv) as in training, or station files
    /// (file, folder, SDS tree), over which a window slides. Images: a folder or a file.
    #[arg(value_name = "INPUT")]
    pub(super) input: PathBuf,
    /// Where predictions.csv, scores.csv and figures go.
    #[arg(long, value_name = "DIR", default_value = "classification")]
    pub(super) out: PathBuf,
    /// Overwrite what an earlier classification left there.
    #[arg(long)]
    force: bool,
    /// The index table with the labels of an array's rows.
    #[arg(long, value_name = "FILE.csv")]
    index: Option<PathBuf>,
    /// Where the networks run: cpu, cuda (an error where there is none), auto (cuda where there is
    /// one). A run trained on one device answers on another.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceChoice,
    /// Seconds between windows of continuous data [default: half a window].
    #[arg(long, value_name = "SECONDS")]
    pub(super) step: Option<f64>,
    /// The least mean probability of a detection in continuous data.
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.5)]
    pub(super) least_probability: f64,
    /// List and draw so many answers of which the network is least certain: what to look at first.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(super) least_certain: usize,
    /// Channels of continuous data, `NET.STA.LOC.CHA` with wildcards; all if not given.
    #[arg(long, value_name = "PATTERN")]
    pub(super) channel: Vec<StreamPattern>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let run = ClassRun::open(&args.run, args.device.resolve()?)?;
    let mut earlier = std::fs::read_dir(&args.out).into_iter().flatten();
    if !args.force && (args.out.is_file() || earlier.next().is_some()) {
        let text = "exists already; choose another --out, or overwrite with --force";
        return Err(Error::usage(format!("{}: {text}", args.out.display())));
    }
    if !args.input.exists() {
        return Err(Error::usage(format!("{}: no such file or folder", args.input.display())));
    }
    match run.settings.kind {
        ClassKind::Images => images(&args, &run),
        ClassKind::Windows => windows(&args, &run),
    }
}

fn images(args: &Args, run: &ClassRun) -> Result<Outcome> {
    let settings = run.settings.images.as_ref();
    let settings = settings.ok_or_else(|| Error::usage("the run has no table [images]"))?;
    let read = read_images_to_classify(settings, &args.input, &run.classes)?;
    let skipped = name_failed(&read.failed);
    let probabilities = answer(args, run, &read.examples)?;
    let sheet = ImageSheet::of(&read.examples.set);
    let table = read.examples.table();
    let names = ("images", "Predictions");
    class_figures::images(names, &sheet, table, &probabilities, &args.out)?;
    let doubts = least_certain::of_table(args.least_certain, table, &probabilities, &args.out)?;
    if !doubts.is_empty() {
        let set = &read.examples.set;
        let sheet = ImageSheet::chosen(set, doubts.iter().map(|doubt| doubt.example).collect());
        let names = ("least_certain", "The least certain answers");
        class_figures::images(names, &sheet, table, &probabilities, &args.out)?;
    }
    Ok(skipped)
}

fn windows(args: &Args, run: &ClassRun) -> Result<Outcome> {
    let trained = run.settings.windows.as_ref();
    let trained = trained.ok_or_else(|| Error::usage("the run has no table [windows]"))?;
    let Some(settings) = labelled_windows(args, trained) else {
        return classify_continuous::run(args, run, trained);
    };
    let read = read_windows(&settings, Some(&run.classes))?;
    let skipped = name_failed(&read.failed);
    let windows = &read.examples;
    let probabilities = answer(args, run, windows)?;
    if !windows.table.labelled().is_empty() {
        class_figures::examples(&run.settings.answer_name(), windows, &probabilities, &args.out)?;
    }
    let table = &windows.table;
    let doubts = least_certain::of_table(args.least_certain, table, &probabilities, &args.out)?;
    if !doubts.is_empty() {
        let drawn = doubts
            .iter()
            .map(|doubt| class_figures::window_example(windows, doubt.example, &probabilities));
        let seconds = windows.set.samples as f64 / windows.rate.hz();
        class_figures::least_certain(drawn.collect(), seconds, &args.out)?;
    }
    Ok(skipped)
}

/// Where the windows of `INPUT` are, if it is an array, an index or a folder with the index and
/// the array of the training; `None` for station data.
fn labelled_windows(args: &Args, trained: &WindowSettings) -> Option<WindowSettings> {
    let input = &args.input;
    let name =
        |path: &Option<PathBuf>| path.as_ref().and_then(|p| p.file_name().map(PathBuf::from));
    let mut settings = WindowSettings { index: None, folder: None, array: None, ..trained.clone() };
    let suffix = input.extension().map(|e| e.to_ascii_lowercase());
    match suffix.as_ref().and_then(|s| s.to_str()) {
        Some("npz" | "npy") => {
            settings.array = Some(input.clone());
            settings.index = args.index.clone();
            return Some(settings);
        }
        Some("csv") => {
            let folder = input.parent().unwrap_or(Path::new("."));
            settings.array = name(&trained.array).map(|file| folder.join(file));
            settings.index = Some(input.clone());
            return Some(settings);
        }
        _ => {}
    }
    let index = input.join(name(&trained.index)?);
    if !index.is_file() {
        return None;
    }
    settings.array = name(&trained.array).map(|file| input.join(file));
    settings.index = Some(index);
    Some(settings)
}

/// Classifies, writes predictions and, where labels are known, scores; returns `[N, C]`.
fn answer(args: &Args, run: &ClassRun, examples: &dyn ClassExamples) -> Result<Vec<f64>> {
    let probabilities = run.classify(examples)?;
    let table = examples.table();
    let text = predictions_csv(table, &probabilities);
    write_atomically(&args.out.join("predictions.csv"), text.as_bytes())?;
    let labelled = table.labelled().len();
    note(format_args!("{} examples classified, {labelled} of known class", table.len()));
    if labelled > 0 {
        write_scores(args, run, examples, table, &probabilities)?;
    }
    Ok(probabilities)
}

fn write_scores(
    args: &Args,
    run: &ClassRun,
    examples: &dyn ClassExamples,
    table: &ClassTable,
    probabilities: &[f64],
) -> Result<()> {
    let name = run.settings.answer_name();
    let majority = run.training_shares().repeat(table.len());
    let pooled = [
        Pooled { name: "majority".into(), seeds: vec![majority], floor: true, reports: Vec::new() },
        Pooled {
            name: name.clone(),
            seeds: vec![probabilities.to_vec()],
            floor: false,
            reports: Vec::new(),
        },
    ];
    let mut scores = score(table, &pooled, examples.noise_class());
    let (seen, labelled) = (run.seen_in_training(examples), table.labelled().len());
    if seen > 0 {
        note(format_args!(
            "warning: the run was trained on {seen} of these {labelled} examples; their scores say \
             nothing of new data (scores without that are in the run's own scores.csv)"
        ));
        let target = table.target();
        let names = (target.as_str(), name.as_str(), "");
        scores.rows.push(ScoreRow::new(names, "seen_in_training", seen as f64, None, labelled));
    }
    scores.write(&args.out.join("scores.csv"))?;
    let counts = confusion(table, probabilities);
    class_figures::confusion(&name, table, &counts, &args.out)?;
    class_figures::curves(&name, table, probabilities, &args.out)?;
    scores
        .rows
        .retain(|row| !row.metric.starts_with("precision_") && !row.metric.starts_with("recall_"));
    print!("{scores}");
    Ok(())
}
