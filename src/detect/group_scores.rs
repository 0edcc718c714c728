//! One answer a group: what the windows of an event say together.

use std::collections::BTreeMap;

/// Groups of one class each, with the rows whose ln p are averaged.
pub struct Grouping {
    /// Classes a group can have, by their numbers among all.
    pub classes: Vec<usize>,
    /// Class of each group, numbers of `classes`.
    pub actual: Vec<usize>,
    members: Vec<Vec<usize>>,
}

impl Grouping {
    /// Groups the rows that are not noise; noise is no answer a group can have. Groups whose rows
    /// differ in class are left out. `None` where no group has several rows, or all one class.
    pub fn of(
        actual: &[usize],
        groups: &[usize],
        classes: usize,
        noise: Option<usize>,
    ) -> Option<Self> {
        let kept: Vec<usize> = (0..classes).filter(|&class| Some(class) != noise).collect();
        let mut rows_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for row in (0..actual.len()).filter(|&row| Some(actual[row]) != noise) {
            rows_of.entry(groups[row]).or_default().push(row);
        }
        let (mut of_groups, mut members) = (Vec::new(), Vec::new());
        for rows in rows_of.into_values() {
            let class = actual[rows[0]];
            if rows.iter().all(|&row| actual[row] == class) {
                of_groups.extend(kept.iter().position(|&k| k == class));
                members.push(rows);
            }
        }
        let pools = members.iter().any(|rows| rows.len() > 1);
        let differ = of_groups.iter().any(|class| Some(class) != of_groups.first());
        (pools && differ).then_some(Self { classes: kept, actual: of_groups, members })
    }

    /// Probabilities of the groups `[G, C]` from those of the rows `[N, all]`: the softmax of the
    /// mean of ln p among the classes a group can have.
    pub fn pool(&self, probabilities: &[f64], all: usize) -> Vec<f64> {
        let mut pooled = Vec::with_capacity(self.members.len() * self.classes.len());
        for rows in &self.members {
            let mut sums = vec![0.0; self.classes.len()];
            for &row in rows {
                let p = &probabilities[row * all..][..all];
                let total: f64 = self.classes.iter().map(|&class| p[class]).sum();
                for (sum, &class) in sums.iter_mut().zip(&self.classes) {
                    *sum += (p[class] / total + 1e-9).ln() / rows.len() as f64;
                }
            }
            let total: f64 = sums.iter().map(|sum| sum.exp()).sum();
            pooled.extend(sums.iter().map(|sum| sum.exp() / total));
        }
        pooled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_an_event_answer_together_and_noise_is_no_answer() {
        // Classes: quake, noise, blast. Event 7 has two windows and noise, event 9 one window.
        let actual = [0, 0, 1, 2, 1];
        let groups = [7, 7, 7, 9, 9];
        let grouping = Grouping::of(&actual, &groups, 3, Some(1)).unwrap();
        assert_eq!(grouping.actual, [0, 1]);
        let p =
            [[0.8, 0.0, 0.2], [0.3, 0.5, 0.2], [0.0, 1.0, 0.0], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2]];
        let pooled = grouping.pool(&p.concat(), 3);
        // ln .8 + ln .6 against ln .2 + ln .4: √(.48) to √(.08).
        let quake = 0.48f64.sqrt() / (0.48f64.sqrt() + 0.08f64.sqrt());
        assert!((pooled[0] - quake).abs() < 1e-8 && (pooled[2] - 0.5).abs() < 1e-8);
    }

    #[test]
    fn single_rows_and_one_class_make_no_groups() {
        assert!(Grouping::of(&[0, 1, 2], &[0, 1, 2], 3, None).is_none());
        assert!(Grouping::of(&[0, 0, 0], &[0, 0, 1], 2, None).is_none());
    }
}
