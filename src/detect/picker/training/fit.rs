//! One fit of a picker.

use tch::{Device, Tensor};

use super::super::{AmplitudeRule, Picker, PickerClass, PickerSettings};
use super::settings::PickerTraining;
use crate::data::picks::{PickDataset, PickDatasetSettings, Step, TraceSet};
use crate::error::{Error, Result};
use crate::model::PickTask;
use crate::train::{Report, TrainSettings, Workplace};

/// The picker that training begins with: the weights it goes on from, or a new network whose
/// initial values follow from `seed`.
///
/// # Errors
/// Weights that cannot be opened; a picker that cannot be trained here (one answer a window, a
/// filter of its own).
pub fn starting_picker(settings: &PickerTraining, seed: u64, device: Device) -> Result<Picker> {
    let source = &settings.picker;
    let picker = match &source.from {
        Some(path) => Picker::open(path, device)?,
        None => {
            let class = source.class.unwrap_or(PickerClass::PhaseNet);
            let own = PickerSettings::new(class, &source.arguments, &source.default_arguments)?;
            Picker::build(own, seed, device)?
        }
    };
    let own = picker.settings();
    if own.point_sample.is_some() {
        return Err(Error::usage(format!(
            "{} answers once a window; only pickers that answer at every sample are trained here",
            own.class
        )));
    }
    if let Some(filter) = &own.filter {
        return Err(Error::usage(format!(
            "these weights want data filtered by {filter}; filter the waveforms first (`temblor \
             process`) and go on from weights without a filter"
        )));
    }
    Ok(picker)
}

/// Windows of `members` as the picker reads them, after `steps`.
pub(super) fn windows<'a>(
    set: &'a TraceSet,
    members: &[usize],
    picker: &PickerSettings,
    settings: &PickerTraining,
    (steps, prepare): (Vec<Step>, crate::data::picks::Prepare<'a>),
) -> Result<PickDataset<'a>> {
    let shape = PickDatasetSettings {
        components: picker.components.clone(),
        labels: picker.labels.clone(),
        samples: picker.in_samples,
        rate_hz: picker.rate_hz,
        label: settings.labels.clone(),
        steps,
    };
    PickDataset::new(set, members.to_vec(), shape, prepare)
}

/// What is done to a window `[C, T]` before the network reads it.
pub(super) fn preparation(
    settings: &PickerSettings,
) -> impl Fn(&mut [f32]) -> Result<()> + Sync + use<> {
    let (preparation, samples) = (settings.preparation, settings.in_samples as i64);
    move |window| {
        let raw = Tensor::f_from_slice(window)?.f_view([1, -1, samples])?;
        let ready = preparation.apply(&raw, AmplitudeRule::Relative).contiguous();
        Ok(ready.f_copy_data(window, window.len())?)
    }
}

/// Trains a picker on the traces `train`, stopping by `valid` if there are any. `name` is the
/// fit's own in `place`.
///
/// # Errors
/// Those of [`starting_picker`] and of the trainer; parts without any arrival.
pub fn fit_picker(
    set: &TraceSet,
    settings: &PickerTraining,
    (train, valid): (&[usize], &[usize]),
    seed: u64,
    (place, name): (&Workplace, &str),
) -> Result<(Picker, Report)> {
    let picker = starting_picker(settings, seed, place.device)?;
    let (own, mut model) = picker.into_parts();
    let labelled = |part: &[usize]| part.iter().any(|&trace| !set.traces[trace].picks.is_empty());
    if !labelled(train) {
        return Err(Error::data("no trace of the training part has an arrival to learn from"));
    }
    model.freeze(&settings.picker.freeze)?;
    if settings.picker.freeze_statistics {
        model = model.with_frozen_statistics();
    }
    let prepare = preparation(&own);
    let steps = settings.augmentation.clone();
    let learned = windows(set, train, &own, settings, (steps, &prepare))?;
    // What stops is judged on windows that are only cut.
    let cut = settings.augmentation.iter().filter(|step| matches!(step, Step::Window(_)));
    let held = windows(set, valid, &own, settings, (cut.cloned().collect(), &prepare))?;
    let task = PickTask {
        labels: own.labels.len(),
        activation: own.activation,
        label_weights: settings.label_weights(&own.labels)?,
    };
    let training = TrainSettings { seed, ..settings.training.clone() };
    let valid = (!valid.is_empty()).then_some(&held as &dyn crate::data::Dataset);
    let report = place.fit(name, &training, &mut model, &task, &learned, valid)?;
    Ok((Picker::of(own, model), report))
}
