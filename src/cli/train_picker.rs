//! `temblor train` with `kind = "picker"`.

use super::interrupted::resumable;
use super::train::Request;
use super::{Outcome, history};
use crate::data::picks::{TraceSet, read_set};
use crate::detect::picker::training::{PickerTraining, train_picker};
use crate::error::{Error, Result};
use crate::model::device_name;
use crate::progress::note;
use crate::train::{InputMark, RunFolder, Workplace, begin};

/// Trains, judges and keeps a picker.
pub fn run(request: &Request, text: &str) -> Result<Outcome> {
    let mut settings = PickerTraining::parse(text)
        .map_err(|e| Error::usage(format!("{}: {e}", request.settings.display())))?;
    if let Some(device) = request.device {
        settings.device = device;
    }
    if let Some(seeds) = request.seeds {
        settings.seeds = seeds.max(1);
    }
    settings.relative_to(&request.folder);
    let device = settings.device.resolve()?;
    settings.computed_on = Some(device_name(device));
    if !request.resume {
        RunFolder::check_free(&request.run, request.force)?;
    }
    let sets = settings.data.iter().map(read_set).collect::<Result<_>>()?;
    let set = TraceSet::joined(sets)?;
    note(format_args!("{}: {} traces", set.name, set.len()));
    let mark = InputMark { name: "traces".into(), count: set.len(), sha256: set.fingerprint()? };
    let run = begin(&request.run, (request.resume, request.force), &settings, &[mark])?;
    if run.is_finished() {
        let path = run.path().display();
        let text = "training is finished here; start anew with --force";
        return Err(Error::usage(format!("{path}: {text}")));
    }
    let place = Workplace::of(&run, device);
    let study = match train_picker(&set, &settings, &run, (&place, request.workers)) {
        Ok(study) => study,
        Err(error) => {
            // What is refused before anything was made is not in the way of the next try.
            run.remove_if_barren();
            return Err(resumable(error));
        }
    };
    history::draw("Loss of the fits", &study.courses, run.path(), "history")?;
    study.remarks.iter().for_each(note);
    if !study.scores.rows.is_empty() {
        print!("{}", study.scores);
    }
    note(format_args!("run folder: {}", request.run.display()));
    Ok(Outcome::Done)
}
