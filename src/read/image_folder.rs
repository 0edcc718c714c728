//! A folder with one sub-folder a class, listed in a stated order.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Which folders are classes and which files are images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    /// Hidden and empty folders and hidden files are passed over with a note.
    #[default]
    Plain,
    /// As Keras' `flow_from_directory`: hidden folders are classes, empty ones take an index,
    /// hidden files with a listed extension are read.
    Keras,
}

/// Extensions that Keras lists.
const KERAS_EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff"];
/// Further extensions listed by [`Listing::Plain`]; decoding goes by content and names what it
/// cannot read.
const MORE_EXTENSIONS: &[&str] = &["jfif", "pgm", "pnm", "gif", "webp"];
/// Folders deeper than this are not entered (a link may lead back up).
const MAX_DEPTH: usize = 16;

/// One image of a class folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// Path below the root, with `/`.
    pub name: String,
    /// Number of its class.
    pub class: usize,
}

/// Classes and their files.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    /// The folder that holds the class folders.
    pub root: PathBuf,
    /// Class names; the position is the class number.
    pub classes: Vec<String>,
    /// Files ordered by class, then by folder, then by name (Unicode code points).
    pub files: Vec<ImageFile>,
    /// What was passed over, one sentence each.
    pub notes: Vec<String>,
}

impl ImageFolder {
    /// Lists `root`. `classes` names the class folders in the wanted order; without it they are
    /// all folders, sorted.
    ///
    /// # Errors
    /// No such folder, no class in it, or a named class without a folder.
    pub fn list(root: &Path, listing: Listing, classes: Option<&[String]>) -> Result<Self> {
        let mut notes = Vec::new();
        let mut files = Vec::new();
        let folders = match classes {
            Some(names) => names.to_vec(),
            None => class_folders(root, listing, &mut notes)?,
        };
        let mut kept = Vec::new();
        for name in folders {
            let folder = root.join(&name);
            if !folder.is_dir() {
                return Err(Error::usage(format!("{}: no such class folder", folder.display())));
            }
            let class = kept.len();
            let before = files.len();
            list_class(&folder, &name, class, listing, 0, &mut files, &mut notes)?;
            files[before..].sort_by(|a, b| a.name.rsplit_once('/').cmp(&b.name.rsplit_once('/')));
            let is_empty = files.len() == before;
            if is_empty && listing == Listing::Plain && classes.is_none() {
                notes.push(format!("class folder '{name}' holds no image, passed over"));
            } else {
                kept.push(name);
            }
        }
        if kept.is_empty() {
            let problem = "holds no class folder with images; expected one sub-folder a class";
            return Err(Error::input(root, problem));
        }
        if kept.len() > 1 && kept.iter().all(|name| name.parse::<f64>().is_ok()) {
            notes.push(format!(
                "class names are numbers, taken in the order of their text: {}",
                kept.join(", ")
            ));
        }
        Ok(Self { root: root.to_path_buf(), classes: kept, files, notes })
    }

    /// Where file number `file` lies.
    pub fn path(&self, file: usize) -> PathBuf {
        self.root.join(&self.files[file].name)
    }

    /// Keras' `validation_split`: of each class the first ⌊fraction · n⌋ files of the sorted
    /// listing are validation. Returns file numbers of (training, validation).
    pub fn validation_split(&self, fraction: f64) -> (Vec<usize>, Vec<usize>) {
        let mut parts = (Vec::new(), Vec::new());
        for class in 0..self.classes.len() {
            let members: Vec<usize> =
                (0..self.files.len()).filter(|&f| self.files[f].class == class).collect();
            let heads = ((fraction * members.len() as f64) as usize).min(members.len());
            parts.1.extend_from_slice(&members[..heads]);
            parts.0.extend_from_slice(&members[heads..]);
        }
        parts
    }
}

/// Images directly in `folder` or below it, without classes; the same order and notes.
pub fn list_images(folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    list_class(folder, "", 0, Listing::Plain, 0, &mut files, &mut notes)?;
    Ok((files.into_iter().map(|f| f.name).collect(), notes))
}

fn entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let is_folder = entry.path().is_dir();
        names.push((entry.file_name().to_string_lossy().into_owned(), is_folder));
    }
    names.sort();
    Ok(names)
}

fn class_folders(root: &Path, listing: Listing, notes: &mut Vec<String>) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    let mut loose = 0;
    for (name, is_folder) in entries(root)? {
        if !is_folder {
            loose += usize::from(is_image_name(&name, listing));
        } else if listing == Listing::Plain && name.starts_with('.') {
            notes.push(format!("hidden folder '{name}' passed over"));
        } else {
            folders.push(name);
        }
    }
    if loose > 0 {
        notes.push(format!("{loose} images lie in no class folder, passed over"));
    }
    Ok(folders)
}

/// Files of one folder, then those of its sub-folders.
fn list_class(
    folder: &Path,
    name: &str,
    class: usize,
    listing: Listing,
    depth: usize,
    files: &mut Vec<ImageFile>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let below =
        |entry: &str| if name.is_empty() { entry.into() } else { format!("{name}/{entry}") };
    let here = entries(folder)?;
    for (entry, _) in here.iter().filter(|(_, is_folder)| !is_folder) {
        if listing == Listing::Plain && entry.starts_with('.') {
            notes.push(format!("hidden file '{}' passed over", below(entry)));
        } else if is_image_name(entry, listing) {
            files.push(ImageFile { name: below(entry), class });
        } else {
            notes.push(format!("'{}' has no image extension, passed over", below(entry)));
        }
    }
    for (entry, _) in here.iter().filter(|(_, is_folder)| *is_folder) {
        if listing == Listing::Plain && entry.starts_with('.') {
            notes.push(format!("hidden folder '{}' passed over", below(entry)));
        } else if depth == MAX_DEPTH {
            notes.push(format!("folder '{}' lies too deep, passed over", below(entry)));
        } else {
            let sub = folder.join(entry);
            list_class(&sub, &below(entry), class, listing, depth + 1, files, notes)?;
        }
    }
    Ok(())
}

fn is_image_name(name: &str, listing: Listing) -> bool {
    let Some((_, extension)) = name.rsplit_once('.') else { return false };
    let extension = extension.to_ascii_lowercase();
    KERAS_EXTENSIONS.contains(&extension.as_str())
        || (listing == Listing::Plain && MORE_EXTENSIONS.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        root
    }

    #[test]
    fn the_two_listings_differ_in_hidden_and_empty_folders() {
        let root = tree(&["b/1.png", "b/sub/0.png", "a/z.JPG", "a/a.txt", ".h/x.png", "e/k.txt"]);
        let keras = ImageFolder::list(root.path(), Listing::Keras, None).unwrap();
        assert_eq!(keras.classes, [".h", "a", "b", "e"]);
        let plain = ImageFolder::list(root.path(), Listing::Plain, None).unwrap();
        assert_eq!(plain.classes, ["a", "b"]);
        let names: Vec<&str> = plain.files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a/z.JPG", "b/1.png", "b/sub/0.png"]);
        assert_eq!(plain.notes.len(), 4);
    }

    #[test]
    fn a_folder_without_classes_is_an_error() {
        let root = tree(&["loose.png"]);
        let refused = ImageFolder::list(root.path(), Listing::Plain, None).unwrap_err();
        assert!(refused.to_string().contains("one sub-folder a class"));
    }
}
