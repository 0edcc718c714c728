//! `history.png`: training and validation loss by epoch, learning rate below.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, padded_range, text};
use super::panel::{Swatch, amount, head};

/// The course of one or several trainings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HistoryFigure {
    /// Heading.
    pub title: String,
    /// One entry a training (a seed or a fold).
    pub runs: Vec<Course>,
}

/// Losses of one training by epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Course {
    /// Which network; each has a panel of its own where there are several.
    #[serde(default)]
    pub model: String,
    /// Training loss, `[epochs]`.
    pub train: Vec<f64>,
    /// Validation loss, `[epochs]` or empty.
    pub valid: Vec<f64>,
    /// Learning rate, `[epochs]` or empty.
    pub rate: Vec<f64>,
    /// Epoch whose weights were kept, from 0.
    pub best: Option<usize>,
}

/// Panels side by side before another row of them begins; four make a square.
const COLUMNS: usize = 3;

/// Height of the learning rate below the losses, pixels, at least.
const RATE: u32 = 160;

impl Figure for HistoryFigure {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let line = |number: usize| Swatch::Line(color(number).filled());
        let mut key = vec![("training".to_string(), line(0))];
        if self.runs.iter().any(|run| !run.valid.is_empty()) {
            key.push(("validation".to_string(), line(1)));
        }
        if self.runs.iter().any(|run| run.best.is_some()) {
            key.push(("weights kept".to_string(), Swatch::Dot(INK.filled())));
        }
        let area = head(area, &self.title, &key)?;
        let mut models: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !models.contains(&run.model.as_str()) {
                models.push(&run.model);
            }
        }
        if models.len() < 2 {
            return panel(&area, "", &self.runs.iter().collect::<Vec<_>>());
        }
        let columns = if models.len() == 4 { 2 } else { models.len().min(COLUMNS) };
        let areas = area.split_evenly((models.len().div_ceil(columns), columns));
        for (area, model) in areas.iter().zip(models) {
            let own: Vec<&Course> = self.runs.iter().filter(|run| run.model == model).collect();
            panel(area, model, &own)?;
        }
        Ok(())
    }
}

/// Losses of the fits of one model, and their learning rates below.
fn panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    model: &str,
    runs: &[&Course],
) -> Drawn<DB> {
    let area = head(area, model, &[])?;
    let (_, height) = area.dim_in_pixel();
    let rate_height = (height * 3 / 10).max(RATE).min(height / 2);
    let (upper, lower) = area.split_vertically(height - rate_height);
    let epochs = runs.iter().map(|run| run.train.len()).max().unwrap_or(0).max(2);
    let axis = 1.0..epochs as f64;
    let losses = runs.iter().flat_map(|run| run.train.iter().chain(&run.valid));
    let mut chart = ChartBuilder::on(&upper)
        .margin(12)
        .margin_right(30)
        .x_label_area_size(10)
        .y_label_area_size(92)
        .build_cartesian_2d(axis.clone(), padded_range(losses.copied()))?;
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE);
    mesh.label_style(text(19)).axis_desc_style(text(21)).x_labels(0).y_desc("loss").draw()?;
    for run in runs {
        for (values, hue) in [(&run.train, color(0)), (&run.valid, color(1))] {
            chart.draw_series(LineSeries::new(numbered(values), hue.stroke_width(2)))?;
        }
        let kept = run.best.and_then(|epoch| {
            let curve = if run.valid.is_empty() { &run.train } else { &run.valid };
            Some(((epoch + 1) as f64, *curve.get(epoch)?))
        });
        chart.draw_series(kept.iter().map(|&at| Circle::new(at, 6, INK.filled())))?;
    }
    let rates = runs.iter().flat_map(|run| run.rate.iter().copied());
    let top = rates.fold(0.0, f64::max).max(1e-12);
    let mut chart = ChartBuilder::on(&lower)
        .margin(12)
        .margin_right(30)
        .x_label_area_size(58)
        .y_label_area_size(92)
        .build_cartesian_2d(axis, 0.0..1.05 * top)?;
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE).y_labels(3);
    mesh.label_style(text(19)).axis_desc_style(text(21));
    mesh.y_label_formatter(&amount);
    // Whole epochs only.
    mesh.x_labels(epochs.min(9));
    mesh.x_label_formatter(&|epoch| match epoch.fract().abs() < 1e-6 {
        true => format!("{epoch:.0}"),
        false => String::new(),
    });
    mesh.x_desc("epoch").y_desc("learning rate").draw()?;
    for run in runs {
        let line = LineSeries::new(numbered(&run.rate), color(2).stroke_width(2));
        chart.draw_series(line)?;
    }
    Ok(())
}

fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
    let points = values.iter().enumerate().map(|(epoch, &y)| ((epoch + 1) as f64, y));
    points.filter(|(_, y)| y.is_finite()).collect()
}
