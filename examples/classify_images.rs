//! Trains a small convolutional network on a folder of images with one sub-folder a class.
//!
//! ```text
//! cargo run --example classify_images -- FOLDER
//! ```
//!
//! Without FOLDER it makes rock textures. Images are split by file within each class here; where several show the
//! same sample, `temblor train` splits by sample instead, as honest scores demand.

use std::path::{Path, PathBuf};

use temblor::Result;
use temblor::data::{Dataset, ImageDataset, ImageSet};
use temblor::model::{ClassTask, Cnn2d, ModelSpec};
use temblor::read::{
    ColorMode, Convention, ImageFolder, Interpolation, Listing, read_image, resize,
};
use temblor::synth::{TexturesSettings, write_textures};
use temblor::train::{TrainSettings, Trainer, predict};

/// Height and width that the network sees, pixels.
const SIZE: usize = 32;

fn read(root: &Path) -> Result<(ImageFolder, ImageSet)> {
    let folder = ImageFolder::list(root, Listing::Plain, None)?;
    let mut pixels = Vec::new();
    for file in 0..folder.files.len() {
        let picture = read_image(&folder.path(file), ColorMode::Rgb, Convention::Upright)?;
        pixels.extend(resize(&picture, SIZE, SIZE, Interpolation::Bilinear).pixels);
    }
    let set = ImageSet {
        height: SIZE,
        width: SIZE,
        channels: 3,
        classes: folder.classes.len(),
        pixels,
        labels: folder.files.iter().map(|file| Some(file.class)).collect(),
        groups: (0..folder.files.len()).collect(),
        names: folder.files.iter().map(|file| file.name.clone()).collect(),
    };
    Ok((folder, set))
}

fn main() -> Result<()> {
    let root = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let made = std::env::temp_dir().join("temblor-example-textures");
            let settings = TexturesSettings { per_class: 20, size: 64, ..Default::default() };
            write_textures(&settings, &made, true)?;
            made
        }
    };
    let (folder, set) = read(&root)?;
    let (train, valid) = folder.validation_split(0.25);
    let moments = set.moments(&train);
    let train = ImageDataset::new(&set, train).standardised(Some(moments.clone()));
    let held_out = ImageDataset::new(&set, valid.clone()).standardised(Some(moments));

    let spec = ModelSpec::Cnn2d(Cnn2d::default());
    let task = ClassTask::new(set.classes);
    let mut model = spec.build(&train.spec(), set.classes, 0, tch::Device::Cpu)?;
    let settings = TrainSettings { epochs: 4, ..TrainSettings::default() };
    Trainer::new(&settings).titled(None).fit(&mut model, &task, &train, None)?;

    let classes: Vec<i64> = predict(&model, &task, &held_out, 32)?.argmax(-1, false).try_into()?;
    for (image, class) in valid.iter().zip(classes) {
        println!("{}: {}", folder.files[*image].name, folder.classes[class as usize]);
    }
    Ok(())
}
