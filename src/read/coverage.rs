//! Which segment supplies which samples: every instant once.
//!
//! Where segments of a channel overlap, the better quality wins (M, Q, D, R), then the earlier
//! start, then the order of files and of blocks within a file. The loser is cut to the nearest
//! sample, so that what remains continues the winner within half a sample.

use std::collections::BTreeMap;
use std::ops::Range;

use super::scan::{Segment, within_half_a_sample};
use crate::time::{Span, UtcTime};

/// A segment and the file it lies in.
pub(super) struct Placed {
    pub file: usize,
    pub segment: Segment,
}

/// Samples `range` of a segment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Take {
    pub segment: usize,
    pub range: Range<u64>,
}

/// The takes of a channel in time order, and what it took to find them.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub takes: Vec<Take>,
    pub gaps: u64,
    pub overlaps: u64,
    pub duplicates: u64,
}

/// Smaller is better.
fn quality_rank(quality: Option<char>) -> u8 {
    match quality {
        Some('M') => 0,
        Some('Q') => 1,
        Some('D') => 2,
        Some('R') => 3,
        _ => 4,
    }
}

/// Resolves overlaps among the segments of one channel.
pub(super) fn resolve(segments: &[Placed]) -> Resolved {
    let mut order: Vec<usize> = (0..segments.len()).collect();
    order.sort_by_key(|&i| {
        let Placed { file, segment } = &segments[i];
        (quality_rank(segment.quality), segment.start, *file, segment.first_offset)
    });
    let mut resolved = Resolved::default();
    // Start to end of what is covered; disjoint.
    let mut covered: BTreeMap<UtcTime, UtcTime> = BTreeMap::new();
    for i in order {
        let segment = &segments[i].segment;
        let mut kept = 0;
        for free in free_parts(&covered, segment.start, segment.end()) {
            let range = samples_between(segment, free.start, free.end);
            covered.insert(free.start, free.end);
            if !range.is_empty() {
                kept += range.end - range.start;
                resolved.takes.push(Take { segment: i, range });
            }
        }
        match kept {
            0 => resolved.duplicates += 1,
            kept if kept < segment.samples => resolved.overlaps += 1,
            _ => {}
        }
    }
    let start = |take: &Take| time_of(&segments[take.segment].segment, take.range.start);
    resolved.takes.sort_by_key(start);
    resolved.gaps = resolved
        .takes
        .windows(2)
        .filter(|pair| {
            let before = &segments[pair[0].segment].segment;
            let end = time_of(before, pair[0].range.end);
            let next = start(&pair[1]);
            next > end && before.rate.is_some_and(|rate| !within_half_a_sample(end, next, rate))
        })
        .count() as u64;
    resolved
}

/// The parts of `start..end` that are not covered yet.
fn free_parts(covered: &BTreeMap<UtcTime, UtcTime>, start: UtcTime, end: UtcTime) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut at = start;
    let before = covered.range(..=start).next_back();
    let inside = covered.range(start..end);
    for (&from, &to) in before.into_iter().chain(inside) {
        if from > at {
            parts.push(Span { start: at, end: from.min(end) });
        }
        at = at.max(to);
    }
    if at < end {
        parts.push(Span { start: at, end });
    }
    parts
}

fn time_of(segment: &Segment, index: u64) -> UtcTime {
    segment.rate.map_or(segment.start, |rate| segment.start.plus(rate.offset(index)))
}

/// The samples nearest to `start` (inclusive) and `end` (exclusive).
fn samples_between(segment: &Segment, start: UtcTime, end: UtcTime) -> Range<u64> {
    let Some(rate) = segment.rate else { return 0..0 };
    let nearest = |time: UtcTime| {
        let after = time.0.saturating_sub(segment.start.0);
        u64::try_from(rate.nearest_index(after)).unwrap_or(0).min(segment.samples)
    };
    nearest(start)..nearest(end)
}

/// The samples of a take that lie within `span`.
pub(super) fn within(segment: &Segment, take: &Take, span: Span) -> Range<u64> {
    // The first sample at or after an instant: exact, where `nearest_index` may be one off.
    let first_from = |time: UtcTime| {
        if time <= segment.start {
            return 0;
        }
        let near = samples_between(segment, time, time).start;
        let near = near.saturating_sub(1);
        (near..=near + 2).find(|&i| time_of(segment, i) >= time).unwrap_or(near + 2)
    };
    let start = take.range.start.max(first_from(span.start));
    let end = take.range.end.min(first_from(span.end));
    start..end.max(start)
}
