//! `roc.png`: true against false positives over all thresholds.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, text};

/// Receiver operating characteristics of classes or models.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RocFigure {
    /// Heading.
    pub title: String,
    /// The curves.
    pub curves: Vec<RocCurve>,
}

/// One curve.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RocCurve {
    /// Class or model.
    pub name: String,
    /// Area under it.
    pub area: f64,
    /// False and true positive rate from (0, 0) to (1, 1).
    pub points: Vec<(f64, f64)>,
}

impl Figure for RocFigure {
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
        mesh.x_desc("false positive rate").y_desc("true positive rate").draw()?;
        let chance = LineSeries::new([(0.0, 0.0), (1.0, 1.0)], INK.mix(0.5).stroke_width(1));
        chart
            .draw_series(chance)?
            .label("chance")
            .legend(|(x, y)| Rectangle::new([(x, y - 1), (x + 26, y + 1)], INK.mix(0.5).filled()));
        for (number, RocCurve { name, area, points }) in self.curves.iter().enumerate() {
            let hue = color(number);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), hue.stroke_width(2)))?
                .label(format!("{name}, area {area:.3}"))
                .legend(move |(x, y)| Rectangle::new([(x, y - 2), (x + 26, y + 2)], hue.filled()));
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::LowerRight).background_style(WHITE.mix(0.9));
        labels.border_style(GRID).label_font(text(18)).legend_area_size(34).margin(14).draw()
    }
}
