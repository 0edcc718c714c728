//! Where a picker's files lie: SeisBench pairs, folders of ours.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::version::Version;
use super::{PickerClass, PickerSettings};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::read::{NamedTensor, read_state_dict, write_state_dict};
use crate::train::run_folder::{DESCRIPTION, WEIGHTS};

/// A longer configuration is none.
const LONGEST: u64 = 1 << 20;

/// A picker's configuration and the file of its weights.
pub(super) struct WeightFiles {
    pub settings: PickerSettings,
    pub tensors: Vec<NamedTensor>,
    /// The file of the weights, for messages.
    pub weights: PathBuf,
}

impl WeightFiles {
    /// Looks at `path`: a folder or `.json` of ours, either file of a SeisBench pair, or a pair's
    /// path without `.json.vN`, of which the highest version is taken.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Self::ours(&path.join(DESCRIPTION), &path.join(WEIGHTS));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if let Some(stem) = name.strip_suffix(".safetensors") {
            return Self::ours(&path.with_file_name(format!("{stem}.json")), path);
        }
        if let Some(stem) = name.strip_suffix(".json") {
            return Self::ours(path, &path.with_file_name(format!("{stem}.safetensors")));
        }
        if name.contains(".json.v") {
            return Self::pair(path);
        }
        let unpacked = name.strip_suffix(".gz").unwrap_or(&name);
        if unpacked.contains(".pt.v") {
            return Self::pair(&path.with_file_name(unpacked.replacen(".pt.v", ".json.v", 1)));
        }
        Self::pair(&highest_version(path, &name)?)
    }

    /// `model.json` with `model.safetensors`.
    fn ours(description: &Path, weights: &Path) -> Result<Self> {
        let file = JsonFile::read(description)?;
        let class = file.text("class").and_then(PickerClass::named).ok_or_else(|| {
            let names: Vec<&str> = PickerClass::ALL.iter().map(|class| class.name()).collect();
            Error::input(
                description,
                format!("describes no picker: \"class\" must be one of {}", names.join(", ")),
            )
        })?;
        let settings = file.settings(class)?;
        let tensors = crate::model::read_safetensors(weights)?;
        Ok(Self { settings, tensors, weights: weights.to_path_buf() })
    }

    /// `NAME.json.vN` with `NAME.pt.vN`, or the file that `weights_from` names.
    fn pair(description: &Path) -> Result<Self> {
        let file = JsonFile::read(description)?;
        let weights = match file.text("weights_from") {
            Some(relative) => description.with_file_name("").join(relative),
            None => {
                let name = description.file_name().unwrap_or_default().to_string_lossy();
                description.with_file_name(name.replacen(".json.v", ".pt.v", 1))
            }
        };
        let packed = weights.with_file_name(format!(
            "{}.gz",
            weights.file_name().unwrap_or_default().to_string_lossy()
        ));
        let weights = if !weights.is_file() && packed.is_file() { packed } else { weights };
        let tensors = read_state_dict(&weights)?;
        let class = class_of(description, &file, &tensors)?;
        let mut settings = file.settings(class)?;
        // SeisBench saves no filter_factor.
        if class == PickerClass::PhaseNet
            && !file.arguments("model_args").contains_key("filter_factor")
            && let Some(channels) = first_channels(&tensors)
        {
            let mut model = file.arguments("model_args");
            model.insert("filter_factor".into(), json!(channels / 8));
            settings = PickerSettings::new(class, &model, &settings.default_arguments)
                .map_err(|e| Error::input(description, e.to_string()))?;
        }
        Ok(Self { settings, tensors, weights })
    }
}

/// Channels of PhaseNet's first convolution.
fn first_channels(tensors: &[NamedTensor]) -> Option<usize> {
    let first = tensors.iter().find(|tensor| tensor.name == "inc.weight")?;
    first.shape.first().copied().filter(|channels| channels % 8 == 0 && *channels > 0)
}

/// The class by the folder's name, else by the arguments and the names of the tensors.
fn class_of(path: &Path, file: &JsonFile, tensors: &[NamedTensor]) -> Result<PickerClass> {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let by_name = file.text("class").and_then(PickerClass::named);
    let by_folder = by_name.or_else(|| PickerClass::named(&folder));
    let by_tensors = PickerClass::of_tensors(tensors.iter().map(|tensor| tensor.name.as_str()));
    let arguments = file.arguments("model_args");
    let of_any_length = ["output_activation", "norm_axis"];
    let variable = PickerClass::VariableLengthPhaseNet;
    match (by_folder, by_tensors) {
        (Some(class), Some(found)) if class == found => Ok(class),
        (Some(class), Some(PickerClass::PhaseNet)) if class == variable => Ok(class),
        (_, Some(PickerClass::PhaseNet))
            if of_any_length.iter().any(|name| arguments.contains_key(*name)) =>
        {
            Ok(variable)
        }
        (_, Some(found)) => Ok(found),
        (_, None) => Err(Error::input(
            path,
            "the weights belong to no picker known here: PhaseNet, PhaseNetLight, \
             VariableLengthPhaseNet, EQTransformer or GPD",
        )),
    }
}

/// The highest version of `FOLDER/NAME.json.vN`.
fn highest_version(path: &Path, name: &str) -> Result<PathBuf> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let beginning = format!("{name}.json.v");
    let mut found: Vec<(Version, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some(version) = file.strip_prefix(&beginning) {
            found.push((Version::new(version), entry.path()));
        }
    }
    found.sort();
    match found.pop() {
        Some((_, path)) => Ok(path),
        None => Err(Error::usage(format!(
            "{}: no weights there; expected a pair {name}.json.vN and {name}.pt.vN, or a folder \
             with {DESCRIPTION} and {WEIGHTS}",
            path.display()
        ))),
    }
}

/// A configuration in JSON.
struct JsonFile<'a> {
    path: &'a Path,
    content: Map<String, Value>,
}

impl<'a> JsonFile<'a> {
    fn read(path: &'a Path) -> Result<Self> {
        let bytes = crate::read::Source::file(path).bytes(LONGEST)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(content)) => Ok(Self { path, content }),
            Ok(_) => Err(Error::input(path, "expected a JSON object")),
            Err(error) => Err(Error::input(path, format!("not JSON: {error}"))),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.content.get(name)?.as_str()
    }

    fn arguments(&self, name: &str) -> Map<String, Value> {
        match self.content.get(name) {
            Some(Value::Object(arguments)) => arguments.clone(),
            _ => Map::new(),
        }
    }

    fn settings(&self, class: PickerClass) -> Result<PickerSettings> {
        let (model, defaults) = (self.arguments("model_args"), self.arguments("default_args"));
        let mut settings = PickerSettings::new(class, &model, &defaults)
            .map_err(|error| Error::input(self.path, error.to_string()))?;
        settings.about = self.text("docstring").unwrap_or_default().to_string();
        Ok(settings)
    }
}

/// The configuration as JSON, with SeisBench's names, and the class.
pub(super) fn description(settings: &PickerSettings) -> Value {
    json!({
        "class": settings.class,
        "docstring": settings.about,
        "model_args": settings.model_arguments,
        "default_args": settings.default_arguments,
    })
}

/// Writes a SeisBench pair, `NAME.json.vVERSION` and `NAME.pt.vVERSION`, into `folder`; returns
/// the former's path. Counters that PyTorch expects are added.
pub(super) fn write_pair(
    folder: &Path,
    name: &str,
    version: &str,
    settings: &PickerSettings,
    mut tensors: Vec<NamedTensor>,
) -> Result<PathBuf> {
    let counters: Vec<NamedTensor> = tensors
        .iter()
        .filter_map(|tensor| tensor.name.strip_suffix("running_var"))
        .map(|place| NamedTensor {
            name: format!("{place}num_batches_tracked"),
            shape: Vec::new(),
            values: vec![0.0],
        })
        .collect();
    tensors.extend(counters);
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    write_state_dict(&folder.join(format!("{name}.pt.v{version}")), &tensors)?;
    let Value::Object(mut content) = description(settings) else {
        return Err(Error::data("a description is an object"));
    };
    content.remove("class");
    content.insert("version".into(), json!(version));
    content.insert("seisbench_requirement".into(), json!("0.4.0"));
    let path = folder.join(format!("{name}.json.v{version}"));
    let text = serde_json::to_vec_pretty(&content).map_err(|e| Error::data(e.to_string()))?;
    write_atomically(&path, &text)?;
    Ok(path)
}
