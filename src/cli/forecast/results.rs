//! What `temblor forecast` leaves behind: tables, scores, figures.

use crate::error::Result;
use crate::forecast::{
    BASELINES, COMBINATION, EventResult, EventSettings, LevelForecasts, LevelResult, LevelSettings,
    scored,
};
use crate::plot::forecast::{Fan, ForecastFigure};
use crate::plot::keep;
use crate::plot::reliability::{Curve, ReliabilityFigure};
use crate::plot::scores::{Bar, ScoresFigure};
use crate::read::table::{self, ColumnValues, Table, TableColumn};
use crate::score::{ScoreTable, quantile_rates};
use crate::time::{SECOND, UtcTime};
use crate::train::RunFolder;

/// Rows of the test shown in the forecast figure; the last ones.
const SHOWN: usize = 600;

/// A target's name as part of a file name.
pub fn file_name(target: &str) -> String {
    target.chars().map(|c| if c.is_alphanumeric() || c == '.' { c } else { '_' }).collect()
}

/// Forecasts of one target issued at row `first` or later: a row an issue, horizon and model.
pub fn table(result: &LevelResult, first: usize) -> Table {
    let record = &result.record;
    let series = record.series();
    let mut model = Vec::new();
    let (mut issued, mut valid) = (Vec::new(), Vec::new());
    let (mut horizon, mut observed) = (Vec::new(), Vec::new());
    let levels = crate::forecast::LEVELS;
    let mut quantiles: Vec<Vec<f64>> = vec![Vec::new(); levels.len()];
    for forecasts in result.models.iter().filter(|model| !model.baseline) {
        let calibrated = &forecasts.calibrated;
        for (h, &ahead) in calibrated.horizons.iter().enumerate() {
            let outcomes = record.outcomes(&calibrated.issues, ahead);
            let all = calibrated.issues.iter().enumerate();
            for (n, &issue) in all.filter(|(_, issue)| **issue >= first) {
                model.push(Some(forecasts.name.clone()));
                issued.push(Some(series.known_at(issue).0));
                valid.push(Some(series.known_at(issue + ahead).0));
                horizon.push(ahead as f64);
                observed.push(outcomes[n]);
                let own = calibrated.outcome.levels();
                for (level, column) in levels.iter().zip(&mut quantiles) {
                    let place = own.iter().position(|l| l == level);
                    column.push(place.map_or(f64::NAN, |q| calibrated.at(n, h)[q]));
                }
            }
        }
    }
    let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
    let mut columns = vec![
        column("model", ColumnValues::Text(model)),
        column("issued", ColumnValues::Time(issued)),
        column("valid", ColumnValues::Time(valid)),
        column("horizon", ColumnValues::Number(horizon)),
        column("observed", ColumnValues::Number(observed)),
    ];
    for (level, values) in levels.iter().zip(quantiles) {
        columns.push(column(&format!("q{:02.0}", 100.0 * level), ColumnValues::Number(values)));
    }
    Table { columns }
}

/// The tables of all targets as one, with the target in front.
pub fn joined(targets: &[(String, Table)]) -> Table {
    let mut whole = Table::default();
    for (target, part) in targets {
        let named = ColumnValues::Text(vec![Some(target.clone()); part.rows()]);
        let target = TableColumn { name: "target".into(), unit: None, values: named };
        let columns = std::iter::once(&target).chain(&part.columns);
        if whole.columns.is_empty() {
            whole.columns = columns.cloned().collect();
        } else {
            whole.columns.iter_mut().zip(columns).for_each(|(all, more)| append(all, more));
        }
    }
    whole
}

/// Writes the tables of all targets as one, as CSV and as Parquet; their names join `files`.
pub fn write_table(
    folder: &RunFolder,
    name: &str,
    targets: &[(String, Table)],
    files: &mut Vec<String>,
) -> Result<()> {
    let whole = joined(targets);
    for suffix in ["csv", "parquet"] {
        let name = format!("{name}.{suffix}");
        table::write(&folder.file(&name), &whole)?;
        files.push(name);
    }
    Ok(())
}

fn append(all: &mut TableColumn, more: &TableColumn) {
    match (&mut all.values, &more.values) {
        (ColumnValues::Number(a), ColumnValues::Number(b)) => a.extend(b),
        (ColumnValues::Text(a), ColumnValues::Text(b)) => a.extend(b.iter().cloned()),
        (ColumnValues::Time(a), ColumnValues::Time(b)) => a.extend(b),
        _ => {}
    }
}

/// A score as an object.
pub fn json_row(row: &crate::score::ScoreRow) -> serde_json::Value {
    serde_json::json!({
        "target": row.target, "model": row.model, "horizon": row.horizon, "metric": row.metric,
        "value": row.value, "lower": row.lower, "upper": row.upper, "n": row.n,
    })
}

/// The scores a reader looks at first; all of them are in `scores.csv`.
pub fn brief(scores: &ScoreTable) -> ScoreTable {
    let shown = |metric: &str| {
        ["mae", "pinball", "coverage90", "width90"].contains(&metric)
            || ["brier", "brier_skill", "auc"].contains(&metric)
            || metric.starts_with("mae - ")
    };
    ScoreTable { rows: scores.rows.iter().filter(|row| shown(&row.metric)).cloned().collect() }
}

/// Draws `forecast.png`, `scores.png` and `reliability.png`.
pub fn draw(
    result: &LevelResult,
    settings: &LevelSettings,
    (target, quantity): (&str, &str),
    event: Option<(&EventResult, &EventSettings)>,
    folder: &RunFolder,
    label: &str,
) -> Result<()> {
    let named = |name: &str| format!("{label}{name}");
    let Some(shown) = result.shown() else { return Ok(()) };
    let mut figure = forecast_figure(result, shown, target, quantity);
    if let Some((happens, settings)) = event {
        figure.threshold = settings.threshold.filter(|_| settings.listed.is_none());
        let from = figure.observed.first().map_or(UtcTime(0), |(time, _)| *time);
        figure.events = Some(super::events::track(happens, result.record.series(), from));
    }
    keep(folder.path(), &named("forecast"), figure)?;
    keep(folder.path(), &named("scores"), scores_figure(result, settings, target))?;
    keep(folder.path(), &named("reliability"), reliability_figure(result, settings, target)?)
}

fn plan(settings: &LevelSettings) -> crate::data::WindowPlan {
    crate::data::WindowPlan {
        lookback: settings.lookback,
        horizons: settings.horizons.clone(),
        stride: 1,
        membership: settings.membership,
        strict: false,
        longest_fill: None,
    }
}

/// Words for a horizon of `rows`.
fn ahead(rows: usize, step: i64) -> String {
    let seconds = (rows as i64).saturating_mul(step) / SECOND;
    match seconds {
        s if s % 86_400 == 0 => format!("{} d ahead", s / 86_400),
        s if s % 3_600 == 0 => format!("{} h ahead", s / 3_600),
        s if s % 60 == 0 => format!("{} min ahead", s / 60),
        s => format!("{s} s ahead"),
    }
}

fn forecast_figure(
    result: &LevelResult,
    model: &LevelForecasts,
    target: &str,
    quantity: &str,
) -> ForecastFigure {
    let series = result.record.series();
    let forecasts = &model.calibrated;
    let h = forecasts.horizons.len() / 2;
    let horizon = forecasts.horizons[h];
    let last = forecasts.issues.len().saturating_sub(1);
    let first = last.saturating_sub(SHOWN.min(result.parts.test.len()));
    let time = |row: usize| series.known_at(row);
    let quantile = |n: usize, h: usize, wanted: f64| -> f64 {
        let place = forecasts.outcome.levels().iter().position(|level| *level == wanted);
        place.map_or(f64::NAN, |q| forecasts.at(n, h)[q])
    };
    let fan = |places: &[(usize, usize)], issued: UtcTime| {
        let column = |wanted| places.iter().map(|&(n, h)| quantile(n, h, wanted)).collect();
        let valid = places.iter().map(|&(n, h)| time(forecasts.issues[n] + forecasts.horizons[h]));
        Fan {
            issued,
            valid: valid.collect(),
            low: column(0.05),
            lower: column(0.25),
            median: column(0.5),
            upper: column(0.75),
            high: column(0.95),
        }
    };
    let track: Vec<(usize, usize)> = (first..=last)
        .filter(|&n| forecasts.issues[n] + horizon < result.record.rows())
        .map(|n| (n, h))
        .collect();
    let ahead_of_end: Vec<(usize, usize)> =
        (0..forecasts.horizons.len()).map(|h| (last, h)).collect();
    let issued = time(forecasts.issues[last]);
    let observed = result.record.observed();
    let rows = forecasts.issues[first]..result.record.rows();
    let persistence = track.iter().map(|&(n, _)| {
        let issue = forecasts.issues[n];
        (time(issue + horizon), observed[issue])
    });
    let words = ahead(horizon, series.step);
    ForecastFigure {
        title: format!("{target}: {}, {words}", shown_words(result, model)),
        quantity: quantity.to_string(),
        observed: rows.map(|row| (time(row), observed[row])).collect(),
        track: fan(&track, issued),
        horizon: words,
        baseline: ("persistence".into(), persistence.collect()),
        forward: fan(&ahead_of_end, issued),
        threshold: None,
        events: None,
    }
}

/// The model of the figure, and why it where it is one of several.
fn shown_words(result: &LevelResult, model: &LevelForecasts) -> String {
    let several = result.models.iter().filter(|model| !model.baseline).count() > 1;
    match several && model.name != COMBINATION {
        true => format!("{} (least mean absolute error)", model.name),
        false => model.name.clone(),
    }
}

fn scores_figure(result: &LevelResult, settings: &LevelSettings, target: &str) -> ScoresFigure {
    let step = result.record.series().step;
    let panel = |&horizon: &usize| {
        let name = horizon.to_string();
        let rows = result.scores.rows.iter();
        let bars = rows.filter(|row| row.horizon == name && row.metric == "mae").map(|row| Bar {
            name: row.model.clone(),
            value: row.value,
            lower: row.lower,
            upper: row.upper,
            baseline: BASELINES.contains(&row.model.as_str()),
        });
        (format!("MAE, {}", ahead(horizon, step)), bars.collect())
    };
    ScoresFigure {
        title: format!("{target}: mean absolute error, 95 % block-bootstrap intervals"),
        panels: settings.horizons.iter().map(panel).collect(),
    }
}

fn reliability_figure(
    result: &LevelResult,
    settings: &LevelSettings,
    target: &str,
) -> Result<ReliabilityFigure> {
    let plan = plan(settings);
    let h = settings.horizons.len() / 2;
    let curve = |model: &LevelForecasts| {
        let forecasts = &model.calibrated;
        let rows = scored(forecasts, &result.record, &result.parts, &plan, h);
        let outcomes = result.record.outcomes(&forecasts.issues, settings.horizons[h]);
        let observed: Vec<f64> = rows.iter().map(|&n| outcomes[n]).collect();
        let quantiles: Vec<f64> =
            rows.iter().flat_map(|&n| forecasts.at(n, h).iter().copied()).collect();
        let levels = forecasts.outcome.levels();
        let rates = quantile_rates(&observed, &quantiles, levels);
        let points = levels.iter().zip(rates).map(|(&level, rate)| (level, rate, rows.len()));
        Curve { name: model.name.clone(), points: points.collect() }
    };
    Ok(ReliabilityFigure {
        title: format!("{target}: {}", ahead(settings.horizons[h], result.record.series().step)),
        forecast: "quantile level".into(),
        observed: "share of observations below".into(),
        curves: result.models.iter().filter(|model| !model.baseline).map(curve).collect(),
    })
}
