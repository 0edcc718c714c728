//! Class folders and pixels as Keras and Pillow read them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use temblor::data::Order;
use temblor::read::array::{Array, array_names, read_array};
use temblor::read::{
    ColorMode, Convention, ImageFolder, Interpolation, Listing, Picture, decode_image, read_image,
    resize::resize,
};

use crate::shared;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Of the pixels as float32, as the peer stores them.
fn checksum(picture: &Picture) -> String {
    let bytes: Vec<u8> = picture.pixels.iter().flat_map(|&p| f32::from(p).to_le_bytes()).collect();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mean(picture: &Picture) -> f64 {
    picture.pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / picture.pixels.len() as f64
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_string()).collect()
}

#[test]
fn golden_listing_matches_keras() {
    let (Some(tree), Some(loader)) =
        (shared::path("golden/keras/tree"), shared::path("golden/keras/loader.json"))
    else {
        return;
    };
    let loader = json(&loader);
    let folder = ImageFolder::list(&tree, Listing::Keras, None).unwrap();
    let indices: BTreeMap<String, usize> =
        folder.classes.iter().enumerate().map(|(i, c)| (c.clone(), i)).collect();
    let expected: BTreeMap<String, usize> =
        serde_json::from_value(loader["class_indices"].clone()).unwrap();
    assert_eq!(indices, expected);
    let listed: Vec<String> = folder.files.iter().map(|f| f.name.clone()).collect();
    assert_eq!(listed, names(&loader["filenames"]));
    let labels: Vec<usize> = folder.files.iter().map(|f| f.class).collect();
    assert_eq!(labels, serde_json::from_value::<Vec<usize>>(loader["labels"].clone()).unwrap());

    let (training, validation) = folder.validation_split(0.3);
    let split = &loader["validation_split_0.3"];
    for (part, expected) in [(training, "training"), (validation, "validation")] {
        let part: Vec<String> = part.iter().map(|&f| folder.files[f].name.clone()).collect();
        assert_eq!(part, names(&split[expected]), "{expected}");
    }

    let argument = &loader["classes_argument"];
    let named = ImageFolder::list(&tree, Listing::Keras, Some(&names(&argument["classes"])));
    let named: Vec<String> = named.unwrap().files.iter().map(|f| f.name.clone()).collect();
    assert_eq!(named, names(&argument["filenames"]));
}

/// The orders in which batches are fetched by number, three epochs of 37 images in batches of 8.
#[test]
fn golden_order_matches_keras() {
    let Some(loader) = shared::path("golden/keras/loader.json") else { return };
    let loader = json(&loader);
    let shuffled = loader["shuffle"].as_object().unwrap();
    for (seed, entry) in shuffled {
        let order = Order::Keras { seed: seed.parse().unwrap() };
        let epochs: Vec<Vec<usize>> =
            serde_json::from_value(entry["getitem_epochs"].clone()).unwrap();
        for (epoch, expected) in epochs.iter().enumerate() {
            assert_eq!(&order.of_pass(37, 8, epoch, 1), expected, "seed {seed}, epoch {epoch}");
        }
    }
    for (seed, entry) in loader["numpy_legacy"].as_object().unwrap() {
        let order = Order::Keras { seed: seed.parse().unwrap() };
        for count in [10, 37] {
            let expected: Vec<usize> =
                serde_json::from_value(entry[format!("permutation_{count}")].clone()).unwrap();
            assert_eq!(order.of_pass(count, count, 0, 0), expected, "seed {seed}");
        }
    }
    assert_eq!(shuffled.len(), 4);
}

#[test]
fn golden_pixels_match_pillow() {
    let (Some(tree), Some(loader)) =
        (shared::path("golden/keras/tree"), shared::path("golden/keras/loader.json"))
    else {
        return;
    };
    let loader = json(&loader);
    let (mut exact, mut close) = (0, 0);
    for (name, expected) in loader["files"].as_object().unwrap() {
        // Another JPEG decoder may differ by a level; its resized sums are held by their means.
        let is_jpeg = name.to_lowercase().ends_with(".jpg") || name.ends_with(".jpeg");
        for (mode, color) in [("rgb", ColorMode::Rgb), ("grayscale", ColorMode::Grayscale)] {
            if mode == "grayscale" && name.contains("gray16") {
                continue; // Pillow hands out 16-bit numbers there.
            }
            let picture = read_image(&tree.join(name), color, Convention::Keras).unwrap();
            for (kind, how) in
                [("nearest", Interpolation::Nearest), ("bilinear", Interpolation::Bilinear)]
            {
                let entry = &expected[format!("{mode}/{kind}")];
                let resized = resize(&picture, 128, 128, how);
                let off = (mean(&resized) - entry[4].as_f64().unwrap()).abs();
                if checksum(&resized) == entry[1].as_str().unwrap() {
                    exact += 1;
                } else {
                    assert!(is_jpeg || kind == "bilinear", "{name} {mode}/{kind} is not exact");
                    assert!(off < 0.5, "{name} {mode}/{kind}: mean off by {off}");
                    close += 1;
                }
            }
        }
    }
    eprintln!("{exact} arrays equal by checksum, {close} close");
    assert!(exact >= 90, "{exact} exact, {close} close");
}

/// Largest and mean difference in levels between a picture and an array of the peer.
fn differences(picture: &Picture, array: &Array) -> (f32, f32) {
    assert_eq!(picture.pixels.len(), array.values.len());
    let pairs = picture.pixels.iter().zip(&array.values);
    let off: Vec<f32> = pairs.map(|(&a, b)| (f32::from(a) - b).abs()).collect();
    (off.iter().copied().fold(0.0, f32::max), off.iter().sum::<f32>() / off.len() as f32)
}

/// Lossless formats are exact before resizing and within a level after it. JPEG decoders are
/// free to round and to smooth colour in their own way: half a level in the mean.
#[test]
fn golden_resizing_is_within_a_level_of_pillow() {
    let (Some(tree), Some(arrays)) =
        (shared::path("golden/keras/tree"), shared::path("golden/keras/loader_arrays.npz"))
    else {
        return;
    };
    let (mut compared, mut worst) = (0, (0.0f32, 0.0f32));
    for name in array_names(&arrays).unwrap() {
        let (kind, file) = name.split_once("__").unwrap();
        let peer = read_array(&arrays, Some(&name)).unwrap();
        let picture = read_image(&tree.join(file), ColorMode::Rgb, Convention::Keras).unwrap();
        let is_jpeg = file.to_lowercase().ends_with("jpg") || file.ends_with("jpeg");
        let picture = match kind {
            "native" => picture,
            "nearest" => resize(&picture, 128, 128, Interpolation::Nearest),
            _ => resize(&picture, 128, 128, Interpolation::Bilinear),
        };
        let (largest, mean) = differences(&picture, &peer);
        match (is_jpeg, kind) {
            (true, _) => worst = (worst.0.max(largest), worst.1.max(mean)),
            (false, "nearest") => assert_eq!(largest, 0.0, "{name}"),
            (false, _) => assert!(largest <= 1.0, "{name}: off by {largest}"),
        }
        compared += 1;
    }
    eprintln!("JPEG: off by at most {} levels, {} in the mean", worst.0, worst.1);
    assert!(worst.0 <= 6.0 && worst.1 <= 0.5, "{worst:?}");
    assert!(compared > 10);
}

/// Files that must be refused; all others must be read, or named as a format not read.
const BROKEN: &[&str] = &[
    "bad_crc.png",
    "header_only.jpg",
    "huge_header.png",
    "text_renamed.jpg",
    "truncated.jpg",
    "truncated.png",
    "zero_byte.jpg",
];
/// Formats that are named and passed over.
const NOT_READ: &[&str] = &["float32.tif", "palette.gif", "wild.webp"];

#[test]
fn golden_odd_images_are_read_right_or_refused() {
    let (Some(folder), Some(expected)) =
        (shared::path("data/images/odd"), shared::path("golden/geology/odd_images.json"))
    else {
        return;
    };
    let expected = json(&expected);
    let mut exact = 0;
    for (name, entry) in expected.as_object().unwrap() {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let read = decode_image(&bytes, ColorMode::Rgb, Convention::Keras);
        let refused = BROKEN.contains(&name.as_str()) || NOT_READ.contains(&name.as_str());
        assert_eq!(read.is_err(), refused, "{name}: {read:?}");
        let Ok(picture) = read else { continue };
        let rgb = &entry["rgb"];
        assert_eq!(picture.height, rgb["shape"][0].as_u64().unwrap() as usize, "{name}");
        assert_eq!(picture.width, rgb["shape"][1].as_u64().unwrap() as usize, "{name}");
        let off = (mean(&picture) - rgb["mean"].as_f64().unwrap()).abs();
        if checksum(&picture) == rgb["sha256_f32"].as_str().unwrap() {
            exact += 1;
        } else {
            assert_eq!(entry["format"], "JPEG", "{name} is not exact");
            assert!(off < 0.5, "{name}: mean off by {off}");
        }
        // Ours turns the image upright and scales 16-bit levels.
        let ours = decode_image(&bytes, ColorMode::Rgb, Convention::Upright).unwrap();
        if let Some(upright) = entry.get("after_exif_transpose") {
            assert_eq!(ours.height, upright["shape"][0].as_u64().unwrap() as usize, "{name}");
        }
        if name.contains("16") {
            assert!((mean(&ours) - 143.5).abs() < 1.0, "{name}: mean {}", mean(&ours));
        }
    }
    eprintln!("{exact} odd images equal by checksum");
    assert!(exact >= 18, "{exact}");
}
