//! `dayplot.png`: a day in lines one under another, as a drum recorder would write it.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, FONT, Figure, GRID, INK, color, text};
use super::panel::amplitude;
use crate::time::{DAY, SECOND, Span, UtcTime};

/// Parts of a line of which the extremes are kept, one a pixel.
const COLUMNS: usize = 1_320;

/// How far a line may reach into its neighbours, in distances of lines.
const REACH: f64 = 1.5;

/// The extremes of each part of a line about its mean, lowest and highest; NaN where nothing is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Line {
    /// Lowest, `[C]`.
    pub lowest: Vec<f32>,
    /// Highest, `[C]`.
    pub highest: Vec<f32>,
}

/// A day of one channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DayplotFigure {
    /// Channel.
    pub title: String,
    /// Unit of the samples.
    pub unit: String,
    /// Midnight.
    pub day: UtcTime,
    /// Minutes in a line.
    pub minutes: u32,
    /// Amplitude that reaches the next line.
    pub scale: f64,
    /// Top to bottom.
    pub lines: Vec<Line>,
}

/// Gathers the extremes of a day from samples as they come, in bounded memory.
pub struct DayLines {
    day: UtcTime,
    minutes: u32,
    extremes: Vec<[f64; 2]>,
    /// Sum and number of the samples of each line.
    means: Vec<(f64, u64)>,
}

impl DayLines {
    /// For a day in lines of so many minutes, a divisor of 1440.
    pub fn new(day: UtcTime, minutes: u32) -> Self {
        let lines = (1440 / minutes.clamp(1, 1440)) as usize;
        Self {
            day: day.day_start(),
            minutes,
            extremes: vec![[f64::NAN; 2]; lines * COLUMNS],
            means: vec![(0.0, 0); lines],
        }
    }

    /// The day.
    pub fn span(&self) -> Span {
        Span { start: self.day, end: self.day.plus(DAY) }
    }

    /// Adds samples; those of other days are passed over.
    pub fn push(&mut self, samples: impl Iterator<Item = (UtcTime, f64)>) {
        for (time, value) in samples {
            let after = time.0.saturating_sub(self.day.0);
            let Ok(after) = usize::try_from(after) else { continue };
            let column = (after as u128 * self.extremes.len() as u128 / DAY as u128) as usize;
            let Some(extremes) = self.extremes.get_mut(column) else { continue };
            extremes[0] = extremes[0].min(value);
            extremes[1] = extremes[1].max(value);
            let (sum, count) = &mut self.means[column / COLUMNS];
            *sum += value;
            *count += 1;
        }
    }

    /// The figure; `scale` is the amplitude that reaches the next line, chosen by the quieter part
    /// of the day if absent.
    pub fn figure(self, title: String, unit: String, scale: Option<f64>) -> DayplotFigure {
        let line = |(extremes, (sum, count)): (&[[f64; 2]], &(f64, u64))| {
            let mean = sum / (*count).max(1) as f64;
            let side = |side: usize| extremes.iter().map(|e| (e[side] - mean) as f32).collect();
            Line { lowest: side(0), highest: side(1) }
        };
        let lines: Vec<Line> = self.extremes.chunks(COLUMNS).zip(&self.means).map(line).collect();
        let scale = scale.unwrap_or_else(|| usual_amplitude(&lines));
        DayplotFigure { title, unit, day: self.day, minutes: self.minutes, scale, lines }
    }
}

/// An amplitude that nine tenths of the columns stay below by a factor of two.
fn usual_amplitude(lines: &[Line]) -> f64 {
    let mut sizes: Vec<f32> = lines
        .iter()
        .flat_map(|line| line.lowest.iter().zip(&line.highest).map(|(l, h)| h.max(-l)))
        .filter(|size| size.is_finite())
        .collect();
    if sizes.is_empty() {
        return 1.0;
    }
    let place = (sizes.len() - 1) * 9 / 10;
    let usual = f64::from(*sizes.select_nth_unstable_by(place, f32::total_cmp).1);
    if usual > 0.0 { 2.0 * usual } else { 1.0 }
}

const LEFT: i32 = 130;
const TOP: i32 = 100;
const RIGHT: i32 = 150;
const BELOW: i32 = 78;

impl DayplotFigure {
    fn line_height(&self) -> i32 {
        (1300 / self.lines.len().max(1) as i32).clamp(14, 60)
    }
}

impl Figure for DayplotFigure {
    fn size(&self) -> (u32, u32) {
        let panel = self.line_height() * (self.lines.len().max(1) as i32 + 1);
        (1600, (TOP + BELOW + panel) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (height, right) = (self.line_height(), self.size().0 as i32 - RIGHT);
        let bottom = self.size().1 as i32 - BELOW;
        let title = format!("{}, {}", self.title, self.day.format("%Y-%m-%d"));
        area.draw(&Text::new(title, (LEFT, 18), text(26)))?;
        let below = format!(
            "one line to the next: {} {}; larger amplitudes are cut at {REACH} lines; nothing where \
             there are no data",
            amplitude(self.scale),
            self.unit
        );
        area.draw(&Text::new(below, (LEFT, 58), text(18)))?;
        let minutes = self.minutes.max(1);
        let step = match minutes {
            ..=20 => 1,
            21..=30 => 2,
            31..=60 => 5,
            _ => minutes / 12,
        };
        let x_of = |share: f64| LEFT + (share * f64::from(right - LEFT)).round() as i32;
        let centred = text(19).pos(Pos::new(HPos::Center, VPos::Top));
        for minute in (0..=minutes).step_by(step.max(1) as usize) {
            let x = x_of(f64::from(minute) / f64::from(minutes));
            area.draw(&PathElement::new(vec![(x, TOP), (x, bottom)], GRID))?;
            area.draw(&PathElement::new(vec![(x, bottom), (x, bottom + 6)], INK))?;
            area.draw(&Text::new(minute.to_string(), (x, bottom + 12), centred.clone()))?;
        }
        area.draw(&Rectangle::new([(LEFT, TOP), (right, bottom)], INK.stroke_width(1)))?;
        // Times stand at full hours, or rarer where lines are close.
        let an_hour = (60 / minutes).max(1) as usize;
        let every = an_hour * (24_usize).div_ceil((an_hour as i32 * height).max(1) as usize);
        let words = text((height as u32).clamp(16, 19));
        let beside = |side| words.clone().pos(Pos::new(side, VPos::Center));
        for (number, line) in self.lines.iter().enumerate() {
            let middle = TOP + height * (number as i32 + 1);
            let start = self.day.plus(number as i64 * i64::from(minutes) * 60 * SECOND);
            if number % every == 0 {
                let words = start.format("%H:%M");
                area.draw(&Text::new(words, (LEFT - 14, middle), beside(HPos::Right)))?;
                let end = start.plus(i64::from(minutes) * 60 * SECOND).format("%H:%M");
                area.draw(&Text::new(end, (right + 14, middle), beside(HPos::Left)))?;
            }
            let y_of = |value: f32| {
                let lines = (f64::from(value) / self.scale).clamp(-REACH, REACH);
                (middle - (lines * f64::from(height)).round() as i32).clamp(TOP, bottom)
            };
            let columns = line.lowest.len().max(1) as f64;
            let style = color([0, 1, 2, 7][number % 4]).stroke_width(1);
            let both: Vec<(usize, f32, f32)> = (line.lowest.iter().zip(&line.highest))
                .enumerate()
                .map(|(column, (&low, &high))| (column, low, high))
                .collect();
            for run in both.split(|(_, low, high)| !(low.is_finite() && high.is_finite())) {
                if run.is_empty() {
                    continue;
                }
                let ends = |&(column, low, high): &(usize, f32, f32)| {
                    let x = x_of(column as f64 / columns);
                    [(x, y_of(low)), (x, y_of(high))]
                };
                let path: Vec<(i32, i32)> = run.iter().flat_map(ends).collect();
                area.draw(&PathElement::new(path, style))?;
            }
        }
        let along = (FONT, 21).into_font().transform(FontTransform::Rotate270).color(&INK);
        let middle = Pos::new(HPos::Center, VPos::Center);
        let at = (28, (TOP + bottom) / 2);
        area.draw(&Text::new("time (UTC)".to_string(), at, along.pos(middle)))?;
        let at = ((LEFT + right) / 2, bottom + 54);
        let words = "minutes after the time at the left";
        area.draw(&Text::new(words.to_string(), at, text(21).pos(middle)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_extremes_and_gaps_stay_open() {
        let day = UtcTime(19_723 * DAY);
        let mut lines = DayLines::new(day.plus(5), 30);
        assert_eq!(lines.span().start, day);
        let at = |second: i64| day.plus(second * SECOND);
        let value = |second: i64| if second == 5000 { 900.0 } else { 100.0 + (second % 2) as f64 };
        lines.push((-10..40_000).map(|s| (at(s), value(s))));
        lines.push((50_000..90_000).map(|s| (at(s), value(s))));
        let figure = lines.figure("XX.A..HHZ".into(), "counts".into(), None);
        assert_eq!(figure.lines.len(), 48);
        let filled = |line: &Line| line.highest.iter().filter(|h| h.is_finite()).count();
        assert_eq!(filled(&figure.lines[0]), COLUMNS);
        assert_eq!(filled(&figure.lines[25]), 0);
        let highest = figure.lines[2].highest.iter().copied().fold(0.0, f32::max);
        assert!((highest - 799.1).abs() < 0.2, "{highest}");
        assert!((figure.scale - 1.0).abs() < 0.1, "{}", figure.scale);
    }
}
