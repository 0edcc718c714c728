//! `residuals.png`: how far picks lie from their labels, a panel a picker and phase.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, text};

/// Histograms of residuals.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResidualsFigure {
    /// Heading.
    pub title: String,
    /// Residuals up to this far on either side are there, s.
    pub limit: f64,
    /// Within this far a pick counts as right, s.
    pub tolerance: f64,
    /// The panels.
    pub panels: Vec<ResidualPanel>,
}

/// One picker and phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResidualPanel {
    /// Picker and phase.
    pub name: String,
    /// Statistics under the name.
    pub words: String,
    /// Whether this is no trained network, drawn grey.
    pub baseline: bool,
    /// Pick − label, s.
    pub residuals: Vec<f64>,
}

/// Bars of a histogram: odd, so that one is centred on 0.
const BARS: usize = 35;

/// Width of a bar as a share of the limit: 0.03 s of 0.5 s, three samples at 100 Hz, whose edges
/// fall between samples.
const WIDTH: f64 = 0.06;

const COLUMNS: usize = 4;

impl Figure for ResidualsFigure {
    fn size(&self) -> (u32, u32) {
        let columns = self.panels.len().clamp(1, COLUMNS);
        let rows = self.panels.len().div_ceil(columns).max(1);
        (40 + 420 * columns.max(2) as u32, 100 + 320 * rows as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (width, _) = area.dim_in_pixel();
        let middle = Pos::new(HPos::Center, VPos::Center);
        area.draw(&Text::new(self.title.clone(), (width as i32 / 2, 30), text(26).pos(middle)))?;
        let columns = self.panels.len().clamp(1, COLUMNS);
        let rows = self.panels.len().div_ceil(columns).max(1);
        let body = area.margin(60, 10, 10, 10);
        for (cell, panel) in body.split_evenly((rows, columns)).iter().zip(&self.panels) {
            self.panel(cell, panel)?;
        }
        Ok(())
    }
}

impl ResidualsFigure {
    fn panel<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        panel: &ResidualPanel,
    ) -> Drawn<DB> {
        let counts = histogram(&panel.residuals, self.limit);
        let most = counts.iter().copied().max().unwrap_or(0).max(4) as f64;
        let edge = 0.5 * BARS as f64 * WIDTH * self.limit;
        let (width, _) = area.dim_in_pixel();
        let middle = Pos::new(HPos::Center, VPos::Center);
        let line = |words: &str, y: i32, size: u32| {
            Text::new(words.to_string(), (width as i32 / 2, y), text(size).pos(middle))
        };
        area.draw(&line(&panel.name, 14, 19))?;
        area.draw(&line(&panel.words, 38, 15))?;
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_top(54)
            .margin_right(20)
            .x_label_area_size(46)
            .y_label_area_size(52)
            .build_cartesian_2d(-edge..edge, 0.0..1.08 * most)?;
        let mut mesh = chart.configure_mesh();
        mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE).max_light_lines(0);
        mesh.label_style(text(16)).axis_desc_style(text(17)).x_labels(5).y_labels(4);
        let seconds = |x: &f64| format!("{:.2}", if x.abs() < 1e-9 { 0.0 } else { *x });
        mesh.x_label_formatter(&seconds).y_label_formatter(&|y| format!("{y:.0}"));
        mesh.x_desc("pick − label, s").disable_x_mesh().draw()?;
        let hue = if panel.baseline { color(7) } else { color(0) };
        let width = WIDTH * self.limit;
        chart.draw_series(counts.iter().enumerate().filter(|(_, n)| **n > 0).map(
            |(bar, &n)| {
                let left = -edge + bar as f64 * width;
                Rectangle::new([(left, 0.0), (left + width, n as f64)], hue.filled())
            },
        ))?;
        for at in [-self.tolerance, self.tolerance] {
            let line = vec![(at, 0.0), (at, 1.08 * most)];
            chart.draw_series(DashedLineSeries::new(line, 6, 5, color(1).stroke_width(2)))?;
        }
        Ok(())
    }
}

/// Numbers of residuals in bars of equal width.
fn histogram(residuals: &[f64], limit: f64) -> Vec<usize> {
    let mut counts = vec![0; BARS];
    for residual in residuals.iter().filter(|r| r.abs() <= limit) {
        let bar = (residual / (WIDTH * limit) + 0.5 * BARS as f64) as usize;
        counts[bar.min(BARS - 1)] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_counted_and_what_lies_outside_is_not() {
        let counts = histogram(&[-0.5, 0.0, 0.0, 0.5, 0.7, f64::NAN], 0.5);
        assert_eq!((counts[0], counts[BARS / 2], counts[BARS - 1]), (1, 2, 1));
        assert_eq!(counts.iter().sum::<usize>(), 4);
    }
}
