//! The event as a target of `temblor forecast`: its flags, table and figures.

use std::path::{Path, PathBuf};

use crate::data::Series;
use crate::error::{Error, Result};
use crate::forecast::{EventForecasts, EventResult, EventSettings};
use crate::plot::forecast::EventTrack;
use crate::plot::keep;
use crate::plot::reliability::{Curve, ReliabilityFigure};
use crate::read::Catalogue;
use crate::read::table::{ColumnValues, CsvOptions, Table, TableColumn, read};
use crate::score::{equal_mass_edges, reliability};
use crate::time::UtcTime;
use crate::train::RunFolder;

/// What the event is.
#[derive(clap::Args)]
#[command(next_help_heading = "Event")]
pub struct EventArgs {
    /// Also forecast the probability that the target rises above this, in the unit shown (after
    /// --log10); from the base rate, a logistic regression, and the networks among --model.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Also forecast the probability that one of these events falls: a file with a time a line, a
    /// table whose first column of times is taken, or a catalogue (QuakeML, FDSN text).
    #[arg(long, value_name = "FILE", conflicts_with = "threshold")]
    events: Option<PathBuf>,
    /// Rows within which the event may fall; the farthest horizon if absent.
    #[arg(long, value_name = "ROWS")]
    within: Option<usize>,
}

impl EventArgs {
    /// The event, if one is asked for.
    pub fn settings(&self, horizons: &[usize]) -> Result<Option<EventSettings>> {
        let within = self.within.or(horizons.last().copied()).unwrap_or(1);
        let asked = self.threshold.is_some() || self.events.is_some();
        if !asked && self.within.is_some() {
            return Err(Error::usage("--within needs --threshold VALUE or --events FILE"));
        }
        if within == 0 || self.threshold.is_some_and(|value| !value.is_finite()) {
            return Err(Error::usage(
                "expected --within of at least 1 row and a finite --threshold",
            ));
        }
        let listed = self.events.as_deref().map(times_of).transpose()?;
        Ok(asked.then_some(EventSettings { threshold: self.threshold, listed, within }))
    }
}

impl EventArgs {
    /// The event of a run used again: that of the run, with the events listed here if any are.
    /// Says whether they are.
    pub fn settings_again(
        &self,
        own: Option<EventSettings>,
    ) -> Result<Option<(EventSettings, bool)>> {
        let asked = self.threshold.is_some() || self.events.is_some() || self.within.is_some();
        let Some(own) = own else {
            let text = "the run was trained without an event: --threshold, --events and --within \
                        belong to its training";
            return if asked { Err(Error::usage(text)) } else { Ok(None) };
        };
        if let Some(threshold) = self.threshold
            && own.threshold != Some(threshold)
        {
            let trained = own.threshold.map_or("a list of events".into(), |own| own.to_string());
            return Err(Error::usage(format!(
                "--threshold {threshold}: the run was trained with {trained}"
            )));
        }
        if let Some(within) = self.within
            && own.within != within
        {
            let own = own.within;
            return Err(Error::usage(format!("--within {within}: the run was trained with {own}")));
        }
        match &self.events {
            None => Ok(Some((own, false))),
            Some(path) if own.listed.is_none() => Err(Error::usage(format!(
                "--events {}: the run was trained with a threshold",
                path.display()
            ))),
            Some(path) => Ok(Some((EventSettings { listed: Some(times_of(path)?), ..own }, true))),
        }
    }
}

/// Times of a file: one a line, those of a catalogue, or the first column of times of a table;
/// rising.
fn times_of(path: &Path) -> Result<Vec<UtcTime>> {
    let lines = std::fs::read_to_string(path).ok().and_then(|text| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(|line| line.parse::<UtcTime>().ok()).collect::<Option<Vec<_>>>()
    });
    let listed = || Catalogue::read(&[path.to_path_buf()]).ok().map(|(catalogue, _)| catalogue);
    let catalogue = || Some(listed()?.events.into_iter().map(|event| event.time).collect());
    let mut times: Vec<UtcTime> = match lines.or_else(catalogue) {
        Some(times) => times,
        None => {
            let (table, _) = read(path, &CsvOptions::default())?;
            let times = table.columns.into_iter().find_map(|column| match column.values {
                ColumnValues::Time(times) => Some(times),
                _ => None,
            });
            let times = times.ok_or_else(|| {
                Error::data(format!(
                    "{}: expected a time a line or a table with a column of times, found neither",
                    path.display()
                ))
            })?;
            times.into_iter().flatten().map(UtcTime).collect()
        }
    };
    if times.is_empty() {
        return Err(Error::data(format!(
            "{}: expected times of events, found none",
            path.display()
        )));
    }
    times.sort_unstable();
    Ok(times)
}

/// A row a model and issue: its probability, and what happened.
pub fn table(result: &EventResult, series: &Series) -> Table {
    let (mut model, mut issued) = (Vec::new(), Vec::new());
    let (mut probability, mut raw, mut happened) = (Vec::new(), Vec::new(), Vec::new());
    for forecasts in &result.models {
        for (n, &issue) in result.issues.iter().enumerate() {
            model.push(Some(forecasts.name.clone()));
            issued.push(Some(series.known_at(issue).0));
            probability.push(forecasts.probabilities[n]);
            raw.push(forecasts.raw[n]);
            happened.push(result.outcomes[n]);
        }
    }
    let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
    let columns = vec![
        column("model", ColumnValues::Text(model)),
        column("issued", ColumnValues::Time(issued)),
        column("probability", ColumnValues::Number(probability)),
        column("uncalibrated", ColumnValues::Number(raw)),
        column("happened", ColumnValues::Number(happened)),
    ];
    Table { columns }
}

/// The lower panel of `forecast.png`, from time `from` on.
pub fn track(result: &EventResult, series: &Series, from: UtcTime) -> EventTrack {
    let Some(model) = result.models.get(result.best) else { return EventTrack::default() };
    let probability =
        |(n, &issue): (usize, &usize)| (series.known_at(issue), model.probabilities[n]);
    let all = result.issues.iter().enumerate().map(probability);
    EventTrack {
        what: format!("{}: {}", shown_words(result, &model.name), result.title),
        probability: all.filter(|(time, _)| *time >= from).collect(),
        base_rate: result.base_rate,
        events: result.times.iter().copied().filter(|time| *time >= from).collect(),
    }
}

/// The model of the panel, and why it where it is one of several.
fn shown_words(result: &EventResult, model: &str) -> String {
    // The base rate is there always and has a line of its own.
    match result.models.len() > 2 {
        true => format!("{model} (least Brier score {})", result.chosen),
        false => model.to_string(),
    }
}

/// Draws `event_reliability.png`.
pub fn draw(result: &EventResult, folder: &RunFolder, label: &str) -> Result<()> {
    let curve = |model: &EventForecasts| {
        let (outcomes, probabilities) = result.pairs(model);
        let edges = equal_mass_edges(&probabilities, 10);
        let bins = reliability(&outcomes, &probabilities, &edges);
        let points = bins.iter().map(|bin| (bin.forecast, bin.observed, bin.count));
        Curve { name: model.name.clone(), points: points.collect() }
    };
    let figure = ReliabilityFigure {
        title: result.title.clone(),
        forecast: "forecast probability".into(),
        observed: "observed frequency".into(),
        curves: match result.scored.is_empty() {
            true => Vec::new(),
            false => result.models.iter().map(curve).collect(),
        },
    };
    keep(folder.path(), &format!("{label}event_reliability"), figure)
}
