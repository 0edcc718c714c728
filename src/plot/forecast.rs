//! `forecast.png`: observation, quantile fan, origins, event probability below.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, INK, color, padded_range, text};
use super::panel::{Frame, Swatch, band, head, line, mark, time_panel};
use crate::time::{Span, UtcTime};

/// Quantiles of the future seen from one issue time, `[H]` each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fan {
    /// Issue time.
    pub issued: UtcTime,
    /// Valid times, rising.
    pub valid: Vec<UtcTime>,
    /// 5 % quantile.
    pub low: Vec<f64>,
    /// 25 % quantile.
    pub lower: Vec<f64>,
    /// Median.
    pub median: Vec<f64>,
    /// 75 % quantile.
    pub upper: Vec<f64>,
    /// 95 % quantile.
    pub high: Vec<f64>,
}

/// Event probabilities over time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventTrack {
    /// What the event is: `RSAM above 120 counts within 24 h`.
    pub what: String,
    /// Probability by issue time.
    pub probability: Vec<(UtcTime, f64)>,
    /// The base rate.
    pub base_rate: f64,
    /// When events happened.
    pub events: Vec<UtcTime>,
}

/// A forecast of a level, and if asked for of an event, over the test part and beyond.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ForecastFigure {
    /// Heading: station, model, scores.
    pub title: String,
    /// Quantity and unit of the level.
    pub quantity: String,
    /// Observations by valid time; NaN where nothing was observed.
    pub observed: Vec<(UtcTime, f64)>,
    /// The forecast at one horizon by valid time, as one long fan.
    pub track: Fan,
    /// Words for that horizon: `30 min ahead`.
    pub horizon: String,
    /// A baseline at the same horizon by valid time, with its name.
    pub baseline: (String, Vec<(UtcTime, f64)>),
    /// The forecast from the end of the data.
    pub forward: Fan,
    /// A threshold on the level.
    pub threshold: Option<f64>,
    /// Event probabilities, if the event is a target.
    pub events: Option<EventTrack>,
}

impl ForecastFigure {
    fn span(&self) -> Span {
        let starts = [self.track.valid.first(), self.observed.first().map(|(t, _)| t)];
        let ends = [self.forward.valid.last(), self.track.valid.last()];
        let start = starts.into_iter().flatten().min().copied().unwrap_or_default();
        Span { start, end: ends.into_iter().flatten().max().copied().unwrap_or(start) }
    }

    /// What the level panel shows, in words.
    fn key(&self) -> Vec<(String, Swatch)> {
        let (hue, ahead) = (color(5), &self.horizon);
        let mut key = vec![("observed".to_string(), Swatch::Line(INK.stroke_width(2)))];
        if !self.track.valid.is_empty() {
            let words = format!("median forecast, {ahead}");
            key.push((words, Swatch::Line(color(0).stroke_width(2))));
            key.push((format!("50 % {ahead}"), Swatch::Band(hue.mix(0.45 + 0.25))));
            key.push((format!("90 % {ahead}"), Swatch::Band(hue.mix(0.25))));
        }
        if !self.baseline.1.is_empty() {
            let words = format!("{}, {ahead}", self.baseline.0);
            key.push((words, Swatch::Line(color(4).stroke_width(1))));
        }
        if !self.forward.valid.is_empty() {
            key.push(("issue time".into(), Swatch::Mark(color(1).stroke_width(1))));
            let words = "from the end of the data: median, 50 %, 90 %";
            key.push((words.into(), Swatch::Band(color(1).mix(0.45))));
        }
        if self.threshold.is_some() {
            key.push(("threshold".into(), Swatch::Line(color(3).stroke_width(2))));
        }
        key
    }

    fn draw_level<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let quantiles = [&self.track.low, &self.track.high, &self.forward.low, &self.forward.high];
        let values = quantiles.into_iter().flatten().copied();
        let values = padded_range(values.chain(self.observed.iter().map(|(_, y)| *y)));
        let frame = Frame {
            above: false,
            span: self.span(),
            values,
            quantity: &self.quantity,
            time_labels: self.events.is_none(),
        };
        let area = head(area, &self.title, &self.key())?;
        let mut chart = time_panel(&area, &frame)?;
        draw_bands(&mut chart, &self.track, color(5))?;
        line(&mut chart, &self.baseline.1, color(4).stroke_width(1))?;
        line(&mut chart, &self.observed, INK.stroke_width(2))?;
        let median = pairs(&self.track.valid, &self.track.median);
        line(&mut chart, &median, color(0).stroke_width(2))?;
        draw_bands(&mut chart, &self.forward, color(1))?;
        let median = pairs(&self.forward.valid, &self.forward.median);
        line(&mut chart, &median, color(1).stroke_width(3))?;
        if !self.forward.valid.is_empty() {
            mark(&mut chart, self.forward.issued, color(1).stroke_width(1))?;
        }
        if let Some(threshold) = self.threshold {
            let ends = [self.span().start, self.span().end].map(|t| (t, threshold));
            line(&mut chart, &ends, color(3).stroke_width(2))?;
        }
        Ok(())
    }
}

fn draw_bands<DB: DrawingBackend>(
    chart: &mut super::panel::TimeChart<'_, DB>,
    fan: &Fan,
    hue: RGBColor,
) -> Drawn<DB> {
    let edges = |low: &[f64], high: &[f64]| -> Vec<(UtcTime, f64, f64)> {
        fan.valid.iter().zip(low.iter().zip(high)).map(|(&t, (&l, &h))| (t, l, h)).collect()
    };
    band(chart, &edges(&fan.low, &fan.high), hue.mix(0.25))?;
    band(chart, &edges(&fan.lower, &fan.upper), hue.mix(0.45))
}

fn draw_events<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    track: &EventTrack,
    span: Span,
) -> Drawn<DB> {
    let quantity = "probability";
    let highest = track.probability.iter().map(|(_, p)| *p).fold(track.base_rate, f64::max);
    let values = 0.0..(1.05 * highest).clamp(0.05, 1.0);
    let mut key = vec![
        (track.what.clone(), Swatch::Line(color(0).stroke_width(2))),
        ("base rate".into(), Swatch::Line(color(4).stroke_width(2))),
    ];
    if !track.events.is_empty() {
        key.push(("event".into(), Swatch::Mark(color(3).stroke_width(2))));
    }
    let area = head(area, "", &key)?;
    let frame = Frame { span, values, quantity, above: false, time_labels: true };
    let mut chart = time_panel(&area, &frame)?;
    for &time in &track.events {
        mark(&mut chart, time, color(3).stroke_width(2))?;
    }
    let base = [span.start, span.end].map(|t| (t, track.base_rate));
    line(&mut chart, &base, color(4).stroke_width(2))?;
    line(&mut chart, &track.probability, color(0).stroke_width(2))
}

fn pairs(times: &[UtcTime], values: &[f64]) -> Vec<(UtcTime, f64)> {
    times.iter().copied().zip(values.iter().copied()).collect()
}

impl Figure for ForecastFigure {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        if self.observed.is_empty() && self.track.valid.is_empty() {
            return area.draw(&Text::new("no forecast to show", (40, 40), text(26)));
        }
        match &self.events {
            None => self.draw_level(area),
            Some(track) => {
                let (_, height) = area.dim_in_pixel();
                let (upper, lower) = area.split_vertically(height * 2 / 3);
                self.draw_level(&upper)?;
                draw_events(&lower, track, self.span())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::save;
    use super::*;
    use crate::time::SECOND;

    fn sample() -> ForecastFigure {
        let times: Vec<UtcTime> = (0..300).map(|n| UtcTime(n * 600 * SECOND)).collect();
        let level: Vec<f64> = (0..300).map(|n| 2.0 + (f64::from(n) * 0.05).sin()).collect();
        let shifted = |by: f64| level.iter().map(|y| y + by).collect::<Vec<_>>();
        let fan = |from: usize, to: usize| Fan {
            issued: times[from],
            valid: times[from..to].to_vec(),
            low: shifted(-0.5)[from..to].to_vec(),
            lower: shifted(-0.2)[from..to].to_vec(),
            median: level[from..to].to_vec(),
            upper: shifted(0.2)[from..to].to_vec(),
            high: shifted(0.5)[from..to].to_vec(),
        };
        ForecastFigure {
            title: "XX.SYN..HHZ, lstm".into(),
            quantity: "log10 RSAM (counts)".into(),
            observed: pairs(&times[..260], &level[..260]),
            track: fan(0, 260),
            horizon: "1 h ahead".into(),
            baseline: ("persistence".into(), pairs(&times[..260], &shifted(0.1)[..260])),
            forward: fan(260, 300),
            threshold: Some(2.8),
            events: Some(EventTrack {
                what: "above 2.8 within 1 h".into(),
                probability: times.iter().map(|&t| (t, 0.3)).collect(),
                base_rate: 0.2,
                events: vec![times[30]],
            }),
        }
    }

    #[test]
    fn figure_names_observation_interval_issue_time_and_baseline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forecast.svg");
        save(&sample(), &path).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        for words in ["observed", "90 % 1 h ahead", "issue time", "persistence", "time (UTC)"] {
            assert!(svg.contains(words), "{words}");
        }
    }

    #[test]
    fn an_empty_forecast_is_a_picture_not_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        save(&ForecastFigure::default(), &folder.path().join("a.png")).unwrap();
    }
}
