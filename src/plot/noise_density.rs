//! `psd.png`: how often a station has which noise at which period.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, FONT, Figure, GRID, INK, color, text};
use super::color_scale::{draw_bar, log_ticks, round_ticks, tick_label, viridis};
use super::panel::{Swatch, head};

/// A line over the histogram.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Line {
    /// What it is, in the key.
    pub name: String,
    /// Period in seconds and level in dB.
    pub points: Vec<(f64, f64)>,
}

/// A probabilistic power spectral density.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NoiseDensityFigure {
    /// Heading.
    pub title: String,
    /// What a level is in, `dB re 1 count²/Hz`.
    pub unit: String,
    /// Centres of the bins of period in seconds, rising evenly in the logarithm, `[P]`.
    pub periods: Vec<f64>,
    /// Lower edge of the lowest bin of level, dB; each is 1 dB high.
    pub lowest: i32,
    /// Share of the hours in each bin, `[P][L]`.
    pub shares: Vec<Vec<f32>>,
    /// Percentiles.
    pub percentiles: Vec<Line>,
    /// Noise models.
    pub models: Vec<Line>,
}

const LEFT: i32 = 104;
const TOP: i32 = 104;
const RIGHT: i32 = 180;
const BELOW: i32 = 78;

/// The noise models.
const MODEL: RGBColor = RGBColor(140, 140, 140);

/// Share of hours at the top of the colour scale, at most.
const MOST: f64 = 0.3;

impl NoiseDensityFigure {
    /// Range of periods, half a bin beyond the outermost centres.
    fn periods_shown(&self) -> (f64, f64) {
        match &self.periods[..] {
            [first, .., last] => {
                let half = (last / first).powf(0.5 / (self.periods.len() - 1) as f64);
                (first / half, last * half)
            }
            _ => (0.1, 100.0),
        }
    }

    fn levels_shown(&self) -> (f64, f64) {
        let levels = self.shares.first().map_or(60, Vec::len).max(10);
        (f64::from(self.lowest), f64::from(self.lowest) + levels as f64)
    }
}

impl Figure for NoiseDensityFigure {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (right, bottom) = (self.size().0 as i32 - RIGHT, self.size().1 as i32 - BELOW);
        // None of them is a colour of the scale.
        let styles = [color(1), INK, color(3)];
        let mut key = Vec::new();
        for (number, line) in self.percentiles.iter().enumerate() {
            key.push((line.name.clone(), Swatch::Line(styles[number % 3].filled())));
        }
        for line in &self.models {
            if !line.name.is_empty() {
                key.push((line.name.clone(), Swatch::Line(MODEL.filled())));
            }
        }
        head(area, &self.title, &key)?;
        let ((short, long), (low, high)) = (self.periods_shown(), self.levels_shown());
        let x = |period: f64| {
            let share = (period / short).ln() / (long / short).ln();
            LEFT + (share * f64::from(right - LEFT)).round() as i32
        };
        let y = |level: f64| {
            bottom - ((level - low) / (high - low) * f64::from(bottom - TOP)).round() as i32
        };
        let along_time = text(19).pos(Pos::new(HPos::Center, VPos::Top));
        for tick in log_ticks(short, long) {
            area.draw(&PathElement::new(vec![(x(tick), TOP), (x(tick), bottom)], GRID))?;
            area.draw(&PathElement::new(vec![(x(tick), bottom), (x(tick), bottom + 6)], INK))?;
            let at = (x(tick), bottom + 12);
            area.draw(&Text::new(tick_label(tick), at, along_time.clone()))?;
        }
        let beside = text(19).pos(Pos::new(HPos::Right, VPos::Center));
        for tick in round_ticks(low, high, 9) {
            area.draw(&PathElement::new(vec![(LEFT, y(tick)), (right, y(tick))], GRID))?;
            area.draw(&PathElement::new(vec![(LEFT - 6, y(tick)), (LEFT, y(tick))], INK))?;
            area.draw(&Text::new(tick_label(tick), (LEFT - 10, y(tick)), beside.clone()))?;
        }
        let largest = self.shares.iter().flatten().fold(0.0f32, |a, &b| a.max(b));
        let top = f64::from(largest).clamp(0.01, MOST);
        let half = (long / short).powf(0.5 / self.periods.len().max(1) as f64);
        for (period, shares) in self.periods.iter().zip(&self.shares) {
            for (level, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                let from = f64::from(self.lowest) + level as f64;
                let corners = [(x(period / half), y(from + 1.0)), (x(period * half), y(from))];
                let shade = viridis(f64::from(share) / top);
                area.draw(&Rectangle::new(corners, shade.filled()))?;
            }
        }
        area.draw(&Rectangle::new([(LEFT, TOP), (right, bottom)], INK.stroke_width(1)))?;
        let line = |line: &Line, style: ShapeStyle| {
            let inside = |(period, level): &(f64, f64)| {
                (short..=long).contains(period) && (low..=high).contains(level)
            };
            // A line that leaves the panel ends there.
            for run in line.points.split(|point| !inside(point)).filter(|run| run.len() > 1) {
                let places: Vec<(i32, i32)> = run.iter().map(|&(p, l)| (x(p), y(l))).collect();
                area.draw(&PathElement::new(places, style))?;
            }
            Ok::<(), DrawingAreaErrorKind<DB::ErrorType>>(())
        };
        for model in &self.models {
            line(model, WHITE.stroke_width(6))?;
            line(model, MODEL.stroke_width(3))?;
        }
        for (number, percentile) in self.percentiles.iter().enumerate() {
            line(percentile, WHITE.stroke_width(5))?;
            line(percentile, styles[number % 3].stroke_width(3))?;
        }
        let centred = Pos::new(HPos::Center, VPos::Center);
        let along = (FONT, 21).into_font().transform(FontTransform::Rotate270).color(&INK);
        let at = (26, (TOP + bottom) / 2);
        area.draw(&Text::new(self.unit.clone(), at, along.pos(centred)))?;
        let at = ((LEFT + right) / 2, bottom + 54);
        area.draw(&Text::new("period (s)".to_string(), at, text(21).pos(centred)))?;
        draw_bar(area, (right + 24, TOP, bottom), (0.0, 100.0 * top), "share of hours (%)")
    }
}
