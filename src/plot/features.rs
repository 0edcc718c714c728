//! `features.png`: activity features over time, a panel a feature.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, color, padded_range};
use super::panel::{Frame, head, line, stacked, time_panel};
use crate::time::{Span, UtcTime};

/// One feature over time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Panel {
    /// Quantity and unit: `RSAM (counts)`.
    pub quantity: String,
    /// Whether the decadic logarithm is drawn (amplitudes are log-normal).
    pub logarithm: bool,
    /// Values by time; NaN where nothing was observed.
    pub values: Vec<(UtcTime, f64)>,
}

/// Features of one channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FeaturesFigure {
    /// Heading.
    pub title: String,
    /// The panels, top to bottom.
    pub panels: Vec<Panel>,
}

impl Figure for FeaturesFigure {
    fn size(&self) -> (u32, u32) {
        (1600, (110 * self.panels.len() as u32 + 100).clamp(900, 2400))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let times = || self.panels.iter().flat_map(|panel| panel.values.iter().map(|v| v.0));
        let span = Span {
            start: times().min().unwrap_or_default(),
            end: times().max().unwrap_or_default(),
        };
        let area = head(area, &self.title, &[])?;
        let rows = stacked(&area, self.panels.len());
        for (number, (row, panel)) in rows.iter().zip(&self.panels).enumerate() {
            let shown = |y: f64| match panel.logarithm {
                true if y > 0.0 => y.log10(),
                true => f64::NAN,
                false => y,
            };
            let points: Vec<_> = panel.values.iter().map(|&(t, y)| (t, shown(y))).collect();
            let quantity = match panel.logarithm {
                true => format!("log10 {}", panel.quantity),
                false => panel.quantity.clone(),
            };
            let frame = Frame {
                above: true,
                span,
                values: match panel.quantity.as_str() {
                    "coverage" => 0.0..1.05,
                    _ => padded_range(points.iter().map(|p| p.1)),
                },
                quantity: &quantity,
                time_labels: number + 1 == self.panels.len(),
            };
            let mut chart = time_panel(row, &frame)?;
            line(&mut chart, &points, color(number % 3).stroke_width(2))?;
        }
        Ok(())
    }
}
