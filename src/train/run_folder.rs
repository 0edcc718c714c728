//! The folder of one run: the unit of exchange between training and use.

use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};
use crate::output::write_atomically;

/// A run folder. It stands under its own name from the start, so that an interrupted run can be
/// resumed in place; a run is finished once `metrics.json` is there, which is written last.
///
/// | file | content |
/// |---|---|
/// | `run.toml` | every setting resolved, seed, program version |
/// | `model.safetensors`, `model.json` | weights; architecture and what prediction needs |
/// | `history.jsonl` | one line an epoch |
/// | `metrics.json` | the report |
/// | `checkpoint/`, `fits/` | state of a run not yet finished |
/// | `inputs.json` | what the run was begun with, for `--resume` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder. An existing one is refused, and with `force` emptied if it is a run
    /// folder; anything else is never touched.
    pub fn create(path: &Path, force: bool) -> Result<Self> {
        Self::check_free(path, force)?;
        if path.exists() {
            std::fs::remove_dir_all(path).map_err(Error::io(path))?;
        }
        std::fs::create_dir_all(path).map_err(Error::io(path))?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// The refusals of [`Self::create`] alone, for before long work; nothing is touched.
    pub fn check_free(path: &Path, force: bool) -> Result<()> {
        let empty = !path.exists()
            || path.is_dir() && std::fs::read_dir(path).map_err(Error::io(path))?.next().is_none();
        if !empty && !force {
            let text = "exists already; choose another name, resume it, or overwrite with --force";
            return Err(Error::usage(format!("{}: {text}", path.display())));
        }
        if !empty && !path.join(SETTINGS).is_file() {
            let text = "is not a run folder, so --force will not empty it";
            return Err(Error::usage(format!("{}: {text}", path.display())));
        }
        Ok(())
    }

    /// A run folder that is there.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(SETTINGS).is_file() {
            let text = format!("is not a run folder: there is no {SETTINGS} in it");
            return Err(Error::usage(format!("{}: {text}", path.display())));
        }
        Ok(Self { path: path.to_path_buf() })
    }

    /// One that is being made.
    pub(super) fn unchecked(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Removes the folder if it holds nothing but settings and marks of the inputs: what failed before anything was
    /// made must not be in the way of the next try.
    pub fn remove_if_barren(self) {
        let entries = std::fs::read_dir(&self.path).map(|entries| {
            entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect::<Vec<_>>()
        });
        if entries.is_ok_and(|names| {
            names.iter().all(|name| name == SETTINGS || name == super::resume::INPUTS)
        }) {
            // The failure itself is reported; one to tidy up would only hide it.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `name` in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether training was finished.
    pub fn is_finished(&self) -> bool {
        self.file(METRICS).is_file()
    }

    /// Writes `run.toml`: `settings`, with the program's version in front.
    pub fn write_settings(&self, settings: &impl Serialize) -> Result<()> {
        let text = toml::to_string(settings)
            .map_err(|e| Error::usage(format!("settings cannot be written as TOML: {e}")))?;
        let text = format!("temblor_version = \"{}\"\n{text}", env!("CARGO_PKG_VERSION"));
        write_atomically(&self.file(SETTINGS), text.as_bytes())
    }

    /// Reads `run.toml` back.
    pub fn read_settings<S: DeserializeOwned>(&self) -> Result<S> {
        let path = self.file(SETTINGS);
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let mut table: toml::Table =
            toml::from_str(&text).map_err(|e| Error::input(&path, first_line(&e.to_string())))?;
        table.remove("temblor_version");
        table.try_into().map_err(|e: toml::de::Error| Error::input(&path, first_line(e.message())))
    }

    /// Writes `value` as `name`, indented JSON.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::usage(format!("{name} cannot be written as JSON: {e}")))?;
        text.push('\n');
        write_atomically(&self.file(name), text.as_bytes())
    }

    /// Reads the JSON file `name`.
    pub fn read_json<V: DeserializeOwned>(&self, name: &str) -> Result<V> {
        let path = self.file(name);
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        serde_json::from_slice(&bytes).map_err(|e| Error::input(&path, e.to_string()))
    }
}

/// Every setting of the run.
pub const SETTINGS: &str = "run.toml";
/// The report; its presence says that the run is finished.
pub const METRICS: &str = "metrics.json";
/// One line an epoch.
pub const HISTORY: &str = "history.jsonl";
/// The weights.
pub const WEIGHTS: &str = "model.safetensors";
/// What prediction needs beside the weights.
pub const DESCRIPTION: &str = "model.json";

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("unreadable").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::TrainSettings;

    #[test]
    fn existing_folders_are_kept_unless_forced_and_foreign_ones_always() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        assert!(RunFolder::open(&path).is_err());
        let run = RunFolder::create(&path, false).unwrap();
        run.write_settings(&TrainSettings::default()).unwrap();
        std::fs::write(run.file("history.jsonl"), "old").unwrap();
        assert!(RunFolder::create(&path, false).unwrap_err().to_string().contains("--force"));
        run.clone().remove_if_barren();
        assert!(path.exists());
        RunFolder::create(&path, true).unwrap().remove_if_barren();
        assert!(!path.exists());
        let run = RunFolder::create(&path, true).unwrap();
        run.write_settings(&TrainSettings::default()).unwrap();
        assert!(!run.file("history.jsonl").exists());
        let foreign = place.path().join("home");
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(foreign.join("letter.txt"), "dear").unwrap();
        assert!(RunFolder::create(&foreign, true).is_err());
        assert!(foreign.join("letter.txt").exists());
    }

    #[test]
    fn settings_come_back_as_they_were_and_unknown_ones_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&place.path().join("run"), false).unwrap();
        let settings = TrainSettings {
            clip_norm: Some(0.1),
            schedule: crate::train::Schedule::OneCycle(crate::train::OneCycle::default()),
            ..TrainSettings::default()
        };
        run.write_settings(&settings).unwrap();
        assert_eq!(run.read_settings::<TrainSettings>().unwrap(), settings);
        let text = std::fs::read_to_string(run.file(SETTINGS)).unwrap();
        assert!(text.starts_with("temblor_version = "));
        std::fs::write(run.file(SETTINGS), text + "momentums = 3\n").unwrap();
        let error = run.read_settings::<TrainSettings>().unwrap_err().to_string();
        assert!(error.contains("momentums"), "{error}");
    }
}
