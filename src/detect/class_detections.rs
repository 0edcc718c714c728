//! Windows of continuous data become detections: stretches of one class on one channel.

use temblor_tables::{ColumnValues, Table, TableColumn};

use super::continuous::ClassifiedWindow;
use crate::read::StreamId;
use crate::time::UtcTime;

/// Instants that lie no farther apart are one: rates that are not whole leave single nanoseconds
/// between the end of a window and the start of the next.
const SAME_INSTANT: i64 = 1_000;

/// When a stretch of data is a detection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectionRule {
    /// The least mean probability of its class.
    pub least_probability: f64,
    /// The class that is no event and never detected.
    pub noise: Option<usize>,
}

/// A stretch of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassDetection {
    /// The channel.
    pub id: StreamId,
    /// Where it begins.
    pub start: UtcTime,
    /// Where it ends, exclusive.
    pub end: UtcTime,
    /// Number of its class.
    pub class: usize,
    /// The largest mean probability within it.
    pub probability: f64,
}

/// At every instant the probabilities of all windows that cover it are averaged; the instant
/// belongs to the most probable class. A stretch of one class, not noise, whose mean probability
/// is nowhere below the rule's is a detection. `windows` are sorted by channel and time;
/// detections of one channel never overlap.
pub fn detections(windows: &[ClassifiedWindow], rule: DetectionRule) -> Vec<ClassDetection> {
    let mut found: Vec<ClassDetection> = Vec::new();
    for channel in windows.chunk_by(|a, b| a.id == b.id) {
        let mut instants: Vec<UtcTime> = channel.iter().flat_map(|w| [w.start, w.end]).collect();
        instants.sort_unstable();
        instants.dedup();
        let mut first = 0;
        for pair in instants.windows(2) {
            let [start, end] = [pair[0], pair[1]];
            while channel.get(first).is_some_and(|window| window.end <= start) {
                first += 1;
            }
            let covering = channel[first..].iter().take_while(|window| window.start < end);
            let covering: Vec<&[f64]> = covering
                .filter(|window| window.end >= end)
                .map(|window| window.probabilities.as_slice())
                .collect();
            let Some((class, probability)) = most_probable(&covering, rule) else { continue };
            match found.last_mut() {
                Some(last)
                    if last.id == channel[0].id
                        && last.class == class
                        && start.0 - last.end.0 <= SAME_INSTANT =>
                {
                    last.end = end;
                    last.probability = last.probability.max(probability);
                }
                _ => {
                    let id = channel[0].id.clone();
                    found.push(ClassDetection { id, start, end, class, probability });
                }
            }
        }
    }
    found
}

/// The most probable class of the mean of `covering`, if it is to be detected.
fn most_probable(covering: &[&[f64]], rule: DetectionRule) -> Option<(usize, f64)> {
    let classes = covering.first()?.len();
    let mean =
        |class: usize| covering.iter().map(|p| p[class]).sum::<f64>() / covering.len() as f64;
    let best = (0..classes)
        .map(|class| (class, mean(class)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    (Some(best.0) != rule.noise && best.1 >= rule.least_probability).then_some(best)
}

/// `trace_id`, `start_time`, `end_time`, `class`, `probability`, a row a detection.
pub fn detections_table(detections: &[ClassDetection], classes: &[String]) -> Table {
    let text = |of: &dyn Fn(&ClassDetection) -> String| {
        ColumnValues::Text(detections.iter().map(|one| Some(of(one))).collect())
    };
    let time = |of: fn(&ClassDetection) -> UtcTime| {
        ColumnValues::Time(detections.iter().map(|one| Some(of(one).0)).collect())
    };
    let probability = detections.iter().map(|one| (one.probability * 1e6).round() / 1e6);
    let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
    Table {
        columns: vec![
            column("trace_id", text(&|one| one.id.to_string())),
            column("start_time", time(|one| one.start)),
            column("end_time", time(|one| one.end)),
            column("class", text(&|one| classes[one.class].clone())),
            column("probability", ColumnValues::Number(probability.collect())),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    fn stream(station: &str) -> StreamId {
        let [network, station, channel] = ["XX", station, "HHZ"].map(String::from);
        StreamId { network, station, location: String::new(), channel }
    }

    fn window(station: &str, start: i64, end: i64, p: [f64; 3]) -> ClassifiedWindow {
        ClassifiedWindow {
            id: stream(station),
            start: UtcTime(start * SECOND),
            end: UtcTime(end * SECOND),
            probabilities: p.to_vec(),
        }
    }

    const RULE: DetectionRule = DetectionRule { least_probability: 0.5, noise: Some(1) };

    #[test]
    fn windows_that_agree_merge_and_noise_is_none() {
        let quake = [0.8, 0.1, 0.1];
        let noise = [0.0, 0.9, 0.1];
        let windows = [
            window("A", 0, 40, noise),
            window("A", 20, 60, quake),
            window("A", 40, 80, quake),
            window("A", 60, 100, noise),
            window("B", 0, 40, quake),
        ];
        let found = detections(&windows, RULE);
        // 20–40 s: mean (.4, .5, .1), noise; 40–60 s both quake; 60–80 s (.4, .5, .1) again.
        let spans: Vec<(i64, i64)> =
            found.iter().map(|d| (d.start.0 / SECOND, d.end.0 / SECOND)).collect();
        assert_eq!(spans, [(40, 60), (0, 40)]);
        assert!(found.iter().all(|d| d.class == 0 && (d.probability - 0.8).abs() < 1e-12));
    }

    #[test]
    fn a_gap_and_another_class_end_a_detection() {
        let (quake, blast) = ([0.9, 0.0, 0.1], [0.2, 0.0, 0.8]);
        let windows = [
            window("A", 0, 40, quake),
            window("A", 40, 80, quake),
            window("A", 80, 120, blast),
            window("A", 200, 240, blast),
        ];
        let found = detections(&windows, RULE);
        let spans: Vec<(i64, i64, usize)> =
            found.iter().map(|d| (d.start.0 / SECOND, d.end.0 / SECOND, d.class)).collect();
        assert_eq!(spans, [(0, 80, 0), (80, 120, 2), (200, 240, 2)]);
        let strict = DetectionRule { least_probability: 0.85, ..RULE };
        assert_eq!(detections(&windows, strict).len(), 1);
    }

    #[test]
    fn a_nanosecond_between_windows_is_no_gap() {
        let quake = [0.9, 0.0, 0.1];
        let mut second = window("A", 40, 80, quake);
        second.start.0 += 1;
        let found = detections(&[window("A", 0, 40, quake), second], RULE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].end, UtcTime(80 * SECOND));
    }

    #[test]
    fn the_table_has_a_row_a_detection() {
        let found = detections(&[window("A", 0, 40, [0.9, 0.0, 0.1])], RULE);
        let classes = ["quake", "noise", "blast"].map(String::from);
        let table = detections_table(&found, &classes);
        let text = temblor_tables::csv_text(&table);
        assert!(text.starts_with("trace_id,start_time,end_time,class,probability\n"), "{text}");
        assert!(text.contains("XX.A..HHZ,1970-01-01T00:00:00") && text.contains(",quake,0.9"));
    }
}
