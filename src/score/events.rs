//! Scores of event probabilities. `y` are outcomes (0 or 1), `p` probabilities, both `[N]`.

use super::levels::mean;
use super::quantile;

/// Probabilities are clipped to this distance from 0 and 1 in the log score.
const CLIP: f64 = 1e-4;

/// (p − y)², `[N]`; their mean is the Brier score.
pub fn brier(y: &[f64], p: &[f64]) -> Vec<f64> {
    y.iter().zip(p).map(|(y, p)| (p - y).powi(2)).collect()
}

/// −[y ln p + (1−y) ln(1−p)] with p clipped to 1e-4 … 1 − 1e-4, `[N]`.
pub fn log_scores(y: &[f64], p: &[f64]) -> Vec<f64> {
    let score = |y: f64, p: f64| {
        let p = p.clamp(CLIP, 1.0 - CLIP);
        -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
    };
    y.iter().zip(p).map(|(&y, &p)| score(y, p)).collect()
}

/// Area under the ROC curve by mid-ranks (Mann and Whitney 1947); `None` if a class is missing
/// or a probability is not a number.
pub fn roc_area(y: &[f64], p: &[f64]) -> Option<f64> {
    let order = order_of(p)?;
    let positives = y.iter().filter(|&&y| y > 0.5).count() as f64;
    let negatives = y.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut first = 0;
    for tie in order.chunk_by(|&a, &b| p[a] == p[b]) {
        let middle = first as f64 + 0.5 * (tie.len() as f64 - 1.0) + 1.0;
        rank_sum += middle * tie.iter().filter(|&&row| y[row] > 0.5).count() as f64;
        first += tie.len();
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// The receiver operating characteristic: false and true positive rate at every distinct
/// threshold, from (0, 0) to (1, 1); empty where [`roc_area`] is `None`.
pub fn roc_curve(y: &[f64], p: &[f64]) -> Vec<(f64, f64)> {
    let Some(mut order) = order_of(p) else { return Vec::new() };
    order.reverse();
    let positives = y.iter().filter(|&&y| y > 0.5).count() as f64;
    let negatives = y.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return Vec::new();
    }
    let (mut hits, mut alarms) = (0.0, 0.0);
    let mut curve = vec![(0.0, 0.0)];
    for tie in order.chunk_by(|&a, &b| p[a] == p[b]) {
        let found = tie.iter().filter(|&&row| y[row] > 0.5).count() as f64;
        hits += found;
        alarms += tie.len() as f64 - found;
        curve.push((alarms / negatives, hits / positives));
    }
    curve
}

/// Area under the precision–recall curve as average precision, Σ (R_k − R_{k−1}) P_k over the
/// distinct thresholds, without interpolation; `None` without positives.
pub fn average_precision(y: &[f64], p: &[f64]) -> Option<f64> {
    let mut order = order_of(p)?;
    order.reverse();
    let positives = y.iter().filter(|&&y| y > 0.5).count() as f64;
    if positives == 0.0 {
        return None;
    }
    let (mut hits, mut seen, mut area) = (0.0, 0.0, 0.0);
    for tie in order.chunk_by(|&a, &b| p[a] == p[b]) {
        let found = tie.iter().filter(|&&row| y[row] > 0.5).count() as f64;
        hits += found;
        seen += tie.len() as f64;
        area += found / positives * (hits / seen);
    }
    Some(area)
}

fn order_of(p: &[f64]) -> Option<Vec<usize>> {
    if p.iter().any(|p| p.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    Some(order)
}

/// The Brier score taken apart (Murphy 1973; within-bin terms of Stephenson et al. 2008):
/// `brier = reliability − resolution + uncertainty + within_variance − 2·within_covariance`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BrierParts {
    /// Mean (p − y)².
    pub brier: f64,
    /// Σ w_k (p_k − o_k)²; 0 is best.
    pub reliability: f64,
    /// Σ w_k (o_k − o)²; large is good.
    pub resolution: f64,
    /// o (1 − o), not the forecaster's doing.
    pub uncertainty: f64,
    /// Variance of p within bins.
    pub within_variance: f64,
    /// Covariance of p and y within bins.
    pub within_covariance: f64,
    /// Expected calibration error, Σ w_k |p_k − o_k|.
    pub calibration_error: f64,
}

/// One bin of the reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Mean probability in the bin.
    pub forecast: f64,
    /// Share of events in the bin.
    pub observed: f64,
    /// Samples in the bin.
    pub count: usize,
}

/// Edges of `bins` bins that hold equally many of `p` each (rare events crowd near 0), from 0
/// to 1. Ties make fewer bins.
pub fn equal_mass_edges(p: &[f64], bins: usize) -> Vec<f64> {
    let sorted = quantile::sorted_finite(p);
    let inner = (1..bins.max(1)).map(|k| quantile::of_sorted(&sorted, k as f64 / bins as f64));
    let mut edges: Vec<f64> = [0.0].into_iter().chain(inner).chain([1.0]).collect();
    edges.retain(|edge| edge.is_finite());
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges
}

/// Bins of the reliability diagram between rising `edges`: half open, the last closed, what
/// lies outside goes to the outermost bin; empty bins are left out.
pub fn reliability(y: &[f64], p: &[f64], edges: &[f64]) -> Vec<ReliabilityBin> {
    let members = bin_members(p, edges);
    let bin = |rows: &Vec<usize>| ReliabilityBin {
        forecast: mean(&rows.iter().map(|&row| p[row]).collect::<Vec<_>>()),
        observed: mean(&rows.iter().map(|&row| y[row]).collect::<Vec<_>>()),
        count: rows.len(),
    };
    members.iter().filter(|rows| !rows.is_empty()).map(bin).collect()
}

/// The decomposition between rising `edges` (bins as in [`reliability`]).
pub fn brier_parts(y: &[f64], p: &[f64], edges: &[f64]) -> BrierParts {
    let base = mean(y);
    let mut parts = BrierParts {
        brier: mean(&brier(y, p)),
        uncertainty: base * (1.0 - base),
        ..BrierParts::default()
    };
    for rows in bin_members(p, edges).iter().filter(|rows| !rows.is_empty()) {
        let weight = rows.len() as f64 / y.len() as f64;
        let of = |value: &dyn Fn(usize) -> f64| {
            rows.iter().map(|&row| value(row)).sum::<f64>() / rows.len() as f64
        };
        let (forecast, observed) = (of(&|row| p[row]), of(&|row| y[row]));
        parts.reliability += weight * (forecast - observed).powi(2);
        parts.resolution += weight * (observed - base).powi(2);
        parts.calibration_error += weight * (forecast - observed).abs();
        parts.within_variance += weight * of(&|row| (p[row] - forecast).powi(2));
        parts.within_covariance += weight * of(&|row| (p[row] - forecast) * (y[row] - observed));
    }
    parts
}

fn bin_members(p: &[f64], edges: &[f64]) -> Vec<Vec<usize>> {
    let bins = edges.len().saturating_sub(1).max(1);
    let mut members = vec![Vec::new(); bins];
    for (row, &p) in p.iter().enumerate() {
        let above = edges.partition_point(|&edge| edge <= p);
        members[above.saturating_sub(1).min(bins - 1)].push(row);
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn areas_of_small_cases_with_ties() {
        let y = [0.0, 1.0, 0.0, 1.0];
        assert_eq!(roc_area(&y, &[0.1, 0.9, 0.2, 0.8]), Some(1.0));
        assert_eq!(roc_area(&y, &[0.5; 4]), Some(0.5));
        assert_eq!(roc_area(&y, &[0.5, 0.5, 0.2, 0.8]), Some(0.875));
        assert_eq!(roc_area(&[1.0; 3], &[0.1, 0.2, 0.3]), None);
        assert_eq!(average_precision(&y, &[0.5; 4]), Some(0.5));
        assert_eq!(average_precision(&y, &[0.1, 0.9, 0.8, 0.7]), Some(0.5 + 0.5 * 2.0 / 3.0));
        assert_eq!(average_precision(&[0.0; 3], &[0.1, 0.2, 0.3]), None);
    }

    #[test]
    fn the_curve_ends_in_its_corners_and_holds_the_area() {
        let (y, p) = ([0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.2, 0.8]);
        let curve = roc_curve(&y, &p);
        assert_eq!(curve, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        let area: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * 0.5 * (w[0].1 + w[1].1)).sum();
        assert_eq!(Some(area), roc_area(&y, &p));
        assert!(roc_curve(&[1.0, 1.0], &[0.1, 0.2]).is_empty());
    }

    #[test]
    fn log_score_is_finite_for_certain_errors() {
        assert!((log_scores(&[1.0], &[0.0])[0] - -(1e-4f64.ln())).abs() < 1e-12);
    }

    #[test]
    fn bins_are_half_open_and_the_last_is_closed() {
        let bins = reliability(&[0.0, 1.0, 1.0], &[0.5, 0.49, 1.0], &[0.0, 0.5, 1.0]);
        assert_eq!((bins[0].count, bins[1].count), (1, 2));
        assert_eq!(bins[1].observed, 0.5);
    }

    #[test]
    fn equal_mass_bins_of_a_constant_are_still_bins() {
        assert_eq!(equal_mass_edges(&[0.2; 10], 5), [0.0, 0.2, 1.0]);
        assert_eq!(equal_mass_edges(&[], 5), [0.0, 1.0]);
    }

    proptest! {
        #[test]
        fn brier_decomposition_closes(
            pairs in prop::collection::vec((any::<bool>(), 0.0f64..=1.0), 1..200),
            bins in 1usize..15,
        ) {
            let (y, p): (Vec<f64>, Vec<f64>) =
                pairs.into_iter().map(|(y, p)| (f64::from(y), p)).unzip();
            let parts = brier_parts(&y, &p, &equal_mass_edges(&p, bins));
            let sum = parts.reliability - parts.resolution + parts.uncertainty
                + parts.within_variance - 2.0 * parts.within_covariance;
            prop_assert!((sum - parts.brier).abs() < 1e-12);
        }
    }
}
