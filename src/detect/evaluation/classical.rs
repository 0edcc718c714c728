//! The classical pickers, one pick a trace and phase.

use super::answers::{Answers, PhaseAnswers, TracePicks};
use super::traces::component;
use crate::data::picks::{LabelledTrace, TraceSet};
use crate::error::Result;
use crate::score::picks::Pick;
use crate::signal::{ArPicker, OnsetPicker};

/// Answers of STA/LTA, STA/LTA + AIC (on the vertical component) and the autoregressive picker
/// (on traces where three components hold data), each with its parameters of the literature. They
/// know no noise: every trace that they can read gets its pick.
///
/// # Errors
/// Samples that cannot be read.
pub fn classical_answers(set: &TraceSet) -> Result<Vec<Answers>> {
    let answers = |name: &str, phases: &[&str]| Answers {
        name: name.into(),
        baseline: true,
        phases: phases
            .iter()
            .map(|&phase| PhaseAnswers { phase: phase.into(), ..PhaseAnswers::default() })
            .collect(),
        ..Answers::default()
    };
    let mut all =
        [answers("STA/LTA", &["P"]), answers("STA/LTA + AIC", &["P"]), answers("AR", &["P", "S"])];
    for (number, trace) in set.traces.iter().enumerate() {
        crate::progress::check_interrupt()?;
        let Some(vertical) = component(set, number, 'Z')? else { continue };
        match OnsetPicker::default().pick(&vertical, trace.rate) {
            Ok(onset) => {
                let picks =
                    |sample: Option<usize>| one(trace, sample, onset.map_or(0.0, |o| o.ratio));
                all[0].phases[0].traces.push((number, picks(onset.map(|o| o.trigger))));
                all[1].phases[0].traces.push((number, picks(onset.map(|o| o.refined))));
            }
            Err(error) => all[1].warnings.push(format!("{}: {error}", trace.name)),
        }
        let Some(horizontals) = horizontals(set, number)? else { continue };
        let [first, second] = &horizontals;
        match ArPicker::default().pick(&vertical, [first, second], trace.rate) {
            Ok(onsets) => {
                all[2].phases[0].traces.push((number, one(trace, onsets.p, 1.0)));
                all[2].phases[1].traces.push((number, one(trace, onsets.s, 1.0)));
            }
            Err(error) => all[2].warnings.push(format!("{}: {error}", trace.name)),
        }
    }
    Ok(all.into())
}

/// The two components beside the vertical, if both hold data.
fn horizontals(set: &TraceSet, number: usize) -> Result<Option<[Vec<f64>; 2]>> {
    let letters: Vec<char> = set.traces[number].components.chars().filter(|&c| c != 'Z').collect();
    let [first, second] = letters[..] else { return Ok(None) };
    let first = component(set, number, first)?;
    Ok(first.zip(component(set, number, second)?).map(|(first, second)| [first, second]))
}

fn one(trace: &LabelledTrace, sample: Option<usize>, probability: f64) -> TracePicks {
    let time = |sample: usize| trace.rate.offset(sample as u64);
    let own = sample.map(|sample| Pick { time: time(sample), probability }).into_iter().collect();
    TracePicks { own, at: Vec::new() }
}
