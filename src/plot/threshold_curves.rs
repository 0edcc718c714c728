//! `thresholds.png`: precision, recall and F1 of pickers over the threshold.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, text};

/// Curves of several pickers, a row of panels a phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ThresholdCurvesFigure {
    /// Heading.
    pub title: String,
    /// Of each phase: its name and the pickers' curves.
    pub phases: Vec<PhaseCurves>,
}

/// One row of panels.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PhaseCurves {
    /// `P`.
    pub phase: String,
    /// One a picker; the same order in every phase.
    pub curves: Vec<ThresholdCurve>,
}

/// One picker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ThresholdCurve {
    /// Picker.
    pub name: String,
    /// The threshold it has of its own, marked on the curve.
    pub own: Option<f64>,
    /// Threshold, precision, recall, F1; NaN where not defined.
    pub points: Vec<[f64; 4]>,
}

const PANELS: [&str; 3] = ["precision", "recall", "F1"];

/// Curves beyond the colours there are differ by width.
const COLORS: usize = 8;

impl Figure for ThresholdCurvesFigure {
    fn size(&self) -> (u32, u32) {
        let names = self.phases.first().map_or(0, |phase| phase.curves.len());
        (1500, 100 + 430 * self.phases.len().max(1) as u32 + 30 * names.div_ceil(3) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (width, height) = area.dim_in_pixel();
        let middle = Pos::new(HPos::Center, VPos::Center);
        area.draw(&Text::new(self.title.clone(), (width as i32 / 2, 30), text(26).pos(middle)))?;
        let names = self.phases.first().map_or(&[][..], |phase| &phase.curves);
        let rows = names.len().div_ceil(3) as u32;
        let body = area.margin(56, 30 + 30 * rows, 10, 20);
        let cells = body.split_evenly((self.phases.len().max(1), PANELS.len()));
        for (number, cell) in cells.iter().enumerate() {
            let Some(phase) = self.phases.get(number / PANELS.len()) else { continue };
            draw_panel(cell, phase, number % PANELS.len())?;
        }
        let left = Pos::new(HPos::Left, VPos::Center);
        for (number, curve) in names.iter().enumerate() {
            let x = 60 + (number as i32 % 3) * (width as i32 - 60) / 3;
            let y = height as i32 - 20 - 30 * (rows as i32 - 1 - number as i32 / 3);
            let line = PathElement::new(vec![(x, y), (x + 36, y)], style(number));
            area.draw(&line)?;
            area.draw(&Text::new(curve.name.clone(), (x + 46, y), text(18).pos(left)))?;
        }
        Ok(())
    }
}

fn style(number: usize) -> ShapeStyle {
    color(number % COLORS).stroke_width(if number < COLORS { 3 } else { 1 })
}

fn draw_panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    phase: &PhaseCurves,
    panel: usize,
) -> Drawn<DB> {
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{} {}", phase.phase, PANELS[panel]), text(21))
        .margin(8)
        .margin_right(22)
        .x_label_area_size(52)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..1.0, 0.0..1.02)?;
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE).max_light_lines(0);
    mesh.label_style(text(17)).axis_desc_style(text(18)).x_labels(6).y_labels(6);
    mesh.x_label_formatter(&|x| format!("{x:.1}")).y_label_formatter(&|y| format!("{y:.1}"));
    mesh.x_desc("threshold").draw()?;
    for (number, curve) in phase.curves.iter().enumerate() {
        let points = curve.points.iter().map(|point| (point[0], point[1 + panel]));
        let defined = points.filter(|(x, y)| x.is_finite() && y.is_finite());
        let defined: Vec<(f64, f64)> = defined.collect();
        chart.draw_series(LineSeries::new(defined.iter().copied(), style(number)))?;
        if let Some((x, y)) = curve.own.and_then(|own| at(&defined, own)) {
            let dot = Circle::new((x, y), 6, color(number % COLORS).filled());
            chart.draw_series(std::iter::once(dot))?;
        }
    }
    Ok(())
}

/// The curve at `x`, between its points too.
fn at(points: &[(f64, f64)], x: f64) -> Option<(f64, f64)> {
    points.windows(2).find(|pair| pair[0].0 <= x && x <= pair[1].0).map(|pair| {
        let share = (x - pair[0].0) / (pair[1].0 - pair[0].0);
        (x, pair[0].1 + share * (pair[1].1 - pair[0].1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_on_the_curve() {
        let points = [(0.1, 1.0), (0.3, 0.5), (0.5, 0.25)];
        let (x, y) = at(&points, 0.2).unwrap();
        assert!((x - 0.2).abs() < 1e-12 && (y - 0.75).abs() < 1e-12);
        assert_eq!(at(&points, 0.7), None);
    }
}
