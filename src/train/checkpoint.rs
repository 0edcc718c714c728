//! The state of a run on disk. Tensors go to a new file first; the small `latest.json` that
//! points to it is swapped last, so that there is always one whole checkpoint.

use std::collections::HashMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use tch::Tensor;

use super::parameters::Snapshot;
use super::session::{Gathered, Session, Sums};
use super::{EpochRecord, PlateauState, RunFolder, TrainSettings};
use crate::error::{Error, Result};
use crate::output::{replace_atomically, write_atomically};

/// The folder of checkpoints in a run folder.
const FOLDER: &str = "checkpoint";
const LATEST: &str = "checkpoint/latest.json";

/// Everything of a session that is not a tensor.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    tensors: String,
    fingerprint: String,
    epoch: usize,
    batch: usize,
    steps: u64,
    stopped: bool,
    last_rate: f64,
    plateau: PlateauState,
    best: Option<(usize, f64)>,
    sums: Sums,
    gathered_batches: usize,
    gathered_weight: f64,
    history: Vec<EpochRecord>,
}

/// Writes `session` into `run` and removes all but the last two checkpoints.
pub(super) fn save(session: &Session<'_>, run: &RunFolder) -> Result<()> {
    let (epoch, batch) = session.position();
    let name = format!("checkpoint-{:05}-{batch:07}.safetensors", epoch + 1);
    let path = run.file(FOLDER).join(&name);
    let tensors = tensors(session);
    replace_atomically(&path, |temporary| Ok(Tensor::write_safetensors(&tensors, temporary)?))?;
    let state = State {
        tensors: name.clone(),
        fingerprint: fingerprint(session),
        epoch,
        batch,
        steps: session.optimizer.steps(),
        stopped: session.stopped,
        last_rate: session.last_rate,
        plateau: session.plateau.clone(),
        best: session.best.as_ref().map(|(epoch, loss, _)| (*epoch, *loss)),
        sums: session.sums.clone(),
        gathered_batches: session.gathered.batches,
        gathered_weight: session.gathered.weight,
        history: session.history.clone(),
    };
    let text = serde_json::to_vec_pretty(&state)
        .map_err(|e| Error::data(format!("a checkpoint cannot be written: {e}")))?;
    write_atomically(&run.file(LATEST), &text)?;
    remove_old(&run.file(FOLDER), &name)
}

/// Puts `session` where the checkpoint of `run` left off; false if there is none.
pub(super) fn resume(session: &mut Session<'_>, run: &RunFolder) -> Result<bool> {
    let path = run.file(LATEST);
    if !path.is_file() {
        return Ok(false);
    }
    let state: State = run.read_json(LATEST)?;
    if state.fingerprint != fingerprint(session) {
        let text = "the checkpoint belongs to other settings, another network or other data; \
                    resume with those, or start anew with --force";
        return Err(Error::usage(format!("{}: {text}", run.path().display())));
    }
    let file = run.file(FOLDER).join(&state.tensors);
    let mut saved: HashMap<String, Tensor> = Tensor::read_safetensors(&file)?.into_iter().collect();
    let mut take = |name: &str| {
        saved.remove(name).ok_or_else(|| Error::input(&file, format!("there is no '{name}' in it")))
    };
    let device = session.parameters.flat.device();
    let weights = snapshot(session, "", &mut take)?;
    session.parameters.restore(&weights)?;
    session.optimizer.restore(state.steps, |name| take(&format!("optimizer.{name}")))?;
    if let Some(average) = &mut session.average {
        average.f_copy_(&take("average")?)?;
    }
    session.best = match state.best {
        None => None,
        Some((epoch, loss)) => {
            let mut best = snapshot(session, "best.", &mut take)?;
            best.flat = best.flat.f_to_device(device)?;
            Some((epoch, loss, best))
        }
    };
    let gradient = take("gathered").ok().map(|g| g.f_to_device(device)).transpose()?;
    session.gathered =
        Gathered { batches: state.gathered_batches, weight: state.gathered_weight, gradient };
    (session.epoch, session.batch) = (state.epoch, state.batch);
    (session.stopped, session.last_rate) = (state.stopped, state.last_rate);
    (session.plateau, session.sums) = (state.plateau, state.sums);
    session.history = state.history;
    Ok(true)
}

/// Removes the checkpoints of a finished run.
pub(super) fn clear(run: &RunFolder) -> Result<()> {
    let folder = run.file(FOLDER);
    match std::fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&folder)(e)),
        _ => Ok(()),
    }
}

fn tensors(session: &Session<'_>) -> Vec<(String, Tensor)> {
    let mut tensors = vec![("weights".to_string(), session.parameters.flat.shallow_clone())];
    for (name, buffer) in session.parameters.buffers() {
        tensors.push((format!("buffer.{name}"), buffer.shallow_clone()));
    }
    for (name, moment) in session.optimizer.moments() {
        tensors.push((format!("optimizer.{name}"), moment.shallow_clone()));
    }
    tensors.extend(session.average.iter().map(|t| ("average".into(), t.shallow_clone())));
    let gathered = session.gathered.gradient.iter();
    tensors.extend(gathered.map(|t| ("gathered".into(), t.shallow_clone())));
    if let Some((_, _, best)) = &session.best {
        tensors.push(("best.weights".into(), best.flat.shallow_clone()));
        for ((name, _), buffer) in session.parameters.buffers().iter().zip(&best.buffers) {
            tensors.push((format!("best.buffer.{name}"), buffer.shallow_clone()));
        }
    }
    tensors
}

fn snapshot(
    session: &Session<'_>,
    prefix: &str,
    take: &mut impl FnMut(&str) -> Result<Tensor>,
) -> Result<Snapshot> {
    let flat = take(&format!("{prefix}weights"))?;
    let buffers = session.parameters.buffers().iter();
    let buffers = buffers.map(|(name, _)| take(&format!("{prefix}buffer.{name}")));
    Ok(Snapshot { flat, buffers: buffers.collect::<Result<_>>()? })
}

/// Names settings, parameters and epoch length; what cannot change the result is left out.
fn fingerprint(session: &Session<'_>) -> String {
    let defaults = TrainSettings::default();
    let settings = TrainSettings {
        loader_threads: defaults.loader_threads,
        checkpoint_seconds: defaults.checkpoint_seconds,
        ..session.settings.clone()
    };
    let shapes = session.parameters.shapes();
    let text = format!("{settings:?} {shapes:?} {}", session.total_steps);
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps `newest` and the checkpoint before it.
fn remove_old(folder: &Path, newest: &str) -> Result<()> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map_err(Error::io(folder))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("checkpoint-") && name != newest)
        .collect();
    names.sort_unstable();
    names.pop();
    for name in names {
        let path = folder.join(name);
        std::fs::remove_file(&path).map_err(Error::io(&path))?;
    }
    Ok(())
}
