//! A trained picker on every trace of a set.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use serde_json::{Map, Value};
use tch::Device;

use super::answers::{Answers, PhaseAnswers, TracePicks};
use super::traces::{PHASES, phase_of, pieces};
use crate::data::picks::TraceSet;
use crate::detect::annotate::seisbench::{Annotated, annotate};
use crate::detect::annotate::{AnnotateSettings, Network, Workers, onsets};
use crate::detect::picker::{AmplitudeRule, Picker, PickerSettings};
use crate::error::Result;
use crate::progress::{Progress, check_interrupt};
use crate::score::picks::Pick;

/// What [`network_answers`] is asked.
pub struct NetworkRequest<'a> {
    /// Name in tables.
    pub name: &'a str,
    /// The weights.
    pub weights: &'a Path,
    /// How tiny amplitudes are treated.
    pub amplitude: AmplitudeRule,
    /// Arguments of annotate and classify, over those of the weights.
    pub arguments: &'a Map<String, Value>,
    /// A threshold for both phases instead of the weights' own.
    pub threshold: Option<f64>,
    /// Thresholds of the curve.
    pub thresholds: &'a [f64],
    /// Where networks run.
    pub device: Device,
    /// Threads, each with its own network.
    pub threads: usize,
}

/// Picks in every trace: the whole trace is annotated as continuous data are (windows that overlap
/// as the weights ask for, stacked), and every peak at or above the threshold is a pick.
///
/// # Errors
/// Weights or samples that cannot be read, arguments without meaning. What the network refuses of
/// single traces is a warning.
pub fn network_answers(set: &TraceSet, request: &NetworkRequest<'_>) -> Result<Answers> {
    let settings = Picker::open(request.weights, request.device)?.settings().clone();
    let (annotate_settings, mut warnings) =
        AnnotateSettings::resolve(&settings, request.arguments)?;
    let job = Job { set, request, settings: &settings, annotate: &annotate_settings };
    let next = AtomicUsize::new(0);
    let mut found: Vec<Option<Vec<TracePicks>>> = vec![None; set.len()];
    std::thread::scope(|scope| -> Result<()> {
        let (send, receive) = channel();
        for _ in 0..request.threads.clamp(1, set.len().max(1)) {
            let (send, next, job) = (send.clone(), &next, &job);
            scope.spawn(move || {
                let workers = job.workers();
                loop {
                    let trace = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody listens any more after an interruption.
                    if trace >= set.len()
                        || send.send((trace, job.answer(trace, &workers))).is_err()
                    {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut progress = Progress::new(request.name, "traces", set.len() as u64);
        for (trace, answer) in receive {
            check_interrupt().inspect_err(|_| next.store(set.len(), Ordering::Relaxed))?;
            progress.advance(1);
            let (picks, trouble) =
                answer.inspect_err(|_| next.store(set.len(), Ordering::Relaxed))?;
            warnings
                .extend(trouble.into_iter().map(|w| format!("{}: {w}", set.traces[trace].name)));
            found[trace] = Some(picks);
        }
        Ok(())
    })?;
    let phase = |(place, phase): (usize, &str)| PhaseAnswers {
        phase: phase.into(),
        threshold: job.threshold(phase),
        traces: found
            .iter()
            .enumerate()
            .filter_map(|(trace, picks)| Some((trace, picks.as_ref()?[place].clone())))
            .collect(),
    };
    Ok(Answers {
        name: request.name.into(),
        about: settings.about.clone(),
        amplitude: match request.amplitude {
            AmplitudeRule::Absolute => "absolute".into(),
            AmplitudeRule::Relative => "relative".into(),
        },
        baseline: false,
        thresholds: request.thresholds.to_vec(),
        phases: PHASES.into_iter().enumerate().map(phase).collect(),
        warnings,
    })
}

struct Job<'a> {
    set: &'a TraceSet,
    request: &'a NetworkRequest<'a>,
    settings: &'a PickerSettings,
    annotate: &'a AnnotateSettings,
}

impl Job<'_> {
    fn workers(&self) -> Workers {
        let (weights, device) = (self.request.weights.to_path_buf(), self.request.device);
        let amplitude = self.request.amplitude;
        Workers::start(1, move || {
            Ok(Network { picker: Picker::open(&weights, device)?, amplitude })
        })
    }

    fn threshold(&self, phase: &str) -> Option<f64> {
        let label = self.settings.phases.iter().find(|label| phase_of(label) == Some(phase))?;
        self.request.threshold.or(self.annotate.threshold(label))
    }

    /// Picks of each phase, and why there are none where the trace could not be answered.
    fn answer(&self, trace: usize, workers: &Workers) -> Result<(Vec<TracePicks>, Vec<String>)> {
        let pieces = pieces(self.set, trace)?;
        let annotated = annotate(pieces, self.settings, self.annotate, workers)?;
        let picks = PHASES.map(|phase| {
            let at = |threshold| self.picks(&annotated, phase, threshold);
            TracePicks {
                own: self.threshold(phase).map_or_else(Vec::new, at),
                at: self.request.thresholds.iter().map(|&threshold| at(threshold)).collect(),
            }
        });
        Ok((picks.into(), annotated.warnings))
    }

    fn picks(&self, annotated: &Annotated, phase: &str, threshold: f64) -> Vec<Pick> {
        let curves = annotated.stretches.iter().flat_map(|stretch| &stretch.annotations);
        let own = curves.filter(|curve| {
            self.settings.phases.contains(&curve.label) && phase_of(&curve.label) == Some(phase)
        });
        own.flat_map(|curve| {
            onsets(&curve.values, threshold, threshold / 2.0).into_iter().map(|onset| Pick {
                time: curve.time_of(onset.peak),
                probability: f64::from(onset.value),
            })
        })
        .collect()
    }
}
