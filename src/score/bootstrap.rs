//! Intervals of scores by resampling what is independent: blocks of time, or whole groups.

use rand::{RngExt, SeedableRng};

use super::quantile;
use crate::data::Rng;

/// A 95 % percentile interval; NaN where nothing could be resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// 2.5 % point.
    pub lower: f64,
    /// 97.5 % point.
    pub upper: f64,
}

impl Interval {
    fn of(replicates: &[f64]) -> Self {
        let bounds = quantile::of(replicates, &[0.025, 0.975]);
        Self { lower: bounds[0], upper: bounds[1] }
    }

    /// Whether the interval lies wholly on one side of 0: the only ground for "better".
    pub fn excludes_zero(&self) -> bool {
        self.lower > 0.0 || self.upper < 0.0
    }
}

/// Circular moving-block bootstrap (Politis and Romano 1992) over samples in order of time.
///
/// The block must outlast the dependence: at least twice the horizon and the decorrelation
/// length. The same seed draws the same blocks, so that two calls are paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockBootstrap {
    /// Samples in a block, at least 1.
    pub block: usize,
    /// Number of replicates.
    pub repetitions: usize,
    /// Seed of the generator.
    pub seed: u64,
}

impl BlockBootstrap {
    /// 1000 replicates from seed 0.
    pub fn new(block: usize) -> Self {
        Self { block: block.max(1), repetitions: 1000, seed: 0 }
    }

    /// Number of blocks that fit: how many independent pieces the interval rests on.
    pub fn blocks(&self, samples: usize) -> usize {
        samples / self.block.max(1)
    }

    /// Interval of the mean of per-sample scores.
    pub fn mean(&self, scores: &[f64]) -> Interval {
        self.statistic(scores.len(), |rows| {
            rows.iter().map(|&row| scores[row]).sum::<f64>() / rows.len() as f64
        })
    }

    /// Interval of the mean difference `a − b` of per-sample scores, both from the same blocks.
    pub fn paired_difference(&self, a: &[f64], b: &[f64]) -> Interval {
        self.mean(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
    }

    /// Interval of any statistic of the resampled row numbers out of `0..samples`; none (NaN)
    /// where they are no more than one block.
    pub fn statistic(&self, samples: usize, statistic: impl Fn(&[usize]) -> f64) -> Interval {
        // A single block is always the whole sample: its replicates say nothing of the spread.
        if samples <= self.block {
            return Interval { lower: f64::NAN, upper: f64::NAN };
        }
        let mut rng = Rng::seed_from_u64(self.seed);
        let mut rows = Vec::with_capacity(samples + self.block);
        let replicates: Vec<f64> = (0..self.repetitions)
            .map(|_| {
                rows.clear();
                while rows.len() < samples {
                    let start = rng.random_range(0..samples);
                    let length = self.block.max(1).min(samples - rows.len());
                    rows.extend((start..start + length).map(|row| row % samples));
                }
                statistic(&rows)
            })
            .collect();
        Interval::of(&replicates)
    }
}

/// Bootstrap over whole groups (events, stations, rock samples): a group is drawn with all its
/// rows or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupBootstrap {
    /// Number of replicates.
    pub repetitions: usize,
    /// Seed of the generator.
    pub seed: u64,
}

impl Default for GroupBootstrap {
    fn default() -> Self {
        Self { repetitions: 1000, seed: 0 }
    }
}

impl GroupBootstrap {
    /// Interval of a statistic of the resampled row numbers; `groups[row]` names the group.
    pub fn statistic(&self, groups: &[usize], statistic: impl Fn(&[usize]) -> f64) -> Interval {
        let members = rows_by_group(groups);
        if members.is_empty() {
            return Interval { lower: f64::NAN, upper: f64::NAN };
        }
        let mut rng = Rng::seed_from_u64(self.seed);
        let mut rows = Vec::with_capacity(groups.len());
        let replicates: Vec<f64> = (0..self.repetitions)
            .map(|_| {
                rows.clear();
                for _ in 0..members.len() {
                    rows.extend_from_slice(&members[rng.random_range(0..members.len())]);
                }
                statistic(&rows)
            })
            .collect();
        Interval::of(&replicates)
    }
}

fn rows_by_group(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut members = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for (row, &group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(row);
    }
    members.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_of_white_noise_matches_the_standard_error() {
        let mut rng = Rng::seed_from_u64(5);
        let noise: Vec<f64> = (0..2000).map(|_| rng.random_range(-1.0..1.0)).collect();
        let interval = BlockBootstrap::new(10).mean(&noise);
        let half = 0.5 * (interval.upper - interval.lower);
        let expected = 1.96 * (1.0 / 3.0f64).sqrt() / 2000f64.sqrt();
        assert!((half / expected - 1.0).abs() < 0.15, "{half} against {expected}");
    }

    #[test]
    fn long_blocks_widen_the_interval_of_dependent_samples() {
        let steps: Vec<f64> = (0..1000).map(|t| f64::from((t / 50) % 2)).collect();
        let width = |block| {
            let interval = BlockBootstrap::new(block).mean(&steps);
            interval.upper - interval.lower
        };
        assert!(width(40) > 2.0 * width(1));
    }

    #[test]
    fn equal_scores_have_no_difference_and_the_seed_decides() {
        let scores: Vec<f64> = (0..100).map(f64::from).collect();
        let bootstrap = BlockBootstrap::new(7);
        let same = bootstrap.paired_difference(&scores, &scores);
        assert_eq!((same.lower, same.upper), (0.0, 0.0));
        assert!(!same.excludes_zero());
        assert_eq!(bootstrap.mean(&scores), bootstrap.mean(&scores));
        assert_ne!(bootstrap.mean(&scores), BlockBootstrap { seed: 1, ..bootstrap }.mean(&scores));
    }

    #[test]
    fn groups_are_drawn_whole() {
        let groups = [0, 0, 0, 1, 2, 2];
        GroupBootstrap::default().statistic(&groups, |rows| {
            let count = |row| rows.iter().filter(|&&r| r == row).count();
            assert!(count(0) == count(1) && count(1) == count(2) && count(4) == count(5));
            0.0
        });
    }
}
