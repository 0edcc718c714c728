//! Panels shared by figures with a time axis: frame, lines, bands, legend.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::TimeAxis;
use super::canvas::{Drawn, GRID, INK, text};
use super::envelope::envelope;
use crate::time::{Span, UtcTime};

/// A chart over time.
pub type TimeChart<'a, DB> = ChartContext<'a, DB, Cartesian2d<TimeAxis, RangedCoordf64>>;

/// What frames a panel.
pub struct Frame<'a> {
    /// Time shown.
    pub span: Span,
    /// Values shown.
    pub values: std::ops::Range<f64>,
    /// Quantity and unit.
    pub quantity: &'a str,
    /// Whether the quantity stands above the panel rather than along its axis.
    pub above: bool,
    /// Whether ticks and label of the time axis are written (the lowest panel).
    pub time_labels: bool,
}

/// Draws axes and grid of a panel and returns it for the data.
pub fn time_panel<'a, DB: DrawingBackend + 'a>(
    area: &DrawingArea<DB, Shift>,
    frame: &Frame<'_>,
) -> Result<TimeChart<'a, DB>, DrawingAreaErrorKind<DB::ErrorType>> {
    let axis = TimeAxis::new(frame.span);
    let mut builder = ChartBuilder::on(area);
    builder.margin(12).margin_right(56).y_label_area_size(92);
    let below = if frame.time_labels { TIME_LABELS } else { 10 };
    builder.x_label_area_size(below);
    let mut head = 12;
    if frame.above {
        area.draw(&Text::new(frame.quantity.to_string(), (LEFT, 4), text(19)))?;
        head = 30;
        builder.margin_top(head).margin_bottom(2);
    }
    let mut chart = builder.build_cartesian_2d(axis, frame.values.clone())?;
    let height = area.dim_in_pixel().1.saturating_sub(head + below);
    let (label, unlabelled) = (axis.label(), |_: &UtcTime| String::new());
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE);
    mesh.label_style(text(19)).axis_desc_style(text(21));
    mesh.y_labels((height as usize / 30).clamp(3, 7));
    mesh.y_label_formatter(&amount);
    if !frame.above {
        mesh.y_desc(frame.quantity);
    }
    if frame.time_labels {
        mesh.x_desc(label);
    } else {
        mesh.x_label_formatter(&unlabelled);
    }
    mesh.draw()?;
    Ok(chart)
}

/// A value at a tick, short enough for the room beside the axis.
pub fn amount(value: &f64) -> String {
    let (size, plain) = (value.abs(), format!("{value:.6}"));
    match size {
        s if s >= 1e5 || (s < 1e-3 && s > 1e-12) => format!("{value:.1e}"),
        s if s <= 1e-12 => "0".into(),
        _ => plain.trim_end_matches('0').trim_end_matches('.').to_string(),
    }
}

/// Three digits, without a power of ten where that is short.
pub fn amplitude(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.2e}"),
        size => {
            let digits = (2 - size.log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
    }
}

/// One line of a panel; NaN breaks it, dense data become their envelope.
pub fn line<DB: DrawingBackend>(
    chart: &mut TimeChart<'_, DB>,
    points: &[(UtcTime, f64)],
    style: ShapeStyle,
) -> Drawn<DB> {
    let range = chart.as_coord_spec().get_x_range();
    let length = (range.end.0 - range.start.0).max(1) as f64;
    let columns = chart.plotting_area().dim_in_pixel().0 as usize;
    let position = |time: UtcTime| (time.0 - range.start.0) as f64 / length;
    for piece in envelope(points, columns.max(1), position) {
        chart.draw_series(LineSeries::new(piece, style))?;
    }
    Ok(())
}

/// A filled band between `(time, low, high)` triples; rows that are not finite break it.
pub fn band<DB: DrawingBackend>(
    chart: &mut TimeChart<'_, DB>,
    edges: &[(UtcTime, f64, f64)],
    fill: RGBAColor,
) -> Drawn<DB> {
    for run in edges.split(|(_, low, high)| !(low.is_finite() && high.is_finite())) {
        if run.len() < 2 {
            continue;
        }
        let mut outline: Vec<(UtcTime, f64)> = run.iter().map(|&(t, low, _)| (t, low)).collect();
        outline.extend(run.iter().rev().map(|&(t, _, high)| (t, high)));
        chart.draw_series(std::iter::once(Polygon::new(outline, fill)))?;
    }
    Ok(())
}

/// A vertical line over the whole height.
pub fn mark<DB: DrawingBackend>(
    chart: &mut TimeChart<'_, DB>,
    time: UtcTime,
    style: ShapeStyle,
) -> Drawn<DB> {
    let (times, values) =
        (chart.as_coord_spec().get_x_range(), chart.as_coord_spec().get_y_range());
    if !times.contains(&time) {
        return Ok(());
    }
    let points = vec![(time, values.start), (time, values.end)];
    chart.draw_series(std::iter::once(PathElement::new(points, style)))?;
    Ok(())
}

/// How something looks in the key.
pub enum Swatch {
    /// A line.
    Line(ShapeStyle),
    /// A filled band.
    Band(RGBAColor),
    /// A vertical mark.
    Mark(ShapeStyle),
    /// A point.
    Dot(ShapeStyle),
}

/// Where the time axis begins, pixels from the left.
const LEFT: i32 = 104;

/// Room for ticks and label of the time axis, pixels.
const TIME_LABELS: u32 = 58;

/// `count` panels of equal height one under another; the last has room for the time axis too.
pub fn stacked<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    count: usize,
) -> Vec<DrawingArea<DB, Shift>> {
    let height = area.dim_in_pixel().1.saturating_sub(TIME_LABELS) as usize / count.max(1);
    let borders: Vec<i32> = (1..count).map(|number| (number * height) as i32).collect();
    area.split_by_breakpoints::<i32, i32, _, _>([], borders)
}

/// Height of a line of the key, pixels.
const KEY_LINE: i32 = 30;

/// Writes title and key above a panel, where they cover no data; returns the room below them.
pub fn head<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    title: &str,
    key: &[(String, Swatch)],
) -> Result<DrawingArea<DB, Shift>, DrawingAreaErrorKind<DB::ErrorType>> {
    let (left, right) = (LEFT, area.dim_in_pixel().0 as i32 - 56);
    let (mut x, mut y) = (left, 14);
    if !title.is_empty() {
        area.draw(&Text::new(title.to_string(), (x, y), text(26)))?;
        y += 40;
    }
    for (words, swatch) in key {
        let width = 34 + area.estimate_text_size(words, &text(18))?.0 as i32 + 28;
        if x > left && x + width > right {
            (x, y) = (left, y + KEY_LINE);
        }
        let middle = y + 6;
        let rectangle =
            |from, to, style: ShapeStyle| area.draw(&Rectangle::new([from, to], style.filled()));
        match swatch {
            Swatch::Line(style) => rectangle((x, middle - 2), (x + 26, middle + 2), *style)?,
            Swatch::Band(fill) => rectangle((x, middle - 8), (x + 26, middle + 8), fill.into())?,
            Swatch::Mark(style) => rectangle((x + 11, middle - 9), (x + 14, middle + 9), *style)?,
            Swatch::Dot(style) => area.draw(&Circle::new((x + 13, middle), 6, style.filled()))?,
        }
        area.draw(&Text::new(words.clone(), (x + 34, y), text(18)))?;
        x += width;
    }
    let below = if key.is_empty() { y } else { y + KEY_LINE };
    Ok(area.split_vertically(below).1)
}

#[cfg(test)]
mod tests {
    use super::{amount, amplitude};

    #[test]
    fn amounts_are_short() {
        let words = [-1e7, 2.5e-5, 0.0, 0.1 + 0.2, 1500.0, -20.0].map(|value| amount(&value));
        assert_eq!(words, ["-1.0e7", "2.5e-5", "0", "0.3", "1500", "-20"]);
    }

    #[test]
    fn amplitudes_have_three_digits() {
        let words = [1234.5, 0.0123, 98.76, 3e7].map(amplitude);
        assert_eq!(words, ["1234", "0.0123", "98.8", "3.00e7"]);
    }
}
