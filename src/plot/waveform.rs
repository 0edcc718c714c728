//! `waveform.png`: traces under one another, gaps left open and marked.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, color, padded_range};
use super::panel::{Frame, band, head, line, mark, stacked, time_panel};
use crate::time::{Span, UtcTime};

/// One channel: contiguous pieces in time order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Channel {
    /// Identifier.
    pub name: String,
    /// Unit of the samples.
    pub unit: String,
    /// Time and value of the samples, `[T]` a piece.
    pub pieces: Vec<Vec<(UtcTime, f64)>>,
}

impl Channel {
    /// A channel without samples, for [`Self::append`].
    pub fn new(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { name: name.into(), unit: unit.into(), pieces: Vec::new() }
    }

    /// Adds samples in time order, `continued` without a gap or as a new piece. Of each of
    /// `columns` parts of `span` only the first, lowest, highest and last sample are kept: that
    /// is all that a picture so many pixels wide can show, and bounds the memory.
    pub fn append(
        &mut self,
        samples: impl Iterator<Item = (UtcTime, f64)>,
        continued: bool,
        (span, columns): (Span, usize),
    ) {
        if !continued || self.pieces.is_empty() {
            self.pieces.push(Vec::new());
        }
        let Some(piece) = self.pieces.last_mut() else { return };
        let length = i128::from(span.end.0) - i128::from(span.start.0);
        let column_of = |time: UtcTime| {
            (i128::from(time.0) - i128::from(span.start.0)) * columns as i128 / length.max(1)
        };
        let mut column = None;
        let mut extremes: Option<[(UtcTime, f64); 4]> = None;
        for sample in samples {
            let own = column_of(sample.0);
            match &mut extremes {
                Some([_, lowest, highest, last]) if column == Some(own) => {
                    if sample.1 < lowest.1 {
                        *lowest = sample;
                    }
                    if sample.1 > highest.1 {
                        *highest = sample;
                    }
                    *last = sample;
                }
                _ => {
                    flush(piece, extremes.replace([sample; 4]));
                    column = Some(own);
                }
            }
        }
        flush(piece, extremes);
    }
}

/// The samples of a column in time order, each once.
fn flush(piece: &mut Vec<(UtcTime, f64)>, extremes: Option<[(UtcTime, f64); 4]>) {
    let Some(mut samples) = extremes else { return };
    samples.sort_by_key(|sample| sample.0);
    for sample in samples {
        if piece.last().is_none_or(|last| last.0 < sample.0) {
            piece.push(sample);
        }
    }
}

/// Several channels over one span of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WaveformFigure {
    /// Heading.
    pub title: String,
    /// The channels, top to bottom.
    pub channels: Vec<Channel>,
    /// Marks over all channels (picks, detections).
    pub marks: Vec<UtcTime>,
}

impl Channel {
    /// From the first sample to the last; nothing without samples.
    fn span(&self) -> Option<Span> {
        let start = self.pieces.iter().filter_map(|piece| piece.first()).map(|p| p.0).min()?;
        let end = self.pieces.iter().filter_map(|piece| piece.last()).map(|p| p.0).max()?;
        Some(Span { start, end })
    }
}

/// The time axis that several channels share, unless it would be far longer than any of them:
/// days of different years are seen only on an axis each.
pub fn common_axis(spans: &[Span]) -> Option<Span> {
    let length = |span: &Span| i128::from(span.end.0) - i128::from(span.start.0);
    let start = spans.iter().map(|span| span.start).min()?;
    let whole = Span { start, end: spans.iter().map(|span| span.end).max()? };
    let longest = spans.iter().map(length).max()?;
    (length(&whole) <= 3 * longest.max(1)).then_some(whole)
}

impl Figure for WaveformFigure {
    fn size(&self) -> (u32, u32) {
        (1600, (220 * self.channels.len() as u32 + 100).clamp(900, 2400))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let spans: Vec<Span> = self.channels.iter().filter_map(Channel::span).collect();
        let common = common_axis(&spans);
        let area = head(area, &self.title, &[])?;
        let rows = match common {
            Some(_) => stacked(&area, self.channels.len()),
            None => area.split_evenly((self.channels.len().max(1), 1)),
        };
        for (number, (row, channel)) in rows.iter().zip(&self.channels).enumerate() {
            let values = padded_range(channel.pieces.iter().flatten().map(|(_, y)| *y));
            let span = common
                .or(channel.span())
                .unwrap_or(Span { start: UtcTime::default(), end: UtcTime::default() });
            let frame = Frame {
                span,
                values: values.clone(),
                quantity: &match channel.unit.is_empty() {
                    true => channel.name.clone(),
                    false => format!("{} ({})", channel.name, channel.unit),
                },
                above: true,
                time_labels: common.is_none() || number + 1 == self.channels.len(),
            };
            let mut chart = time_panel(row, &frame)?;
            for gap in channel.pieces.windows(2) {
                let ends = [gap[0].last(), gap[1].first()].map(|p| p.map(|p| p.0));
                if let [Some(from), Some(to)] = ends {
                    let edges = [from, to].map(|t| (t, values.start, values.end));
                    band(&mut chart, &edges, color(1).mix(0.18))?;
                    // A gap narrower than a pixel is seen too.
                    mark(&mut chart, from, color(1).mix(0.5).stroke_width(1))?;
                }
            }
            for piece in &channel.pieces {
                // One pixel: the mitres of thicker lines would reach far beyond the samples.
                line(&mut chart, piece, color(0).stroke_width(1))?;
            }
            for &time in &self.marks {
                mark(&mut chart, time, color(2).stroke_width(2))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn extremes_and_gaps_survive_thinning_and_memory_is_bounded() {
        let span = Span { start: UtcTime(0), end: UtcTime(1_000_000 * SECOND) };
        let samples = |from: i64, to: i64| {
            (from..to).map(|n| (UtcTime(n * SECOND), if n == 333_333 { 50.0 } else { 1.0 }))
        };
        let mut channel = Channel::new("XX.A..HHZ", "counts");
        channel.append(samples(0, 300_000), false, (span, 100));
        channel.append(samples(300_000, 500_000), true, (span, 100));
        channel.append(samples(600_000, 1_000_000), false, (span, 100));
        assert_eq!(channel.pieces.len(), 2);
        assert!(channel.pieces.iter().map(Vec::len).sum::<usize>() <= 4 * 103);
        assert!(channel.pieces[0].contains(&(UtcTime(333_333 * SECOND), 50.0)));
        let (a, b) = (channel.span().unwrap(), Span { start: UtcTime(0), end: UtcTime(SECOND) });
        let far = Span { start: a.end.plus(a.end.0), end: a.end.plus(a.end.0 + SECOND) };
        assert_eq!(common_axis(&[a, b]), Some(a));
        assert_eq!(common_axis(&[b, far]), None);
        let ends = [channel.pieces[0].last(), channel.pieces[1].first()].map(|p| p.unwrap().0.0);
        assert_eq!(ends, [499_999 * SECOND, 600_000 * SECOND]);
        assert!(channel.pieces.iter().all(|piece| piece.is_sorted_by(|a, b| a.0 < b.0)));
    }
}
