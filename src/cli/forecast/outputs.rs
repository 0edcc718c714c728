//! What a run of `temblor forecast` leaves in its folder and says on stdout.

use serde_json::{Map, Value, json};

use super::{events, results};
use crate::cli::Outcome;
use crate::cli::history::draw_networks;
use crate::error::{Error, Result};
use crate::forecast::{EventResult, EventSettings, LevelResult, LevelSettings};
use crate::plot;
use crate::progress;
use crate::read::table::{self, ColumnValues, Table};
use crate::score::ScoreTable;
use crate::time::{SECOND, UtcTime};
use crate::train::RunFolder;
use crate::train::run_folder::{METRICS, SETTINGS};

/// A target in words.
pub struct Words {
    /// Its name in the table of scores.
    pub target: String,
    /// Quantity and unit.
    pub quantity: String,
}

/// All targets of a run.
pub struct Outputs {
    several: bool,
    forecasts: Vec<(String, Table)>,
    latest: Vec<(String, Table)>,
    probabilities: Vec<(String, Table)>,
    scores: ScoreTable,
    summaries: Vec<Value>,
}

impl Outputs {
    /// None yet; of `several` the figures carry the name of their target.
    pub fn new(several: bool) -> Self {
        Self {
            several,
            forecasts: Vec::new(),
            latest: Vec::new(),
            probabilities: Vec::new(),
            scores: ScoreTable::default(),
            summaries: Vec::new(),
        }
    }

    /// Takes over one target and draws its figures.
    pub fn add(
        &mut self,
        result: &LevelResult,
        settings: &LevelSettings,
        words: &Words,
        event: Option<(&EventResult, &EventSettings)>,
        folder: &RunFolder,
    ) -> Result<()> {
        let target = &words.target;
        let label = match self.several {
            true => format!("{}_", results::file_name(target)),
            false => String::new(),
        };
        results::draw(result, settings, (target, &words.quantity), event, folder, &label)?;
        draw_networks(result, target, folder.path(), &label)?;
        let last = result.record.rows().saturating_sub(1);
        let latest = results::table(result, last);
        self.summaries.push(summary(result, words, event.map(|(happens, _)| happens), &latest));
        self.latest.push((target.clone(), latest));
        self.forecasts.push((target.clone(), results::table(result, 0)));
        self.scores.rows.extend(result.scores.rows.iter().cloned());
        if let Some((happens, _)) = event {
            events::draw(happens, folder, &label)?;
            let table = events::table(happens, result.record.series());
            self.probabilities.push((target.clone(), table));
            self.scores.rows.extend(happens.scores.rows.iter().cloned());
        }
        Ok(())
    }

    /// Writes the tables, says the scores; `metrics.json` comes last.
    pub fn finish(self, folder: &RunFolder, json: bool, all_read: bool) -> Result<Outcome> {
        let mut files = vec![SETTINGS.to_string(), "scores.csv".into(), "forward.csv".into()];
        table::write(&folder.file("forward.csv"), &results::joined(&self.latest))?;
        results::write_table(folder, "forecasts", &self.forecasts, &mut files)?;
        if !self.probabilities.is_empty() {
            results::write_table(folder, "events", &self.probabilities, &mut files)?;
        }
        self.scores.write(&folder.file("scores.csv"))?;
        let scores: Vec<Value> = self.scores.rows.iter().map(results::json_row).collect();
        folder.write_json(METRICS, &scores)?;
        if json {
            let figures = plot::kept(folder.path())?;
            files.extend(figures.iter().map(|name| format!("{name}.png")));
            let paths = files.iter().map(|name| folder.file(name).display().to_string());
            let whole = json!({
                "run": folder.path().display().to_string(),
                "all_read": all_read,
                "files": paths.collect::<Vec<_>>(),
                "targets": self.summaries,
                "scores": scores,
            });
            let text = serde_json::to_string(&whole).map_err(|e| Error::data(e.to_string()))?;
            println!("{text}");
        } else {
            println!("{}", results::brief(&self.scores));
        }
        let place = folder.path().display();
        progress::note(format_args!("forecasts, scores and figures are in {place}"));
        Ok(if all_read { Outcome::Done } else { Outcome::SomeInputsFailed })
    }
}

/// What a script asks of a target.
fn summary(
    result: &LevelResult,
    words: &Words,
    event: Option<&EventResult>,
    latest: &Table,
) -> Value {
    let series = result.record.series();
    let observed = result.record.observed();
    let known = observed.iter().filter(|value| value.is_finite()).count();
    let time = |row: usize| series.time(row).to_string();
    let part = |rows: &std::ops::Range<usize>| match rows.is_empty() {
        true => Value::Null,
        false => json!([time(rows.start), time(rows.end)]),
    };
    let parts = &result.parts;
    json!({
        "target": words.target,
        "quantity": words.quantity,
        "rows": series.rows(),
        "step_s": series.step as f64 / SECOND as f64,
        "start": time(0),
        "end": time(series.rows()),
        "observed": known as f64 / observed.len().max(1) as f64,
        "parts": {
            "train": part(&parts.train),
            "validate": part(&parts.validate),
            "calibrate": part(&parts.calibrate),
            "test": part(&parts.test),
        },
        "shown": result.shown().map(|model| &model.name),
        "latest": rows_of(latest),
        "event": event.map(|happens| event_summary(happens, series.time(series.rows()))),
    })
}

fn event_summary(event: &EventResult, issued: UtcTime) -> Value {
    let latest = event.models.iter().map(|model| {
        let probability = model.probabilities.last().copied().unwrap_or(f64::NAN);
        (model.name.clone(), json!(probability))
    });
    json!({
        "event": event.title,
        "base_rate": event.base_rate,
        "shown": event.models.get(event.best).map(|model| &model.name),
        "issued": issued.to_string(),
        "probabilities": latest.collect::<Map<String, Value>>(),
    })
}

/// A table as objects.
fn rows_of(table: &Table) -> Vec<Value> {
    let row = |row: usize| {
        let cells = table.columns.iter().map(|column| {
            let value = match &column.values {
                ColumnValues::Number(values) => json!(values[row]),
                ColumnValues::Text(values) => json!(values[row]),
                ColumnValues::Time(values) => json!(values[row].map(|t| UtcTime(t).to_string())),
            };
            (column.name.clone(), value)
        });
        Value::Object(cells.filter(|(name, _)| name != "observed").collect())
    };
    (0..table.rows()).map(row).collect()
}
