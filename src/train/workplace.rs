//! Where fits run, and what each keeps on disk so that an interrupted one goes on.

use std::path::{Path, PathBuf};

use tch::Device;

use super::run_folder::{METRICS, WEIGHTS};
use super::{Report, RunFolder, TrainSettings, Trainer};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Model, Task};

/// The folder of unfinished work in a run folder.
const FITS: &str = "fits";

/// The device of every fit of a run, and the folder in which each has a place of its own. Without
/// influence on what is fitted but for the last digits of another device.
#[derive(Clone, Debug, PartialEq)]
pub struct Workplace {
    /// Where networks are built, trained and asked.
    pub device: Device,
    /// A fit keeps its checkpoint, and at its end its weights and report, in a folder of its
    /// name in here; nothing is kept if absent.
    pub folder: Option<PathBuf>,
    /// Seconds between checkpoints, over those of the training settings.
    pub checkpoint_seconds: Option<f64>,
}

impl Default for Workplace {
    fn default() -> Self {
        Self { device: Device::Cpu, folder: None, checkpoint_seconds: None }
    }
}

impl Workplace {
    /// Fits on `device` that keep their state in `run`.
    pub fn of(run: &RunFolder, device: Device) -> Self {
        Self { device, folder: Some(run.file(FITS)), checkpoint_seconds: None }
    }

    /// Trains `model`, which lies on [`Self::device`], as [`Trainer::fit`] does: from the
    /// checkpoint of the fit called `name` if it was interrupted. A fit that was finished is read.
    ///
    /// # Errors
    /// Those of [`Trainer::fit`]; a checkpoint of another fit.
    pub fn fit(
        &self,
        name: &str,
        settings: &TrainSettings,
        model: &mut Model,
        task: &dyn Task,
        train: &dyn Dataset,
        valid: Option<&dyn Dataset>,
    ) -> Result<Report> {
        let Some(folder) = &self.folder else {
            return Trainer::new(settings).titled(None).fit(model, task, train, valid);
        };
        let mut settings = settings.clone();
        settings.checkpoint_seconds =
            self.checkpoint_seconds.unwrap_or(settings.checkpoint_seconds);
        let place = RunFolder::at(&folder.join(name), &settings)?;
        if place.is_finished() {
            model.load(&place.file(WEIGHTS))?;
            return place.read_json(METRICS);
        }
        Trainer::new(&settings).titled(None).in_folder(&place).fit(model, task, train, valid)
    }

    /// Forgets the fit called `name`: its result is kept elsewhere.
    pub fn forget(&self, name: &str) -> Result<()> {
        self.folder.as_ref().map_or(Ok(()), |folder| remove(&folder.join(name)))
    }

    /// Forgets all fits: the run is finished.
    pub fn clear(&self) -> Result<()> {
        self.folder.as_ref().map_or(Ok(()), |folder| remove(folder))
    }
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(folder)(e)),
        _ => Ok(()),
    }
}
