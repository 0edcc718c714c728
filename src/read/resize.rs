//! Resizing of 8-bit images exactly as Pillow does it, so that networks trained elsewhere see
//! the pixels they know.

use super::image::Picture;

/// How pixels between pixels are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The source pixel under the centre of the target pixel (the default of Keras).
    #[default]
    Nearest,
    /// A triangle as wide as the reduction demands, in Pillow's fixed point.
    Bilinear,
}

/// Weights are integers of this many fractional bits.
const PRECISION_BITS: u32 = 22;

/// Resizes to `height` × `width`; an image of that size already is returned untouched.
pub fn resize(picture: &Picture, height: usize, width: usize, how: Interpolation) -> Picture {
    if (picture.height, picture.width) == (height, width) {
        return picture.clone();
    }
    match how {
        Interpolation::Nearest => nearest(picture, height, width),
        Interpolation::Bilinear => {
            let wide = along_rows(picture, width);
            along_columns(&wide, height)
        }
    }
}

fn nearest(picture: &Picture, height: usize, width: usize) -> Picture {
    let source = |i: usize, from: usize, to: usize| {
        (((i as f64 + 0.5) * from as f64 / to as f64) as usize).min(from - 1)
    };
    let c = picture.channels;
    let mut pixels = Vec::with_capacity(height * width * c);
    for y in 0..height {
        let row = source(y, picture.height, height) * picture.width;
        for x in 0..width {
            let at = (row + source(x, picture.width, width)) * c;
            pixels.extend_from_slice(&picture.pixels[at..at + c]);
        }
    }
    Picture { width, height, channels: c, pixels }
}

/// First source pixel and integer weights of one target pixel.
struct Taps {
    first: usize,
    weights: Vec<i64>,
}

fn triangle_taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    (0..to)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let raw: Vec<f64> = (first..end)
                .map(|k| (1.0 - ((k as f64 - center + 0.5) / support).abs()).max(0.0))
                .collect();
            let sum: f64 = raw.iter().sum();
            let one = f64::from(1u32 << PRECISION_BITS);
            let weights = raw.iter().map(|w| (w / sum * one).round() as i64).collect();
            Taps { first, weights }
        })
        .collect()
}

/// Rounds a fixed-point sum to a level.
fn level(sum: i64) -> u8 {
    ((sum + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS).clamp(0, 255) as u8
}

fn along_rows(picture: &Picture, width: usize) -> Picture {
    if picture.width == width {
        return picture.clone();
    }
    let c = picture.channels;
    let taps = triangle_taps(picture.width, width);
    let mut pixels = Vec::with_capacity(picture.height * width * c);
    for row in picture.pixels.chunks_exact(picture.width * c) {
        for tap in &taps {
            for channel in 0..c {
                let values = row[tap.first * c + channel..].iter().step_by(c);
                pixels.push(level(weighted(&tap.weights, values)));
            }
        }
    }
    Picture { width, height: picture.height, channels: c, pixels }
}

fn along_columns(picture: &Picture, height: usize) -> Picture {
    if picture.height == height {
        return picture.clone();
    }
    let stride = picture.width * picture.channels;
    let mut pixels = Vec::with_capacity(height * stride);
    for tap in &triangle_taps(picture.height, height) {
        for column in 0..stride {
            let values = picture.pixels[tap.first * stride + column..].iter().step_by(stride);
            pixels.push(level(weighted(&tap.weights, values)));
        }
    }
    Picture { width: picture.width, height, channels: picture.channels, pixels }
}

fn weighted<'a>(weights: &[i64], values: impl Iterator<Item = &'a u8>) -> i64 {
    weights.iter().zip(values).map(|(w, &v)| w * i64::from(v)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_image_stays_flat_and_a_ramp_stays_monotonic() {
        let flat = Picture { width: 5, height: 7, channels: 3, pixels: vec![77; 105] };
        let small = resize(&flat, 3, 2, Interpolation::Bilinear);
        assert!(small.pixels.iter().all(|&p| p == 77));
        let ramp = Picture { width: 4, height: 1, channels: 1, pixels: vec![0, 80, 160, 240] };
        let wide = resize(&ramp, 1, 9, Interpolation::Bilinear);
        assert!(wide.pixels.windows(2).all(|p| p[0] <= p[1]));
        let near = resize(&ramp, 1, 2, Interpolation::Nearest);
        assert_eq!(near.pixels, [80, 240]);
    }
}
