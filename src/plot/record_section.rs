//! `waveform.png` of many traces: stacked, or at their distance from the epicentre.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::TimeAxis;
use super::canvas::{Drawn, FONT, Figure, GRID, INK, color, text};
use super::color_scale::{round_ticks, tick_label};
use super::envelope::envelope;
use super::panel::amplitude;
use super::waveform::Channel;
use crate::time::{Span, UtcTime};

/// A trace and where it belongs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Section {
    /// Distance from the epicentre, km.
    pub distance_km: Option<f64>,
    /// Name, unit and samples.
    pub channel: Channel,
}

/// Many traces over one axis of time, each scaled to its own largest amplitude.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RecordSectionFigure {
    /// Heading.
    pub title: String,
    /// Origin time, marked.
    pub origin: Option<UtcTime>,
    /// Top to bottom; placed by distance if all have one.
    pub sections: Vec<Section>,
}

/// Room for names at the left, or for the axis of distance.
const LEFT: i32 = 230;
const LEFT_OF_DISTANCES: i32 = 120;
const RIGHT: i32 = 200;
const TOP: i32 = 90;
const BELOW: i32 = 78;

impl RecordSectionFigure {
    /// Nearest and farthest, if the place of every trace is known.
    fn distances(&self) -> Option<(f64, f64)> {
        let known: Option<Vec<f64>> = self.sections.iter().map(|s| s.distance_km).collect();
        let known = known.filter(|known| !known.is_empty())?;
        let low = known.iter().copied().fold(f64::INFINITY, f64::min);
        let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some((low, high.max(low + 1e-3)))
    }

    fn span(&self) -> Span {
        let pieces = || self.sections.iter().flat_map(|s| &s.channel.pieces);
        let start = pieces().filter_map(|piece| piece.first()).map(|p| p.0).min();
        let end = pieces().filter_map(|piece| piece.last()).map(|p| p.0).max();
        Span { start: start.unwrap_or_default(), end: end.unwrap_or_default() }
    }
}

/// Middle and largest deviation from it of a trace.
fn middle_and_size(channel: &Channel) -> (f64, f64) {
    let values = || channel.pieces.iter().flatten().map(|p| p.1).filter(|y| y.is_finite());
    let mut sorted: Vec<f64> = values().collect();
    if sorted.is_empty() {
        return (0.0, 1.0);
    }
    let half = sorted.len() / 2;
    let middle = *sorted.select_nth_unstable_by(half, f64::total_cmp).1;
    (middle, values().map(|y| (y - middle).abs()).fold(0.0, f64::max))
}

impl Figure for RecordSectionFigure {
    fn size(&self) -> (u32, u32) {
        let rows = self.sections.len().max(1) as u32;
        let each = if rows <= 20 {
            60
        } else if rows <= 60 {
            36
        } else {
            22
        };
        (1600, (TOP + BELOW) as u32 + (rows * each).clamp(600, 4000))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (right, bottom) = (self.size().0 as i32 - RIGHT, self.size().1 as i32 - BELOW);
        area.draw(&Text::new(self.title.clone(), (104, 18), text(26)))?;
        let axis = TimeAxis::new(self.span());
        let panel = f64::from(bottom - TOP);
        let distances = self.distances();
        let left = if distances.is_some() { LEFT_OF_DISTANCES } else { LEFT };
        let slot = panel / self.sections.len().max(1) as f64;
        // Half a row is kept free above and below.
        let place = |number: usize, section: &Section| match (distances, section.distance_km) {
            (Some((low, high)), Some(km)) => {
                let margin = reach_of(slot) + 6.0;
                let share = (km - low) / (high - low);
                f64::from(TOP) + margin + share * (panel - 2.0 * margin)
            }
            _ => f64::from(TOP) + (number as f64 + 0.5) * slot,
        };
        if let Some((low, high)) = distances {
            distance_axis(area, (low, high), (right, bottom), slot)?;
        }
        let reach = if distances.is_some() { reach_of(slot) } else { 0.48 * slot };
        let words = text((slot * 0.7).clamp(9.0, 18.0) as u32);
        let anchored = |side| words.clone().pos(Pos::new(side, VPos::Center));
        let mut free_from = f64::NEG_INFINITY;
        let mut order: Vec<usize> = (0..self.sections.len()).collect();
        let at = |number: usize| place(number, &self.sections[number]);
        order.sort_by(|&a, &b| at(a).total_cmp(&at(b)));
        for (rank, number) in order.into_iter().enumerate() {
            let section = &self.sections[number];
            let base = place(number, section);
            let (middle, size) = middle_and_size(&section.channel);
            draw_trace(
                area,
                (section, hue(rank)),
                (middle, size),
                (base, reach),
                (&axis, left, right, bottom),
            )?;
            let hue = hue(rank);
            let name = section.channel.name.clone();
            if distances.is_some() {
                // Names of neighbours make room for each other, as far as there is some.
                let at = base.max(free_from);
                if at - base < 40.0 && at < f64::from(bottom) {
                    free_from = at + 18.0;
                    let place = (right + 12, at as i32);
                    area.draw(&Text::new(name, place, anchored(HPos::Left).color(&hue)))?;
                }
            } else if base >= free_from {
                free_from = base + 10.0;
                area.draw(&Text::new(name, (left - 12, base as i32), anchored(HPos::Right)))?;
                let words = format!("±{} {}", amplitude(size), section.channel.unit);
                area.draw(&Text::new(words, (right + 12, base as i32), anchored(HPos::Left)))?;
            }
        }
        if let Some(origin) = self.origin.filter(|origin| self.span().contains(*origin)) {
            use plotters::coord::ranged1d::Ranged;
            let x = axis.map(&origin, (left, right));
            let line = vec![(x, TOP), (x, bottom)];
            area.draw(&PathElement::new(line, color(1).stroke_width(2)))?;
            let hue = color(1);
            let above = text(18).color(&hue).pos(Pos::new(HPos::Center, VPos::Bottom));
            area.draw(&Text::new("origin".to_string(), (x, TOP - 6), above))?;
        }
        area.draw(&Rectangle::new([(left, TOP), (right, bottom)], INK.stroke_width(1)))?;
        axis.draw_below(area, (left, right), bottom)
    }
}

/// Pixels that the largest amplitude reaches in a section by distance.
fn reach_of(slot: f64) -> f64 {
    slot.clamp(18.0, 60.0)
}

/// Neighbours differ.
fn hue(number: usize) -> RGBColor {
    color([0, 1, 2, 7][number % 4])
}

fn distance_axis<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    (low, high): (f64, f64),
    (right, bottom): (i32, i32),
    slot: f64,
) -> Drawn<DB> {
    let margin = reach_of(slot) + 6.0;
    let panel = f64::from(bottom - TOP);
    let beside = text(19).pos(Pos::new(HPos::Right, VPos::Center));
    // The axis goes on to the edges of the panel.
    let a_km = (panel - 2.0 * margin) / (high - low);
    let (first, last) = ((low - margin / a_km).max(0.0), high + margin / a_km);
    for tick in round_ticks(first, last, 9) {
        let y = (f64::from(TOP) + margin + (tick - low) * a_km).round() as i32;
        area.draw(&PathElement::new(vec![(LEFT_OF_DISTANCES, y), (right, y)], GRID))?;
        area.draw(&PathElement::new(
            vec![(LEFT_OF_DISTANCES - 6, y), (LEFT_OF_DISTANCES, y)],
            INK,
        ))?;
        area.draw(&Text::new(tick_label(tick), (LEFT_OF_DISTANCES - 10, y), beside.clone()))?;
    }
    let along = (FONT, 21)
        .into_font()
        .transform(FontTransform::Rotate270)
        .color(&INK)
        .pos(Pos::new(HPos::Center, VPos::Center));
    let at = (LEFT_OF_DISTANCES - 92, (TOP + bottom) / 2);
    area.draw(&Text::new("distance from the epicentre (km)".to_string(), at, along))
}

/// One trace about the height `base`, its largest amplitude `reach` pixels.
fn draw_trace<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    (section, hue): (&Section, RGBColor),
    (middle, size): (f64, f64),
    (base, reach): (f64, f64),
    (axis, left, right, bottom): (&TimeAxis, i32, i32, i32),
) -> Drawn<DB> {
    use plotters::coord::ranged1d::Ranged;
    let range = axis.range();
    let length = (range.end.0 - range.start.0).max(1) as f64;
    let position = |time: UtcTime| (time.0 - range.start.0) as f64 / length;
    let y_of = |value: f64| {
        let y = base - (value - middle) / size.max(f64::MIN_POSITIVE) * reach;
        (y.round() as i32).clamp(TOP, bottom)
    };
    for piece in &section.channel.pieces {
        for run in envelope(piece, (right - left).max(1) as usize, position) {
            let place =
                |&(time, value): &(UtcTime, f64)| (axis.map(&time, (left, right)), y_of(value));
            let path: Vec<(i32, i32)> = run.iter().map(place).collect();
            area.draw(&PathElement::new(path, hue.stroke_width(1)))?;
        }
    }
    Ok(())
}
