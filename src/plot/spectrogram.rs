//! `spectrogram.png`: power spectral density over time and frequency, in dB.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::TimeAxis;
use super::canvas::{Drawn, FONT, Figure, INK, Raster, text};
use super::color_scale::{draw_bar, log_ticks, round_ticks, tick_label, viridis};
use crate::time::Span;

/// Power over time and frequency.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpectrogramFigure {
    /// Heading.
    pub title: String,
    /// What a level is in, `dB re 1 count²/Hz`.
    pub unit: String,
    /// Time shown.
    pub span: Span,
    /// Lowest and highest frequency, Hz.
    pub frequencies_hz: (f64, f64),
    /// Whether rows are equally wide in the logarithm of frequency.
    pub logarithmic: bool,
    /// Level of each row of each column, lowest frequency first, `[C][R]`; a column without data is
    /// empty.
    pub columns: Vec<Vec<f32>>,
    /// Lowest and highest level of the colour scale.
    pub levels: (f64, f64),
}

const LEFT: i32 = 104;
const TOP: i32 = 64;
/// Room for the scale at the right, pixels.
const RIGHT: i32 = 180;
/// Room for the time axis, pixels.
const BELOW: i32 = 78;

impl SpectrogramFigure {
    /// Place of a frequency between the lowest (0) and the highest (1).
    fn place(&self, hz: f64) -> f64 {
        let (low, high) = self.frequencies_hz;
        match self.logarithmic {
            true => (hz / low).ln() / (high / low).ln(),
            false => (hz - low) / (high - low),
        }
    }

    fn pixels(&self, width: usize, height: usize) -> Vec<u8> {
        let (low, high) = self.levels;
        let mut pixels = vec![255; width * height * 3];
        for (number, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (row, column) = (height - 1 - number / width, number % width);
            let levels = self.columns.get(column * self.columns.len() / width.max(1));
            let level = levels.and_then(|l| l.get(row * l.len() / height.max(1)));
            if let Some(&level) = level.filter(|level| !level.is_nan()) {
                let shade = viridis((f64::from(level) - low) / (high - low));
                pixel.copy_from_slice(&[shade.0, shade.1, shade.2]);
            }
        }
        pixels
    }
}

impl Figure for SpectrogramFigure {
    fn raster(&self) -> Option<Raster> {
        let (width, height) = self.size();
        let size = (width - (LEFT + RIGHT) as u32, height - (TOP + BELOW) as u32);
        let pixels = self.pixels(size.0 as usize, size.1 as usize);
        Some(Raster { place: (LEFT, TOP), size, pixels })
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (width, height) = (self.size().0 as i32, self.size().1 as i32);
        area.draw(&Text::new(self.title.clone(), (LEFT, 18), text(26)))?;
        let (right, bottom) = (width - RIGHT, height - BELOW);
        area.draw(&Rectangle::new([(LEFT, TOP), (right, bottom)], INK.stroke_width(1)))?;
        let (low, high) = self.frequencies_hz;
        let ticks = if self.logarithmic { log_ticks(low, high) } else { round_ticks(low, high, 8) };
        let beside = text(19).pos(Pos::new(HPos::Right, VPos::Center));
        for tick in ticks {
            let y = bottom - (self.place(tick) * f64::from(bottom - TOP)).round() as i32;
            area.draw(&PathElement::new(vec![(LEFT - 6, y), (LEFT, y)], INK))?;
            area.draw(&Text::new(tick_label(tick), (LEFT - 10, y), beside.clone()))?;
        }
        let along = (FONT, 21)
            .into_font()
            .transform(FontTransform::Rotate270)
            .color(&INK)
            .pos(Pos::new(HPos::Center, VPos::Center));
        let words = "frequency (Hz)".to_string();
        area.draw(&Text::new(words, (26, (TOP + bottom) / 2), along))?;
        TimeAxis::new(self.span).draw_below(area, (LEFT, right), bottom)?;
        draw_bar(area, (right + 24, TOP, bottom), self.levels, &self.unit)
    }
}
