//! Sets of time: sorted spans that do not touch.

use crate::time::{Span, UtcTime};

/// Nanoseconds of a span.
fn length(span: &Span) -> i64 {
    span.end.0.saturating_sub(span.start.0).max(0)
}

/// Nanoseconds of a set.
pub(super) fn total(set: &[Span]) -> i64 {
    set.iter().map(length).fold(0, i64::saturating_add)
}

/// All instants of any of the spans; what is at most `bridge` apart becomes one.
pub(super) fn union(spans: impl IntoIterator<Item = Span>, bridge: i64) -> Vec<Span> {
    let mut all: Vec<Span> = spans.into_iter().filter(|span| span.start < span.end).collect();
    all.sort_by_key(|span| (span.start, span.end));
    let mut joined: Vec<Span> = Vec::new();
    for span in all {
        match joined.last_mut() {
            Some(last) if span.start <= last.end.plus(bridge) => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// The instants of both sets.
pub(super) fn intersection(a: &[Span], b: &[Span]) -> Vec<Span> {
    let (mut i, mut j) = (0, 0);
    let mut common = Vec::new();
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let span = Span { start: x.start.max(y.start), end: x.end.min(y.end) };
        if span.start < span.end {
            common.push(span);
        }
        if x.end < y.end { i += 1 } else { j += 1 }
    }
    common
}

/// The part of a set within a span.
pub(super) fn within(set: &[Span], span: Span) -> Vec<Span> {
    let first = set.partition_point(|s| s.end <= span.start);
    let inside = set[first..].iter().take_while(|s| s.start < span.end);
    inside.map(|s| Span { start: s.start.max(span.start), end: s.end.min(span.end) }).collect()
}

/// The days (UTC) that a set touches, as their midnights.
pub(super) fn days(set: &[Span]) -> Vec<UtcTime> {
    let mut days: Vec<UtcTime> = Vec::new();
    for span in set {
        let mut day = span.start.day_start();
        while day < span.end {
            if days.last() < Some(&day) {
                days.push(day);
            }
            let next = day.plus(crate::time::DAY);
            if next <= day {
                break;
            }
            day = next;
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY;

    fn span(start: i64, end: i64) -> Span {
        Span { start: UtcTime(start), end: UtcTime(end) }
    }

    #[test]
    fn sets_of_time() {
        let set = union([span(20, 30), span(0, 10), span(12, 15), span(5, 5)], 2);
        assert_eq!(set, [span(0, 15), span(20, 30)]);
        assert_eq!(total(&set), 25);
        assert_eq!(
            intersection(&set, &[span(8, 22), span(29, 40)]),
            [span(8, 15), span(20, 22), span(29, 30)]
        );
        assert_eq!(within(&set, span(14, 21)), [span(14, 15), span(20, 21)]);
        assert_eq!(
            days(&[span(5, 6), span(7, 2 * DAY), span(2 * DAY, 2 * DAY + 1)]),
            [UtcTime(0), UtcTime(DAY), UtcTime(2 * DAY)]
        );
    }
}
