//! `scores.png`: models side by side with their intervals, a panel a horizon or metric.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, padded_range, text};

/// One score with its interval.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Bar {
    /// Model.
    pub name: String,
    /// Score.
    pub value: f64,
    /// Lower end of the interval; NaN if there is none.
    pub lower: f64,
    /// Upper end of the interval; NaN if there is none.
    pub upper: f64,
    /// Whether this is a trivial baseline, drawn grey.
    pub baseline: bool,
}

/// Scores of many models in several panels.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ScoresFigure {
    /// Heading.
    pub title: String,
    /// Heading of each panel with its scores.
    pub panels: Vec<(String, Vec<Bar>)>,
}

impl Figure for ScoresFigure {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (width, _) = area.dim_in_pixel();
        let middle = Pos::new(HPos::Center, VPos::Center);
        area.draw(&Text::new(self.title.clone(), (width as i32 / 2, 30), text(26).pos(middle)))?;
        let body = area.margin(60, 10, 10, 20);
        let columns = self.panels.len().clamp(1, 4);
        let rows = self.panels.len().div_ceil(columns).max(1);
        for (cell, (heading, bars)) in body.split_evenly((rows, columns)).iter().zip(&self.panels) {
            draw_panel(cell, heading, bars)?;
        }
        Ok(())
    }
}

fn draw_panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    heading: &str,
    bars: &[Bar],
) -> Drawn<DB> {
    let longest = bars.iter().map(|bar| bar.name.chars().count()).max().unwrap_or(0);
    let limit = limit(bars);
    let inside = bars.iter().filter(|bar| bar.value <= limit);
    let values = inside.flat_map(|bar| [bar.value, bar.lower, bar.upper]);
    let count = bars.len().max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(heading, text(21))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(20 + 11 * longest as u32)
        .build_cartesian_2d(padded_range(values), count..0.0)?;
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE);
    mesh.label_style(text(17)).x_labels(4).y_labels(0).disable_y_mesh().draw()?;
    let best = bars.iter().map(|bar| bar.value).fold(f64::INFINITY, f64::min);
    let range = chart.as_coord_spec().get_x_range();
    let guide = PathElement::new(vec![(best, 0.0), (best, count)], color(2).stroke_width(1));
    chart.draw_series(std::iter::once(guide))?;
    let names = Pos::new(HPos::Right, VPos::Center);
    for (number, bar) in bars.iter().enumerate() {
        let y = number as f64 + 0.5;
        let hue = if bar.baseline { color(7) } else { color(0) };
        if bar.value > limit {
            let words = format!("{:.3} →", bar.value);
            let style = text(17).color(&hue).pos(names);
            chart.draw_series(std::iter::once(Text::new(words, (range.end, y), style)))?;
        } else if bar.lower.is_finite() && bar.upper.is_finite() {
            let ends = vec![(bar.lower, y), (bar.upper, y)];
            chart.draw_series(std::iter::once(PathElement::new(ends, hue.stroke_width(3))))?;
        }
        if bar.value <= limit {
            chart.draw_series(std::iter::once(Circle::new((bar.value, y), 6, hue.filled())))?;
        }
        let (_, row) = chart.backend_coord(&(range.start, y));
        let (left, _) = chart.plotting_area().get_pixel_range();
        let (corner_x, corner_y) = area.get_base_pixel();
        let at = (left.start - corner_x - 8, row - corner_y);
        area.draw(&Text::new(bar.name.clone(), at, text(17).pos(names)))?;
    }
    Ok(())
}

/// Scores beyond twice the median are written at the edge: one hopeless baseline must not hide
/// the differences between the others.
fn limit(bars: &[Bar]) -> f64 {
    let mut values: Vec<f64> = bars.iter().map(|bar| bar.value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).map_or(f64::INFINITY, |median| 2.0 * median.abs())
}
