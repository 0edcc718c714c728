//! `confusion.png`: true classes in rows, predicted in columns, counts and shares of the row.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, INK, text};

/// Counts of true against predicted classes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ConfusionFigure {
    /// Heading: model, accuracy, what the rows were.
    pub title: String,
    /// Class names, `[K]`.
    pub classes: Vec<String>,
    /// `[K][K]`, row = true class.
    pub counts: Vec<Vec<usize>>,
}

impl Figure for ConfusionFigure {
    fn size(&self) -> (u32, u32) {
        (1100, 950)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let classes = self.classes.len().max(1) as i32;
        let (width, height) = area.dim_in_pixel();
        let (left, top, bottom) = (230, 90, 110);
        let side =
            ((width as i32 - left - 40) / classes).min((height as i32 - top - bottom) / classes);
        let middle = Pos::new(HPos::Center, VPos::Center);
        let right = Pos::new(HPos::Right, VPos::Center);
        let center = left + side * classes / 2;
        area.draw(&Text::new(self.title.clone(), (center, 40), text(26).pos(middle)))?;
        for (row, counts) in self.counts.iter().enumerate() {
            let total: usize = counts.iter().sum();
            let y = top + side * row as i32;
            let name = &self.classes[row];
            area.draw(&Text::new(name.clone(), (left - 14, y + side / 2), text(21).pos(right)))?;
            for (column, &count) in counts.iter().enumerate() {
                let x = left + side * column as i32;
                let share = count as f64 / total.max(1) as f64;
                let cell = [(x + 1, y + 1), (x + side - 1, y + side - 1)];
                area.draw(&Rectangle::new(cell, shade(share).filled()))?;
                let ink = if share > 0.55 { WHITE } else { INK };
                let number = text(26).color(&ink).pos(middle);
                area.draw(&Text::new(
                    count.to_string(),
                    (x + side / 2, y + side / 2 - 12),
                    number,
                ))?;
                let percent = format!("{:.0} %", 100.0 * share);
                let small = text(17).color(&ink).pos(middle);
                area.draw(&Text::new(percent, (x + side / 2, y + side / 2 + 18), small))?;
            }
        }
        let below = top + side * classes;
        for (column, name) in self.classes.iter().enumerate() {
            let x = left + side * column as i32 + side / 2;
            area.draw(&Text::new(name.clone(), (x, below + 26), text(21).pos(middle)))?;
        }
        area.draw(&Text::new("predicted", (center, below + 66), text(22).pos(middle)))?;
        let aside = text(22).pos(middle).transform(FontTransform::Rotate270);
        area.draw(&Text::new("true", (30, top + side * classes / 2), aside))
    }
}

/// White to dark blue, monotone in lightness.
fn shade(share: f64) -> RGBColor {
    let mix = |low: f64, high: f64| (low + (high - low) * share.clamp(0.0, 1.0)) as u8;
    RGBColor(mix(247.0, 8.0), mix(251.0, 69.0), mix(255.0, 148.0))
}
