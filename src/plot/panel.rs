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
    /// Heading, may be empty.
    pub title: &'a str,
    /// Time shown.
    pub span: Span,
    /// Values shown.
    pub values: std::ops::Range<f64>,
    /// Quantity and unit.
    pub quantity: &'a str,
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
    builder.x_label_area_size(if frame.time_labels { 58 } else { 10 });
    if !frame.title.is_empty() {
        builder.caption(frame.title, text(26));
    }
    let mut chart = builder.build_cartesian_2d(axis, frame.values.clone())?;
    let label = axis.label();
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK).bold_line_style(GRID).light_line_style(WHITE);
    mesh.label_style(text(19)).axis_desc_style(text(21)).y_desc(frame.quantity).y_labels(7);
    if frame.time_labels {
        mesh.x_desc(label);
    } else {
        mesh.x_labels(0);
    }
    mesh.draw()?;
    Ok(chart)
}

/// One line of a panel; NaN breaks it, dense data become their envelope.
pub fn line<DB: DrawingBackend>(
    chart: &mut TimeChart<'_, DB>,
    points: &[(UtcTime, f64)],
    style: ShapeStyle,
    label: Option<&str>,
) -> Drawn<DB> {
    let range = chart.as_coord_spec().get_x_range();
    let length = (range.end.0 - range.start.0).max(1) as f64;
    let columns = chart.plotting_area().dim_in_pixel().0 as usize;
    let position = |time: UtcTime| (time.0 - range.start.0) as f64 / length;
    let mut labelled = false;
    for piece in envelope(points, columns.max(1), position) {
        let drawn = chart.draw_series(LineSeries::new(piece, style))?;
        if let (Some(label), false) = (label, labelled) {
            drawn.label(label).legend(move |(x, y)| {
                Rectangle::new([(x, y - 2), (x + 26, y + 2)], style.filled())
            });
            labelled = true;
        }
    }
    Ok(())
}

/// A filled band between `(time, low, high)` triples; rows that are not finite break it.
pub fn band<DB: DrawingBackend>(
    chart: &mut TimeChart<'_, DB>,
    edges: &[(UtcTime, f64, f64)],
    fill: RGBAColor,
    label: Option<&str>,
) -> Drawn<DB> {
    let mut labelled = false;
    for run in edges.split(|(_, low, high)| !(low.is_finite() && high.is_finite())) {
        if run.len() < 2 {
            continue;
        }
        let mut outline: Vec<(UtcTime, f64)> = run.iter().map(|&(t, low, _)| (t, low)).collect();
        outline.extend(run.iter().rev().map(|&(t, _, high)| (t, high)));
        let drawn = chart.draw_series(std::iter::once(Polygon::new(outline, fill)))?;
        if let (Some(label), false) = (label, labelled) {
            drawn
                .label(label)
                .legend(move |(x, y)| Rectangle::new([(x, y - 7), (x + 26, y + 7)], fill.filled()));
            labelled = true;
        }
    }
    Ok(())
}

/// A vertical line over the whole height.
pub fn mark<DB: DrawingBackend>(
    chart: &mut TimeChart<'_, DB>,
    time: UtcTime,
    style: ShapeStyle,
    label: Option<&str>,
) -> Drawn<DB> {
    let (times, values) =
        (chart.as_coord_spec().get_x_range(), chart.as_coord_spec().get_y_range());
    if !times.contains(&time) {
        return Ok(());
    }
    let points = vec![(time, values.start), (time, values.end)];
    let drawn = chart.draw_series(std::iter::once(PathElement::new(points, style)))?;
    if let Some(label) = label {
        drawn.label(label).legend(move |(x, y)| {
            Rectangle::new([(x + 11, y - 8), (x + 14, y + 8)], style.filled())
        });
    }
    Ok(())
}

/// The legend, opaque, in a corner that the caller knows to be emptiest.
pub fn legend<'a, DB: DrawingBackend + 'a>(
    chart: &mut TimeChart<'a, DB>,
    position: SeriesLabelPosition,
) -> Drawn<DB> {
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.9))
        .border_style(GRID)
        .label_font(text(18))
        .legend_area_size(34)
        .margin(14)
        .draw()
}
