//! `coverage.png`: a bar a channel over time, open where there are no data.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::TimeAxis;
use super::canvas::{Drawn, Figure, INK, color, text};
use super::panel::{Swatch, head};
use crate::time::{Span, UtcTime};

/// One channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// Identifier.
    pub name: String,
    /// Share of its own extent that is there, 0 to 1.
    pub present: f64,
    /// Number of gaps.
    pub gaps: usize,
    /// Where it has data, in time order.
    pub stretches: Vec<Span>,
}

/// What an archive covers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CoverageFigure {
    /// Heading.
    pub title: String,
    /// The channels, top to bottom.
    pub rows: Vec<Row>,
}

/// Room for the names, pixels.
const NAMES: u32 = 220;

/// Room for the numbers, pixels.
const NUMBERS: u32 = 190;

/// Above the rows: title and key.
const HEAD: u32 = 100;

/// Below the rows: the time axis.
const FOOT: u32 = 78;

/// Tallest picture, pixels; more channels than fit have thinner rows.
const TALLEST: u32 = 8_000;

/// Where nothing is.
const NOTHING: RGBColor = RGBColor(236, 236, 236);

/// What a column of pixels of a row shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Data,
    ShortGap,
}

impl CoverageFigure {
    /// Height of a row in pixels: comfortable for a few, still legible for hundreds.
    fn row_height(&self) -> u32 {
        let rows = (self.rows.len() as u32).max(1);
        let comfortable = match rows {
            ..=8 => 44,
            9..=60 => 26,
            _ => 18,
        };
        comfortable.min((TALLEST - HEAD - FOOT) / rows).max(2)
    }

    fn span(&self) -> Span {
        let start = self.rows.iter().filter_map(|row| row.stretches.first()).map(|s| s.start).min();
        let end = self.rows.iter().filter_map(|row| row.stretches.last()).map(|s| s.end).max();
        Span { start: start.unwrap_or_default(), end: end.unwrap_or_default() }
    }
}

impl Figure for CoverageFigure {
    fn size(&self) -> (u32, u32) {
        let rows = (self.rows.len() as u32).clamp(1, TALLEST / 2);
        (1600, HEAD + FOOT + rows * self.row_height())
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let key = [
            ("data".to_string(), Swatch::Band(color(0).into())),
            ("gap narrower than a pixel".to_string(), Swatch::Band(color(1).into())),
            ("nothing".to_string(), Swatch::Band(NOTHING.into())),
        ];
        head(area, &self.title, &key)?;
        let (_, below) = area.split_vertically(HEAD);
        let height = self.row_height() as i32;
        let axis = TimeAxis::new(self.span());
        let mut chart = ChartBuilder::on(&below)
            .x_label_area_size(FOOT - 8)
            .y_label_area_size(NAMES)
            .margin_right(NUMBERS)
            .margin_bottom(8)
            .build_cartesian_2d(axis, 0.0..(self.rows.len().max(1) as f64))?;
        let mut mesh = chart.configure_mesh();
        mesh.axis_style(INK).disable_mesh().y_labels(0).x_desc(axis.label());
        mesh.label_style(text(19)).axis_desc_style(text(21)).draw()?;
        let (columns, _) = chart.plotting_area().dim_in_pixel();
        // A margin between rows, where there is room for it.
        let margin = height / 6;
        let words = text((height as u32).clamp(9, 24) - 4);
        // Names that would stand on one another are left out.
        let every = 10_usize.div_ceil(height.max(1) as usize);
        for (number, row) in self.rows.iter().enumerate() {
            let top = number as i32 * height;
            for (from, to, shown) in runs(&columns_of(row, self.span(), columns as usize)) {
                let fill = match shown {
                    Shown::Nothing => NOTHING,
                    Shown::Data => color(0),
                    Shown::ShortGap => color(1),
                };
                let left = NAMES as i32 + from as i32;
                let corners =
                    [(left, top + margin), (NAMES as i32 + to as i32, top + height - margin)];
                below.draw(&Rectangle::new(corners, fill.filled()))?;
            }
            if number % every == 0 {
                let middle = top + height / 2;
                let anchored = |side| words.clone().pos(Pos::new(side, VPos::Center));
                let name = (NAMES as i32 - 12, middle);
                below.draw(&Text::new(row.name.clone(), name, anchored(HPos::Right)))?;
                let numbers = (NAMES as i32 + columns as i32 + 12, middle);
                below.draw(&Text::new(row.numbers(), numbers, anchored(HPos::Left)))?;
            }
        }
        Ok(())
    }
}

impl Row {
    fn numbers(&self) -> String {
        let share = match (100.0 * self.present, self.gaps) {
            (share, gaps) if gaps > 0 && share > 99.99 => ">99.99 %".to_string(),
            (share, _) => format!("{share:.2} %"),
        };
        match self.gaps {
            0 => share,
            1 => format!("{share}, 1 gap"),
            gaps => format!("{share}, {gaps} gaps"),
        }
    }
}

/// What each of `columns` equal parts of `span` shows.
fn columns_of(row: &Row, span: Span, columns: usize) -> Vec<Shown> {
    let length = (i128::from(span.end.0) - i128::from(span.start.0)).max(1);
    let edge = |column: usize| {
        let after = length * column as i128 / columns.max(1) as i128;
        UtcTime(i64::try_from(i128::from(span.start.0) + after).unwrap_or(i64::MAX))
    };
    let share = |column: usize| {
        let (from, to) = (edge(column), edge(column + 1));
        let first = row.stretches.partition_point(|stretch| stretch.end <= from);
        let inside = row.stretches[first..].iter().take_while(|stretch| stretch.start < to);
        let covered: i64 = inside
            .map(|s| s.end.min(to).0.saturating_sub(s.start.max(from).0))
            .fold(0, i64::saturating_add);
        covered as f64 / to.0.saturating_sub(from.0).max(1) as f64
    };
    let shares: Vec<f64> = (0..columns).map(share).collect();
    let is_empty = |column: Option<usize>| {
        column.and_then(|column| shares.get(column)).is_none_or(|&share| share == 0.0)
    };
    let shown =
        |column: usize| match shares[column] {
            share if share >= 1.0 => Shown::Data,
            0.0 => Shown::Nothing,
            // However short, data between nothing are seen.
            _ if is_empty(column.checked_sub(1)) && is_empty(Some(column + 1)) => Shown::Data,
            // The ragged end of something wider than a pixel.
            share if is_empty(column.checked_sub(1)) || is_empty(Some(column + 1)) => {
                if share >= 0.5 { Shown::Data } else { Shown::Nothing }
            }
            _ => Shown::ShortGap,
        };
    (0..columns).map(shown).collect()
}

/// Equal neighbours joined: from, to (exclusive), what.
fn runs(columns: &[Shown]) -> Vec<(usize, usize, Shown)> {
    let mut at = 0;
    columns
        .chunk_by(|a, b| a == b)
        .map(|run| {
            at += run.len();
            (at - run.len(), at, run[0])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_narrower_than_a_pixel_are_seen() {
        let span = |from: i64, to: i64| Span { start: UtcTime(from), end: UtcTime(to) };
        let row = Row {
            stretches: vec![span(0, 3_504), span(3_506, 6_080), span(8_090, 10_000)],
            ..Row::default()
        };
        let shown = runs(&columns_of(&row, span(0, 10_000), 100));
        let ends: Vec<(usize, usize)> = shown.iter().map(|run| (run.0, run.1)).collect();
        assert_eq!(ends, [(0, 35), (35, 36), (36, 61), (61, 81), (81, 100)]);
        assert!(shown[1].2 == Shown::ShortGap && shown[3].2 == Shown::Nothing);
    }
}
