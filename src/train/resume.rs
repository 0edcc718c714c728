//! An interrupted run goes on only with the settings and the data that it was begun with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RunFolder;
use super::run_folder::SETTINGS;
use crate::data::{Fingerprint, Series};
use crate::error::{Error, Result};

/// What a run was begun with, beside its settings.
pub(super) const INPUTS: &str = "inputs.json";

/// One input of a run: what it is called, how much of it there is, and the SHA-256 of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputMark {
    /// Target of a forecast, or the word for the examples.
    pub name: String,
    /// Rows or examples.
    pub count: usize,
    /// Hexadecimal.
    pub sha256: String,
}

impl InputMark {
    /// That of a series to forecast.
    pub fn of_series(name: &str, series: &Series) -> Self {
        let mut content = Fingerprint::default();
        for column in &series.columns {
            content.add(column.name.as_bytes());
        }
        content.add(format!("{} {} {}", series.group, series.start.0, series.step).as_bytes());
        content.numbers(&series.values);
        Self { name: name.into(), count: series.rows(), sha256: content.finish() }
    }
}

/// Begins a run in `path`, or goes on with the interrupted one that is there.
///
/// # Errors
/// With `resume`: no run there, or one begun with other settings or data, naming which. Without:
/// a folder that is not free, unless `force`.
pub fn begin(
    path: &Path,
    (resume, force): (bool, bool),
    settings: &impl Serialize,
    inputs: &[InputMark],
) -> Result<RunFolder> {
    if !resume {
        let run = RunFolder::create(path, force)?;
        // The settings come last: a folder with them knows its inputs.
        run.write_json(INPUTS, &inputs)?;
        run.write_settings(settings)?;
        return Ok(run);
    }
    let run = RunFolder::open(path)?;
    let refuse = |what: String| {
        Err(Error::usage(format!(
            "{}: {what}; resume with what it was begun with, or start anew with --force",
            path.display()
        )))
    };
    let before: toml::Table = run.read_settings()?;
    let now = toml::Table::try_from(settings)
        .map_err(|e| Error::usage(format!("settings cannot be written as TOML: {e}")))?;
    if let Some(difference) = difference("", &before, &now) {
        return refuse(format!("the settings differ: {difference}"));
    }
    let before: Vec<InputMark> = run.read_json(INPUTS)?;
    let changed = inputs.iter().find(|input| !before.contains(input));
    let gone = before.iter().find(|input| inputs.iter().all(|i| i.name != input.name));
    if let Some(input) = changed.or(gone) {
        let word = match before.iter().find(|other| other.name == input.name) {
            Some(other) if other.count != input.count => {
                format!("{} then, {} now", other.count, input.count)
            }
            Some(_) if changed.is_some() => "other values".into(),
            Some(_) => "no longer there".into(),
            None => "not there then".into(),
        };
        return refuse(format!("the data differ: {} ({word})", input.name));
    }
    run.remove_litter()?;
    Ok(run)
}

/// The first setting in which two tables differ, with both values.
fn difference(prefix: &str, before: &toml::Table, now: &toml::Table) -> Option<String> {
    let keys = before.keys().chain(now.keys().filter(|key| !before.contains_key(*key)));
    for key in keys {
        let name = format!("{prefix}{key}");
        match (before.get(key), now.get(key)) {
            (a, b) if a == b => {}
            (Some(toml::Value::Table(a)), Some(toml::Value::Table(b))) => {
                return difference(&format!("{name}."), a, b);
            }
            (Some(toml::Value::Array(a)), Some(toml::Value::Array(b))) if a.len() == b.len() => {
                let mut pairs = a.iter().zip(b).enumerate();
                let (at, (a, b)) = pairs.find(|(_, (a, b))| a != b)?;
                let name = format!("{name}[{at}]");
                return match (a, b) {
                    (toml::Value::Table(a), toml::Value::Table(b)) => {
                        difference(&format!("{name}."), a, b)
                    }
                    (a, b) => Some(format!("{name} was {}, is {}", brief(a), brief(b))),
                };
            }
            (a, b) => {
                let word = |value: Option<&toml::Value>| value.map_or("absent".into(), brief);
                return Some(format!("{name} was {}, is {}", word(a), word(b)));
            }
        }
    }
    None
}

fn brief(value: &toml::Value) -> String {
    let text = value.to_string().replace('\n', " ");
    if text.chars().count() <= 60 {
        text
    } else {
        text.chars().take(57).chain("...".chars()).collect()
    }
}

impl RunFolder {
    /// The folder of a single fit, made with `settings` if it is not there.
    pub(super) fn at(path: &Path, settings: &impl Serialize) -> Result<Self> {
        if !path.join(SETTINGS).is_file() {
            std::fs::create_dir_all(path).map_err(Error::io(path))?;
            let run = Self::unchecked(path);
            run.write_settings(settings)?;
        }
        Self::open(path)
    }

    /// Removes the temporary files of a program that was killed while it wrote.
    fn remove_litter(&self) -> Result<()> {
        let mut folders = vec![self.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(Error::io(&folder))? {
                let entry = entry.map_err(Error::io(&folder))?;
                let kind = entry.file_type().map_err(Error::io(&folder))?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().starts_with(".temblor-") {
                    std::fs::remove_file(entry.path()).map_err(Error::io(entry.path()))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::TrainSettings;

    fn mark(name: &str, count: usize, sha256: &str) -> InputMark {
        InputMark { name: name.into(), count, sha256: sha256.into() }
    }

    #[test]
    fn a_run_goes_on_only_with_its_own_settings_and_data() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let (settings, inputs) = (TrainSettings::default(), [mark("rsam", 10, "aa")]);
        let go = |resume, settings: &TrainSettings, inputs: &[InputMark]| {
            begin(&path, (resume, false), settings, inputs).map_err(|e| e.to_string())
        };
        assert!(go(true, &settings, &inputs).unwrap_err().contains("not a run folder"));
        go(false, &settings, &inputs).unwrap();
        std::fs::write(path.join(".temblor-half.csv"), "x").unwrap();
        go(true, &settings, &inputs).unwrap();
        assert!(!path.join(".temblor-half.csv").exists());
        assert!(go(false, &settings, &inputs).unwrap_err().contains("--force"));
        let other = TrainSettings { epochs: 7, ..settings.clone() };
        let error = go(true, &other, &inputs).unwrap_err();
        assert!(error.contains("epochs was 50, is 7"), "{error}");
        let other = TrainSettings { clip_norm: Some(1.0), ..settings.clone() };
        let error = go(true, &other, &inputs).unwrap_err();
        assert!(error.contains("clip_norm was absent, is 1.0"), "{error}");
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let [one, two] = ["[[m]]\nn = 1\n[[m]]\nn = 2", "[[m]]\nn = 1\n[[m]]\nn = 3"].map(table);
        assert_eq!(difference("", &one, &two).unwrap(), "m[1].n was 2, is 3");
        assert_eq!(difference("", &one, &one), None);
        for (changed, word) in [
            (vec![mark("rsam", 11, "aa")], "rsam (10 then, 11 now)"),
            (vec![mark("rsam", 10, "ab")], "rsam (other values)"),
            (vec![mark("rsam", 10, "aa"), mark("hf", 1, "b")], "hf (not there then)"),
            (vec![], "rsam (no longer there)"),
        ] {
            let error = go(true, &settings, &changed).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
