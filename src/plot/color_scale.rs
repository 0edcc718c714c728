//! From a level to a colour, and the bar that explains it.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Drawn, INK, text};

/// Viridis at eleven places: rises evenly in lightness, and is read by the colour-blind too.
const VIRIDIS: [RGBColor; 11] = [
    RGBColor(68, 1, 84),
    RGBColor(72, 36, 117),
    RGBColor(65, 68, 135),
    RGBColor(53, 95, 141),
    RGBColor(42, 120, 142),
    RGBColor(33, 145, 140),
    RGBColor(34, 168, 132),
    RGBColor(68, 191, 112),
    RGBColor(122, 209, 81),
    RGBColor(189, 223, 38),
    RGBColor(253, 231, 37),
];

/// The colour at `share` between 0 and 1 of the scale.
pub fn viridis(share: f64) -> RGBColor {
    let last = VIRIDIS.len() - 1;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let low = (place as usize).min(last - 1);
    let rest = place - low as f64;
    let mix = |a: u8, b: u8| (f64::from(a) * (1.0 - rest) + f64::from(b) * rest).round() as u8;
    let (a, b) = (VIRIDIS[low], VIRIDIS[low + 1]);
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Places of round ticks within a range, about `wanted` of them.
pub fn round_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let rough = ((high - low) / wanted.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil();
    (0..100)
        .map(|n| (first + f64::from(n)) * step)
        .take_while(|tick| *tick <= high + 1e-9 * step)
        .collect()
}

/// 1, 2 and 5 times the powers of ten between two positive numbers; powers of ten alone where the
/// range is wide.
pub fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = (high / low).log10();
    let steps: &[f64] = match decades {
        d if d > 4.0 => &[1.0],
        d if d > 0.7 => &[1.0, 2.0, 5.0],
        _ => return round_ticks(low, high, 6),
    };
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    powers
        .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
        .filter(|tick| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(tick))
        .collect()
}

/// A number at a tick: no more digits than it needs.
pub fn tick_label(value: f64) -> String {
    let text = format!("{value:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".into() } else { short.to_string() }
}

/// Draws the scale from `low` to `high` as a standing bar between `top` and `bottom` at `left`, with
/// ticks, and `label` along its right side.
pub fn draw_bar<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    (left, top, bottom): (i32, i32, i32),
    (low, high): (f64, f64),
    label: &str,
) -> Drawn<DB> {
    const WIDTH: i32 = 22;
    let height = (bottom - top).max(1);
    for row in 0..height {
        let share = 1.0 - f64::from(row) / f64::from(height);
        let corners = [(left, top + row), (left + WIDTH, top + row + 1)];
        area.draw(&Rectangle::new(corners, viridis(share).filled()))?;
    }
    area.draw(&Rectangle::new([(left, top), (left + WIDTH, bottom)], INK.stroke_width(1)))?;
    let beside = text(19).pos(Pos::new(HPos::Left, VPos::Center));
    for tick in round_ticks(low, high, 7) {
        let share = (tick - low) / (high - low);
        let y = bottom - (share * f64::from(height)).round() as i32;
        area.draw(&PathElement::new(vec![(left + WIDTH, y), (left + WIDTH + 6, y)], INK))?;
        area.draw(&Text::new(tick_label(tick), (left + WIDTH + 10, y), beside.clone()))?;
    }
    let along = (super::canvas::FONT, 21)
        .into_font()
        .transform(FontTransform::Rotate90)
        .color(&INK)
        .pos(Pos::new(HPos::Center, VPos::Center));
    area.draw(&Text::new(label.to_string(), (left + 100, (top + bottom) / 2), along))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(round_ticks(-13.0, 41.0, 6), [-10.0, 0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(log_ticks(0.05, 20.0), [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(log_ticks(0.01, 1000.0).len(), 6);
        assert_eq!([0.05, 20.0, -0.0].map(tick_label), ["0.05", "20", "0"]);
        assert_eq!((viridis(-1.0), viridis(2.0)), (VIRIDIS[0], VIRIDIS[10]));
    }
}
