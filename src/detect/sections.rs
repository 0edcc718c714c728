//! Sections of a table of scores: all classes, events without noise, two classes alone.

use super::class_examples::ClassTable;
use super::cross_validation::Pooled;
use crate::error::{Error, Result};

impl ClassTable {
    /// What is scored: `class`, among which, on what split and input.
    pub fn target(&self) -> String {
        let among = match &self.among {
            Some(classes) => format!("class among {classes}"),
            None => "class".to_string(),
        };
        format!("{among}{}{}", self.split.suffix(), self.input.suffix())
    }

    /// The table with the examples of `classes` alone; the others have no class.
    pub fn among(&self, classes: &[usize]) -> Self {
        let names: Vec<String> = classes.iter().map(|&class| self.classes[class].clone()).collect();
        let place = |class: usize| classes.iter().position(|&c| c == class);
        Self {
            among: Some(names.join("/")),
            classes: names,
            labels: self.labels.iter().map(|label| label.and_then(place)).collect(),
            ..self.clone()
        }
    }

    /// Classes that are looked at by themselves: those that are not noise, and each pair of
    /// `against`.
    ///
    /// # Errors
    /// A name that is no class.
    pub fn sections(
        &self,
        noise: Option<usize>,
        against: &[[String; 2]],
    ) -> Result<Vec<Vec<usize>>> {
        let mut sections = Vec::new();
        let events: Vec<usize> = (0..self.classes.len()).filter(|&c| Some(c) != noise).collect();
        if noise.is_some() && events.len() > 1 {
            sections.push(events);
        }
        for [one, other] in against {
            let pair = vec![self.class(one)?, self.class(other)?];
            if pair[0] == pair[1] {
                return Err(Error::usage(format!("against: '{one}' stands against itself")));
            }
            if !sections.contains(&pair) {
                sections.push(pair);
            }
        }
        Ok(sections)
    }
}

impl Pooled {
    /// The probabilities of `classes` among `all`, made to add up to 1, `[N, k]`.
    pub fn among(&self, all: usize, classes: &[usize]) -> Self {
        let seeds = self.seeds.iter().map(|whole| {
            let rows = whole.chunks_exact(all.max(1)).flat_map(|row| {
                let kept: Vec<f64> = classes.iter().map(|&class| row[class] + 1e-9).collect();
                let total: f64 = kept.iter().sum();
                kept.into_iter().map(move |p| p / total)
            });
            rows.collect()
        });
        Self { seeds: seeds.collect(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_alone_are_renumbered_and_their_probabilities_add_up() {
        let table = ClassTable {
            classes: ["blast", "noise", "quake"].map(String::from).to_vec(),
            labels: vec![Some(2), Some(1), Some(0), None],
            groups: vec![0, 0, 1, 2],
            folds: vec![0, 0, 1, 1],
            key: "row",
            names: (0..4).map(|n| n.to_string()).collect(),
            ..ClassTable::default()
        };
        let pair = [["quake".to_string(), "blast".to_string()]];
        let sections = table.sections(Some(1), &pair).unwrap();
        assert_eq!(sections, [vec![0, 2], vec![2, 0]]);
        let alone = table.among(&sections[1]);
        assert_eq!(alone.labels, [Some(0), None, Some(1), None]);
        assert_eq!(alone.target(), "class among quake/blast");
        assert!(table.sections(None, &[["quake".to_string(), "rock".to_string()]]).is_err());
        let pooled = Pooled {
            name: "net".into(),
            seeds: vec![vec![0.1, 0.6, 0.3]],
            floor: false,
            reports: Vec::new(),
        };
        let among = pooled.among(3, &sections[1]);
        assert!((among.seeds[0][0] - 0.75).abs() < 1e-6 && (among.seeds[0][1] - 0.25).abs() < 1e-6);
    }
}
