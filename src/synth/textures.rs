//! Images of rock textures: procedural, grouped by sample, told apart by structure alone.

use std::path::Path;

use image::{Rgb, RgbImage};
use rayon::prelude::*;

use super::folder;
use super::random::{Purpose, Random};
use crate::error::{Error, Result};
use crate::output::replace_atomically;
use crate::progress::check_interrupt;

/// What images to make.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct TexturesSettings {
    /// Decides everything random.
    pub seed: u64,
    /// Images of each class.
    pub per_class: usize,
    /// Rock samples of each class; images of one sample share colour, grain and scale.
    pub samples_per_class: usize,
    /// Width and height in pixels.
    pub size: u32,
}

impl Default for TexturesSettings {
    fn default() -> Self {
        Self { seed: 1, per_class: 60, samples_per_class: 15, size: 128 }
    }
}

/// A texture: how bright the rock is at a place of the sample's own frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Texture {
    Fractured,
    Granular,
    Layered,
    Vesicular,
}

const TEXTURES: [(Texture, &str); 4] = [
    (Texture::Fractured, "fractured"),
    (Texture::Granular, "granular"),
    (Texture::Layered, "layered"),
    (Texture::Vesicular, "vesicular"),
];

/// Groups are dealt to this many folds.
const FOLDS: usize = 5;

/// Makes `CLASS/CLASS_NNNN.png` in four class folders, `index.csv` (file, class, group, fold) and
/// `truth.json` in `out`. Returns the number of images. Colours and brightness are drawn alike for
/// all classes, so that only structure tells them apart.
///
/// # Errors
/// [`Error::Usage`] for settings that make no sense or a folder that may not be replaced.
pub fn write_textures(settings: &TexturesSettings, out: &Path, force: bool) -> Result<usize> {
    let TexturesSettings { per_class, samples_per_class, size, .. } = *settings;
    if !(1..=100_000).contains(&per_class)
        || !(1..=per_class).contains(&samples_per_class)
        || !(16..=2048).contains(&size)
    {
        return Err(Error::usage(
            "expected 1 to 100000 images a class, at most as many samples, and 16 to 2048 pixels",
        ));
    }
    folder::make(out, force, |fresh| {
        (0..TEXTURES.len() * per_class).into_par_iter().try_for_each(|number| {
            check_interrupt()?;
            let (class, index) = (number / per_class, number % per_class);
            let picture = draw(settings, class, index);
            replace_atomically(&fresh.join(file_name(class, index)), |path| {
                picture.save(path).map_err(|e| Error::input(path, e.to_string()))
            })
        })?;
        let mut text = String::from("file,class,group,fold\n");
        for (class, (_, name)) in TEXTURES.iter().enumerate() {
            for index in 0..per_class {
                let sample = index % samples_per_class;
                text += &format!(
                    "{},{name},{name}_{sample:03},{}\n",
                    file_name(class, index),
                    sample % FOLDS
                );
            }
        }
        crate::output::write_atomically(&fresh.join("index.csv"), text.as_bytes())?;
        let value = serde_json::to_value(settings).map_err(|e| Error::data(e.to_string()))?;
        Ok([("settings".to_string(), value)].into_iter().collect())
    })?;
    Ok(TEXTURES.len() * per_class)
}

fn file_name(class: usize, index: usize) -> String {
    let name = TEXTURES[class].1;
    format!("{name}/{name}_{index:04}.png")
}

/// What the images of one rock sample share.
struct Sample {
    colour: [f64; 3],
    /// Cells, layers or bubbles across the picture.
    scale: f64,
    grain: f64,
    contrast: f64,
    lattice: u64,
}

fn draw(settings: &TexturesSettings, class: usize, index: usize) -> RgbImage {
    let group = (index % settings.samples_per_class) as u64;
    let mut random = Random::new(settings.seed, Purpose::TextureSample, class as u64, group);
    let grey = random.between(0.35, 0.7);
    let warmth = random.between(-0.06, 0.12);
    let sample = Sample {
        colour: [grey + warmth, grey, grey - 0.8 * warmth],
        scale: random.between(5.0, 9.0),
        grain: random.between(0.04, 0.12),
        contrast: random.between(0.25, 0.5),
        lattice: (random.uniform() * 1e15) as u64,
    };

    let mut random = Random::new(settings.seed, Purpose::Texture, class as u64, index as u64);
    let (sin, cos) = random.between(0.0, std::f64::consts::TAU).sin_cos();
    let (x0, y0) = (random.between(0.0, 500.0), random.between(0.0, 500.0));
    let (tilt_x, tilt_y) = (random.between(-0.2, 0.2), random.between(-0.2, 0.2));
    let exposure = random.between(0.85, 1.15);
    RgbImage::from_fn(settings.size, settings.size, |px, py| {
        let (u, v) =
            (f64::from(px) / f64::from(settings.size), f64::from(py) / f64::from(settings.size));
        let (x, y) =
            (sample.scale * (cos * u - sin * v) + x0, sample.scale * (sin * u + cos * v) + y0);
        let structure = brightness(TEXTURES[class].0, sample.lattice, x, y);
        let rough = fractal(sample.lattice ^ 77, 2.5 * x, 2.5 * y) - 0.5;
        let light = exposure * (1.0 + tilt_x * (u - 0.5) + tilt_y * (v - 0.5));
        let level = light * (1.0 + sample.contrast * structure + 3.0 * sample.grain * rough);
        Rgb(sample.colour.map(|c| {
            let value = 255.0 * c * (level + 0.4 * sample.grain * random.normal());
            random.dither(value).clamp(0, 255) as u8
        }))
    })
}

/// Brightness from about -1 to 1, mean near 0.
fn brightness(texture: Texture, lattice: u64, x: f64, y: f64) -> f64 {
    match texture {
        Texture::Layered => {
            let bend = 1.2 * fractal(lattice ^ 1, 0.25 * x, 0.25 * y);
            let across = y + bend;
            1.6 * (value_noise(lattice ^ 2, 2.2 * across, 0.0) - 0.5)
                + 0.8 * (value_noise(lattice ^ 3, 6.0 * across, 0.0) - 0.5)
        }
        Texture::Granular => {
            let (first, second, cell) = nearest_cells(lattice, 1.3 * x, 1.3 * y);
            let boundary = (-((second - first) / 0.09).powi(2)).exp();
            1.5 * (cell - 0.5) - 0.9 * boundary
        }
        Texture::Vesicular => {
            let (distance, _, cell) = nearest_cells(lattice, x, y);
            let radius = 0.1 + 0.32 * cell;
            let hole = 1.0 / (1.0 + ((distance - radius) / 0.03).exp());
            let rim = (-((distance - radius - 0.06) / 0.05).powi(2)).exp();
            0.35 - 1.5 * hole + 0.4 * rim
        }
        Texture::Fractured => {
            // Cracks run where one of several slowly varying fields crosses its middle.
            let crack = |k: u64, stretch: f64| {
                let field =
                    fractal(lattice ^ (10 + k), 0.28 * x * stretch, 0.28 * y / stretch) - 0.5;
                (-(field / 0.012).powi(2)).exp()
            };
            0.25 - 1.4 * crack(0, 1.6).max(crack(1, 0.6)).max(crack(2, 1.0))
        }
    }
}

/// A number in `[0, 1)` for every lattice point (splitmix64 over the mixed coordinates).
fn lattice_value(lattice: u64, i: i64, j: i64) -> f64 {
    let mut z = lattice
        ^ (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (j as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Smoothly interpolated lattice values.
fn value_noise(lattice: u64, x: f64, y: f64) -> f64 {
    let (i, j) = (x.floor(), y.floor());
    let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
    let (s, t) = (smooth(x - i), smooth(y - j));
    let at = |di: i64, dj: i64| lattice_value(lattice, i as i64 + di, j as i64 + dj);
    let (low, high) = (at(0, 0) + s * (at(1, 0) - at(0, 0)), at(0, 1) + s * (at(1, 1) - at(0, 1)));
    low + t * (high - low)
}

/// Four octaves of value noise, each half as strong as the last; mean one half.
fn fractal(lattice: u64, x: f64, y: f64) -> f64 {
    let octave = |k: i32| {
        let f = 2f64.powi(k);
        value_noise(lattice.wrapping_add(k as u64), f * x, f * y) / f
    };
    (0..4).map(octave).sum::<f64>() / 1.875
}

/// Distances to the nearest and second nearest of one jittered point per lattice square, and the
/// number of the nearest (Worley 1996).
fn nearest_cells(lattice: u64, x: f64, y: f64) -> (f64, f64, f64) {
    let (i, j) = (x.floor() as i64, y.floor() as i64);
    let mut best = (f64::MAX, f64::MAX, 0.0);
    for di in -1..=1 {
        for dj in -1..=1 {
            let (ci, cj) = (i + di, j + dj);
            let px = ci as f64 + 0.15 + 0.7 * lattice_value(lattice ^ 5, ci, cj);
            let py = cj as f64 + 0.15 + 0.7 * lattice_value(lattice ^ 6, ci, cj);
            let distance = (px - x).hypot(py - y);
            if distance < best.0 {
                best = (distance, best.0, lattice_value(lattice ^ 7, ci, cj));
            } else if distance < best.1 {
                best.1 = distance;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_does_not_tell_the_class() {
        let settings = TexturesSettings { size: 48, ..TexturesSettings::default() };
        let means = |class| -> Vec<f64> {
            (0..30)
                .map(|index| {
                    let picture = draw(&settings, class, index);
                    picture.iter().map(|&v| f64::from(v)).sum::<f64>() / f64::from(48 * 48 * 3)
                })
                .collect()
        };
        let by_class: Vec<Vec<f64>> = (0..4).map(means).collect();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let all: Vec<f64> = by_class.iter().flatten().copied().collect();
        let spread =
            (all.iter().map(|x| (x - mean(&all)).powi(2)).sum::<f64>() / all.len() as f64).sqrt();
        for class in &by_class {
            assert!(
                (mean(class) - mean(&all)).abs() < 0.8 * spread,
                "{} {}",
                mean(class),
                mean(&all)
            );
        }
    }

    #[test]
    fn images_of_one_sample_differ_but_share_their_rock() {
        let settings =
            TexturesSettings { size: 32, samples_per_class: 15, ..TexturesSettings::default() };
        assert_ne!(draw(&settings, 1, 0), draw(&settings, 1, 15));
        assert_eq!(draw(&settings, 1, 3), draw(&settings, 1, 3));
    }
}
