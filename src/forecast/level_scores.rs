//! Scores of level forecasts: which pairs are scored, the rows of the table, the spread of seeds.

use super::{Forecaster, Forecasts, LevelForecasts, LevelSettings, Record};
use crate::data::{Parts, WindowPlan};
use crate::error::Result;
use crate::score::{
    BlockBootstrap, LevelScores, ScoreRow, ScoreTable, absolute_errors, mean, mean_naive_change,
};

/// Places in `forecasts` of the issues whose pair with `horizon` belongs to the test and was
/// observed.
pub fn scored(
    forecasts: &Forecasts,
    record: &Record,
    parts: &Parts,
    plan: &WindowPlan,
    h: usize,
) -> Vec<usize> {
    let horizon = forecasts.horizons[h];
    let observed = record.outcomes(&forecasts.issues, horizon);
    (0..forecasts.issues.len())
        .filter(|&n| plan.belongs(&parts.test, forecasts.issues[n], horizon))
        .filter(|&n| observed[n].is_finite())
        .collect()
}

pub(super) fn score(
    models: &[LevelForecasts],
    target: &str,
    record: &Record,
    parts: &Parts,
    plan: &WindowPlan,
    settings: &LevelSettings,
) -> ScoreTable {
    let mut table = ScoreTable::default();
    let naive = mean_naive_change(&record.observed()[parts.train.clone()], 1);
    let bootstrap = BlockBootstrap::new(settings.block.max(2 * plan.farthest()));
    for (h, &horizon) in plan.horizons.iter().enumerate() {
        let observed = |model: &LevelForecasts, rows: &[usize]| -> Vec<f64> {
            let all = record.outcomes(&model.raw.issues, horizon);
            rows.iter().map(|&n| all[n]).collect()
        };
        let reference = models.iter().find(|m| m.name == settings.reference).map(|model| {
            let rows = scored(&model.raw, record, parts, plan, h);
            let point = model.raw.point(h);
            let point: Vec<f64> = rows.iter().map(|&n| point[n]).collect();
            absolute_errors(&observed(model, &rows), &point)
        });
        for model in models {
            let rows = scored(&model.raw, record, parts, plan, h);
            let observed = observed(model, &rows);
            let forecasts = &model.calibrated;
            let quantiles: Vec<f64> =
                rows.iter().flat_map(|&n| forecasts.at(n, h).iter().copied()).collect();
            // Sorting calibrated quantiles may move the middle one off the point.
            let all = model.raw.point(h);
            let point: Vec<f64> = rows.iter().map(|&n| all[n]).collect();
            let compared = reference.as_deref().filter(|errors| errors.len() == observed.len());
            let scores = LevelScores {
                observed: &observed,
                quantiles: &quantiles,
                levels: forecasts.outcome.levels(),
                point: Some(&point),
                naive_change: Some(naive),
                reference: compared.map(|errors| (settings.reference.as_str(), errors)),
            };
            let names = (target, model.name.as_str(), &*horizon.to_string());
            table.rows.extend(scores.rows(names, &bootstrap));
            table.rows.extend(member_rows(model, names, h, observed.len()));
        }
    }
    table
}

/// Spread of an ensemble's members: lowest, highest and mean error of the seeds.
fn member_rows(
    model: &LevelForecasts,
    names: (&str, &str, &str),
    h: usize,
    n: usize,
) -> Vec<ScoreRow> {
    let errors: Vec<f64> = model.members.iter().map(|member| member[h]).collect();
    if errors.len() < 2 {
        return Vec::new();
    }
    let lowest = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = errors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = [("mae of seeds, mean", mean(&errors)), ("lowest", lowest), ("highest", highest)];
    let row = |(metric, value): (&str, f64)| {
        let metric = match metric.starts_with("mae") {
            true => metric.to_string(),
            false => format!("mae of seeds, {metric}"),
        };
        ScoreRow::new(names, metric, value, None, n)
    };
    spread.into_iter().map(row).collect()
}

pub(super) fn member_errors(
    fitted: &dyn Forecaster,
    record: &Record,
    parts: &Parts,
    plan: &WindowPlan,
) -> Result<Vec<Vec<f64>>> {
    let issues: Vec<usize> =
        (parts.test.start.saturating_sub(plan.farthest())..parts.test.end).collect();
    let each = fitted.issue_members(record, &issues)?.into_iter().map(|values| {
        let outcome = fitted.outcome();
        let member = Forecasts {
            name: fitted.name(),
            issues: issues.clone(),
            horizons: plan.horizons.clone(),
            outcome,
            values,
        };
        (0..plan.horizons.len())
            .map(|h| {
                let rows = scored(&member, record, parts, plan, h);
                let (point, observed) =
                    (member.point(h), record.outcomes(&issues, plan.horizons[h]));
                mean(&rows.iter().map(|&n| (point[n] - observed[n]).abs()).collect::<Vec<_>>())
            })
            .collect()
    });
    Ok(each.collect())
}
