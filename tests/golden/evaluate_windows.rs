//! Picks of weights on labelled windows: as many picks and hits at 0.1 s as SeisBench 0.12.6 gives on
//! the same windows (`classify` of each window with the defaults of the weights).

use serde_json::Map;
use temblor::data::picks::{SetSource, read_set};
use temblor::detect::AmplitudeRule;
use temblor::detect::evaluation::{NetworkRequest, network_answers, scored};
use temblor::score::picks::Tolerances;

use crate::shared;

/// Weights, then picks and hits of P and of S.
const SEISBENCH: [(&str, [(usize, usize); 2]); 4] = [
    ("phasenet/volpick", [(25, 19), (25, 16)]),
    ("phasenet/original-converted", [(31, 17), (32, 17)]),
    ("phasenetlight/ethz", [(25, 17), (18, 12)]),
    ("eqtransformer/conservative-converted", [(26, 14), (23, 21)]),
];

#[test]
fn as_many_picks_and_hits_as_seisbench() {
    let Some(path) = shared::path("data/waveforms/obs_windows") else { return };
    let set = read_set(&SetSource { path, components: None }).unwrap();
    for (name, expected) in SEISBENCH {
        let Some(weights) = shared::path("weights").map(|folder| folder.join(name)) else { return };
        let arguments = Map::new();
        let request = NetworkRequest {
            name,
            weights: &weights,
            amplitude: AmplitudeRule::Absolute,
            arguments: &arguments,
            threshold: None,
            thresholds: &[],
            device: temblor::model::DeviceChoice::Cpu.resolve().unwrap(),
            threads: 2,
        };
        let answers = network_answers(&set, &request).unwrap();
        let judged = scored(&set, &answers, Tolerances::default());
        for (phase, expected) in ["P", "S"].into_iter().zip(expected) {
            let all = judged.iter().find(|j| j.phase == phase && j.category == "all").unwrap();
            println!("{name} {phase}: {} picks, {} hits", all.scores.picks, all.scores.hits);
            assert_eq!((all.scores.picks, all.scores.hits), expected, "{name} {phase}");
        }
    }
}
