//! Versions of weight files, ordered as PEP 440 orders them.

use std::cmp::Ordering;

/// A version such as `1`, `2.1`, `3rc1`; anything else is older than all of those, by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    text: String,
    parsed: Option<Parsed>,
}

/// Epoch, release without zeros at its end, phase (development, alpha, beta, candidate, final,
/// post) with its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parsed {
    epoch: u64,
    release: Vec<u64>,
    phase: (u8, u64),
}

const FINAL: u8 = 4;

impl Version {
    /// The version that `text` names.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_string(), parsed: parse(text.trim().to_ascii_lowercase().as_str()) }
    }
}

fn parse(text: &str) -> Option<Parsed> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split('+').next()?;
    let (epoch, rest) = match text.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().ok()?, rest),
        None => (0, text),
    };
    let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
    let (numbers, suffix) = rest.split_at(end);
    let mut release = Vec::new();
    for part in numbers.trim_end_matches('.').split('.') {
        release.push(part.parse().ok()?);
    }
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let suffix = suffix.trim_matches(['.', '-', '_']);
    let digits = suffix.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let word = &suffix[..suffix.len() - digits.len()];
    let number = digits.trim_matches(['.', '-', '_']);
    let number = if number.is_empty() { 0 } else { number.parse().ok()? };
    let phase = match word {
        "dev" => 0,
        "a" | "alpha" => 1,
        "b" | "beta" => 2,
        "rc" | "c" | "pre" | "preview" => 3,
        "" => FINAL,
        "post" | "rev" | "r" => 5,
        _ => return None,
    };
    Some(Parsed { epoch, release, phase: (phase, number) })
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed.cmp(&other.parsed).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_pep_440_says() {
        let rising =
            ["nonsense", "0.9", "1.dev1", "1a2", "1b1", "1rc1", "1", "1.post1", "1.1", "2", "10"];
        for pair in rising.windows(2) {
            assert!(Version::new(pair[0]) < Version::new(pair[1]), "{pair:?}");
        }
        assert_eq!(Version::new("2.0").parsed, Version::new("2").parsed);
    }
}
