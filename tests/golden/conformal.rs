//! Conformal half widths and adaptive levels on stored forecasts against NumPy (1e-9: the same
//! order statistics of the same numbers).

use std::fs::File;
use std::io::BufReader;

use npyz::npz::NpzArchive;
use temblor::forecast::conformal::{Adaptive, Scores};
use temblor::score::{covered, mean, quantile, worst_running_share};

use crate::shared;

const MISS: f64 = 0.1;
const WINDOW: usize = 250;
const WARM: usize = 100;

fn array(archive: &mut NpzArchive<BufReader<File>>, name: &str) -> Vec<f64> {
    archive.by_name(name).unwrap().unwrap().into_vec::<f64>().unwrap()
}

fn worst(ours: &[f64], peer: &[f64]) -> f64 {
    assert_eq!(ours.len(), peer.len());
    let off = |(a, b): (&f64, &f64)| match (a.is_nan(), b.is_nan()) {
        (true, true) => 0.0,
        _ if a == b => 0.0,
        _ => (a - b).abs(),
    };
    let offs: Vec<f64> = ours.iter().zip(peer).map(off).collect();
    assert!(offs.iter().all(|off| off.is_finite()));
    offs.into_iter().fold(0.0, f64::max)
}

#[test]
fn golden_conformal_widths_match_numpy() {
    let Some(path) = shared::path("golden/series/conformal/conformal_golden.npz") else { return };
    let Some(table) = shared::path("golden/series/conformal/conformal_scores.csv") else { return };
    let table = std::fs::read_to_string(table).unwrap();
    let mut archive = NpzArchive::open(path).unwrap();
    for horizon in [1, 7, 30] {
        let mut get = |name: &str| array(&mut archive, &format!("h{horizon}_{name}"));
        let (y, point) = (get("y"), get("pred"));
        let days = get_days(horizon);
        let scores: Vec<f64> = y.iter().zip(&point).map(|(y, p)| (y - p).abs()).collect();
        let view = Scores { issues: &days, scores: &scores, horizon };
        let adaptive = |rate: f64, bounds: Option<(f64, f64)>| {
            view.adaptive(&Adaptive { window: WINDOW, miss: MISS, rate, bounds }, WARM)
        };
        let fixed = quantile::conformal(&quantile::sorted_finite(&scores[..WARM]), 1.0 - MISS);
        let mut split = vec![f64::NAN; y.len()];
        split[WARM..].fill(fixed);
        let (slow, slow_level) = adaptive(0.01, None);
        let (fast, fast_level) = adaptive(0.05, None);
        let (bounded, _) = adaptive(0.05, Some((0.01, 0.5)));
        let rolling = view.rolling(WINDOW, MISS, WARM);
        assert!(worst(&slow_level, &get("alpha_g0.01")) < 1e-9);
        assert!(worst(&fast_level, &get("alpha_g0.05")) < 1e-9);
        for (name, widths) in [
            ("split_fixed", split),
            ("rolling", rolling),
            ("aci_g0.01", slow),
            ("aci_g0.05", fast),
            ("aci_g0.05_clipped", bounded),
        ] {
            let off = worst(&widths, &get(name));
            assert!(off < 1e-9, "h = {horizon} {name}: {off}");
            check_scores(&table, horizon, name, &scores[WARM..], &widths[WARM..]);
        }
    }
}

/// The days are stored as 32-bit integers.
fn get_days(horizon: usize) -> Vec<usize> {
    let path = shared::path("golden/series/conformal/conformal_golden.npz").unwrap();
    let mut archive = NpzArchive::open(path).unwrap();
    let days = archive.by_name(&format!("h{horizon}_issue_day")).unwrap().unwrap();
    days.into_vec::<i32>().unwrap().into_iter().map(|day| day as usize).collect()
}

fn check_scores(table: &str, horizon: usize, name: &str, scores: &[f64], widths: &[f64]) {
    let wanted = format!("{horizon},{name},");
    let line = table.lines().find(|line| line.starts_with(&wanted)).unwrap();
    let peer: Vec<f64> = line.split(',').skip(2).map(|cell| cell.parse().unwrap()).collect();
    let inside = covered(scores, &vec![0.0; scores.len()], widths);
    let finite: Vec<f64> = widths.iter().copied().filter(|width| width.is_finite()).collect();
    let ours = [
        scores.len() as f64,
        mean(&inside),
        2.0 * mean(&finite),
        (widths.len() - finite.len()) as f64,
        worst_running_share(&inside, 90).unwrap(),
    ];
    for (ours, peer) in ours.iter().zip(&peer) {
        assert!((ours - peer).abs() < 6e-6, "{name} {horizon}: {ours}, {peer}");
    }
}
