//! `examples.png`, `least_certain.png`: windows of waveforms in rows, right and wrong.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, text};
use super::envelope::envelope;

/// One window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Example {
    /// What it is: row, file, or channel and time.
    pub name: String,
    /// What was answered, and the truth where it differs.
    pub answer: String,
    /// Whether the answer is right, if that is known.
    pub right: Option<bool>,
    /// The samples, `[T]`, in any unit: each window is drawn to its own scale.
    pub samples: Vec<f32>,
}

/// Windows side by side under one heading.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExampleRow {
    /// Heading: a class, or places in a list.
    pub heading: String,
    /// The windows.
    pub windows: Vec<Example>,
}

/// Rows of windows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExamplesFigure {
    /// Heading.
    pub title: String,
    /// Length of every window in seconds.
    pub seconds: f64,
    /// The rows, top to bottom.
    pub rows: Vec<ExampleRow>,
}

/// Height of a row with its two lines of text, pixels.
const ROW: i32 = 178;

/// Room for the headings of rows, pixels.
const LEFT: i32 = 150;

const TOP: i32 = 66;
const MARGIN: i32 = 24;

impl Figure for ExamplesFigure {
    fn size(&self) -> (u32, u32) {
        (1700, (TOP + ROW * self.rows.len().max(1) as i32 + 20) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let width = area.dim_in_pixel().0 as i32;
        let middle = Pos::new(HPos::Center, VPos::Center);
        let title = format!("{} ({:.0} s each)", self.title, self.seconds);
        area.draw(&Text::new(title, (width / 2, 30), text(26).pos(middle)))?;
        let columns = self.rows.iter().map(|row| row.windows.len()).max().unwrap_or(1).max(1);
        let room = (width - LEFT - MARGIN) / columns as i32;
        for (number, row) in self.rows.iter().enumerate() {
            let top = TOP + ROW * number as i32;
            let right = Pos::new(HPos::Right, VPos::Center);
            let at = (LEFT - 16, top + 92);
            area.draw(&Text::new(row.heading.clone(), at, text(21).pos(right)))?;
            for (column, window) in row.windows.iter().enumerate() {
                let left = LEFT + room * column as i32;
                draw_window(area, window, (left, top), (room - 14, ROW - 8))?;
            }
        }
        Ok(())
    }
}

/// A frame in the colour of right or wrong, two lines of text above the wave.
fn draw_window<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    window: &Example,
    (left, top): (i32, i32),
    (width, height): (i32, i32),
) -> Drawn<DB> {
    const HEAD: i32 = 48;
    let frame = match window.right {
        None => INK,
        Some(true) => color(2),
        Some(false) => color(1),
    };
    let fits = |words: &str| {
        let most = (width / 9).max(4) as usize;
        match words.chars().count() > most {
            true => words.chars().take(most - 1).chain(['…']).collect(),
            false => words.to_string(),
        }
    };
    area.draw(&Text::new(fits(&window.name), (left, top), text(16)))?;
    area.draw(&Text::new(fits(&window.answer), (left, top + 22), text(17).color(&frame)))?;
    let (upper, lower) = (top + HEAD, top + height - 4);
    let border = [(left, upper), (left + width, lower)];
    area.draw(&Rectangle::new(border, GRID.stroke_width(1)))?;
    area.draw(&Rectangle::new([(left, upper), (left + 3, lower)], frame.filled()))?;
    let largest = window.samples.iter().fold(0f32, |m, x| m.max(x.abs())).max(f32::MIN_POSITIVE);
    let count = window.samples.len().max(1) as f64;
    let points: Vec<(usize, f64)> =
        window.samples.iter().enumerate().map(|(n, &x)| (n, f64::from(x / largest))).collect();
    let centre = f64::from(upper + lower) / 2.0;
    let half = f64::from(lower - upper) / 2.0 - 3.0;
    let room = f64::from(width - 10);
    for piece in envelope(&points, room as usize, |n| n as f64 / count) {
        let line: Vec<(i32, i32)> = piece
            .iter()
            .map(|&(n, y)| {
                let x = f64::from(left + 6) + n as f64 / count * room;
                (x.round() as i32, (centre - half * y).round() as i32)
            })
            .collect();
        area.draw(&PathElement::new(line, color(0).stroke_width(1)))?;
    }
    Ok(())
}
