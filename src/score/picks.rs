//! Picks against labels: which belong together, and the scores of that.
//!
//! Times are whole nanoseconds from any common origin; seconds appear in results only.

use super::bootstrap::{GroupBootstrap, Interval};
use super::quantile;

/// One pick: its time, ns, and how probable the picker finds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// Time of the peak, ns.
    pub time: i64,
    /// Value of the peak.
    pub probability: f64,
}

/// Labels and picks of one phase on one trace: a window, or a station.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PickTrace {
    /// Number of what is drawn as a whole in the bootstrap: the event, or the day.
    pub group: usize,
    /// Times of the labels, ns.
    pub labels: Vec<i64>,
    /// The picks.
    pub picks: Vec<Pick>,
}

impl PickTrace {
    /// The same with the picks whose probability is at least `threshold`.
    pub fn at_least(&self, threshold: f64) -> Self {
        let picks = self.picks.iter().copied().filter(|pick| pick.probability >= threshold);
        Self { group: self.group, labels: self.labels.clone(), picks: picks.collect() }
    }

    /// The same with the most probable pick alone, the earliest of several such.
    pub fn most_probable(&self) -> Self {
        let best = self.picks.iter().copied().reduce(|best, pick| {
            let later = (pick.probability, -pick.time) <= (best.probability, -best.time);
            if later { best } else { pick }
        });
        let picks = best.into_iter().collect();
        Self { group: self.group, labels: self.labels.clone(), picks }
    }
}

/// Pairs `(label, pick)` of positions in `labels` and `picks`, in order of the labels.
///
/// One to one, nearest first: of all pairs at most `tolerance` apart the nearest is taken, then
/// the nearest of what is left, and so on; among equally near pairs the one with the earlier
/// label, then the earlier pick.
pub fn match_picks(labels: &[i64], picks: &[i64], tolerance: i64) -> Vec<(usize, usize)> {
    let order = |times: &[i64]| {
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by_key(|&i| times[i]);
        order
    };
    let (label_order, pick_order) = (order(labels), order(picks));
    let mut near = Vec::new();
    let mut first = 0;
    for &label in &label_order {
        let time = labels[label];
        let too_early = |&pick: &usize| picks[pick] < time.saturating_sub(tolerance);
        first += pick_order[first..].iter().take_while(|pick| too_early(pick)).count();
        for &pick in &pick_order[first..] {
            if picks[pick] > time.saturating_add(tolerance) {
                break;
            }
            near.push((picks[pick].abs_diff(time), time, picks[pick], label, pick));
        }
    }
    near.sort_unstable();
    let (mut label_taken, mut pick_taken) = (vec![false; labels.len()], vec![false; picks.len()]);
    let mut pairs = Vec::new();
    for (_, _, _, label, pick) in near {
        if !label_taken[label] && !pick_taken[pick] {
            (label_taken[label], pick_taken[pick]) = (true, true);
            pairs.push((label, pick));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// How far apart a pick and a label may be, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerances {
    /// For a pick to count as right: precision, recall, F1.
    pub hit: i64,
    /// For its difference to count among the residuals: mean, sigma, MAE, median. Wider than
    /// `hit`, which would cut off the tails.
    pub residual: i64,
}

impl Tolerances {
    /// Both in seconds.
    pub fn seconds(hit: f64, residual: f64) -> Self {
        let nanoseconds = |seconds: f64| (seconds * 1e9).round() as i64;
        Self { hit: nanoseconds(hit), residual: nanoseconds(residual) }
    }
}

impl Default for Tolerances {
    /// 0.1 s and 0.5 s, as the field's papers have them.
    fn default() -> Self {
        Self::seconds(0.1, 0.5)
    }
}

/// A number with its 95 % interval over groups; NaN where it is not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its interval; NaN where there are fewer than two groups.
    pub interval: Interval,
}

/// Scores of the picks of one phase.
#[derive(Clone, Debug, PartialEq)]
pub struct PickScores {
    /// Labels.
    pub labels: usize,
    /// Picks.
    pub picks: usize,
    /// Pairs at most the hit tolerance apart.
    pub hits: usize,
    /// Share of the picks that are hits.
    pub precision: Estimate,
    /// Share of the labels that are hit.
    pub recall: Estimate,
    /// Harmonic mean of both: `2 hits / (labels + picks)`.
    pub f1: Estimate,
    /// Mean of pick − label over the residuals, s.
    pub mean: Estimate,
    /// Standard deviation of them (divided by n − 1), s.
    pub sigma: Estimate,
    /// Mean of their absolute values, s.
    pub mae: Estimate,
    /// Their median, s.
    pub median: Estimate,
    /// Pick − label of every pair at most the residual tolerance apart, s.
    pub residuals: Vec<f64>,
}

/// Scores of all picks given; `bootstrap` draws groups.
pub fn score_picks(
    traces: &[PickTrace],
    tolerances: Tolerances,
    bootstrap: &GroupBootstrap,
) -> PickScores {
    let counted: Vec<Counted> = traces.iter().map(|trace| Counted::of(trace, tolerances)).collect();
    let groups: Vec<usize> = traces.iter().map(|trace| trace.group).collect();
    let all: Vec<usize> = (0..traces.len()).collect();
    let several = groups.iter().any(|&group| group != groups[0]);
    let estimate = |statistic: &dyn Fn(&[usize]) -> f64| Estimate {
        value: statistic(&all),
        interval: match several {
            true => bootstrap.statistic(&groups, statistic),
            false => Interval { lower: f64::NAN, upper: f64::NAN },
        },
    };
    let rate = |of: fn(&Sums) -> f64| estimate(&|rows| of(&Sums::of(&counted, rows)));
    let moment = |of: fn(&[f64]) -> f64| estimate(&|rows| of(&pooled(&counted, rows)));
    let sums = Sums::of(&counted, &all);
    PickScores {
        labels: sums.labels as usize,
        picks: sums.picks as usize,
        hits: sums.hits as usize,
        precision: rate(Sums::precision),
        recall: rate(Sums::recall),
        f1: rate(Sums::f1),
        mean: moment(mean),
        sigma: moment(sigma),
        mae: moment(mean_of_absolutes),
        median: moment(quantile::median),
        residuals: pooled(&counted, &all),
    }
}

/// Precision, recall and F1 at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ThresholdPoint {
    /// Least probability of a pick.
    pub threshold: f64,
    /// Picks there are then.
    pub picks: usize,
    /// Those that are hits.
    pub hits: usize,
    /// Share of the picks that are hits, NaN without picks.
    pub precision: f64,
    /// Share of the labels that are hit, NaN without labels.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// The scores at each of `thresholds` of the traces that `traces_at` gives for it: a picker's
/// peaks depend on its threshold. Where they do not, filter by [`PickTrace::at_least`].
pub fn threshold_curve(
    thresholds: &[f64],
    tolerances: Tolerances,
    mut traces_at: impl FnMut(f64) -> Vec<PickTrace>,
) -> Vec<ThresholdPoint> {
    let mut point = |&threshold: &f64| {
        let counted: Vec<Counted> =
            traces_at(threshold).iter().map(|trace| Counted::of(trace, tolerances)).collect();
        let sums = Sums::of(&counted, &(0..counted.len()).collect::<Vec<_>>());
        let (precision, recall, f1) = (sums.precision(), sums.recall(), sums.f1());
        let (picks, hits) = (sums.picks as usize, sums.hits as usize);
        ThresholdPoint { threshold, picks, hits, precision, recall, f1 }
    };
    thresholds.iter().map(&mut point).collect()
}

/// What one trace adds to the scores.
struct Counted {
    labels: usize,
    picks: usize,
    hits: usize,
    residuals: Vec<f64>,
}

impl Counted {
    fn of(trace: &PickTrace, tolerances: Tolerances) -> Self {
        let times: Vec<i64> = trace.picks.iter().map(|pick| pick.time).collect();
        let pairs = |tolerance| match_picks(&trace.labels, &times, tolerance);
        let residual =
            |(label, pick): (usize, usize)| (times[pick] - trace.labels[label]) as f64 * 1e-9;
        Self {
            labels: trace.labels.len(),
            picks: times.len(),
            hits: pairs(tolerances.hit).len(),
            residuals: pairs(tolerances.residual).into_iter().map(residual).collect(),
        }
    }
}

/// Counts of drawn traces.
struct Sums {
    labels: f64,
    picks: f64,
    hits: f64,
}

impl Sums {
    fn of(counted: &[Counted], rows: &[usize]) -> Self {
        let sum = |of: fn(&Counted) -> usize| {
            rows.iter().map(|&row| of(&counted[row])).sum::<usize>() as f64
        };
        Self { labels: sum(|c| c.labels), picks: sum(|c| c.picks), hits: sum(|c| c.hits) }
    }

    fn precision(&self) -> f64 {
        self.hits / self.picks
    }

    fn recall(&self) -> f64 {
        self.hits / self.labels
    }

    fn f1(&self) -> f64 {
        2.0 * self.hits / (self.labels + self.picks)
    }
}

fn pooled(counted: &[Counted], rows: &[usize]) -> Vec<f64> {
    rows.iter().flat_map(|&row| counted[row].residuals.iter().copied()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sigma(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    if values.len() < 2 { f64::NAN } else { (squares / (values.len() - 1) as f64).sqrt() }
}

fn mean_of_absolutes(values: &[f64]) -> f64 {
    values.iter().map(|x| x.abs()).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn pick(seconds: f64, probability: f64) -> Pick {
        Pick { time: (seconds * 1e9).round() as i64, probability }
    }

    #[test]
    fn nearest_pairs_go_first_and_nothing_is_used_twice() {
        // The second pick is nearest to both labels and goes to the nearer one.
        assert_eq!(match_picks(&[0, 10], &[-8, 6], 10), [(0, 0), (1, 1)]);
        assert_eq!(match_picks(&[0, 10], &[6], 10), [(1, 0)]);
        // Equally near: the earlier label, then the earlier pick.
        assert_eq!(match_picks(&[10, 0], &[5], 5), [(1, 0)]);
        assert_eq!(match_picks(&[5], &[10, 0], 5), [(0, 1)]);
        // The tolerance belongs to it.
        assert_eq!(match_picks(&[0], &[11], 10), []);
        assert_eq!(match_picks(&[0], &[10], 10), [(0, 0)]);
        assert_eq!(match_picks(&[], &[1], 10), []);
        let far = [i64::MIN, i64::MAX];
        assert_eq!(match_picks(&far, &far, i64::MAX).len(), 2);
    }

    #[test]
    fn matching_equals_the_greedy_rule_written_out() {
        use rand::{RngExt, SeedableRng};
        let mut rng = crate::data::Rng::seed_from_u64(3);
        for _ in 0..300 {
            let mut times =
                |n: usize| -> Vec<i64> { (0..n).map(|_| rng.random_range(0..40i64)).collect() };
            let (labels, picks) = (times(7), times(9));
            let mut pairs: Vec<(u64, i64, i64, usize, usize)> = Vec::new();
            for (l, &label) in labels.iter().enumerate() {
                for (p, &pick) in picks.iter().enumerate() {
                    pairs.push((pick.abs_diff(label), label, pick, l, p));
                }
            }
            pairs.sort_unstable();
            let mut expected: Vec<(usize, usize)> = Vec::new();
            for (_, _, _, l, p) in pairs.into_iter().filter(|pair| pair.0 <= 5) {
                if expected.iter().all(|&(a, b)| a != l && b != p) {
                    expected.push((l, p));
                }
            }
            expected.sort_unstable();
            assert_eq!(match_picks(&labels, &picks, 5), expected);
        }
    }

    #[test]
    fn scores_of_a_small_case_are_those_by_hand() {
        let traces = [
            PickTrace {
                group: 0,
                labels: vec![10 * SECOND],
                picks: vec![pick(10.05, 0.9), pick(20.0, 0.4)],
            },
            PickTrace { group: 1, labels: vec![5 * SECOND], picks: vec![pick(4.7, 0.5)] },
            PickTrace { group: 2, labels: vec![], picks: vec![] },
        ];
        let scores = score_picks(&traces, Tolerances::default(), &GroupBootstrap::default());
        assert_eq!((scores.labels, scores.picks, scores.hits), (2, 3, 1));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} against {b}");
        near(scores.precision.value, 1.0 / 3.0);
        near(scores.recall.value, 0.5);
        near(scores.f1.value, 0.4);
        near(scores.mean.value, -0.125);
        near(scores.median.value, -0.125);
        near(scores.mae.value, 0.175);
        near(scores.sigma.value, 0.35 / 2f64.sqrt());
        assert!(scores.recall.interval.lower < 0.5 && scores.recall.interval.upper > 0.5);

        let curve = threshold_curve(&[0.3, 0.45, 0.95], Tolerances::default(), |threshold| {
            traces.iter().map(|trace| trace.at_least(threshold)).collect()
        });
        let picks: Vec<usize> = curve.iter().map(|point| point.picks).collect();
        assert_eq!(picks, [3, 2, 0]);
        near(curve[1].precision, 0.5);
        assert!(curve[2].precision.is_nan() && curve[2].recall == 0.0 && curve[2].f1 == 0.0);
        assert_eq!(traces[0].most_probable().picks, [pick(10.05, 0.9)]);
    }

    #[test]
    fn one_group_has_no_interval_and_no_traces_no_scores() {
        let trace = PickTrace { group: 4, labels: vec![0], picks: vec![pick(0.01, 1.0)] };
        let scores =
            score_picks(&[trace.clone(), trace], Tolerances::default(), &Default::default());
        assert_eq!(scores.recall.value, 1.0);
        assert!(scores.recall.interval.lower.is_nan());
        let none = score_picks(&[], Tolerances::default(), &Default::default());
        assert!(none.f1.value.is_nan() && none.residuals.is_empty());
    }
}
