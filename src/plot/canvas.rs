//! From a figure to a file: PNG or SVG, drawn to memory first, written whole.

use std::path::Path;
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::error::{Error, Result};
use crate::output::write_atomically;

/// What drawing returns on a backend `DB`.
pub type Drawn<DB> =
    std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// A finished result that knows how to draw itself; the same data give the same bytes.
pub trait Figure {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32) {
        (1600, 900)
    }

    /// A picture of pixels that lies under all that is drawn, if there is one.
    fn raster(&self) -> Option<Raster> {
        None
    }

    /// Draws onto a white area of [`Figure::size`].
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB>;
}

/// Pixels within a figure. SVG holds them as one picture, not as a rectangle each.
pub struct Raster {
    /// Upper left corner in the figure.
    pub place: (i32, i32),
    /// Width and height.
    pub size: (u32, u32),
    /// RGB, row by row.
    pub pixels: Vec<u8>,
}

/// The one font of all figures, embedded so that none must be installed.
pub const FONT: &str = "sans-serif";

fn register_fonts() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = *REGISTERED.get_or_init(|| {
        let plain = include_bytes!("../../assets/fonts/DejaVuSans.ttf");
        let bold = include_bytes!("../../assets/fonts/DejaVuSans-Bold.ttf");
        register_font(FONT, FontStyle::Normal, plain).is_ok()
            && register_font(FONT, FontStyle::Bold, bold).is_ok()
    });
    if registered { Ok(()) } else { Err(Error::data("the embedded font cannot be read")) }
}

/// Draws `figure` and writes it to `path`: SVG if the name ends in `.svg`, else PNG.
pub fn save(figure: &impl Figure, path: &Path) -> Result<()> {
    register_fonts()?;
    let svg = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("svg"));
    let bytes = if svg { draw_svg(figure)? } else { draw_png(figure)? };
    write_atomically(path, &bytes)
}

fn draw_svg(figure: &impl Figure) -> Result<Vec<u8>> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, figure.size()).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        figure.draw(&area).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    if let Some(raster) = figure.raster() {
        // Behind the white ground, the first element.
        let ground = text.find("<rect").and_then(|at| Some(at + text.get(at..)?.find('>')? + 1));
        let at = ground.ok_or_else(|| Error::data("the figure has no ground"))?;
        text.insert_str(at, &svg_image(raster)?);
    }
    Ok(text.into_bytes())
}

fn draw_png(figure: &impl Figure) -> Result<Vec<u8>> {
    let (width, height) = figure.size();
    let mut pixels = vec![255u8; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        if let Some(Raster { place, size, pixels }) = figure.raster()
            && let Some(element) = BitMapElement::with_owned_buffer(place, size, pixels)
        {
            area.draw(&element).map_err(failed)?;
        }
        figure.draw(&area).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    png_of((width, height), pixels)
}

fn png_of((width, height): (u32, u32), pixels: Vec<u8>) -> Result<Vec<u8>> {
    let picture = image::RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| Error::data("the picture does not fit its size"))?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(failed)?;
    Ok(bytes.into_inner())
}

fn svg_image(raster: Raster) -> Result<String> {
    let ((x, y), (width, height)) = (raster.place, raster.size);
    let png = base64(&png_of(raster.size, raster.pixels)?);
    Ok(format!(
        "\n<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
         href=\"data:image/png;base64,{png}\"/>"
    ))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| word << 8 | u32::from(*part.get(i).unwrap_or(&0)));
        for digit in 0..4 {
            let place = (word >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= part.len() { DIGITS[place] as char } else { '=' });
        }
    }
    text
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::data(format!("the figure cannot be drawn: {error}"))
}

/// Colours that differ in lightness as well as hue (Okabe and Ito 2008), in order of use.
pub const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 47),
    RGBColor(90, 90, 90),
];

/// Observations and text.
pub const INK: RGBColor = RGBColor(34, 34, 34);

/// Grid lines.
pub const GRID: RGBColor = RGBColor(225, 225, 225);

/// The colour of the `number`-th of several things.
pub fn color(number: usize) -> RGBColor {
    PALETTE[number % PALETTE.len()]
}

/// Text of `size` pixels in the figures' font.
pub fn text(size: u32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

/// A range that holds all finite `values` with a margin of 5 %, never empty.
pub fn padded_range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|v| v.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return 0.0..1.0;
    }
    let margin = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(1.0) };
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Line;

    impl Figure for Line {
        fn size(&self) -> (u32, u32) {
            (200, 100)
        }

        fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
            area.draw(&PathElement::new(vec![(0, 0), (199, 99)], INK))?;
            area.draw(&Text::new("RSAM µm/s", (10, 10), text(14)))
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let words = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|t| base64(t.as_bytes()));
        assert_eq!(words, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn same_figure_gives_the_same_bytes_and_svg_goes_by_suffix() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        save(&Line, &path("a.png")).unwrap();
        save(&Line, &path("b.png")).unwrap();
        save(&Line, &path("c.svg")).unwrap();
        let read = |name: &str| std::fs::read(path(name)).unwrap();
        assert_eq!(read("a.png"), read("b.png"));
        assert!(read("a.png").starts_with(b"\x89PNG"));
        assert!(String::from_utf8(read("c.svg")).unwrap().contains("RSAM µm/s"));
    }
}
