//! `reliability.png`: observed frequency against forecast probability, or against quantile level.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, text};

/// Reliability of one or several models.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReliabilityFigure {
    /// Heading.
    pub title: String,
    /// What the horizontal axis holds: `forecast probability`, `quantile level`.
    pub forecast: String,
    /// What the vertical axis holds: `observed frequency`, `share of observations below`.
    pub observed: String,
    /// One curve a model.
    pub curves: Vec<Curve>,
}

/// Reliability of one model.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Curve {
    /// Model.
    pub name: String,
    /// Forecast, observed, number of cases.
    pub points: Vec<(f64, f64, usize)>,
}

impl Figure for ReliabilityFigure {
    fn size(&self) -> (u32, u32) {
        (1000, 900)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, text(26))
            .margin(12)
            .margin_right(30)
            .x_label_area_size(62)
            .y_label_area_size(92)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        let mut mesh = chart.configure_mesh();
        mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE);
        mesh.label_style(text(19)).axis_desc_style(text(21));
        mesh.x_desc(&self.forecast).y_desc(&self.observed).draw()?;
        let diagonal = LineSeries::new([(0.0, 0.0), (1.0, 1.0)], INK.mix(0.5).stroke_width(2));
        chart
            .draw_series(diagonal)?
            .label("perfect")
            .legend(|(x, y)| Rectangle::new([(x, y - 2), (x + 26, y + 2)], INK.mix(0.5).filled()));
        for (number, Curve { name, points }) in self.curves.iter().enumerate() {
            let hue = color(number);
            let total: usize = points.iter().map(|(_, _, count)| count).sum();
            let line = points.iter().map(|&(x, y, _)| (x, y));
            chart
                .draw_series(LineSeries::new(line, hue.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 2), (x + 26, y + 2)], hue.filled()));
            // The area of a point is its share of the cases.
            chart.draw_series(points.iter().map(|&(x, y, count)| {
                let share = count as f64 / total.max(1) as f64;
                Circle::new((x, y), 4 + (16.0 * share.sqrt()) as i32, hue.mix(0.8).filled())
            }))?;
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.9));
        labels.border_style(GRID).label_font(text(18)).legend_area_size(34).margin(14).draw()
    }
}
