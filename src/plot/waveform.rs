//! `waveform.png`: traces under one another, gaps left open and marked.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, color, padded_range};
use super::panel::{Frame, band, line, mark, time_panel};
use crate::time::{Span, UtcTime};

/// One channel: contiguous pieces in time order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Channel {
    /// Identifier.
    pub name: String,
    /// Unit of the samples.
    pub unit: String,
    /// Time and value of the samples, `[T]` a piece.
    pub pieces: Vec<Vec<(UtcTime, f64)>>,
}

/// Several channels over one span of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WaveformFigure {
    /// Heading.
    pub title: String,
    /// The channels, top to bottom.
    pub channels: Vec<Channel>,
    /// Marks over all channels (picks, detections).
    pub marks: Vec<UtcTime>,
}

impl WaveformFigure {
    fn span(&self) -> Span {
        let pieces = || self.channels.iter().flat_map(|channel| &channel.pieces);
        let start = pieces().filter_map(|piece| piece.first()).map(|p| p.0).min();
        let end = pieces().filter_map(|piece| piece.last()).map(|p| p.0).max();
        Span { start: start.unwrap_or_default(), end: end.unwrap_or_default() }
    }
}

impl Figure for WaveformFigure {
    fn size(&self) -> (u32, u32) {
        (1600, (240 * self.channels.len() as u32 + 120).clamp(500, 2400))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let span = self.span();
        let rows = area.split_evenly((self.channels.len().max(1), 1));
        for (number, (row, channel)) in rows.iter().zip(&self.channels).enumerate() {
            let values = padded_range(channel.pieces.iter().flatten().map(|(_, y)| *y));
            let frame = Frame {
                title: if number == 0 { &self.title } else { "" },
                span,
                values: values.clone(),
                quantity: &format!("{} ({})", channel.name, channel.unit),
                time_labels: number + 1 == self.channels.len(),
            };
            let mut chart = time_panel(row, &frame)?;
            for gap in channel.pieces.windows(2) {
                let ends = [gap[0].last(), gap[1].first()].map(|p| p.map(|p| p.0));
                if let [Some(from), Some(to)] = ends {
                    let edges = [from, to].map(|t| (t, values.start, values.end));
                    band(&mut chart, &edges, color(1).mix(0.18), None)?;
                }
            }
            for piece in &channel.pieces {
                line(&mut chart, piece, color(0).stroke_width(1), None)?;
            }
            for &time in &self.marks {
                mark(&mut chart, time, color(1).stroke_width(2), None)?;
            }
        }
        Ok(())
    }
}
