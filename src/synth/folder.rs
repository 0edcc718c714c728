//! A folder that appears whole, and that replaces nothing but its own kind.

use std::path::Path;

use crate::error::{Error, Result};
use crate::output::write_atomically;

/// Marks a folder as made here; written last.
pub(super) const TRUTH: &str = "truth.json";
const MADE_BY: &str = "temblor synth";

/// Lets `fill` write into a new folder beside `out`, adds `truth.json` with what it returns, and
/// moves the folder into place. An existing folder with content is refused, or with `force`
/// replaced if it was made here; any other is never touched.
pub(super) fn make(
    out: &Path,
    force: bool,
    fill: impl FnOnce(&Path) -> Result<serde_json::Map<String, serde_json::Value>>,
) -> Result<()> {
    let replaces = check(out, force)?;
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
    let work = tempfile::Builder::new()
        .prefix(".temblor-synth-")
        .tempdir_in(parent)
        .map_err(Error::io(parent))?;
    let fresh = work.path().join("new");
    std::fs::create_dir(&fresh).map_err(Error::io(&fresh))?;
    let mut truth = fill(&fresh)?;
    truth.insert("made_by".into(), MADE_BY.into());
    truth.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    let text = serde_json::to_string_pretty(&truth).map_err(|e| Error::data(e.to_string()))?;
    write_atomically(&fresh.join(TRUTH), (text + "\n").as_bytes())?;
    if replaces {
        let old = work.path().join("old"); // goes with the working folder
        std::fs::rename(out, &old).map_err(Error::io(out))?;
    }
    std::fs::rename(&fresh, out).map_err(Error::io(out))
}

/// Whether something stands at `out` that has to make room; an error if it may not.
fn check(out: &Path, force: bool) -> Result<bool> {
    let Ok(mut entries) = std::fs::read_dir(out) else {
        return if out.exists() {
            Err(Error::usage(format!("{} is not a folder; name another", out.display())))
        } else {
            Ok(false)
        };
    };
    if entries.next().is_none() {
        return Ok(false); // a rename replaces an empty folder
    }
    if !force {
        let name = out.display();
        return Err(Error::usage(format!(
            "{name} is not empty; name another folder, or --force to replace it"
        )));
    }
    let ours = std::fs::read_to_string(out.join(TRUTH))
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .is_some_and(|truth| truth["made_by"] == MADE_BY);
    if ours {
        Ok(true)
    } else {
        Err(Error::usage(format!(
            "{} was not made by this command (it has no {TRUTH} of ours), so --force does not replace it; name another folder",
            out.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_folders_are_replaced_and_only_when_told() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("made");
        let write = |force, text: &'static str| {
            make(&out, force, |folder| {
                write_atomically(&folder.join("a.txt"), text.as_bytes())?;
                Ok(serde_json::Map::new())
            })
        };
        write(false, "one").unwrap();
        assert!(write(false, "two").unwrap_err().to_string().contains("--force"));
        write(true, "two").unwrap();
        assert_eq!(std::fs::read_to_string(out.join("a.txt")).unwrap(), "two");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "no litter");

        let foreign = root.path().join("home");
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(foreign.join("letter.txt"), "dear").unwrap();
        assert!(make(&foreign, true, |_| Ok(serde_json::Map::new())).is_err());
        assert!(foreign.join("letter.txt").exists());
    }

    #[test]
    fn a_failed_run_leaves_the_old_folder() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("made");
        make(&out, false, |_| Ok(serde_json::Map::new())).unwrap();
        let failed = make(&out, true, |_| Err(Error::data("stopped")));
        assert!(failed.is_err() && out.join(TRUTH).exists());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
