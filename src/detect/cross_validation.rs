//! Several classifiers over folds and seeds: every example is classified by fits that have not
//! seen its group, and the pooled probabilities are scored once.

use std::path::PathBuf;
use std::sync::Mutex;

use rayon::prelude::*;

use super::class_examples::{ClassExamples, ClassTable};
use super::fit::{FitSettings, fit, mean_log_probabilities};
use super::floors::{Floor, FloorProblem, NamedFloor};
use crate::data::derive_seed;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::progress::Progress;
use crate::train::{Report, Workplace};

/// A classifier under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedFit {
    /// Name in tables and files.
    pub name: String,
    /// Its settings.
    pub settings: FitSettings,
}

/// Out-of-fold probabilities of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// Model.
    pub name: String,
    /// `[N, C]` of each seed, row-major; rows of examples without fold or class stay NaN.
    pub seeds: Vec<Vec<f64>>,
    /// Whether it is a floor.
    pub floor: bool,
    /// How each fit went; none of floors and ensembles.
    pub reports: Vec<Report>,
}

impl Pooled {
    /// Mean of ln p over the seeds, `[N, C]`.
    pub fn over_seeds(&self, classes: usize) -> Vec<f64> {
        let parts: Vec<&[f64]> = self.seeds.iter().map(Vec::as_slice).collect();
        mean_log_probabilities(&parts, classes)
    }
}

/// One fit: a model, a seed, a fold.
#[derive(Clone, Copy, Debug)]
struct Unit {
    model: usize,
    seed: u64,
    fold: usize,
}

/// What a finished unit leaves on disk.
#[derive(serde::Serialize, serde::Deserialize)]
struct UnitFile {
    test: Vec<usize>,
    probabilities: Vec<f64>,
    report: Report,
}

/// Where the fits of a cross-validation run and what is kept of them.
#[derive(Clone, Debug)]
pub struct Folds {
    /// What finished fits answered is kept here, and not made again.
    pub folder: PathBuf,
    /// Fits at a time; each uses one thread of libtorch.
    pub workers: usize,
    /// The device, and where fits not yet finished keep their state.
    pub place: Workplace,
}

/// Trains every model on every fold with seeds `0..seeds` and pools the probabilities.
pub fn cross_validate(
    examples: &dyn ClassExamples,
    fits: &[NamedFit],
    seeds: u64,
    kept: &Folds,
) -> Result<Vec<Pooled>> {
    let table = examples.table();
    table.check_folds()?;
    let folds = table.fold_numbers();
    let units: Vec<Unit> = (0..fits.len())
        .flat_map(|model| (0..seeds).map(move |seed| (model, seed)))
        .flat_map(|(model, seed)| folds.iter().map(move |&fold| Unit { model, seed, fold }))
        .collect();
    let progress = Mutex::new(Progress::new("cross-validation", "fits", units.len() as u64));
    let finished = in_parallel(kept.workers, &units, |unit| {
        let file = run_unit(examples, fits, *unit, kept)?;
        if let Ok(mut progress) = progress.lock() {
            progress.advance(1);
        }
        Ok(file)
    })?;
    let classes = table.classes.len();
    let mut pooled: Vec<Pooled> = fits
        .iter()
        .map(|fit| Pooled {
            name: fit.name.clone(),
            seeds: vec![vec![f64::NAN; table.len() * classes]; seeds as usize],
            floor: false,
            reports: Vec::new(),
        })
        .collect();
    for (unit, file) in units.iter().zip(finished) {
        let whole = &mut pooled[unit.model].seeds[unit.seed as usize];
        scatter(whole, &file.test, &file.probabilities, classes);
        pooled[unit.model].reports.push(file.report);
    }
    Ok(pooled)
}

/// Does `work` for all `items` on `workers` threads of their own, libtorch on one thread in each.
pub fn in_parallel<I: Sync, O: Send>(
    workers: usize,
    items: &[I],
    work: impl Fn(&I) -> Result<O> + Sync,
) -> Result<Vec<O>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(workers.max(1))
        .build()
        .map_err(|e| Error::data(format!("cannot start {workers} workers: {e}")))?;
    pool.install(|| {
        items
            .par_iter()
            .with_max_len(1)
            .map(|item| {
                // The number of threads is a property of the calling thread.
                tch::set_num_threads(1);
                work(item)
            })
            .collect()
    })
}

fn run_unit(
    examples: &dyn ClassExamples,
    fits: &[NamedFit],
    unit: Unit,
    kept: &Folds,
) -> Result<UnitFile> {
    let NamedFit { name, settings } = &fits[unit.model];
    let own = format!("{name}-seed{}-fold{}", unit.seed, unit.fold);
    let path = kept.folder.join(format!("{own}.json"));
    if let Ok(bytes) = std::fs::read(&path) {
        return serde_json::from_slice(&bytes)
            .map_err(|e| Error::input(&path, format!("not a finished fit, delete it: {e}")));
    }
    let (train, test) = examples.table().parts(unit.fold);
    let seed = derive_seed(unit.seed, &[unit.fold as u64]);
    let (classifier, report) = fit(examples, settings, &train, seed, (&kept.place, &own))?;
    let probabilities = classifier.probabilities(examples, &test, 128)?;
    let file = UnitFile { test, probabilities, report };
    let text = serde_json::to_vec(&file).map_err(|e| Error::data(format!("{name}: {e}")))?;
    write_atomically(&path, &text)?;
    kept.place.forget(&own)?;
    Ok(file)
}

/// The floors over the folds of `table`, the examples' own or a part of it; `seeds` forests.
pub fn floors(examples: &dyn ClassExamples, table: &ClassTable, seeds: u64) -> Result<Vec<Pooled>> {
    let labels: Vec<usize> = table.labels.iter().map(|l| l.unwrap_or(0)).collect();
    let classes = table.classes.len();
    let mut pooled = Vec::new();
    for NamedFloor { name, floor, features } in examples.floors()? {
        let variants: Vec<Floor> = match floor {
            Floor::Forest { trees, leaf, .. } => {
                (0..seeds.max(1)).map(|seed| Floor::Forest { trees, leaf, seed }).collect()
            }
            other => vec![other],
        };
        let mut seeds = Vec::new();
        for variant in variants {
            let folds = table.fold_numbers();
            let answers: Vec<(Vec<usize>, Vec<f64>)> = folds
                .par_iter()
                .map(|&fold| {
                    let (train, test) = table.parts(fold);
                    let problem = FloorProblem {
                        features: &features,
                        labels: &labels,
                        classes,
                        train: &train,
                        test: &test,
                    };
                    let probabilities = variant.classify(problem)?;
                    Ok((test, probabilities))
                })
                .collect::<Result<_>>()?;
            let mut whole = vec![f64::NAN; table.len() * classes];
            for (test, probabilities) in &answers {
                scatter(&mut whole, test, probabilities, classes);
            }
            seeds.push(whole);
        }
        pooled.push(Pooled { name: name.into(), seeds, floor: true, reports: Vec::new() });
    }
    Ok(pooled)
}

/// The mean of ln p of several models, seed by seed.
pub fn ensemble(name: &str, members: &[&Pooled], classes: usize) -> Pooled {
    let seeds = members.iter().map(|m| m.seeds.len()).min().unwrap_or(0);
    let seeds = (0..seeds)
        .map(|seed| {
            let parts: Vec<&[f64]> = members.iter().map(|m| m.seeds[seed].as_slice()).collect();
            mean_log_probabilities(&parts, classes)
        })
        .collect();
    Pooled { name: name.into(), seeds, floor: false, reports: Vec::new() }
}

fn scatter(whole: &mut [f64], examples: &[usize], probabilities: &[f64], classes: usize) {
    for (&example, row) in examples.iter().zip(probabilities.chunks_exact(classes)) {
        whole[example * classes..][..classes].copy_from_slice(row);
    }
}
