//! The classical pickers on labelled windows against ObsPy's (`golden/pick_windows`): number,
//! median and mean of the absolute residuals, shares within 0.1 and 0.5 s.

use serde_json::Value;
use temblor::read::IndexTable;
use temblor::read::array::read_array;
use temblor::score::quantile;
use temblor::signal::{ArPicker, OnsetPicker};
use temblor::time::SampleRate;

use crate::shared;

/// Absolute residuals of the four pickers, s.
#[derive(Default)]
struct Residuals([Vec<f64>; 4]);

const PICKERS: [&str; 4] = ["sta_lta", "sta_lta_aic", "ar_p", "ar_s"];

fn residuals(set: &str) -> Option<Residuals> {
    let folder = shared::path(&format!("data/waveforms/{set}"))?;
    let array = read_array(&folder.join("windows.npz"), Some("data")).unwrap();
    let samples = array.shape[2];
    let index = IndexTable::read(&folder.join("index.csv")).unwrap();
    let (p, s) = (index.column("p_sample").unwrap(), index.column("s_sample").unwrap());
    let rate = SampleRate::from_hz(100.0).unwrap();
    let mut residuals = Residuals::default();
    for row in 0..index.rows.len() {
        let Ok(p) = index.number::<f64>(row, p) else { continue };
        let component = |number: usize| -> Vec<f64> {
            let from = (row * 3 + number) * samples;
            array.values[from..][..samples].iter().map(|&x| f64::from(x)).collect()
        };
        let [first, second, vertical] = [0, 1, 2].map(component);
        let onset = OnsetPicker::default().pick(&vertical, rate).unwrap().unwrap();
        let mut add = |picker: usize, sample: f64, label: f64| {
            residuals.0[picker].push((sample - label).abs() / 100.0);
        };
        add(0, onset.trigger as f64, p);
        add(1, onset.refined as f64, p);
        if [&first, &second, &vertical].iter().all(|c| c.iter().any(|&x| x != 0.0)) {
            let onsets = ArPicker::default().pick(&vertical, [&first, &second], rate).unwrap();
            // ObsPy gives seconds as single numbers: of a residual of exactly 0.1 s their last
            // digit decides.
            let single =
                |sample: Option<usize>| f64::from(sample.unwrap_or(0) as f32 / 100.0) * 100.0;
            add(2, single(onsets.p), p);
            add(3, single(onsets.s), index.number(row, s).unwrap());
        }
    }
    Some(residuals)
}

#[test]
fn classical_pickers_score_as_those_of_obspy() {
    for set in ["phasenet_windows", "obs_windows"] {
        let Some(found) = residuals(set) else { return };
        let name = format!("golden/pick_windows/scores_{set}.json");
        let Some(path) = shared::path(&name) else { return };
        let expected: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for (picker, residuals) in PICKERS.iter().zip(&found.0) {
            let n = residuals.len() as f64;
            let within = |limit: f64| residuals.iter().filter(|&&r| r <= limit).count() as f64 / n;
            let scores = [
                ("n", n),
                ("median_abs_s", quantile::median(residuals)),
                ("mae_s", residuals.iter().sum::<f64>() / n),
                ("within_0.1s", within(0.1)),
                ("within_0.5s", within(0.5)),
            ];
            for (score, value) in scores {
                let golden = expected[picker][score].as_f64().unwrap();
                println!("{set:17} {picker:11} {score:12} {value:.6} {golden:.6}");
                assert!((value - golden).abs() < 2e-6, "{set} {picker} {score}");
            }
        }
    }
}
