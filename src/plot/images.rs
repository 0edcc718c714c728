//! `images.png`: a grid of predictions, right and wrong.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, INK, color, text};

/// One picture with what was predicted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tile {
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// RGB bytes, row-major, `3 · width · height`.
    #[serde(with = "hexadecimal")]
    pub pixels: Vec<u8>,
    /// True class, if known.
    pub label: Option<String>,
    /// Predicted class.
    pub predicted: String,
    /// Its probability.
    pub probability: f64,
}

/// Bytes as text of two characters each: a list of numbers would take twice the room.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Two digits a byte.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    /// The bytes of such digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| {
            let digits = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes.filter(|_| rest.is_empty()).ok_or_else(|| D::Error::custom("pixels are no bytes"))
    }
}

/// Tiles in rows of eight.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImagesFigure {
    /// Heading.
    pub title: String,
    /// The tiles, wrong ones framed in orange.
    pub tiles: Vec<Tile>,
}

const COLUMNS: usize = 8;

impl Figure for ImagesFigure {
    fn size(&self) -> (u32, u32) {
        (1600, 70 + 235 * self.tiles.len().div_ceil(COLUMNS).clamp(1, 8) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let middle = Pos::new(HPos::Center, VPos::Center);
        area.draw(&Text::new(self.title.clone(), (800, 34), text(26).pos(middle)))?;
        for (number, tile) in self.tiles.iter().take(8 * COLUMNS).enumerate() {
            let (column, row) = ((number % COLUMNS) as i32, (number / COLUMNS) as i32);
            draw_tile(area, tile, (8 + 198 * column, 68 + 235 * row))?;
        }
        Ok(())
    }
}

fn draw_tile<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    tile: &Tile,
    (x, y): (i32, i32),
) -> Drawn<DB> {
    const SIDE: i32 = 172;
    let wrong = tile.label.as_ref().is_some_and(|label| *label != tile.predicted);
    let frame = if wrong { color(1) } else { color(2) };
    let outer = [(x + 4, y), (x + 14 + SIDE, y + 10 + SIDE)];
    area.draw(&Rectangle::new(outer, frame.filled()))?;
    let pixels = enlarge(tile, SIDE as usize);
    let element =
        BitMapElement::with_owned_buffer((x + 9, y + 5), (SIDE as u32, SIDE as u32), pixels);
    if let Some(element) = element {
        area.draw(&element)?;
    }
    let center = Pos::new(HPos::Center, VPos::Center);
    let words = format!("{} {:.0} %", tile.predicted, 100.0 * tile.probability);
    let at = (x + 9 + SIDE / 2, y + SIDE + 24);
    area.draw(&Text::new(words, at, text(17).color(&frame).pos(center)))?;
    if let (true, Some(label)) = (wrong, &tile.label) {
        let at = (x + 9 + SIDE / 2, y + SIDE + 45);
        area.draw(&Text::new(format!("is {label}"), at, text(17).color(&INK).pos(center)))?;
    }
    Ok(())
}

/// Nearest-neighbour scaling to a square of `side` pixels, RGB.
fn enlarge(tile: &Tile, side: usize) -> Vec<u8> {
    let (width, height) = tile.size;
    let mut pixels = vec![255; side * side * 3];
    if tile.pixels.len() < width * height * 3 || width == 0 || height == 0 {
        return pixels;
    }
    for (number, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (row, column) = (number / side * height / side, number % side * width / side);
        let from = (row * width + column) * 3;
        pixel.copy_from_slice(&tile.pixels[from..from + 3]);
    }
    pixels
}
