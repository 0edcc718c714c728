//! Figures of classifications, from results to plain structs of the plot room.

use std::path::Path;

use crate::data::ImageSet;
use crate::detect::floors::FLOOR_NAMES;
use crate::detect::{ClassTable, WindowExamples};
use crate::error::Result;
use crate::plot::confusion::ConfusionFigure;
use crate::plot::examples::{Example, ExampleRow, ExamplesFigure};
use crate::plot::images::{ImagesFigure, Tile};
use crate::plot::keep;
use crate::plot::reliability::{Curve, ReliabilityFigure};
use crate::plot::roc::{RocCurve, RocFigure};
use crate::plot::scores::{Bar, ScoresFigure};
use crate::score::{Confusion, ScoreTable, equal_mass_edges, reliability, roc_area, roc_curve};

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
    let target = scores.rows.first().map_or("", |row| row.target.as_str());
    let whole: Vec<_> = scores.rows.iter().filter(|row| row.target == target).collect();
    let panel = |metric: &str, heading: &str| {
        let bars = whole.iter().filter(|row| row.metric == metric).map(|row| Bar {
            name: row.model.clone(),
            value: row.value,
            lower: row.lower,
            upper: row.upper,
            baseline: FLOOR_NAMES.contains(&row.model.as_str()),
        });
        (heading.to_string(), bars.collect::<Vec<_>>())
    };
    let figure = ScoresFigure {
        title: format!("{target}: scores with 95 % intervals over groups"),
        panels: vec![
            panel("accuracy", "accuracy"),
            panel("macro_f1", "macro F1"),
            panel("auc", "AUC"),
        ],
    };
    keep(folder, "scores", figure)
}

/// Draws `roc.png` and `reliability.png` into `folder`: each class against the rest, over the
/// examples whose class is known, from probabilities `[N, C]`.
pub fn curves(title: &str, table: &ClassTable, probabilities: &[f64], folder: &Path) -> Result<()> {
    let classes = table.classes.len();
    let rows = table.labelled();
    let (mut roc, mut calibration) = (Vec::new(), Vec::new());
    for (class, name) in table.classes.iter().enumerate() {
        let y: Vec<f64> =
            rows.iter().map(|&row| f64::from(table.labels[row] == Some(class))).collect();
        let p: Vec<f64> = rows.iter().map(|&row| probabilities[row * classes + class]).collect();
        if let Some(area) = roc_area(&y, &p) {
            roc.push(RocCurve { name: name.clone(), area, points: roc_curve(&y, &p) });
        }
        let bins = reliability(&y, &p, &equal_mass_edges(&p, RELIABILITY_BINS));
        let points = bins.iter().map(|bin| (bin.forecast, bin.observed, bin.count)).collect();
        calibration.push(Curve { name: name.clone(), points });
    }
    if !roc.is_empty() {
        let title = format!("{title}: each class against the rest");
        keep(folder, "roc", RocFigure { title, curves: roc })?;
    }
    let figure = ReliabilityFigure {
        title: format!("{title}: are probabilities right?"),
        forecast: "probability of the class".into(),
        observed: "share that is of the class".into(),
        curves: calibration,
    };
    keep(folder, "reliability", figure)
}

/// Draws `examples.png` into `folder`: for each class some windows, from those it was seen in most
/// surely to those it was missed in.
pub fn examples(
    title: &str,
    windows: &WindowExamples,
    probabilities: &[f64],
    folder: &Path,
) -> Result<()> {
    let table = &windows.table;
    let classes = table.classes.len();
    let rows = table.classes.iter().enumerate().map(|(class, name)| {
        let p = |row: usize| probabilities[row * classes + class];
        let mut own: Vec<usize> = table.labelled();
        own.retain(|&row| table.labels[row] == Some(class) && p(row).is_finite());
        own.sort_by(|&a, &b| p(b).total_cmp(&p(a)));
        let last = own.len().saturating_sub(1);
        let mut places: Vec<usize> =
            (0..EXAMPLES).map(|n| (n * last + 2) / (EXAMPLES - 1)).map(|n| n.min(last)).collect();
        places.dedup();
        let shown = places.into_iter().filter_map(|place| own.get(place));
        let windows = shown.map(|&row| window_example(windows, row, probabilities)).collect();
        ExampleRow { heading: name.clone(), windows }
    });
    let rows: Vec<ExampleRow> = rows.filter(|row| !row.windows.is_empty()).collect();
    let seconds = windows.set.samples as f64 / windows.rate.hz();
    let title = format!("{title}: windows by true class, surest first");
    keep(folder, "examples", ExamplesFigure { title, seconds, rows })
}

/// A window with its answer.
pub fn window_example(windows: &WindowExamples, row: usize, probabilities: &[f64]) -> Example {
    let table = &windows.table;
    let p = &probabilities[row * table.classes.len()..][..table.classes.len()];
    let best = (0..p.len()).fold(0, |b, k| if p[k] > p[b] { k } else { b });
    let label = table.labels[row];
    let truth = match label {
        Some(class) if class != best => format!(", is {}", table.classes[class]),
        _ => String::new(),
    };
    Example {
        name: format!("{} {}", table.key, table.names[row]),
        answer: format!("{} {:.0} %{truth}", table.classes[best], 100.0 * p[best]),
        right: label.map(|class| class == best),
        samples: windows.set.window(row)[..windows.set.samples].to_vec(),
    }
}

/// Draws `least_certain.png` into `folder`: windows in the order in which to look at them, at most
/// fifty.
pub fn least_certain(windows: Vec<Example>, seconds: f64, folder: &Path) -> Result<()> {
    let total = windows.len();
    let shown = total.min(MOST_SHOWN);
    let rows = windows[..shown].chunks(EXAMPLES).enumerate().map(|(number, windows)| {
        let first = number * EXAMPLES + 1;
        let heading = format!("{first}–{}", first + windows.len() - 1);
        ExampleRow { heading, windows: windows.to_vec() }
    });
    let rows = rows.collect();
    let title = format!("The {shown} least certain answers");
    keep(folder, "least_certain", ExamplesFigure { title, seconds, rows })
}

/// Bins of the reliability diagram.
const RELIABILITY_BINS: usize = 8;

/// Windows in a row.
pub const EXAMPLES: usize = 5;

/// Windows of one figure at most.
const MOST_SHOWN: usize = 50;

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
        Self::chosen(set, (0..shown).map(|n| n * set.len() / shown).collect())
    }

    /// The images of these numbers.
    pub fn chosen(set: &ImageSet, numbers: Vec<usize>) -> Self {
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

/// Draws `NAME.png` into `folder`: a grid of predictions, right and wrong.
pub fn images(
    (name, title): (&str, &str),
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
    keep(folder, name, ImagesFigure { title: title.into(), tiles: tiles.collect() })
}
