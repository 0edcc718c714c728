//! A UTC time axis with ticks at round times.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{
    BoldPoints, KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter,
};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Drawn, INK, text};
use crate::time::{DAY, SECOND, Span, UtcTime};

/// Tick distances in seconds with the pattern of their labels.
const STEPS: [(i64, &str); 22] = [
    (1, "%H:%M:%S"),
    (2, "%H:%M:%S"),
    (5, "%H:%M:%S"),
    (10, "%H:%M:%S"),
    (30, "%H:%M:%S"),
    (60, "%H:%M"),
    (120, "%H:%M"),
    (300, "%H:%M"),
    (600, "%H:%M"),
    (1_800, "%H:%M"),
    (3_600, "%H:%M"),
    (7_200, "%H:%M"),
    (10_800, "%H:%M"),
    (21_600, "%m-%d %H:%M"),
    (43_200, "%m-%d %H:%M"),
    (86_400, "%Y-%m-%d"),
    (172_800, "%Y-%m-%d"),
    (604_800, "%Y-%m-%d"),
    (2_592_000, "%Y-%m-%d"),
    (7_776_000, "%Y-%m-%d"),
    (15_552_000, "%Y-%m"),
    (31_536_000, "%Y-%m"),
];

/// The axis from `start` to `end`.
#[derive(Clone, Copy, Debug)]
pub struct TimeAxis(Span);

impl TimeAxis {
    /// An axis over `span`, at least a second long.
    pub fn new(span: Span) -> Self {
        Self(Span { start: span.start, end: span.end.max(span.start.plus(SECOND)) })
    }

    fn length(&self) -> i64 {
        self.0.end.0.saturating_sub(self.0.start.0)
    }

    fn step(&self) -> (i64, &'static str) {
        let wanted = self.length() / 9;
        let fits = STEPS.iter().find(|(seconds, _)| seconds * SECOND >= wanted);
        *fits.unwrap_or(&STEPS[STEPS.len() - 1])
    }

    /// What stands under the axis: the quantity, and the day where ticks show hours only.
    pub fn label(&self) -> String {
        if self.step().0 * SECOND >= DAY / 4 {
            return "time (UTC)".into();
        }
        let (first, last) = (self.0.start.day_start(), self.0.end.plus(-1).day_start());
        match first == last {
            true => format!("time (UTC), {}", first.format("%Y-%m-%d")),
            false => {
                format!("time (UTC), {} to {}", first.format("%Y-%m-%d"), last.format("%Y-%m-%d"))
            }
        }
    }
}

impl TimeAxis {
    /// Draws ticks, their labels and the label of the axis below a panel that reaches from `left` to
    /// `right` and ends at `bottom`, for figures that place their panels themselves.
    pub fn draw_below<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        (left, right): (i32, i32),
        bottom: i32,
    ) -> Drawn<DB> {
        let centred = |size| text(size).pos(Pos::new(HPos::Center, VPos::Top));
        for tick in self.key_points(BoldPoints(10)) {
            let x = self.map(&tick, (left, right));
            area.draw(&PathElement::new(vec![(x, bottom), (x, bottom + 6)], INK))?;
            area.draw(&Text::new(self.format_ext(&tick), (x, bottom + 12), centred(19)))?;
        }
        let middle = ((left + right) / 2, bottom + 44);
        area.draw(&Text::new(self.label(), middle, centred(21)))
    }
}

impl Ranged for TimeAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = UtcTime;

    fn map(&self, value: &UtcTime, limit: (i32, i32)) -> i32 {
        let share = (value.0.saturating_sub(self.0.start.0)) as f64 / self.length().max(1) as f64;
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<UtcTime> {
        let step = self.step().0 * SECOND;
        // Seconds and hours align with midnight; days and longer with the first day shown.
        let origin = if step > DAY { self.0.start.day_start().0 } else { 0 };
        let first = origin + (self.0.start.0 - origin + step - 1).div_euclid(step) * step;
        (0..64).map(|n| UtcTime(first + n * step)).take_while(|t| *t <= self.0.end).collect()
    }

    fn range(&self) -> Range<UtcTime> {
        self.0.start..self.0.end
    }
}

impl ValueFormatter<UtcTime> for TimeAxis {
    fn format_ext(&self, value: &UtcTime) -> String {
        value.format(self.step().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_a_day_stand_at_full_hours() {
        let start: UtcTime = "2018-08-12T00:20:00".parse().unwrap();
        let axis = TimeAxis::new(Span { start, end: start.plus(DAY) });
        let ticks = axis.key_points(BoldPoints(10));
        assert!((5..=12).contains(&ticks.len()));
        assert!(ticks.iter().all(|t| t.0 % (3_600 * SECOND) == 0));
        assert_eq!(axis.label(), "time (UTC), 2018-08-12 to 2018-08-13");
    }

    #[test]
    fn an_axis_of_years_has_few_ticks() {
        let start: UtcTime = "2008-01-01".parse().unwrap();
        let axis = TimeAxis::new(Span { start, end: start.plus(15 * 365 * DAY) });
        assert!(axis.key_points(BoldPoints(10)).len() <= 16);
    }
}
