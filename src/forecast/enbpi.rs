//! The narrowest interval over recent residuals, as in EnbPI (Xu and Xie 2021).
//!
//! The original takes residuals that no model of a bootstrap ensemble was trained on. Here the
//! ensemble is the forecaster's own and those residuals are of rows after its training.

use super::conformal::Scores;
use crate::score::quantile;

/// Places of the lower end that are tried.
const TRIED: usize = 20;

/// Lower and upper ends, to be added to the point, of intervals that miss a share `miss`, from
/// issue number `from` on (NaN before), `[N]`. `residuals` are signed. The last `window` known ones
/// count; they are looked at anew once `every` more are known.
pub fn ends(
    residuals: &Scores<'_>,
    (window, every): (usize, usize),
    miss: f64,
    from: usize,
) -> Vec<(f64, f64)> {
    let mut ends = vec![(f64::NAN, f64::NAN); residuals.issues.len()];
    let mut current: Option<(usize, (f64, f64))> = None;
    for (n, place) in ends.iter_mut().enumerate().skip(from) {
        let known = residuals.known_at(n);
        if current.is_none_or(|(of, _)| known >= of + every.max(1)) {
            let finite = residuals.scores[..known].iter().rev().copied().filter(|r| r.is_finite());
            let recent = quantile::sorted_finite(&finite.take(window).collect::<Vec<_>>());
            current = Some((known, narrowest(&recent, miss)));
        }
        *place = current.map_or((f64::NAN, f64::NAN), |(_, found)| found);
    }
    ends
}

/// Of all intervals from the quantile b to the quantile 1 - `miss` + b the narrowest, b in
/// 0..=`miss`.
fn narrowest(sorted: &[f64], miss: f64) -> (f64, f64) {
    let candidates = (0..=TRIED).map(|k| {
        let below = miss * k as f64 / TRIED as f64;
        (quantile::of_sorted(sorted, below), quantile::of_sorted(sorted, 1.0 - miss + below))
    });
    candidates.min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0))).unwrap_or((f64::NAN, f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_lies_where_residuals_crowd() {
        // Half of [0, 4, 5, 6, 10]: 0..5 is 5 wide, 4..6 is 2 wide, 5..10 is 5 wide.
        assert_eq!(narrowest(&[0.0, 4.0, 5.0, 6.0, 10.0], 0.5), (4.0, 6.0));
        // Of a skewed sample the ends are not those of equal tails.
        let skewed: Vec<f64> = (0..=100).map(|k| f64::from(k * k)).collect();
        assert_eq!(narrowest(&skewed, 0.1), (0.0, 8100.0));
    }

    #[test]
    fn residuals_count_once_known_and_are_renewed_by_the_batch() {
        let issues: Vec<usize> = (0..60).collect();
        let mut residuals = vec![1.0; 60];
        residuals[30..].fill(5.0);
        let view = Scores { issues: &issues, scores: &residuals, horizon: 3 };
        let ends = ends(&view, (10, 4), 0.2, 20);
        assert!(ends[19].0.is_nan());
        // Issue 20 knows 18 outcomes, 24 knows 22 …; the first fives are known from 33 on and
        // looked at from 36 on.
        assert_eq!(ends[35], (1.0, 1.0));
        assert_eq!(ends[36].1, 5.0);
        assert_eq!(ends[59], (5.0, 5.0));
    }
}
