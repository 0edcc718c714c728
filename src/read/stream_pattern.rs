//! Channel selection: `NET.STA.LOC.CHA` with wildcards.

use std::fmt;
use std::str::FromStr;

use super::trace::StreamId;
use crate::error::{Error, Result};

/// Selects channels: four parts separated by dots, each with `*`, `?` and `[…]` as in a shell.
///
/// An empty part matches an empty code only; `TA.C26K..BH?` has no location code.
#[derive(Clone, Debug)]
pub struct StreamPattern {
    text: String,
    parts: [glob::Pattern; 4],
}

impl StreamPattern {
    /// Whether `id` is selected.
    pub fn matches(&self, id: &StreamId) -> bool {
        let codes = [&id.network, &id.station, &id.location, &id.channel];
        self.parts.iter().zip(codes).all(|(part, code)| part.matches(code))
    }
}

impl fmt::Display for StreamPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for StreamPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!(
                "channel selection '{text}': expected NET.STA.LOC.CHA, for example 'TA.C26K..BH?'"
            ))
        };
        let parts = text
            .trim()
            .split('.')
            .map(glob::Pattern::new)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong())?;
        let parts = parts.try_into().map_err(|_| wrong())?;
        Ok(Self { text: text.trim().to_string(), parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_empty_parts() {
        let id = StreamId {
            network: "TA".into(),
            station: "C26K".into(),
            location: String::new(),
            channel: "BHZ".into(),
        };
        let matches = |text: &str| text.parse::<StreamPattern>().unwrap().matches(&id);
        assert!(matches("TA.C26K..BHZ") && matches("*.*.*.*") && matches("TA.C*..BH?"));
        assert!(!matches("TA.C26K.00.BHZ") && !matches("TA.C26K..EH?"));
        for wrong in ["TA", "TA.C26K.BHZ", "a.b.c.d.e", "a.b.c.[", ""] {
            assert!(wrong.parse::<StreamPattern>().is_err(), "{wrong}");
        }
    }
}
