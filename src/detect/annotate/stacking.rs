//! The answers of overlapping windows become one value a sample.

use serde::{Deserialize, Serialize};

/// How values of several windows at one sample become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Stacking {
    /// Their mean.
    Avg,
    /// The largest.
    Max,
}

/// Values of one stretch, `[K, T]`, in the making. Windows come in ascending order.
pub struct Stack {
    stacking: Stacking,
    labels: usize,
    columns: usize,
    length: usize,
    values: Vec<f32>,
    /// How many values are in the sum, by label and column modulo the length of a window.
    counts: Vec<u32>,
    finished: usize,
}

impl Stack {
    /// For `columns` samples and windows of `length`.
    pub fn new(stacking: Stacking, labels: usize, columns: usize, length: usize) -> Self {
        Self {
            stacking,
            labels,
            columns,
            length,
            values: vec![0.0; labels * columns],
            counts: vec![0; labels * length],
            finished: 0,
        }
    }

    /// Adds the values `[K, length]` of the window at `start`, without the first `blind.0` and the
    /// last `blind.1`. Values that are not a number do not count.
    pub fn add(&mut self, start: usize, window: &[f32], blind: (usize, usize)) {
        self.finish(start);
        let inside = blind.0.min(self.length)..self.length.saturating_sub(blind.1);
        for (label, row) in window.chunks_exact(self.length).take(self.labels).enumerate() {
            let values = &mut self.values[label * self.columns..(label + 1) * self.columns];
            let counts = &mut self.counts[label * self.length..(label + 1) * self.length];
            // Columns modulo the length: two runs without a division for each.
            let mut slot = (start + inside.start) % self.length;
            for i in inside.clone() {
                let (value, x) = (&mut values[start + i], row[i]);
                if !x.is_nan() {
                    *value = match self.stacking {
                        Stacking::Avg => *value + x,
                        Stacking::Max if counts[slot] > 0 => value.max(x),
                        Stacking::Max => x,
                    };
                    counts[slot] += 1;
                }
                slot += 1;
                if slot == self.length {
                    slot = 0;
                }
            }
        }
    }

    /// No window begins before `column` any more.
    fn finish(&mut self, column: usize) {
        let column = column.min(self.columns);
        for label in 0..self.labels {
            let values = &mut self.values[label * self.columns..(label + 1) * self.columns];
            let counts = &mut self.counts[label * self.length..(label + 1) * self.length];
            for at in self.finished..column {
                let count = std::mem::take(&mut counts[at % self.length]);
                match (count, self.stacking) {
                    (0, _) => values[at] = f32::NAN,
                    (1, _) | (_, Stacking::Max) => {}
                    (count, Stacking::Avg) => values[at] /= count as f32,
                }
            }
        }
        self.finished = self.finished.max(column);
    }

    /// The values `[K, T]`; not a number where no window has one.
    pub fn into_values(mut self) -> Vec<f32> {
        self.finish(self.columns);
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_largest_of_what_is_there() {
        for (stacking, expected) in [(Stacking::Avg, 2.0), (Stacking::Max, 3.0)] {
            let mut stack = Stack::new(stacking, 2, 9, 4);
            stack.add(0, &[1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0], (0, 0));
            stack.add(2, &[3.0, 3.0, f32::NAN, 3.0, -5.0, -5.0, -5.0, -5.0], (0, 0));
            let values = stack.into_values();
            assert_eq!(values[..4], [1.0, 1.0, expected, expected]);
            assert!(values[4].is_nan() && values[5] == 3.0 && values[6].is_nan());
            assert_eq!(values[9 + 5], -5.0);
        }
    }

    #[test]
    fn blinded_samples_have_no_value() {
        let mut stack = Stack::new(Stacking::Max, 1, 8, 4);
        stack.add(0, &[-1.0; 4], (1, 1));
        stack.add(4, &[-2.0; 4], (1, 0));
        let values = stack.into_values();
        assert_eq!(values[1..3], [-1.0, -1.0]);
        assert_eq!(values[5..], [-2.0; 3]);
        assert!([0, 3, 4].iter().all(|&i: &usize| values[i].is_nan()));
        let mut all_blind = Stack::new(Stacking::Avg, 1, 4, 4);
        all_blind.add(0, &[1.0; 4], (5, 9));
        assert!(all_blind.into_values().iter().all(|x| x.is_nan()));
    }
}
