//! Channels kept beside the result while the others are computed, so that an interrupted run can
//! go on where it stopped.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::activity::{ChannelActivity, UnderWay};
use super::ground_motion::GroundMotionCorrection;
use crate::error::{Error, Result};
use crate::output;
use crate::progress;
use crate::read::{Archive, StreamId};
use crate::signal::ActivitySettings;
use crate::signal::steps::Pipeline;

/// A channel is kept again after so long at the earliest.
const INTERVAL: Duration = Duration::from_secs(10);

/// And after so many times the time that keeping it took.
const PATIENCE: u32 = 20;

/// How far a channel has come; the parameters are values or references to them.
#[derive(Serialize, Deserialize)]
pub(super) enum Progressed<U = UnderWay, C = ChannelActivity> {
    /// Some of its pieces are used.
    Under(U),
    /// It is finished.
    Done(C),
}

/// A file of the folder.
#[derive(Serialize, Deserialize)]
struct Part<P> {
    /// What the values depend on, as a hash.
    key: String,
    progressed: P,
}

/// The folder with a file for each channel that is finished or under way.
pub struct ActivityParts {
    folder: PathBuf,
    interval: Duration,
}

impl ActivityParts {
    /// The folder `OUT.parts` beside the result `out`. What an earlier run left there is used if
    /// `resume`, else removed.
    ///
    /// # Errors
    /// `Io` if the folder cannot be emptied.
    pub fn beside(out: &Path, resume: bool) -> Result<Self> {
        let mut name = out.file_name().unwrap_or_default().to_os_string();
        name.push(".parts");
        let parts = Self { folder: out.with_file_name(name), interval: INTERVAL };
        if parts.folder.exists() && !resume {
            progress::note(format_args!(
                "removed what an earlier run had kept in {}; with --resume it is used",
                parts.folder.display()
            ));
            parts.remove()?;
        }
        Ok(parts)
    }

    /// Another least time between two states of a channel under way.
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Removes the folder: the result is written.
    ///
    /// # Errors
    /// `Io` if it cannot be removed.
    pub fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&self.folder)(e)),
            _ => Ok(()),
        }
    }

    /// The part of channel `id` of `archive` with these settings.
    pub(super) fn channel(
        &self,
        archive: &Archive,
        id: &StreamId,
        settings: &ActivitySettings,
        steps: &Pipeline,
        correction: Option<&GroundMotionCorrection>,
    ) -> ChannelPart {
        let key = key(archive, id, settings, steps, correction);
        // Codes come out of files and may be any text; a hash is a safe name.
        let name = hash([id.to_string().as_bytes()]);
        ChannelPart {
            path: self.folder.join(format!("{}.json", &name[..16])),
            key,
            interval: self.interval,
            due: Instant::now() + self.interval,
        }
    }
}

/// Where one channel is kept.
pub(super) struct ChannelPart {
    path: PathBuf,
    key: String,
    interval: Duration,
    due: Instant,
}

impl ChannelPart {
    /// How far the channel had come; `None` if nothing was kept, or if that belongs to other
    /// data, settings or another version of the program.
    pub(super) fn load(&self) -> Option<Progressed> {
        // Nothing kept is the usual case, not an error.
        let text = std::fs::read_to_string(&self.path).ok()?;
        match serde_json::from_str::<Part<Progressed>>(&text) {
            Ok(part) if part.key == self.key => Some(part.progressed),
            _ => {
                progress::note(format_args!(
                    "{} is of other data or settings; its channel is computed anew",
                    self.path.display()
                ));
                None
            }
        }
    }

    /// Whether a state of the channel under way should be kept now.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Keeps how far the channel has come ([`Progressed`] of references), whole or not at all.
    pub(super) fn keep(&mut self, progressed: &impl Serialize) -> Result<()> {
        let began = Instant::now();
        let part = Part { key: self.key.clone(), progressed };
        let text = serde_json::to_string(&part).map_err(|e| Error::data(e.to_string()))?;
        output::write_atomically(&self.path, text.as_bytes())?;
        self.due = Instant::now() + self.interval.max(began.elapsed() * PATIENCE);
        Ok(())
    }
}

/// What the rows of a channel depend on: its data, the settings, the program.
fn key(
    archive: &Archive,
    id: &StreamId,
    settings: &ActivitySettings,
    steps: &Pipeline,
    correction: Option<&GroundMotionCorrection>,
) -> String {
    let correction = correction.map(|correction| correction.provenance(id));
    let settings = format!("{settings:?} {steps:?} {correction:?}");
    let fixed = [env!("CARGO_PKG_VERSION"), &settings].map(str::to_string);
    let lines: Vec<String> = fixed.into_iter().chain(archive.provenance(id)).collect();
    hash(lines.iter().map(String::as_bytes))
}

fn hash<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
