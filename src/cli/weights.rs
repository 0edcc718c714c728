//! `temblor weights`: what a picker's weight files say, and copies of them in other formats.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Outcome;
use crate::detect::Picker;
use crate::error::{Error, Result};
use crate::progress::note;

/// Show what a picker's weight files say; write them as safetensors or as a pair for SeisBench.
///
/// Reads a pair of SeisBench (either file, or its path without .json.vN, of which the highest
/// version is taken), a folder with model.json and model.safetensors, or the run folder of a picker.
/// Pickles are read as data: nothing in them is imported or run.
#[derive(clap::Args)]
pub struct Args {
    /// The weights.
    weights: PathBuf,
    /// Write model.json and model.safetensors into this folder.
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    /// Write FOLDER/NAME.json.vN and FOLDER/NAME.pt.vN, which SeisBench loads.
    #[arg(long, value_name = "FOLDER/NAME")]
    seisbench: Option<PathBuf>,
    /// The version N of the pair.
    #[arg(long, value_name = "N", default_value = "1", requires = "seisbench")]
    pair_version: String,
    /// Overwrite files that exist.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let picker = Picker::open(&args.weights, tch::Device::Cpu)?;
    let settings = picker.settings();
    let parameters = picker.model().parameter_count();
    if args.json {
        let facts = json!({
            "class": settings.class,
            "network": settings.network,
            "parameters": parameters,
            "components": settings.components,
            "labels": settings.labels,
            "sampling_rate": settings.rate_hz,
            "in_samples": settings.in_samples,
            "arguments": settings.arguments,
            "model_args": settings.model_arguments,
            "about": settings.about,
        });
        println!("{facts}");
    } else {
        for (name, value) in settings.listed() {
            println!("{name:22} {value}");
        }
        println!("{:22} {parameters}", "parameters");
        if !settings.about.is_empty() {
            println!("{:22} {}", "about", settings.about.trim().replace('\n', " "));
        }
    }
    if let Some(folder) = &args.save {
        refuse_overwriting(&[folder.join("model.json"), folder.join("model.safetensors")], &args)?;
        picker.save(folder)?;
        note(format_args!("wrote {}", folder.join("model.safetensors").display()));
    }
    if let Some(place) = &args.seisbench {
        let (folder, name) = pair_place(place)?;
        let version = &args.pair_version;
        let files = ["json", "pt"].map(|kind| folder.join(format!("{name}.{kind}.v{version}")));
        refuse_overwriting(&files, &args)?;
        let path = picker.export(folder, &name, version)?;
        note(format_args!("wrote {} and its .pt", path.display()));
    }
    Ok(Outcome::Done)
}

fn pair_place(place: &Path) -> Result<(&Path, String)> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    match place.file_name() {
        Some(name) => Ok((folder.unwrap_or(Path::new(".")), name.to_string_lossy().into_owned())),
        None => Err(Error::usage(format!("{}: expected FOLDER/NAME", place.display()))),
    }
}

fn refuse_overwriting(files: &[PathBuf], args: &Args) -> Result<()> {
    match files.iter().find(|file| file.exists() && !args.force) {
        Some(file) => Err(Error::usage(format!(
            "{} exists already; choose another name, or overwrite with --force",
            file.display()
        ))),
        None => Ok(()),
    }
}
