//! Scores of classifiers with intervals over groups, and predictions as a table.

use rayon::prelude::*;

use super::class_examples::ClassTable;
use super::cross_validation::Pooled;
use super::group_scores::Grouping;
use crate::score::{
    ClassScores, Confusion, GroupBootstrap, Interval, ScoreRow, ScoreTable, mean, roc_area,
};

/// Scores of one model at one resample of its rows.
type Metric<'a> = Box<dyn Fn(&Scored<'_>, &[usize]) -> f64 + Sync + 'a>;

/// One seed of a model, restricted to examples with a class.
struct Scored<'a> {
    actual: &'a [usize],
    predicted: Vec<usize>,
    probabilities: Vec<f64>,
    classes: usize,
}

impl Scored<'_> {
    fn confusion(&self, rows: &[usize]) -> Confusion {
        let actual: Vec<usize> = rows.iter().map(|&row| self.actual[row]).collect();
        let predicted: Vec<usize> = rows.iter().map(|&row| self.predicted[row]).collect();
        Confusion::new(&actual, &predicted, self.classes)
    }

    fn roc_area(&self, rows: &[usize]) -> f64 {
        self.class_scores().roc_area_of(rows).unwrap_or(f64::NAN)
    }

    fn brier(&self, rows: &[usize]) -> f64 {
        self.class_scores().brier_of(rows)
    }

    fn class_scores(&self) -> ClassScores<'_> {
        let Self { actual, probabilities, classes, .. } = self;
        ClassScores { actual, probabilities, classes: *classes }
    }

    /// Area under the ROC curve of "not `class`" by 1 - P(`class`).
    fn area_against(&self, class: usize, rows: &[usize]) -> f64 {
        let other: Vec<f64> = rows.iter().map(|&r| f64::from(self.actual[r] != class)).collect();
        let p: Vec<f64> =
            rows.iter().map(|&r| 1.0 - self.probabilities[r * self.classes + class]).collect();
        roc_area(&other, &p).unwrap_or(f64::NAN)
    }
}

/// Accuracy, macro F1, balanced accuracy, AUC (mean of one against the rest), Brier score, AUC of
/// `noise` against all other classes, F1, precision and recall of each class, calibration error. Values are means over the seeds; intervals
/// are of that mean, over 1000 resamples of whole groups; `accuracy_sd` and so on are standard
/// deviations over the seeds. Where groups have several examples, `accuracy_by_group` and so on
/// are of one answer a group, `n` its number of groups; noise is no answer there.
pub fn score(table: &ClassTable, pooled: &[Pooled], noise: Option<usize>) -> ScoreTable {
    let rows = table.labelled();
    let actual: Vec<usize> = rows.iter().filter_map(|&row| table.labels[row]).collect();
    let groups: Vec<usize> = rows.iter().map(|&row| table.groups[row]).collect();
    let metrics = metrics(table, noise);
    let grouping = Grouping::of(&actual, &groups, table.classes.len(), noise);
    let target = table.target();
    let target = target.as_str();
    let per_model: Vec<Vec<ScoreRow>> = pooled
        .par_iter()
        .map(|model| {
            let seeds: Vec<Scored<'_>> =
                model.seeds.iter().map(|p| scored(&actual, &rows, p, table)).collect();
            let mut lines = score_model((target, &model.name), &seeds, &groups, &metrics);
            lines.push(calibration((target, &model.name), &seeds));
            if let Some(grouping) = &grouping {
                lines.extend(score_groups((target, &model.name), &seeds, grouping));
            }
            lines
        })
        .collect();
    ScoreTable { rows: per_model.into_iter().flatten().collect() }
}

fn metrics<'a>(table: &ClassTable, noise: Option<usize>) -> Vec<(String, Metric<'a>)> {
    let mut metrics: Vec<(String, Metric<'a>)> = vec![
        ("accuracy".into(), Box::new(|s, rows| s.confusion(rows).accuracy())),
        ("macro_f1".into(), Box::new(|s, rows| s.confusion(rows).macro_f1())),
        ("balanced_accuracy".into(), Box::new(|s, rows| s.confusion(rows).balanced_accuracy())),
        ("auc".into(), Box::new(|s, rows| s.roc_area(rows))),
        ("brier".into(), Box::new(|s, rows| s.brier(rows))),
    ];
    if let Some(class) = noise {
        let name = format!("auc_against_{}", table.classes[class]);
        metrics.push((name, Box::new(move |s, rows| s.area_against(class, rows))));
    }
    for (class, name) in table.classes.iter().enumerate() {
        let metric = move |s: &Scored<'_>, rows: &[usize]| s.confusion(rows).f1(class);
        metrics.push((format!("f1_{name}"), Box::new(metric)));
    }
    for (class, name) in table.classes.iter().enumerate() {
        let metric = move |s: &Scored<'_>, rows: &[usize]| s.confusion(rows).precision(class);
        metrics.push((format!("precision_{name}"), Box::new(metric)));
        let metric = move |s: &Scored<'_>, rows: &[usize]| s.confusion(rows).recall(class);
        metrics.push((format!("recall_{name}"), Box::new(metric)));
    }
    metrics
}

fn scored<'a>(
    actual: &'a [usize],
    rows: &[usize],
    probabilities: &[f64],
    table: &ClassTable,
) -> Scored<'a> {
    let classes = table.classes.len();
    let probabilities: Vec<f64> =
        rows.iter().flat_map(|&row| probabilities[row * classes..][..classes].to_vec()).collect();
    let predicted = ClassScores { actual, probabilities: &probabilities, classes }.predicted();
    Scored { actual, predicted, probabilities, classes }
}

/// The calibration error, without an interval: resampling itself raises it.
fn calibration((target, name): (&str, &str), seeds: &[Scored<'_>]) -> ScoreRow {
    let errors: Vec<f64> =
        seeds.iter().map(|seed| seed.class_scores().calibration_error()).collect();
    let n = seeds.first().map_or(0, |seed| seed.actual.len());
    ScoreRow::new((target, name, ""), "calibration_error", mean(&errors), None, n)
}

/// Scores of one answer a group.
fn score_groups(names: (&str, &str), seeds: &[Scored<'_>], grouping: &Grouping) -> Vec<ScoreRow> {
    let classes = grouping.classes.len();
    let of_groups: Vec<Scored<'_>> = seeds
        .iter()
        .map(|seed| {
            let probabilities = grouping.pool(&seed.probabilities, seed.classes);
            let scores =
                ClassScores { actual: &grouping.actual, probabilities: &probabilities, classes };
            let predicted = scores.predicted();
            Scored { actual: &grouping.actual, predicted, probabilities, classes }
        })
        .collect();
    let metrics: Vec<(String, Metric<'_>)> = vec![
        ("accuracy_by_group".into(), Box::new(|s, rows| s.confusion(rows).accuracy())),
        ("macro_f1_by_group".into(), Box::new(|s, rows| s.confusion(rows).macro_f1())),
        ("auc_by_group".into(), Box::new(|s, rows| s.roc_area(rows))),
    ];
    let groups: Vec<usize> = (0..grouping.actual.len()).collect();
    score_model(names, &of_groups, &groups, &metrics)
}

fn score_model(
    (target, name): (&str, &str),
    seeds: &[Scored<'_>],
    groups: &[usize],
    metrics: &[(String, Metric<'_>)],
) -> Vec<ScoreRow> {
    let all: Vec<usize> = (0..groups.len()).collect();
    let mut rows = Vec::new();
    for (metric, of) in metrics {
        let mean = |rows: &[usize]| {
            seeds.iter().map(|seed| of(seed, rows)).sum::<f64>() / seeds.len().max(1) as f64
        };
        let interval: Interval = GroupBootstrap::default().statistic(groups, mean);
        let names = (target, name, "");
        rows.push(ScoreRow::new(names, metric.clone(), mean(&all), Some(interval), all.len()));
        if seeds.len() > 1 && ["accuracy", "macro_f1", "auc"].contains(&metric.as_str()) {
            let values: Vec<f64> = seeds.iter().map(|seed| of(seed, &all)).collect();
            let center = mean(&all);
            let square: f64 = values.iter().map(|v| (v - center).powi(2)).sum();
            let deviation = (square / (values.len() - 1) as f64).sqrt();
            let metric = format!("{metric}_sd");
            rows.push(ScoreRow::new(names, metric, deviation, None, seeds.len()));
        }
    }
    rows
}

/// The confusion of probabilities `[N, C]` over the examples with a class.
pub fn confusion(table: &ClassTable, probabilities: &[f64]) -> Confusion {
    let rows = table.labelled();
    let actual: Vec<usize> = rows.iter().filter_map(|&row| table.labels[row]).collect();
    let scored = scored(&actual, &rows, probabilities, table);
    Confusion::new(&actual, &scored.predicted, table.classes.len())
}

/// The text of `predictions.csv`: `row` or `file`, `label` and `fold` where known, `predicted`,
/// `p_CLASS` of every class. Rows of `probabilities` `[N, C]` that are NaN are left out.
pub fn predictions_csv(table: &ClassTable, probabilities: &[f64]) -> String {
    let has_labels = table.labels.iter().any(Option::is_some);
    let has_folds = !table.folds.is_empty();
    let mut head = vec![table.key.to_string()];
    head.extend(has_labels.then(|| "label".to_string()));
    head.extend(has_folds.then(|| "fold".to_string()));
    head.push("predicted".into());
    head.extend(table.classes.iter().map(|c| quoted(&format!("p_{c}"))));
    let mut text = head.join(",") + "\n";
    for (example, row) in probabilities.chunks_exact(table.classes.len().max(1)).enumerate() {
        if row.iter().any(|p| p.is_nan()) {
            continue;
        }
        let best = (0..row.len()).fold(0, |b, k| if row[k] > row[b] { k } else { b });
        let mut cells = vec![quoted(&table.names[example])];
        if has_labels {
            let label = table.labels[example].map(|class| quoted(&table.classes[class]));
            cells.push(label.unwrap_or_default());
        }
        if has_folds {
            cells.push(table.folds[example].to_string());
        }
        cells.push(quoted(&table.classes[best]));
        cells.extend(row.iter().map(|p| format!("{p:.6}")));
        text += &(cells.join(",") + "\n");
    }
    text
}

/// A cell in quotes where it needs them.
pub(super) fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ClassTable {
        ClassTable {
            classes: vec!["noise".into(), "quake, local".into()],
            labels: vec![Some(0), Some(1), Some(1), None],
            groups: vec![0, 0, 1, 1],
            folds: vec![0, 0, 1, 1],
            key: "row",
            names: (0..4).map(|n| n.to_string()).collect(),
            ..ClassTable::default()
        }
    }

    #[test]
    fn scores_count_only_examples_with_a_class() {
        let p = vec![0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.5, 0.5];
        let pooled = Pooled {
            name: "net".into(),
            seeds: vec![p.clone(), p],
            floor: false,
            reports: Vec::new(),
        };
        let scores = score(&table(), &[pooled], Some(0));
        assert!((scores.value("net", "", "accuracy").unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(scores.value("net", "", "auc_against_noise"), Some(1.0));
        assert_eq!(scores.value("net", "", "accuracy_sd"), Some(0.0));
    }

    #[test]
    fn predictions_are_quoted_and_unknown_labels_empty() {
        let p = [0.9, 0.1, 0.2, 0.8, f64::NAN, f64::NAN, 0.5, 0.5];
        let text = predictions_csv(&table(), &p);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "row,label,fold,predicted,p_noise,\"p_quake, local\"");
        assert_eq!(lines[2], "1,\"quake, local\",0,\"quake, local\",0.200000,0.800000");
        assert_eq!(lines[3], "3,,1,noise,0.500000,0.500000");
        assert_eq!(lines.len(), 4);
    }
}
