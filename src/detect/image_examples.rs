//! Images as examples of classification.

use super::class_examples::{ClassExamples, ClassTable, Scaling};
use super::floors::{FeatureTable, Floor, NamedFloor};
use super::image_features::image_features;
use crate::data::{
    Dataset, ExampleSpec, Fingerprint, ImageAugmentation, ImageDataset, ImageSet, View,
    WaveformAugmentation,
};
use crate::error::Result;

/// Images of one size with their labels.
pub struct ImageExamples {
    /// The images.
    pub set: ImageSet,
    /// Their labels.
    pub table: ClassTable,
    /// Whether channels are standardised with the moments of the training part.
    pub standardise: bool,
    /// How training images are changed.
    pub augmentation: Option<ImageAugmentation>,
    /// What is known of each file beside its picture, for a floor that sees nothing else.
    pub metadata: FeatureTable,
    /// Whether the eight views of a square are averaged.
    pub eight_views: bool,
}

impl ImageExamples {
    fn dataset(&self, members: Vec<usize>, scaling: &Scaling) -> ImageDataset<'_> {
        ImageDataset::new(&self.set, members).standardised(scaling.channels.clone())
    }
}

impl ClassExamples for ImageExamples {
    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn spec(&self) -> ExampleSpec {
        ImageDataset::new(&self.set, Vec::new()).spec()
    }

    fn fingerprint(&self, example: usize) -> String {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(self.set.image(example));
        fingerprint.brief()
    }

    fn scaling(&self, train: &[usize]) -> Scaling {
        Scaling { channels: self.standardise.then(|| self.set.moments(train)) }
    }

    fn training(
        &self,
        members: Vec<usize>,
        scaling: &Scaling,
        _: Option<&WaveformAugmentation>,
    ) -> Result<Box<dyn Dataset + '_>> {
        Ok(Box::new(self.dataset(members, scaling).augmented(self.augmentation.clone())?))
    }

    fn views(&self, members: Vec<usize>, scaling: &Scaling) -> Result<Vec<Box<dyn Dataset + '_>>> {
        if !self.eight_views {
            return Ok(vec![Box::new(self.dataset(members, scaling))]);
        }
        View::all()
            .into_iter()
            .map(|view| {
                let dataset = self.dataset(members.clone(), scaling).seen(view)?;
                Ok(Box::new(dataset) as Box<dyn Dataset + '_>)
            })
            .collect()
    }

    fn floors(&self) -> Result<Vec<NamedFloor>> {
        let features = image_features(&self.set);
        let forest = |leaf| Floor::Forest { trees: 300, leaf, seed: 0 };
        let floor = |name, floor, features| NamedFloor { name, floor, features };
        Ok(vec![
            floor("majority", Floor::Majority, self.metadata.clone()),
            floor("logistic", Floor::Logistic { c: 0.05 }, features.clone()),
            floor("forest", forest(1), features),
            floor("metadata", forest(1), self.metadata.clone()),
        ])
    }
}
