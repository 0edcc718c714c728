//! Where a channel has data, and where it has none.

use crate::time::{DAY, SampleRate, Span, UtcTime};

/// The stretches of time that a channel of an archive covers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Presence {
    /// Contiguous stretches in time order, all files together; breaks of up to half a sample are
    /// none.
    pub stretches: Vec<Span>,
    /// Segments of which a part is covered by others.
    pub overlaps: u64,
    /// Segments that are covered by others altogether.
    pub duplicates: u64,
    /// The rates in the order of their first use.
    pub rates: Vec<SampleRate>,
}

/// A part of the time: how much of it a channel covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The part, of whole days, or cut at the ends of what is asked for.
    pub span: Span,
    /// Between 0 and 1.
    pub present: f64,
    /// Gaps that touch the part.
    pub gaps: u64,
}

fn length(span: &Span) -> i64 {
    span.end.0.saturating_sub(span.start.0)
}

fn common(a: &Span, b: &Span) -> i64 {
    a.end.min(b.end).0.saturating_sub(a.start.max(b.start).0).max(0)
}

impl Presence {
    /// From the first sample to behind the last; `None` without samples.
    pub fn extent(&self) -> Option<Span> {
        Some(Span { start: self.stretches.first()?.start, end: self.stretches.last()?.end })
    }

    /// The gaps between the stretches, in time order.
    pub fn gaps(&self) -> impl Iterator<Item = Span> + use<'_> {
        self.stretches.windows(2).map(|pair| Span { start: pair[0].end, end: pair[1].start })
    }

    /// The longest gap.
    pub fn longest_gap(&self) -> Option<Span> {
        self.gaps().max_by_key(length)
    }

    /// Nanoseconds covered.
    pub fn covered(&self) -> i64 {
        self.stretches.iter().map(length).fold(0, i64::saturating_add)
    }

    /// Nanoseconds between samples, at the lowest rate.
    fn sample(&self) -> i64 {
        self.rates.iter().map(|rate| rate.period()).max().unwrap_or(0)
    }

    /// How much of `span` is covered. Samples need not fall on its ends: less than the time of one
    /// there is no gap.
    pub fn share(&self, span: Span) -> Share {
        let first = self.stretches.partition_point(|stretch| stretch.end <= span.start);
        let inside = self.stretches[first..].iter().take_while(|s| s.start < span.end);
        let (mut covered, mut gaps, mut at) = (0i64, 0, span.start);
        for stretch in inside {
            covered = covered.saturating_add(common(stretch, &span));
            let none = if at == span.start { self.sample() } else { 0 };
            gaps += u64::from(stretch.start > at && stretch.start.plus(-none) >= at);
            at = stretch.end;
        }
        gaps += u64::from(at < span.end && at.plus(self.sample()) <= span.end);
        Share { span, present: covered as f64 / length(&span).max(1) as f64, gaps }
    }

    /// The share of each day (UTC) that the channel's extent touches, by a sample or more.
    pub fn days(&self) -> impl Iterator<Item = Share> + use<'_> {
        let extent = self.extent();
        let first = extent.map_or(UtcTime(0), |extent| extent.start.day_start());
        let end = extent.map_or(first, |extent| extent.end);
        let sample = self.sample();
        let days = std::iter::successors(Some(first), |day| {
            (day.0 < i64::MAX - DAY).then(|| day.plus(DAY))
        });
        days.take_while(move |day| *day < end && (*day == first || day.plus(sample) <= end))
            .map(|day| self.share(Span { start: day, end: day.plus(DAY) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn days_are_shared_out_and_gaps_counted() {
        let hour = 3600 * SECOND;
        let span =
            |from: i64, to: i64| Span { start: UtcTime(from * hour), end: UtcTime(to * hour) };
        let presence = Presence {
            stretches: vec![span(12, 18), span(20, 25), span(60, 72)],
            ..Presence::default()
        };
        assert_eq!(presence.longest_gap(), Some(span(25, 60)));
        assert_eq!(presence.covered(), 23 * hour);
        let days: Vec<(f64, u64)> = presence.days().map(|s| (24.0 * s.present, s.gaps)).collect();
        let expected = [(10.0, 2), (1.0, 1), (12.0, 1)];
        for (found, expected) in days.iter().zip(expected) {
            assert!((found.0 - expected.0).abs() < 1e-9 && found.1 == expected.1, "{days:?}");
        }
        assert_eq!(days.len(), 3);
        assert_eq!(Presence::default().days().count(), 0);
        // A day whose samples lie beside midnight, not on it.
        let beside = |hours: i64| UtcTime(hours * hour + SECOND / 50);
        let shifted = Presence {
            stretches: vec![Span { start: beside(0), end: beside(48) }],
            rates: vec![SampleRate::from_ratio(40, 1).unwrap()],
            ..Presence::default()
        };
        assert_eq!(shifted.days().map(|day| day.gaps).collect::<Vec<_>>(), [0, 0]);
    }
}
