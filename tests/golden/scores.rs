//! Scores of one made-up sample against values computed with NumPy (1e-12: the same sums).

use temblor::score::{average_precision, brier_parts, crps, mean, mean_pinball, roc_area, winkler};

fn close(ours: f64, peer: f64) {
    assert!((ours - peer).abs() < 1e-12, "{ours}, {peer}");
}

#[test]
fn golden_event_scores_match_numpy() {
    let p: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 101) / 100.0).collect();
    let chance = |i: i32| f64::from((i * 53) % 97) / 97.0;
    let y: Vec<f64> = (0..200).map(|i| f64::from(chance(i) < p[i as usize] * 0.8)).collect();
    let parts = brier_parts(&y, &p, &[0.0, 0.1, 0.25, 0.5, 0.8, 1.0]);
    close(parts.brier, 0.2212375);
    close(parts.reliability, 0.026251504669664465);
    close(parts.resolution, 0.044652447250086484);
    close(parts.uncertainty, 0.240975);
    close(parts.within_variance, 0.004628852473192667);
    close(parts.within_covariance, 0.0029827049463853335);
    close(parts.calibration_error, 0.12644999999999998);
    close(roc_area(&y, &p).unwrap(), 0.7342047930283224);
    close(average_precision(&y, &p).unwrap(), 0.6291394025904908);
}

#[test]
fn golden_level_scores_match_numpy() {
    let levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
    let y: Vec<f64> =
        (0..200).map(|i| (f64::from(i) * 0.7).sin() + f64::from(i % 13) / 10.0).collect();
    let row = |i: i32| levels.map(|level| (f64::from(i) * 0.3).cos() + level * 2.0 - 0.5);
    let quantiles: Vec<f64> = (0..200).flat_map(row).collect();
    let at =
        |level: usize| -> Vec<f64> { quantiles.iter().skip(level).step_by(7).copied().collect() };
    close(mean(&mean_pinball(&y, &quantiles, &levels)), 0.27630836675208265);
    close(mean(&crps(&y, &quantiles, &levels)), 0.628858435526312);
    close(mean(&winkler(&y, &at(0), &at(6), 0.1)), 6.6219621102081305);
}
