//! The whole of `temblor train` for classes: cross-validation beside the floors, then fits on
//! everything for later use.

use std::path::PathBuf;

use super::class_examples::ClassExamples;
use super::class_report::{confusion, predictions_csv, score};
use super::class_run::save_fit;
use super::class_settings::ClassSettings;
use super::cross_validation::{Folds, Pooled, cross_validate, ensemble, floors, in_parallel};
use super::fit::fit;
use crate::data::derive_seed;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::progress::note;
use crate::score::{Confusion, ScoreTable};
use crate::train::run_folder::METRICS;
use crate::train::{Report, RunFolder, Workplace};

/// What a study found.
pub struct Study {
    /// Scores of floors, models and ensembles.
    pub scores: ScoreTable,
    /// Out-of-fold probabilities of the answering model, mean over seeds, `[N, C]`.
    pub probabilities: Vec<f64>,
    /// Name of the answering model.
    pub answer: String,
    /// Its confusion.
    pub confusion: Confusion,
    /// How the fits of each network went, seed by seed and fold by fold.
    pub courses: Vec<(String, Vec<Report>)>,
}

/// Trains and judges everything `settings` asks for, in `run`. What was finished by an
/// interrupted run is not done again.
pub fn study(
    settings: &ClassSettings,
    examples: &dyn ClassExamples,
    run: &RunFolder,
    (place, workers): (&Workplace, usize),
) -> Result<Study> {
    let table = examples.table();
    if table.classes.len() < 2 {
        let there = table.classes.join(", ");
        return Err(Error::data(format!("at least two classes are needed, found: {there}")));
    }
    let fits = settings.fits();
    // A network that does not fit is refused before hours of work.
    for entry in &fits {
        let model = &entry.settings.model;
        let built = model.build(&examples.spec(), table.classes.len(), 0, tch::Device::Cpu)?;
        note(format_args!("{}: {} parameters", entry.name, built.parameter_count()));
    }
    let mut pooled: Vec<Pooled> = Vec::new();
    let forests = 3.min(settings.seeds);
    if settings.floors {
        pooled = floors(examples, table, forests)?;
    }
    let folds = Folds { folder: run.file("folds"), workers, place: place.clone() };
    pooled.extend(cross_validate(examples, &fits, settings.seeds, &folds)?);
    let courses = pooled
        .iter_mut()
        .filter(|one| !one.floor)
        .map(|one| (one.name.clone(), std::mem::take(&mut one.reports)))
        .collect();
    for entry in &settings.ensemble {
        let members: Vec<&Pooled> =
            pooled.iter().filter(|p| !p.floor && entry.members.contains(&p.name)).collect();
        let mixed = ensemble(&entry.name, &members, table.classes.len());
        pooled.push(mixed);
    }
    let noise = examples.noise_class();
    let mut scores = score(table, &pooled, noise);
    let against = settings.windows.as_ref().map_or(&[][..], |windows| &windows.against);
    for classes in table.sections(noise, against)? {
        let part = table.among(&classes);
        // The floors learn these classes alone; networks answer by the ratio of their outputs.
        let mut alone = Vec::new();
        if settings.floors {
            match floors(examples, &part, forests) {
                Ok(floors) => alone = floors,
                Err(error) => note(format_args!("{}: no floors: {error}", part.target())),
            }
        }
        let networks = pooled.iter().filter(|one| !one.floor);
        alone.extend(networks.map(|one| one.among(table.classes.len(), &classes)));
        scores.rows.extend(score(&part, &alone, None).rows);
    }
    scores.write(&run.file("scores.csv"))?;
    let answer = settings.answer_name();
    let answering = pooled
        .iter()
        .find(|p| p.name == answer)
        .ok_or_else(|| Error::data(format!("no predictions of '{answer}'")))?;
    let probabilities = answering.over_seeds(table.classes.len());
    let text = predictions_csv(table, &probabilities);
    write_atomically(&run.file("predictions.csv"), text.as_bytes())?;
    final_fits(settings, examples, run, &folds)?;
    let confusion = confusion(table, &probabilities);
    let metrics = serde_json::json!({
        "answer": answer,
        "classes": table.classes,
        "examples": table.labelled().len(),
        "folds": table.fold_numbers().len(),
        "split": table.split,
        "shared_by_training_and_test": table.shared(),
        "seeds": settings.seeds,
        "confusion_rows_true": confusion.counts,
        "scores": scores.rows.iter().map(|row| serde_json::json!({
            "model": row.model, "metric": row.metric, "value": finite(row.value),
            "lower": finite(row.lower), "upper": finite(row.upper), "n": row.n,
        })).collect::<Vec<_>>(),
    });
    run.write_json(METRICS, &metrics)?;
    place.clear()?;
    Ok(Study { scores, probabilities, answer, confusion, courses })
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Trains the answering models on all examples with a class.
fn final_fits(
    settings: &ClassSettings,
    examples: &dyn ClassExamples,
    run: &RunFolder,
    folds: &Folds,
) -> Result<()> {
    let answering = settings.answering();
    let fits = settings.fits();
    let units: Vec<(usize, u64, PathBuf)> = (0..fits.len())
        .filter(|&model| answering.contains(&fits[model].name))
        .flat_map(|model| (0..settings.final_fits).map(move |seed| (model, seed)))
        .map(|(model, seed)| {
            (model, seed, run.file("models").join(format!("{}-seed{seed}", fits[model].name)))
        })
        .filter(|(_, _, folder)| !folder.join("model.json").is_file())
        .collect();
    if !units.is_empty() {
        note(format_args!("training {} models on everything", units.len()));
    }
    let train = examples.table().labelled();
    in_parallel(folds.workers, &units, |(model, seed, folder)| {
        let entry = &fits[*model];
        let own = format!("{}-seed{seed}-final", entry.name);
        // No fold has this number.
        let seed = derive_seed(*seed, &[u64::MAX]);
        let (classifier, report) =
            fit(examples, &entry.settings, &train, seed, (&folds.place, &own))?;
        save_fit(folder, entry, examples, &classifier, &report)?;
        folds.place.forget(&own)
    })?;
    Ok(())
}
