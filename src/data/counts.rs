//! Picks, detections or events become counts a window: a series that can be forecast.

use std::collections::{BTreeMap, BTreeSet};

use super::series::{Column, Series};
use crate::error::{Error, Result};
use crate::time::{Span, UtcTime};

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Occurrence {
    /// When.
    pub time: UtcTime,
    /// Station or whatever else has a series by itself; empty if there is but one.
    pub group: String,
    /// What it is: each kind has a column; empty if all are counted together.
    pub kind: String,
}

/// A stretch of time in which something could have been noticed at a station.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// The station; with groups the group, or `NET.STA.LOC` of it.
    pub station: String,
    /// From when to when.
    pub span: Span,
}

/// How occurrences are counted.
#[derive(Clone, Debug)]
pub struct CountSettings {
    /// Length of a window in nanoseconds; windows begin at its multiples since 1970.
    pub every: i64,
    /// Only windows that lie within.
    pub span: Span,
    /// Share of a window that must be watched; below it the counts are missing. Where stations are
    /// counted together, the share of the time of all stations.
    pub least_coverage: f64,
}

/// More windows than this are refused: a wrong time makes them.
const MOST_ROWS: i64 = 50_000_000;

/// The series of each group, in the order of their names, all over the same windows: a column
/// `count`, or one for each kind. Without `watches` every window counts as watched.
///
/// # Errors
/// Nothing to count, no window, or too many.
pub fn count(
    occurrences: &[Occurrence],
    watches: Option<&[Watch]>,
    settings: &CountSettings,
) -> Result<Vec<Series>> {
    let (first, rows) = windows(occurrences, watches, settings)?;
    let kinds: BTreeSet<&str> = occurrences.iter().map(|o| o.kind.as_str()).collect();
    let kinds: Vec<&str> = if kinds.is_empty() { vec![""] } else { kinds.into_iter().collect() };
    let mut groups: BTreeSet<&str> = occurrences.iter().map(|o| o.group.as_str()).collect();
    let grouped = groups.iter().any(|group| !group.is_empty());
    if groups.is_empty() {
        groups.insert("");
    }
    let stations = watches.map(by_station);
    if let Some(stations) = stations.as_ref().filter(|_| grouped) {
        // Stations at which nothing was noticed are no less watched.
        let quiet = stations.keys().filter(|name| !groups.iter().any(|g| is_of(g, name)));
        let quiet: Vec<&str> = quiet.copied().collect();
        groups.extend(quiet);
    }
    let column = |kind: &&str| Column {
        name: if kind.is_empty() { "count".to_string() } else { (*kind).to_string() },
        unit: None,
    };
    let columns: Vec<Column> = kinds.iter().map(column).collect();
    let grid = Grid { first, rows, every: settings.every };
    let mut series: BTreeMap<&str, Series> = BTreeMap::new();
    for &group in &groups {
        let shares = stations.as_ref().map(|stations| {
            let own = stations.iter().filter(|(name, _)| !grouped || is_of(group, name));
            grid.shares(own.map(|(_, spans)| &spans[..]))
        });
        let mut values = vec![0.0; rows * columns.len()];
        for (row, share) in shares.iter().flatten().enumerate() {
            // A nanosecond less is no gap.
            if *share + 1e-9 < settings.least_coverage {
                values[row * columns.len()..(row + 1) * columns.len()].fill(f64::NAN);
            }
        }
        let (group, columns) = (group.to_string(), columns.clone());
        let start = UtcTime(first * settings.every);
        let one = Series { group, start, step: settings.every, columns, values };
        series.insert(occurring(&groups, &one.group), one);
    }
    for occurrence in occurrences {
        let row = occurrence.time.0.div_euclid(settings.every) - first;
        let row = usize::try_from(row).ok().filter(|&row| row < rows);
        let place = kinds.binary_search(&occurrence.kind.as_str()).ok();
        let own = series.get_mut(occurrence.group.as_str());
        if let (Some(row), Some(place), Some(series)) = (row, place, own) {
            series.values[row * kinds.len() + place] += 1.0;
        }
    }
    Ok(series.into_values().collect())
}

/// The name in `groups` itself, which outlives the series.
fn occurring<'a>(groups: &BTreeSet<&'a str>, name: &str) -> &'a str {
    groups.get(name).copied().unwrap_or_default()
}

/// Whether the watches of `station` are those of `group`: its name, or without the band.
fn is_of(group: &str, station: &str) -> bool {
    let rest = group.strip_prefix(station);
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && station.contains('.')))
}

/// Number of the first window since 1970, and of windows.
fn windows(
    occurrences: &[Occurrence],
    watches: Option<&[Watch]>,
    settings: &CountSettings,
) -> Result<(i64, usize)> {
    if settings.every <= 0 {
        return Err(Error::usage("windows must be longer than nothing"));
    }
    let extent = match watches {
        Some(watches) => watches
            .iter()
            .map(|watch| watch.span)
            .reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) })
            .ok_or_else(|| Error::data("nothing is covered: the coverage has no rows"))?,
        None => {
            let times = || occurrences.iter().map(|o| o.time);
            let (Some(start), Some(last)) = (times().min(), times().max()) else {
                return Err(Error::data("there are no rows to count, and no coverage"));
            };
            Span { start, end: last.plus(1) }
        }
    };
    let start = extent.start.0.div_euclid(settings.every);
    let end = extent.end.0.saturating_sub(1).div_euclid(settings.every).saturating_add(1);
    // Of windows that reach over the ends of the span asked for, a part would be missing.
    let from = settings.span.start.0.saturating_sub(1).div_euclid(settings.every) + 1;
    let to = settings.span.end.0.div_euclid(settings.every);
    let (first, end) = (start.max(from), end.min(to));
    match end.saturating_sub(first) {
        ..=0 => Err(Error::data("no window lies within the time asked for")),
        rows if rows > MOST_ROWS => Err(Error::data(format!(
            "{rows} windows from {} to {}; at most {MOST_ROWS}. Is a time wrong?",
            extent.start, extent.end
        ))),
        rows => Ok((first, rows as usize)),
    }
}

/// Stretches of each station in order, none of them overlapping.
fn by_station(watches: &[Watch]) -> BTreeMap<&str, Vec<Span>> {
    let mut stations: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for watch in watches {
        stations.entry(&watch.station).or_default().push(watch.span);
    }
    for spans in stations.values_mut() {
        spans.sort_by_key(|span| (span.start, span.end));
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans.drain(..) {
            match joined.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => joined.push(span),
            }
        }
        *spans = joined;
    }
    stations
}

struct Grid {
    first: i64,
    rows: usize,
    every: i64,
}

impl Grid {
    /// The share of each window that is watched, the mean over stations, `[T]`.
    fn shares<'a>(&self, stations: impl Iterator<Item = &'a [Span]>) -> Vec<f64> {
        let mut shares = vec![0.0; self.rows];
        let mut number = 0;
        for spans in stations {
            number += 1;
            for span in spans {
                let mut at = span.start.0.max(self.first.saturating_mul(self.every));
                while at < span.end.0 {
                    let window = at.div_euclid(self.every);
                    let end = ((window + 1).saturating_mul(self.every)).min(span.end.0);
                    let row = usize::try_from(window - self.first).ok();
                    let Some(share) = row.and_then(|row| shares.get_mut(row)) else { break };
                    *share += (end - at) as f64 / self.every as f64;
                    at = end;
                }
            }
        }
        shares.iter_mut().for_each(|share| *share /= f64::from(number.max(1)));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    const MINUTE: i64 = 60 * SECOND;

    fn at(seconds: i64, group: &str, kind: &str) -> Occurrence {
        let time = UtcTime(seconds * SECOND);
        Occurrence { time, group: group.into(), kind: kind.into() }
    }

    fn watch(station: &str, from: i64, to: i64) -> Watch {
        let span = Span { start: UtcTime(from * SECOND), end: UtcTime(to * SECOND) };
        Watch { station: station.into(), span }
    }

    fn settings() -> CountSettings {
        CountSettings { every: MINUTE, span: Span::ALL, least_coverage: 0.9 }
    }

    /// NaN as -1, so that it can be compared.
    fn shown(series: &Series) -> Vec<f64> {
        series.values.iter().map(|v| if v.is_nan() { -1.0 } else { *v }).collect()
    }

    #[test]
    fn windows_without_coverage_are_missing_and_others_zero() {
        let picks = [at(125, "", ""), at(179, "", ""), at(180, "", ""), at(400, "", "")];
        // The third minute in two pieces; of the fourth 54 s, of the sixth 53 s, of the seventh none.
        let watches = [
            watch("A", 60, 150),
            watch("A", 145, 234),
            watch("A", 240, 300),
            watch("A", 307, 360),
            watch("A", 420, 480),
        ];
        let series = count(&picks, Some(&watches), &settings()).unwrap();
        assert_eq!((series.len(), series[0].start), (1, UtcTime(MINUTE)));
        assert_eq!(series[0].columns[0].name, "count");
        assert_eq!(shown(&series[0]), [0.0, 2.0, 1.0, 0.0, -1.0, -1.0, 0.0]);
        let without = count(&picks, None, &settings()).unwrap();
        assert_eq!(shown(&without[0]), [2.0, 1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn kinds_are_columns_groups_series_and_quiet_stations_are_there() {
        let picks = [at(10, "X.B..HH", "S"), at(70, "X.A.", "P"), at(80, "X.A.", "P")];
        let watches = [watch("X.A.", 0, 120), watch("X.B.", 0, 60), watch("X.C.", 60, 180)];
        let series = count(&picks, Some(&watches), &settings()).unwrap();
        let found: Vec<(&str, Vec<f64>)> =
            series.iter().map(|s| (s.group.as_str(), shown(s))).collect();
        let [a, b, c] = &found[..] else { panic!("{found:?}") };
        assert_eq!(*a, ("X.A.", vec![0.0, 0.0, 2.0, 0.0, -1.0, -1.0]));
        assert_eq!(*b, ("X.B..HH", vec![0.0, 1.0, -1.0, -1.0, -1.0, -1.0]));
        assert_eq!(*c, ("X.C.", vec![-1.0, -1.0, 0.0, 0.0, 0.0, 0.0]));
        assert_eq!(series[0].columns[1].name, "S");
    }

    #[test]
    fn together_the_share_of_all_stations_counts() {
        let picks = [at(10, "", ""), at(70, "", "")];
        let watches = [watch("A", 0, 120), watch("B", 0, 60)];
        let half = CountSettings { least_coverage: 0.5, ..settings() };
        assert_eq!(shown(&count(&picks, Some(&watches), &settings()).unwrap()[0]), [1.0, -1.0]);
        assert_eq!(shown(&count(&picks, Some(&watches), &half).unwrap()[0]), [1.0, 1.0]);
    }

    #[test]
    fn only_whole_windows_within_the_span_count_and_nonsense_is_refused() {
        let picks = [at(10, "", ""), at(70, "", ""), at(130, "", "")];
        let span = Span { start: UtcTime(1), end: UtcTime(179 * SECOND) };
        let within = CountSettings { span, ..settings() };
        let series = count(&picks, None, &within).unwrap();
        assert_eq!((shown(&series[0]), series[0].start), (vec![1.0], UtcTime(MINUTE)));
        let far = [at(0, "", ""), at(4_000_000_000, "", "")];
        let message = count(&far, None, &settings()).unwrap_err().to_string();
        assert!(message.contains("Is a time wrong?"), "{message}");
        assert!(count(&[], None, &settings()).is_err());
        assert!(count(&picks, Some(&[]), &settings()).is_err());
        let none = CountSettings { every: 0, ..settings() };
        assert!(count(&picks, None, &none).is_err());
        // Nothing noticed, but watched.
        let quiet = count(&[], Some(&[watch("A", 0, 120)]), &settings()).unwrap();
        assert_eq!(shown(&quiet[0]), [0.0, 0.0]);
    }
}
