//! The networks of an ensemble as files of weights.

use std::path::Path;
use std::sync::Mutex;

use super::network::{NetworkSettings, held};
use crate::data::ExampleSpec;
use crate::error::Result;
use crate::model::Model;

/// As many networks as an ensemble has, before their weights are loaded.
pub(super) fn untrained_members(
    settings: &NetworkSettings,
    example: &ExampleSpec,
    outputs: usize,
    members: usize,
) -> Result<Vec<Mutex<Model>>> {
    let member = |_| {
        let seed = settings.training.seed;
        settings.model.build(example, outputs, seed, settings.place.device).map(Mutex::new)
    };
    (0..members).map(member).collect()
}

/// Writes the weights of each member as `STEM.MEMBER.safetensors`.
pub(super) fn save_members(members: &[Mutex<Model>], folder: &Path, stem: &str) -> Result<()> {
    for (number, member) in members.iter().enumerate() {
        let model = member.lock().map_err(|_| held())?;
        model.save(&folder.join(format!("{stem}.{number}.safetensors")))?;
    }
    Ok(())
}

/// Reads what [`save_members`] wrote.
pub(super) fn load_members(members: &mut [Mutex<Model>], folder: &Path, stem: &str) -> Result<()> {
    for (number, member) in members.iter_mut().enumerate() {
        let model = member.get_mut().map_err(|_| held())?;
        model.load(&folder.join(format!("{stem}.{number}.safetensors")))?;
    }
    Ok(())
}
