//! `picks.png`: the components of a window, its picks, and the probabilities they come from.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, INK, color, padded_range, text};
use super::panel::{Frame, Swatch, TimeChart, band, head, line, mark, stacked, time_panel};
use super::waveform::Channel;
use crate::time::{Span, UtcTime};

/// A pick as a figure shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PickMark {
    /// When.
    pub time: UtcTime,
    /// Of which phase.
    pub phase: String,
    /// How probable, 0 to 1; NaN of a pick without one.
    pub probability: f64,
}

/// The probabilities of a phase over time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProbabilityCurve {
    /// Phase, or what else the network tells apart.
    pub label: String,
    /// Time and probability, `[T]` a piece without gaps.
    pub pieces: Vec<Vec<(UtcTime, f64)>>,
    /// From where on it makes a pick.
    pub threshold: Option<f64>,
}

/// A window of a station.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PicksFigure {
    /// Heading.
    pub title: String,
    /// Time shown.
    pub span: Option<Span>,
    /// The components, top to bottom.
    pub channels: Vec<Channel>,
    /// The picks, over all components.
    pub picks: Vec<PickMark>,
    /// The probabilities, in the panel below.
    pub curves: Vec<ProbabilityCurve>,
}

/// The colour of a phase: P and S have their own in every figure, others follow.
pub(super) fn phase_color(label: &str, others: &[&str]) -> RGBColor {
    match label.chars().next() {
        Some('P') => color(0),
        Some('S') => color(1),
        Some('D') => color(2),
        Some('N') => color(7),
        _ => color(3 + others.iter().position(|other| *other == label).unwrap_or(0) % 4),
    }
}

/// Nearest that two labels of picks may stand in a row, as a share of the width.
const LABEL_WIDTH: f64 = 0.05;
/// Rows of labels.
const LABEL_ROWS: usize = 2;

impl PicksFigure {
    /// From the first to the last sample where no time is given.
    fn span(&self) -> Span {
        if let Some(span) = self.span {
            return span;
        }
        let pieces = || {
            let curves = self.curves.iter().flat_map(|curve| &curve.pieces);
            self.channels.iter().flat_map(|channel| &channel.pieces).chain(curves)
        };
        let start = pieces().filter_map(|piece| piece.first()).map(|p| p.0).min();
        let end = pieces().filter_map(|piece| piece.last()).map(|p| p.0).max();
        Span { start: start.unwrap_or_default(), end: end.unwrap_or_default() }
    }

    /// Phases and other labels, each once.
    fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        let curves = self.curves.iter().map(|curve| curve.label.as_str());
        for label in curves.chain(self.picks.iter().map(|pick| pick.phase.as_str())) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels
    }

    fn key(&self) -> Vec<(String, Swatch)> {
        let labels = self.labels();
        let swatch = |label: &&str| {
            let style = phase_color(label, &labels).stroke_width(3);
            let number = self.picks.iter().filter(|pick| pick.phase == **label).count();
            match number {
                0 => (label.to_string(), Swatch::Line(style)),
                1 => (format!("{label}: 1 pick"), Swatch::Mark(style)),
                _ => (format!("{label}: {number} picks"), Swatch::Mark(style)),
            }
        };
        labels.iter().map(swatch).collect()
    }

    /// Phase and probability beside each pick, where there is room for it.
    fn name_picks<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        chart: &TimeChart<'_, DB>,
    ) -> Drawn<DB> {
        let labels = self.labels();
        let span = self.span();
        let length = (span.end.0.saturating_sub(span.start.0)).max(1) as f64;
        let place = |time: UtcTime| time.0.saturating_sub(span.start.0) as f64 / length;
        let mut picks: Vec<&PickMark> = self.picks.iter().collect();
        picks.sort_by_key(|pick| pick.time);
        let (left, _) = area.get_base_pixel();
        let mut free_from = [f64::NEG_INFINITY; LABEL_ROWS];
        for pick in picks.into_iter().filter(|pick| (0.0..=1.0).contains(&place(pick.time))) {
            let share = place(pick.time);
            let Some(row) = free_from.iter().position(|&from| share >= from) else { continue };
            free_from[row] = share + LABEL_WIDTH;
            let words = match pick.probability.is_finite() {
                true => format!("{} {:.2}", pick.phase, pick.probability),
                false => pick.phase.clone(),
            };
            let (side, aside) = match share > 1.0 - LABEL_WIDTH {
                true => (HPos::Right, -6),
                false => (HPos::Left, 6),
            };
            let hue = phase_color(&pick.phase, &labels);
            let style = text(18).color(&hue).pos(Pos::new(side, VPos::Top));
            let (x, _) = chart.backend_coord(&(pick.time, 0.0));
            // Below the name of the channel, which stands above the panel.
            let y = 32 + 20 * row as i32;
            area.draw(&Text::new(words, (x - left + aside, y), style))?;
        }
        Ok(())
    }
}

impl Figure for PicksFigure {
    fn size(&self) -> (u32, u32) {
        let panels = self.channels.len() as u32 + u32::from(!self.curves.is_empty());
        (1600, (200 * panels.max(1) + 150).clamp(600, 2400))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let area = head(area, &self.title, &self.key())?;
        let curves = usize::from(!self.curves.is_empty());
        let panels = (self.channels.len() + curves).max(1);
        let rows = stacked(&area, panels);
        let (span, labels) = (self.span(), self.labels());
        for (number, (row, channel)) in rows.iter().zip(&self.channels).enumerate() {
            let inside = channel
                .pieces
                .iter()
                .flatten()
                .filter(|(time, _)| span.contains(*time) || *time == span.end);
            let frame = Frame {
                span,
                values: padded_range(inside.map(|(_, y)| *y)),
                quantity: &match channel.unit.is_empty() {
                    true => channel.name.clone(),
                    false => format!("{} ({})", channel.name, channel.unit),
                },
                above: true,
                time_labels: number + 1 == panels,
            };
            let mut chart = time_panel(row, &frame)?;
            for gap in channel.pieces.windows(2) {
                let ends = [gap[0].last(), gap[1].first()].map(|p| p.map(|p| p.0));
                if let [Some(from), Some(to)] = ends {
                    let edges = [from, to].map(|t| (t, frame.values.start, frame.values.end));
                    band(&mut chart, &edges, color(7).mix(0.15))?;
                }
            }
            for piece in &channel.pieces {
                line(&mut chart, piece, INK.mix(0.75).stroke_width(1))?;
            }
            for pick in &self.picks {
                mark(&mut chart, pick.time, phase_color(&pick.phase, &labels).stroke_width(2))?;
            }
            if number == 0 {
                self.name_picks(row, &chart)?;
            }
        }
        let lowest = rows.last().filter(|_| curves > 0 || self.channels.is_empty());
        lowest.map_or(Ok(()), |row| self.probabilities(row, span, &labels))
    }
}

impl PicksFigure {
    fn probabilities<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        span: Span,
        labels: &[&str],
    ) -> Drawn<DB> {
        let frame = Frame {
            span,
            values: 0.0..1.05,
            quantity: "probability",
            above: true,
            time_labels: true,
        };
        let mut chart = time_panel(area, &frame)?;
        let mut thresholds: Vec<f64> = self.curves.iter().filter_map(|c| c.threshold).collect();
        thresholds.dedup();
        for curve in &self.curves {
            let hue = phase_color(&curve.label, labels);
            if let Some(threshold) = curve.threshold {
                // One threshold of all is drawn once, in grey.
                let hue = if thresholds.len() > 1 { hue } else { color(7) };
                let level = [span.start, span.end].map(|time| (time, threshold));
                line(&mut chart, &level, hue.mix(0.45).stroke_width(1))?;
            }
        }
        for pick in &self.picks {
            mark(&mut chart, pick.time, phase_color(&pick.phase, labels).mix(0.4).stroke_width(1))?;
        }
        for curve in &self.curves {
            for piece in &curve.pieces {
                line(&mut chart, piece, phase_color(&curve.label, labels).stroke_width(2))?;
            }
        }
        Ok(())
    }
}
