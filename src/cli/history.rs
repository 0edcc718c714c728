//! `history.png` of a run: from the reports of its fits to the plain struct of the plot room.

use std::path::Path;

use crate::error::Result;
use crate::forecast::LevelResult;
use crate::plot::history::{Course, HistoryFigure};
use crate::plot::keep;
use crate::train::Report;

/// Draws `LABELhistory.png` of the networks among the forecasters of a target, the last fit of
/// each where it was refitted.
pub fn draw_networks(result: &LevelResult, target: &str, folder: &Path, label: &str) -> Result<()> {
    let courses = result.models.iter().filter_map(|model| {
        let reports = model.fitted.as_ref()?.reports();
        Some((model.name.clone(), reports.to_vec()))
    });
    let title = format!("Training of the networks, {target}");
    draw(&title, &courses.collect::<Vec<_>>(), folder, &format!("{label}history"))
}

/// Draws the courses of the fits of each model as `NAME.png`; nothing if there are none.
pub fn draw(
    title: &str,
    models: &[(String, Vec<Report>)],
    folder: &Path,
    name: &str,
) -> Result<()> {
    let runs: Vec<Course> = models
        .iter()
        .flat_map(|(model, reports)| reports.iter().map(|report| course(model, report)))
        .collect();
    if runs.is_empty() {
        return Ok(());
    }
    keep(folder, name, HistoryFigure { title: title.into(), runs })
}

fn course(model: &str, report: &Report) -> Course {
    let epochs = &report.epochs;
    Course {
        model: model.into(),
        train: epochs.iter().map(|epoch| epoch.train_loss).collect(),
        valid: epochs.iter().filter_map(|epoch| epoch.valid_loss).collect(),
        rate: epochs.iter().map(|epoch| epoch.learning_rate).collect(),
        best: report.best_valid_loss.and(report.kept_epoch.checked_sub(1)),
    }
}
