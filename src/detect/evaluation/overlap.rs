//! What the data a picker was trained on and the data it is judged on have in common.

use std::path::Path;

use crate::data::picks::{SharedKeys, TraceSet, read_set, shared};
use crate::detect::picker::training::PickerTraining;
use crate::error::Result;

/// The settings of a run, in its folder.
const SETTINGS: &str = "run.toml";

/// What is known of a picker's training data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing, and why.
    Unknown(String),
    /// They share nothing that is named.
    None,
    /// They share this.
    Shared(SharedKeys),
}

impl Overlap {
    /// Looks at the run folder at `weights`, if there is one, and at the sets it was trained on.
    /// Other weights have no more than what they say `about` themselves.
    ///
    /// # Errors
    /// Training sets that do not go together.
    pub fn of(weights: &Path, about: &str, judged: &TraceSet) -> Result<Self> {
        let settings = std::fs::read_to_string(weights.join(SETTINGS));
        let Ok(settings) = settings else {
            return Ok(Self::Unknown(match about.trim() {
                "" => "the weights name none".into(),
                about => format!("the weights say: {}", first_words(about)),
            }));
        };
        let settings = match PickerTraining::parse(&settings) {
            Ok(settings) => settings,
            Err(error) => return Ok(Self::Unknown(format!("{SETTINGS}: {error}"))),
        };
        let mut sets = Vec::new();
        for source in &settings.data {
            match read_set(source) {
                Ok(set) => sets.push(set),
                Err(error) => return Ok(Self::Unknown(error.to_string())),
            }
        }
        Ok(Self::between(&TraceSet::joined(sets)?, judged))
    }

    /// What two sets share.
    pub fn between(training: &TraceSet, judged: &TraceSet) -> Self {
        let traces = training.traces.iter().chain(&judged.traces).cloned().collect::<Vec<_>>();
        let (first, all) = (training.len(), traces.len());
        let both = TraceSet { name: String::new(), traces, samples: Box::new(NoSamples) };
        let train: Vec<usize> = (0..first).collect();
        let test: Vec<usize> = (first..all).collect();
        match shared(&both, &train, &test) {
            SharedKeys { events: 0, stations: 0, days: 0 } => Self::None,
            keys => Self::Shared(keys),
        }
    }

    /// Whether scores may be called results on new data.
    pub fn is_clean(&self) -> bool {
        *self == Self::None
    }

    /// In words, for tables and the terminal.
    pub fn words(&self) -> String {
        match self {
            Self::Unknown(why) => format!("training data unknown ({why})"),
            Self::None => "shares no event, station or day with the training data".into(),
            Self::Shared(SharedKeys { events, stations, days }) => {
                let part = |count: usize, word: &str| match count {
                    0 => None,
                    1 => Some(format!("1 {word}")),
                    _ => Some(format!("{count} {word}s")),
                };
                let parts =
                    [part(*events, "event"), part(*stations, "station"), part(*days, "day")];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                format!("shares {} with the training data: no result", parts.join(", "))
            }
        }
    }
}

/// The first line, at most 120 letters of it.
fn first_words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(120).collect();
    if cut.len() < line.len() { format!("{cut} …") } else { cut }
}

/// Keys are compared, not samples.
struct NoSamples;

impl crate::data::picks::SampleSource for NoSamples {
    fn read(&self, _: usize, _: &mut Vec<f32>) -> Result<()> {
        Ok(())
    }
}
