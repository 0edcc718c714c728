//! Figures of classifications, from results to plain structs of the plot room.

use std::path::Path;

use crate::data::ImageSet;
use crate::detect::ClassTable;
use crate::detect::floors::FLOOR_NAMES;
use crate::error::Result;
use crate::plot::confusion::ConfusionFigure;
use crate::plot::images::{ImagesFigure, Tile};
use crate::plot::keep;
use crate::plot::scores::{Bar, ScoresFigure};
use crate::score::{Confusion, ScoreTable};

/// Tiles shown at most.
const TILES: usize = 32;

/// Draws `confusion.png` into `folder`.
pub fn confusion(title: &str, table: &ClassTable, counts: &Confusion, folder: &Path) -> Result<()> {
    let figure = ConfusionFigure {
        title: format!("{title}, accuracy {:.3}", counts.accuracy()),
        classes: table.classes.clone(),
        counts: counts.counts.clone(),
    };
    keep(folder, "confusion", figure)
}

/// Draws `scores.png` into `folder`: accuracy, macro F1 and AUC of all models.
pub fn scores(scores: &ScoreTable, folder: &Path) -> Result<()> {
    let panel = |metric: &str, heading: &str| {
        let bars = scores.rows.iter().filter(|row| row.metric == metric).map(|row| Bar {
            name: row.model.clone(),
            value: row.value,
            lower: row.lower,
            upper: row.upper,
            baseline: FLOOR_NAMES.contains(&row.model.as_str()),
        });
        (heading.to_string(), bars.collect::<Vec<_>>())
    };
    let figure = ScoresFigure {
        title: "Scores with 95 % intervals over groups".into(),
        panels: vec![
            panel("accuracy", "accuracy"),
            panel("macro_f1", "macro F1"),
            panel("auc", "AUC"),
        ],
    };
    keep(folder, "scores", figure)
}

/// Images as they were given to the network.
pub struct ImageSheet {
    size: (usize, usize),
    pixels: Vec<Vec<u8>>,
    numbers: Vec<usize>,
}

impl ImageSheet {
    /// Some images spread evenly over the set.
    pub fn of(set: &ImageSet) -> Self {
        let shown = set.len().min(TILES);
        let numbers: Vec<usize> = (0..shown).map(|n| n * set.len() / shown).collect();
        let pixels = numbers
            .iter()
            .map(|&n| {
                let pixels = set.image(n).chunks_exact(set.channels);
                pixels
                    .flat_map(|p| if let [r, g, b] = p { [*r, *g, *b] } else { [p[0]; 3] })
                    .collect()
            })
            .collect();
        Self { size: (set.width, set.height), pixels, numbers }
    }
}

/// Draws `images.png` into `folder`: a grid of predictions, right and wrong.
pub fn images(
    title: &str,
    sheet: &ImageSheet,
    table: &ClassTable,
    probabilities: &[f64],
    folder: &Path,
) -> Result<()> {
    let classes = table.classes.len();
    let tiles = sheet.numbers.iter().zip(&sheet.pixels).map(|(&number, pixels)| {
        let row = &probabilities[number * classes..][..classes];
        let best = (0..classes).fold(0, |b, k| if row[k] > row[b] { k } else { b });
        Tile {
            size: sheet.size,
            pixels: pixels.clone(),
            label: table.labels[number].map(|class| table.classes[class].clone()),
            predicted: table.classes[best].clone(),
            probability: row[best],
        }
    });
    keep(folder, "images", ImagesFigure { title: title.into(), tiles: tiles.collect() })
}
