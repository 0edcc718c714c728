//! Raster images (PNG, JPEG, BMP, PPM, TIFF), recognised by content.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::error::{Error, Result};

/// More pixels than this are refused before anything is allocated (Pillow's own cap).
pub const MAX_PIXELS: u64 = 178_956_970;
/// A file larger than this is refused unread.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// What a decoder may allocate, in bytes.
const MAX_DECODER_BYTES: u64 = 2 << 30;
/// The largest value of a 12-bit sample, the usual content of a 16-bit container.
const TWELVE_BITS: u16 = 4095;

/// Which channels an image is converted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColorMode {
    /// Red, green, blue; gray images repeat their level.
    #[default]
    Rgb,
    /// One channel, the ITU-R 601 luma.
    Grayscale,
}

impl ColorMode {
    /// Number of channels.
    pub fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Grayscale => 1,
        }
    }
}

/// What is made of the odd corners of image files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// The stored orientation is applied and 16-bit samples are scaled to 8 bits.
    #[default]
    Upright,
    /// As Keras reads with Pillow: orientation ignored, 16-bit samples clipped at 255.
    Keras,
}

/// An 8-bit image, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns `W`.
    pub width: usize,
    /// Rows `H`.
    pub height: usize,
    /// Channels `C`: 1 or 3.
    pub channels: usize,
    /// `[H, W, C]`.
    pub pixels: Vec<u8>,
}

/// Decodes the file at `path`. Transparency is dropped, not blended (both conventions agree).
///
/// # Errors
/// [`Error::Input`] for anything that is not a whole image of a known format, or too large.
pub fn read_image(path: &Path, color: ColorMode, convention: Convention) -> Result<Picture> {
    let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
    if size > MAX_FILE_BYTES {
        return Err(Error::input(path, format!("{size} bytes; images end at {MAX_FILE_BYTES}")));
    }
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    decode_image(&bytes, color, convention).map_err(|problem| Error::input(path, problem))
}

/// Decodes an image from memory; the error is a sentence without the file's name.
pub fn decode_image(
    bytes: &[u8],
    color: ColorMode,
    convention: Convention,
) -> Result<Picture, String> {
    if bytes.is_empty() {
        return Err("an empty file, expected an image".into());
    }
    if bytes.starts_with(&[0xff, 0xd8]) && !jpeg_is_complete(bytes) {
        return Err("a JPEG that ends before its end marker: truncated".into());
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| format!("cannot read: {e}"))?;
    if reader.format().is_none() {
        let head: String =
            bytes.iter().take(8).flat_map(|b| b.escape_ascii()).map(char::from).collect();
        return Err(format!("not a PNG, JPEG, BMP, PPM or TIFF: begins with '{head}'"));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(first_line)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS || pixels == 0 {
        return Err(format!("claims {width}x{height} pixels, at most {MAX_PIXELS} are read"));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(first_line)?;
    if convention == Convention::Upright {
        image.apply_orientation(orientation);
    }
    Ok(to_picture(&image, color, convention))
}

fn first_line(error: image::ImageError) -> String {
    let text = error.to_string();
    format!("cannot decode: {}", text.lines().next().unwrap_or("unknown fault"))
}

/// Whether the markers of a JPEG lead to its end marker. The decoder fills what is missing
/// with gray and says nothing, which must not enter a training set.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
        match marker {
            0xd9 => return true,
            0xff => at += 1,
            0x01 | 0xd0..=0xd7 => at += 2,
            _ => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
                if marker == 0xda {
                    // Inside a scan 0xff is followed by 0 (a plain 0xff) or a restart marker.
                    while let Some(pair) = bytes.get(at..at + 2) {
                        if pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff) {
                            break;
                        }
                        at += 1;
                    }
                }
            }
        }
    }
    false
}

fn to_picture(image: &DynamicImage, color: ColorMode, convention: Convention) -> Picture {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (channels, samples) = to_eight_bits(image, convention);
    let wanted = color.channels();
    let mut pixels = Vec::with_capacity(width * height * wanted);
    for pixel in samples.chunks_exact(channels) {
        match (color, pixel) {
            (ColorMode::Rgb, [r, g, b, ..]) => pixels.extend([*r, *g, *b]),
            (ColorMode::Rgb, [level, ..]) => pixels.extend([*level; 3]),
            (ColorMode::Grayscale, [r, g, b, ..]) => pixels.push(luma(*r, *g, *b)),
            (ColorMode::Grayscale, [level, ..]) => pixels.push(*level),
            (_, []) => {}
        }
    }
    Picture { width, height, channels: wanted, pixels }
}

/// ITU-R 601 luma in the 16-bit fixed point of Pillow.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000;
    (sum >> 16) as u8
}

/// Interleaved 8-bit samples with their channel count (alpha, if any, last).
fn to_eight_bits(image: &DynamicImage, convention: Convention) -> (usize, Vec<u8>) {
    let channels = usize::from(image.color().channel_count());
    match image {
        DynamicImage::ImageLuma16(i) => (channels, from_sixteen_bits(i.as_raw(), convention)),
        DynamicImage::ImageLumaA16(i) => (channels, from_sixteen_bits(i.as_raw(), convention)),
        // Pillow itself keeps the high byte of 16-bit colour.
        DynamicImage::ImageRgb16(i) => (channels, high_bytes(i.as_raw())),
        DynamicImage::ImageRgba16(i) => (channels, high_bytes(i.as_raw())),
        DynamicImage::ImageRgb32F(_) => (3, image.to_rgb8().into_raw()),
        DynamicImage::ImageRgba32F(_) => (4, image.to_rgba8().into_raw()),
        eight_bits => (channels, eight_bits.as_bytes().to_vec()),
    }
}

/// Full scale is 4095 where no sample exceeds it (12-bit cameras), else 65535.
fn from_sixteen_bits(samples: &[u16], convention: Convention) -> Vec<u8> {
    if convention == Convention::Keras {
        return samples.iter().map(|&s| s.min(255) as u8).collect();
    }
    let largest = samples.iter().copied().max().unwrap_or(0);
    let full = u32::from(if largest <= TWELVE_BITS { TWELVE_BITS } else { u16::MAX });
    samples.iter().map(|&s| ((u32::from(s) * 255 + full / 2) / full) as u8).collect()
}

fn high_bytes(samples: &[u16]) -> Vec<u8> {
    samples.iter().map(|&s| (s >> 8) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn sixteen_bits_are_scaled_unless_keras_is_asked_for() {
        let full = DynamicImage::ImageLuma16(
            image::ImageBuffer::from_raw(3, 1, vec![0, 32768, 65535]).unwrap(),
        );
        let twelve = DynamicImage::ImageLuma16(
            image::ImageBuffer::from_raw(3, 1, vec![0, 2048, 4095]).unwrap(),
        );
        for image in [full, twelve] {
            let bytes = png(&image);
            let ours = decode_image(&bytes, ColorMode::Grayscale, Convention::Upright).unwrap();
            assert_eq!(ours.pixels, [0, 128, 255]);
            let keras = decode_image(&bytes, ColorMode::Grayscale, Convention::Keras).unwrap();
            assert_eq!(keras.pixels, [0, 255, 255]);
        }
    }

    #[test]
    fn every_prefix_of_an_image_is_an_error() {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(24, 16, |x, y| {
            image::Rgb([(x * 10) as u8, (y * 15) as u8, (x * y) as u8])
        }));
        let mut jpeg = Cursor::new(Vec::new());
        image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        for bytes in [png(&image), jpeg.into_inner()] {
            assert!(decode_image(&bytes, ColorMode::Rgb, Convention::Upright).is_ok());
            for end in 0..bytes.len() - 12 {
                let cut = decode_image(&bytes[..end], ColorMode::Rgb, Convention::Upright);
                assert!(cut.is_err(), "{end} of {} bytes decoded", bytes.len());
            }
        }
    }

    #[test]
    fn a_claim_of_billions_of_pixels_is_refused() {
        let mut bytes = b"P6\n65500 65500\n255\n".to_vec();
        bytes.extend([0; 50]);
        let refused = decode_image(&bytes, ColorMode::Rgb, Convention::Upright);
        assert!(refused.unwrap_err().contains("65500x65500"));
    }
}
