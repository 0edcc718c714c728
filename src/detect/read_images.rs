//! Images from class folders, brought to one size.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::class_examples::ClassTable;
use super::class_settings::ImageSettings;
use super::image_examples::ImageExamples;
use super::metadata;
use super::read_windows::numbered;
use crate::data::ImageSet;
use crate::error::{Error, Result};
use crate::progress;
use crate::read::resize::resize;
use crate::read::{ImageFolder, IndexTable, list_images, read_image};

/// Images that are kept at most, in bytes.
const MAX_BYTES: usize = 16 << 30;

/// Images with labels as far as known, and the files that failed.
pub struct ReadImages {
    /// The images.
    pub examples: ImageExamples,
    /// Files that were named and left out.
    pub failed: Vec<(PathBuf, String)>,
}

/// Reads the class folders that `settings` names.
pub fn read_images(settings: &ImageSettings) -> Result<ReadImages> {
    let folder =
        ImageFolder::list(&settings.folder, settings.listing, settings.classes.as_deref())?;
    folder.notes.iter().for_each(progress::note);
    let names: Vec<String> = folder.files.iter().map(|f| f.name.clone()).collect();
    let labels = folder.files.iter().map(|f| Some(f.class)).collect();
    let mut read = decode(settings, &settings.folder, names, labels, folder.classes.clone())?;
    if let Some(index) = &settings.index {
        add_index(&mut read.examples, settings, index)?;
    }
    Ok(read)
}

/// Reads the images of `input` for a run with `classes`: class folders of those names if there
/// are any, else every image in it; or one file.
pub fn read_images_to_classify(
    settings: &ImageSettings,
    input: &Path,
    classes: &[String],
) -> Result<ReadImages> {
    if input.is_file() {
        let folder = input.parent().unwrap_or(Path::new("."));
        let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return decode(settings, folder, vec![name], vec![None], classes.to_vec());
    }
    if !input.is_dir() {
        return Err(Error::usage(format!("{}: no such file or folder", input.display())));
    }
    let (names, notes) = list_images(input)?;
    notes.iter().for_each(progress::note);
    if names.is_empty() {
        return Err(Error::input(input, "holds no image"));
    }
    let class_of = |name: &String| {
        let folder = name.split_once('/')?.0;
        classes.iter().position(|class| class == folder)
    };
    let labels = names.iter().map(class_of).collect();
    decode(settings, input, names, labels, classes.to_vec())
}

fn decode(
    settings: &ImageSettings,
    root: &Path,
    names: Vec<String>,
    labels: Vec<Option<usize>>,
    classes: Vec<String>,
) -> Result<ReadImages> {
    let [height, width] = settings.size;
    let channels = settings.color.channels();
    let size = height.checked_mul(width).and_then(|n| n.checked_mul(channels)).unwrap_or(0);
    if size == 0 || size.checked_mul(names.len()).is_none_or(|bytes| bytes > MAX_BYTES) {
        return Err(Error::usage(format!(
            "{} images of size {height}x{width}x{channels} do not fit in {MAX_BYTES} bytes",
            names.len()
        )));
    }
    let decoded: Vec<Result<(Vec<u8>, [f64; 3])>> = names
        .par_iter()
        .map(|name| {
            let path = root.join(name);
            let bytes = std::fs::metadata(&path).map_err(Error::io(&path))?.len();
            let picture = read_image(&path, settings.color, settings.convention)?;
            let stored = [bytes as f64, picture.width as f64, picture.height as f64];
            Ok((resize(&picture, height, width, settings.interpolation).pixels, stored))
        })
        .collect();
    let (mut failed, mut stored) = (Vec::new(), Vec::new());
    let mut set =
        ImageSet { height, width, channels, classes: classes.len(), ..Default::default() };
    for ((name, label), pixels) in names.into_iter().zip(labels).zip(decoded) {
        match pixels {
            Ok((pixels, as_stored)) => {
                stored.push(as_stored);
                set.pixels.extend(pixels);
                set.groups.push(set.names.len());
                set.labels.push(label);
                set.names.push(name);
            }
            Err(Error::Input { file, problem }) => failed.push((file, problem)),
            Err(other) => failed.push((root.join(&name), other.to_string())),
        }
    }
    if set.is_empty() {
        let (file, problem) = failed.swap_remove(0);
        return Err(Error::input(file, format!("{problem}; no image could be read")));
    }
    let table = ClassTable {
        classes,
        labels: set.labels.clone(),
        groups: set.groups.clone(),
        key: "file",
        names: set.names.clone(),
        ..ClassTable::default()
    };
    let examples = ImageExamples {
        metadata: metadata::of_images(&stored, &set),
        set,
        table,
        standardise: settings.standardise,
        augmentation: settings.augmentation.clone(),
        eight_views: settings.eight_views,
    };
    Ok(ReadImages { examples, failed })
}

/// Takes groups and folds from the index; a file it does not name is an error.
fn add_index(examples: &mut ImageExamples, settings: &ImageSettings, path: &Path) -> Result<()> {
    let index = IndexTable::read(path)?;
    let file = index.column(&settings.columns.file)?;
    let lines: BTreeMap<&str, usize> =
        index.rows.iter().enumerate().map(|(line, row)| (row[file].trim(), line)).collect();
    let lines: Vec<usize> = examples
        .table
        .names
        .iter()
        .map(|name| {
            lines.get(name.as_str()).copied().ok_or_else(|| {
                Error::input(path, format!("does not name '{name}', which is in the folder"))
            })
        })
        .collect::<Result<_>>()?;
    if let Some(group) = index.find(&settings.columns.group) {
        let groups: Vec<String> =
            lines.iter().map(|&line| index.rows[line][group].clone()).collect();
        examples.table.groups = numbered(&groups);
        examples.set.groups = examples.table.groups.clone();
    }
    if let Some(fold) = index.find(&settings.columns.fold) {
        examples.table.folds =
            lines.iter().map(|&line| index.number(line, fold)).collect::<Result<_>>()?;
    }
    Ok(())
}
