//! What comes out of a unit of work, kept until all are finished.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::detect::annotate::{Detection, PhasePick, SweepCount};
use crate::error::{Error, Result};
use crate::output;
use crate::progress;
use crate::time::{Span, UtcTime};

/// The folder of probabilities among the results.
pub const PROBABILITIES: &str = "annotations";

/// How the time of a unit divides, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// With data.
    pub present: f64,
    /// With a probability.
    pub covered: f64,
    /// In stretches that are too short.
    pub short: f64,
    /// Without all components, where all are asked for.
    pub incomplete: f64,
}

impl Time {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.present += other.present;
        self.covered += other.covered;
        self.short += other.short;
        self.incomplete += other.incomplete;
    }
}

/// A finished unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Where it stands among all units.
    pub number: usize,
    /// The instrument.
    pub trace_id: String,
    /// The day.
    pub day: UtcTime,
    /// Values of the network's input a second.
    pub rate_hz: f64,
    /// How its time divides.
    pub time: Time,
    /// When it has probabilities.
    pub covered: Vec<Span>,
    /// Its picks.
    pub picks: Vec<PhasePick>,
    /// Its detections.
    pub detections: Vec<Detection>,
    /// Counts at other thresholds.
    pub sweep: Vec<SweepCount>,
    /// What could not be read.
    pub failed: Vec<String>,
    /// What was left out and why.
    pub notes: Vec<String>,
    /// Files of probabilities, relative to the folder of results.
    pub files: Vec<PathBuf>,
}

/// The folder with a file for each finished unit.
pub struct Kept {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Part {
    key: String,
    outcome: Outcome,
}

impl Kept {
    /// The folder `parts` of the results `out`. What an earlier run left there is used if `resume`,
    /// else removed.
    pub fn within(out: &Path, resume: bool) -> Result<Self> {
        let kept = Self { folder: out.join("parts") };
        if kept.folder.exists() && !resume {
            progress::note(format_args!(
                "removed what an earlier run had kept in {}; with --resume it is used",
                kept.folder.display()
            ));
            kept.remove()?;
        }
        Ok(kept)
    }

    /// Removes the folder: the results are written.
    pub fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&self.folder)(e)),
            _ => Ok(()),
        }
    }

    /// Removes the probabilities that an earlier run left in the folder of results.
    pub fn remove_probabilities(&self, out: &Path) -> Result<()> {
        let folder = out.join(PROBABILITIES);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&folder)(e)),
            _ => Ok(()),
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:07}.json"))
    }

    /// The outcome of unit `number`, the `day` of an instrument, if it was kept under the same key.
    pub fn load(&self, number: usize, day: UtcTime, key: &str) -> Option<Outcome> {
        // Nothing kept is the usual case, not an error.
        let text = std::fs::read_to_string(self.path(number)).ok()?;
        match serde_json::from_str::<Part>(&text) {
            Ok(part) if part.key == key && part.outcome.day == day => Some(part.outcome),
            _ => {
                progress::note(format_args!(
                    "{} is of other data or settings; its day is picked anew",
                    self.path(number).display()
                ));
                None
            }
        }
    }

    /// Keeps an outcome, whole or not at all.
    pub fn keep(&self, outcome: &Outcome, key: &str) -> Result<()> {
        let part = Part { key: key.to_string(), outcome: outcome.clone() };
        let text = serde_json::to_string(&part).map_err(|e| Error::data(e.to_string()))?;
        output::write_atomically(&self.path(outcome.number), text.as_bytes())
    }
}

/// A hash of texts, each by itself.
pub fn hash<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
