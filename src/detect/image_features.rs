//! Hand-made features of images: where it is bright, which colours, which way edges run.

use super::floors::FeatureTable;
use crate::data::ImageSet;
use crate::read::Picture;
use crate::read::resize::{Interpolation, resize};

/// Images are brought to this side first.
const SIDE: usize = 64;
/// Cells of mean brightness along a side.
const CELLS: usize = 16;
/// Levels of a colour histogram.
const LEVELS: usize = 16;
/// Blocks of edge histograms along a side, and directions in each.
const BLOCKS: usize = 4;
const DIRECTIONS: usize = 8;

/// For each image: mean brightness of 16 × 16 cells, a histogram of 16 levels of each channel,
/// edge strength by 8 directions in 4 × 4 blocks, standard deviation of the brightness.
pub fn image_features(set: &ImageSet) -> FeatureTable {
    let mut values = Vec::new();
    let mut width = 0;
    for image in 0..set.len() {
        let picture = Picture {
            width: set.width,
            height: set.height,
            channels: set.channels,
            pixels: set.image(image).to_vec(),
        };
        let before = values.len();
        describe(&resize(&picture, SIDE, SIDE, Interpolation::Bilinear), &mut values);
        width = values.len() - before;
    }
    FeatureTable { width, values }
}

fn describe(picture: &Picture, values: &mut Vec<f64>) {
    let c = picture.channels;
    let brightness: Vec<f64> = picture
        .pixels
        .chunks_exact(c)
        .map(|p| match p {
            [r, g, b, ..] => {
                (0.299 * f64::from(*r) + 0.587 * f64::from(*g) + 0.114 * f64::from(*b)) / 255.0
            }
            [level, ..] => f64::from(*level) / 255.0,
            [] => 0.0,
        })
        .collect();
    let cell = SIDE / CELLS;
    let mut means = vec![0.0; CELLS * CELLS];
    for (at, value) in brightness.iter().enumerate() {
        means[at / SIDE / cell * CELLS + at % SIDE / cell] += value / (cell * cell) as f64;
    }
    values.extend(means);
    for channel in 0..c {
        let mut histogram = [0.0; LEVELS];
        for &level in picture.pixels[channel..].iter().step_by(c) {
            histogram[usize::from(level) * LEVELS / 256] += 1.0 / (SIDE * SIDE) as f64;
        }
        values.extend(histogram);
    }
    values.extend(edges(&brightness));
    let count = brightness.len() as f64;
    let mean = brightness.iter().sum::<f64>() / count;
    let square = brightness.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    values.push(square.sqrt());
}

/// Gradient strength by direction (without sense) in blocks; differences are central inside and
/// one-sided at the border.
fn edges(brightness: &[f64]) -> Vec<f64> {
    let at = |row: usize, column: usize| brightness[row * SIDE + column];
    let slope = |before: usize, after: usize, get: &dyn Fn(usize) -> f64| {
        (get(after) - get(before)) / (after - before) as f64
    };
    let block = SIDE / BLOCKS;
    let mut histogram = vec![0.0; BLOCKS * BLOCKS * DIRECTIONS];
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (up, down) = (row.saturating_sub(1), (row + 1).min(SIDE - 1));
            let (left, right) = (column.saturating_sub(1), (column + 1).min(SIDE - 1));
            let gy = slope(up, down, &|r| at(r, column));
            let gx = slope(left, right, &|c| at(row, c));
            let angle = gy.atan2(gx).rem_euclid(std::f64::consts::PI) / std::f64::consts::PI;
            let direction = ((angle * DIRECTIONS as f64) as usize).min(DIRECTIONS - 1);
            let place = row / block * BLOCKS + column / block;
            histogram[place * DIRECTIONS + direction] += gx.hypot(gy);
        }
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_have_their_direction() {
        let pixels: Vec<u8> =
            (0..64 * 64).map(|at| if at / 64 % 8 < 4 { 200 } else { 20 }).collect();
        let set = ImageSet {
            height: 64,
            width: 64,
            channels: 1,
            classes: 1,
            pixels,
            labels: vec![Some(0)],
            groups: vec![0],
            names: vec!["a".into()],
        };
        let features = image_features(&set);
        assert_eq!(features.width, 256 + 16 + 128 + 1);
        let edges = &features.row(0)[272..272 + 8];
        let strongest = (0..8).fold(0, |b, k| if edges[k] > edges[b] { k } else { b });
        assert_eq!(strongest, 4, "{edges:?}");
    }
}
