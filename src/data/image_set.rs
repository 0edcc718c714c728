//! Images of one size as examples `[C, H, W]`.

use rand::RngExt;

use super::{Dataset, ExampleSpec, Layout, Rng, Slot, Target};
use crate::error::{Error, Result};

/// Images decoded once and kept as bytes, with what is known of each.
#[derive(Clone, Debug, Default)]
pub struct ImageSet {
    /// Rows `H`.
    pub height: usize,
    /// Columns `W`.
    pub width: usize,
    /// Channels `C`.
    pub channels: usize,
    /// Number of classes.
    pub classes: usize,
    /// `[N, H, W, C]`.
    pub pixels: Vec<u8>,
    /// Class of each image, if known.
    pub labels: Vec<Option<usize>>,
    /// Group (rock sample, thin section) of each image.
    pub groups: Vec<usize>,
    /// File of each image.
    pub names: Vec<String>,
}

impl ImageSet {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Bytes of image number `image`, `[H, W, C]`.
    pub fn image(&self, image: usize) -> &[u8] {
        let size = self.height * self.width * self.channels;
        &self.pixels[image * size..][..size]
    }

    /// Mean and standard deviation of each channel over `members`, levels scaled to 0..1.
    pub fn moments(&self, members: &[usize]) -> ChannelMoments {
        let mut sums = vec![(0.0f64, 0.0f64); self.channels];
        for &member in members {
            for pixel in self.image(member).chunks_exact(self.channels) {
                for (sum, &level) in sums.iter_mut().zip(pixel) {
                    let value = f64::from(level) / 255.0;
                    sum.0 += value;
                    sum.1 += value * value;
                }
            }
        }
        let count = (members.len() * self.height * self.width).max(1) as f64;
        let mean: Vec<f64> = sums.iter().map(|s| s.0 / count).collect();
        let deviation = sums.iter().zip(&mean).map(|(s, m)| (s.1 / count - m * m).max(0.0).sqrt());
        let deviation = deviation.map(|sd| if sd > 1e-9 { sd } else { 1.0 }).collect();
        ChannelMoments { mean, deviation }
    }
}

/// Mean and standard deviation of each channel of the training images, levels in 0..1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ChannelMoments {
    /// Mean of each channel, `[C]`.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, `[C]`, positive.
    pub deviation: Vec<f64>,
}

/// Random changes of training images that leave the class alone.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageAugmentation {
    /// Mirror left and right, and up and down, each with probability 1/2.
    pub flips: bool,
    /// Exchange rows and columns with probability 1/2; needs square images.
    pub transpose: bool,
    /// Levels are multiplied by `1 ± gain`, uniform.
    pub gain: f64,
    /// Up to `± offset` (of full scale) is added, uniform.
    pub offset: f64,
}

/// One of the eight views of a square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Mirror left and right.
    pub flip_columns: bool,
    /// Mirror up and down.
    pub flip_rows: bool,
    /// Then exchange rows and columns.
    pub transpose: bool,
}

impl View {
    /// All eight: rotations by quarter turns and their mirror images.
    pub fn all() -> [Self; 8] {
        std::array::from_fn(|n| Self {
            flip_columns: n & 1 != 0,
            flip_rows: n & 2 != 0,
            transpose: n & 4 != 0,
        })
    }
}

/// Some images of a set as a [`Dataset`]; levels in 0..1, standardised if moments are given.
pub struct ImageDataset<'a> {
    set: &'a ImageSet,
    members: Vec<usize>,
    moments: Option<ChannelMoments>,
    augmentation: Option<ImageAugmentation>,
    view: View,
}

impl<'a> ImageDataset<'a> {
    /// `members` are numbers of images in `set`.
    pub fn new(set: &'a ImageSet, members: Vec<usize>) -> Self {
        Self { set, members, moments: None, augmentation: None, view: View::default() }
    }

    /// Subtracts the mean and divides by the standard deviation of each channel.
    pub fn standardised(mut self, moments: Option<ChannelMoments>) -> Self {
        self.moments = moments;
        self
    }

    /// Changes images at random, afresh each time they are asked for.
    ///
    /// # Errors
    /// Transposition of images that are not square; gain or offset outside 0..1.
    pub fn augmented(mut self, augmentation: Option<ImageAugmentation>) -> Result<Self> {
        if let Some(settings) = &augmentation {
            let fits = |value: f64| (0.0..=1.0).contains(&value);
            if !fits(settings.gain) || !fits(settings.offset) {
                return Err(Error::usage("augmentation: gain and offset must lie in 0..1"));
            }
            if settings.transpose {
                self.check_square()?;
            }
        }
        self.augmentation = augmentation;
        Ok(self)
    }

    /// Shows every image in the same other view.
    pub fn seen(mut self, view: View) -> Result<Self> {
        if view.transpose {
            self.check_square()?;
        }
        self.view = view;
        Ok(self)
    }

    fn check_square(&self) -> Result<()> {
        if self.set.height == self.set.width {
            return Ok(());
        }
        Err(Error::usage(format!(
            "only square images can be transposed, these are {}x{}",
            self.set.height, self.set.width
        )))
    }
}

impl Dataset for ImageDataset<'_> {
    fn len(&self) -> usize {
        self.members.len()
    }

    fn spec(&self) -> ExampleSpec {
        ExampleSpec {
            layout: Layout::Image,
            values: vec![self.set.channels, self.set.height, self.set.width],
            features: 0,
            lengths: false,
            target: Target::Class { count: self.set.classes },
        }
    }

    fn group(&self, example: usize) -> usize {
        self.set.groups[self.members[example]]
    }

    fn name(&self, example: usize) -> String {
        self.set.names[self.members[example]].clone()
    }

    fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
        let image = self.members[example];
        let (mut view, mut gain, mut offset) = (self.view, 1.0, 0.0);
        if let Some(settings) = &self.augmentation {
            let draws: [f64; 5] = std::array::from_fn(|_| rng.random_range(0.0..1.0));
            view.flip_columns ^= settings.flips && draws[0] < 0.5;
            view.flip_rows ^= settings.flips && draws[1] < 0.5;
            view.transpose ^= settings.transpose && draws[2] < 0.5;
            gain = 1.0 + settings.gain * (2.0 * draws[3] - 1.0);
            offset = settings.offset * (2.0 * draws[4] - 1.0);
        }
        let ImageSet { height, width, channels, .. } = *self.set;
        let pixels = self.set.image(image);
        for channel in 0..channels {
            let (mean, deviation) = match &self.moments {
                Some(moments) => (moments.mean[channel], moments.deviation[channel]),
                None => (0.0, 1.0),
            };
            let scale = (gain / 255.0 / deviation) as f32;
            let shift = ((offset - mean) / deviation) as f32;
            let plane = &mut slot.values[channel * height * width..][..height * width];
            for (at, value) in plane.iter_mut().enumerate() {
                let (row, column) = source(view, at / width, at % width, height, width);
                let level = pixels[(row * width + column) * channels + channel];
                *value = f32::from(level) * scale + shift;
            }
        }
        write_label(self.set.labels[image], slot.target, slot.observed);
        Ok(())
    }
}

/// Where the pixel at (`row`, `column`) of the view lies in the stored image.
fn source(view: View, row: usize, column: usize, height: usize, width: usize) -> (usize, usize) {
    let (row, column) = if view.transpose { (column, row) } else { (row, column) };
    let row = if view.flip_rows { height - 1 - row } else { row };
    let column = if view.flip_columns { width - 1 - column } else { column };
    (row, column)
}

/// A class number, or a target that does not count.
pub(super) fn write_label(label: Option<usize>, target: &mut [f32], observed: &mut [f32]) {
    match label {
        Some(class) => target.fill(class as f32),
        None => observed.fill(0.0),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn set() -> ImageSet {
        ImageSet {
            height: 2,
            width: 2,
            channels: 1,
            classes: 2,
            pixels: vec![0, 51, 102, 255, 10, 20, 30, 40],
            labels: vec![Some(1), None],
            groups: vec![0, 1],
            names: vec!["a".into(), "b".into()],
        }
    }

    fn values(dataset: &ImageDataset<'_>, example: usize) -> (Vec<f32>, f32, f32) {
        let (mut values, mut target, mut observed) = (vec![0.0; 4], [0.0], [1.0]);
        let slot = Slot {
            values: &mut values,
            features: &mut [],
            length: &mut 0,
            target: &mut target,
            observed: &mut observed,
            weight: &mut 1.0,
        };
        dataset.write(example, &mut Rng::seed_from_u64(1), slot).unwrap();
        (values, target[0], observed[0])
    }

    #[test]
    fn levels_are_scaled_and_labels_kept() {
        let set = set();
        let dataset = ImageDataset::new(&set, vec![0, 1]);
        let (levels, target, observed) = values(&dataset, 0);
        assert!(levels.iter().zip([0.0, 0.2, 0.4, 1.0]).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!((target, observed), (1.0, 1.0));
        assert_eq!(values(&dataset, 1).2, 0.0);
    }

    #[test]
    fn the_eight_views_are_all_different() {
        let set = set();
        let mut seen: Vec<Vec<f32>> = Vec::new();
        for view in View::all() {
            let dataset = ImageDataset::new(&set, vec![0]).seen(view).unwrap();
            let (view, ..) = values(&dataset, 0);
            assert!(!seen.contains(&view));
            seen.push(view);
        }
    }

    #[test]
    fn standardised_training_images_have_mean_zero() {
        let set = set();
        let moments = set.moments(&[0]);
        let dataset = ImageDataset::new(&set, vec![0]).standardised(Some(moments));
        let (values, ..) = values(&dataset, 0);
        assert!(values.iter().sum::<f32>().abs() < 1e-5);
    }
}
