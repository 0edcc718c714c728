//! `overview.png`: a day of a station as its picker saw it: picks an hour, coverage, probabilities.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::TimeAxis;
use super::canvas::{Drawn, Figure, color, text};
use super::panel::{Frame, Swatch, head, line, time_panel};
use super::picks::{PickMark, ProbabilityCurve, phase_color};
use crate::time::{DAY, SECOND, Span, UtcTime};

/// Length of a bar.
const HOUR: i64 = 3600 * SECOND;

/// Length of what a point of the probabilities stands for.
const MINUTE: i64 = 60 * SECOND;

/// A day of a station.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StationDayFigure {
    /// Heading.
    pub title: String,
    /// Midnight.
    pub day: UtcTime,
    /// The phases that are picked, in order.
    pub phases: Vec<String>,
    /// The picks of the day.
    pub picks: Vec<PickMark>,
    /// Where there are probabilities, in time order.
    pub covered: Vec<Span>,
    /// The largest probability of each minute, see [`MinuteMaxima`].
    pub curves: Vec<ProbabilityCurve>,
}

/// Gathers the largest probability of each minute of a day, in bounded memory.
#[derive(Clone, Debug)]
pub struct MinuteMaxima {
    day: UtcTime,
    largest: Vec<f64>,
}

impl MinuteMaxima {
    /// For the day that begins at `day`.
    pub fn new(day: UtcTime) -> Self {
        Self { day: day.day_start(), largest: vec![f64::NAN; (DAY / MINUTE) as usize] }
    }

    /// Adds values; those of other days and NaN are passed over.
    pub fn push(&mut self, values: impl Iterator<Item = (UtcTime, f64)>) {
        for (time, value) in values {
            let minute = time.0.saturating_sub(self.day.0).div_euclid(MINUTE);
            let largest = usize::try_from(minute).ok().and_then(|at| self.largest.get_mut(at));
            if let Some(largest) = largest {
                *largest = largest.max(value);
            }
        }
    }

    /// The curve: a point in the middle of each minute that has values.
    pub fn curve(&self, label: &str, threshold: Option<f64>) -> ProbabilityCurve {
        let at = |minute: usize| self.day.plus(minute as i64 * MINUTE + MINUTE / 2);
        let points: Vec<(UtcTime, f64)> =
            self.largest.iter().enumerate().map(|(minute, &value)| (at(minute), value)).collect();
        let pieces = points.split(|point| point.1.is_nan()).filter(|piece| !piece.is_empty());
        let pieces = pieces.map(<[_]>::to_vec).collect();
        ProbabilityCurve { label: label.to_string(), pieces, threshold }
    }
}

/// Height of the bar of coverage with its heading, pixels.
const COVERAGE: u32 = 74;

/// Edges of the panels, pixels from the left and from the right.
const EDGES: (i32, i32) = (104, 56);

impl StationDayFigure {
    fn span(&self) -> Span {
        Span { start: self.day, end: self.day.plus(DAY) }
    }

    /// Picks of a phase in each hour.
    fn hours(&self, phase: &str) -> Vec<u32> {
        let mut hours = vec![0; (DAY / HOUR) as usize];
        for pick in self.picks.iter().filter(|pick| pick.phase == phase) {
            let hour = pick.time.0.saturating_sub(self.day.0).div_euclid(HOUR);
            if let Some(count) = usize::try_from(hour).ok().and_then(|hour| hours.get_mut(hour)) {
                *count += 1;
            }
        }
        hours
    }

    fn counts<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        labels: &[&str],
    ) -> Drawn<DB> {
        let counts: Vec<Vec<u32>> = self.phases.iter().map(|phase| self.hours(phase)).collect();
        let most = counts.iter().flatten().copied().max().unwrap_or(0).max(4);
        let frame = Frame {
            span: self.span(),
            values: 0.0..1.08 * f64::from(most),
            quantity: "picks an hour",
            above: true,
            time_labels: false,
        };
        let mut chart = time_panel(area, &frame)?;
        let width = HOUR * 8 / 10 / counts.len().max(1) as i64;
        for (number, (phase, hours)) in self.phases.iter().zip(&counts).enumerate() {
            let hue = phase_color(phase, labels);
            let bars = hours.iter().enumerate().filter(|(_, count)| **count > 0);
            chart.draw_series(bars.map(|(hour, &count)| {
                let from = self.day.plus(hour as i64 * HOUR + HOUR / 10 + number as i64 * width);
                let corners = [(from, 0.0), (from.plus(width), f64::from(count))];
                Rectangle::new(corners, hue.mix(0.85).filled())
            }))?;
        }
        Ok(())
    }

    fn coverage<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (width, _) = area.dim_in_pixel();
        let (left, right) = (EDGES.0, width as i32 - EDGES.1);
        let axis = TimeAxis::new(self.span());
        let covered: i64 = self.covered.iter().map(|s| s.end.0.saturating_sub(s.start.0)).sum();
        let words = format!("coverage, {:.1} %", 100.0 * covered as f64 / DAY as f64);
        let anchor = Pos::new(HPos::Left, VPos::Top);
        area.draw(&Text::new(words, (left, 6), text(19).pos(anchor)))?;
        let bar = |from, to| Rectangle::new([(from, 32), (to, 58)], color(7).mix(0.15).filled());
        area.draw(&bar(left, right))?;
        for stretch in &self.covered {
            let [from, to] = [stretch.start, stretch.end].map(|time| {
                let time = time.clamp(self.day, self.day.plus(DAY));
                plotters::coord::ranged1d::Ranged::map(&axis, &time, (left, right))
            });
            let corners = [(from, 32), (to.max(from + 1), 58)];
            area.draw(&Rectangle::new(corners, color(2).filled()))?;
        }
        Ok(())
    }

    fn probabilities<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        labels: &[&str],
    ) -> Drawn<DB> {
        let frame = Frame {
            span: self.span(),
            values: 0.0..1.05,
            quantity: "largest probability of each minute",
            above: true,
            time_labels: true,
        };
        let mut chart = time_panel(area, &frame)?;
        let mut thresholds: Vec<f64> = self.curves.iter().filter_map(|c| c.threshold).collect();
        thresholds.dedup();
        for curve in &self.curves {
            let hue = phase_color(&curve.label, labels);
            for piece in &curve.pieces {
                line(&mut chart, piece, hue.mix(0.8).stroke_width(1))?;
            }
            if let Some(threshold) = curve.threshold {
                let hue = if thresholds.len() > 1 { hue } else { color(7) };
                let level = [self.day, self.day.plus(DAY)].map(|time| (time, threshold));
                line(&mut chart, &level, hue.stroke_width(1))?;
            }
        }
        Ok(())
    }
}

impl Figure for StationDayFigure {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let curves = self.curves.iter().map(|curve| curve.label.as_str());
        let mut labels: Vec<&str> = self.phases.iter().map(String::as_str).collect();
        labels.extend(curves);
        let number = |phase: &str| self.picks.iter().filter(|pick| pick.phase == phase).count();
        let mut key: Vec<(String, Swatch)> = Vec::new();
        for phase in &self.phases {
            let fill = phase_color(phase, &labels).mix(0.85);
            let words = match number(phase) {
                1 => format!("{phase}: 1 pick"),
                number => format!("{phase}: {number} picks"),
            };
            key.push((words, Swatch::Band(fill)));
        }
        for curve in self.curves.iter().filter(|curve| !self.phases.contains(&curve.label)) {
            let style = phase_color(&curve.label, &labels).stroke_width(2);
            key.push((curve.label.clone(), Swatch::Line(style)));
        }
        let area = head(area, &self.title, &key)?;
        let (_, height) = area.dim_in_pixel();
        let (upper, below) = area.split_vertically(height.saturating_sub(COVERAGE) * 45 / 100);
        let (strip, lower) = below.split_vertically(COVERAGE);
        self.counts(&upper, &labels)?;
        self.coverage(&strip)?;
        self.probabilities(&lower, &labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_a_minute_counts_and_minutes_without_values_part_the_curve() {
        let day: UtcTime = "2020-02-03".parse().unwrap();
        let mut maxima = MinuteMaxima::new(day.plus(5 * HOUR));
        let at = |second: i64, value: f64| (day.plus(second * SECOND), value);
        let values = [at(-1, 0.9), at(0, 0.1), at(59, 0.4), at(60, 0.2), at(61, f64::NAN)];
        maxima.push(values.into_iter());
        maxima.push([at(180, 0.5), at(86_399, 0.3), at(86_400, 0.8)].into_iter());
        let curve = maxima.curve("P", Some(0.3));
        let values: Vec<Vec<f64>> =
            curve.pieces.iter().map(|piece| piece.iter().map(|p| p.1).collect()).collect();
        assert_eq!(values, [vec![0.4, 0.2], vec![0.5], vec![0.3]]);
        assert_eq!(curve.pieces[1][0].0, day.plus(210 * SECOND));
    }

    #[test]
    fn picks_are_counted_by_phase_and_hour() {
        let day: UtcTime = "2020-02-03".parse().unwrap();
        let pick = |hour: i64, phase: &str| PickMark {
            time: day.plus(hour * HOUR),
            phase: phase.into(),
            probability: 0.5,
        };
        let picks = vec![pick(-1, "P"), pick(0, "P"), pick(23, "P"), pick(23, "S"), pick(24, "P")];
        let figure = StationDayFigure { day, picks, ..StationDayFigure::default() };
        let hours = figure.hours("P");
        assert_eq!((hours[0], hours[23], hours.iter().sum::<u32>()), (1, 1, 2));
    }
}
