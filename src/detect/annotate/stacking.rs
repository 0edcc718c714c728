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

/// Values of one stretch in the making. Windows come in ascending order.
pub struct Stack {
    stacking: Stacking,
    columns: usize,
    length: usize,
    /// The labels that are kept, and their values.
    kept: Vec<(usize, Vec<f32>)>,
    /// How many values are in the sum, by kept label and column modulo the length of a window.
    counts: Vec<u32>,
    finished: usize,
}

impl Stack {
    /// For `columns` samples and windows of `length`; of the network's labels only `kept`.
    pub fn new(stacking: Stacking, kept: &[usize], columns: usize, length: usize) -> Self {
        Self {
            stacking,
            columns,
            length,
            kept: kept.iter().map(|&label| (label, vec![0.0; columns])).collect(),
            counts: vec![0; kept.len() * length],
            finished: 0,
        }
    }

    /// Adds the values `[K, length]` of the window at `start`, without the first `blind.0` and the
    /// last `blind.1`. Values that are not a number do not count.
    pub fn add(&mut self, start: usize, window: &[f32], blind: (usize, usize)) {
        self.finish(start);
        let end = self.length.saturating_sub(blind.1);
        let inside = blind.0.min(end)..end;
        for ((label, values), counts) in
            self.kept.iter_mut().zip(self.counts.chunks_exact_mut(self.length))
        {
            let row = &window[*label * self.length..(*label + 1) * self.length];
            // Columns modulo the length: two runs without a division for each.
            let slot = (start + inside.start) % self.length;
            let first = inside.len().min(self.length - slot);
            let (from, into) = (&row[inside.clone()], &mut values[start + inside.start..]);
            let (to_wrap, wrapped) = from.split_at(first);
            let (head, tail) = into.split_at_mut(first);
            stack(self.stacking, head, &mut counts[slot..], to_wrap);
            stack(self.stacking, tail, counts, wrapped);
        }
    }

    /// No window begins before `column` any more.
    fn finish(&mut self, column: usize) {
        let column = column.min(self.columns);
        for ((_, values), counts) in
            self.kept.iter_mut().zip(self.counts.chunks_exact_mut(self.length))
        {
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

    /// The values of the kept labels, `[T]` each; not a number where no window has one.
    pub fn into_values(mut self) -> Vec<Vec<f32>> {
        self.finish(self.columns);
        self.kept.into_iter().map(|(_, values)| values).collect()
    }
}

fn stack(stacking: Stacking, values: &mut [f32], counts: &mut [u32], new: &[f32]) {
    for ((value, count), &x) in values.iter_mut().zip(counts).zip(new) {
        if x.is_nan() {
            continue;
        }
        *value = match stacking {
            Stacking::Avg => *value + x,
            Stacking::Max if *count > 0 => value.max(x),
            Stacking::Max => x,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_largest_of_what_is_there() {
        for (stacking, expected) in [(Stacking::Avg, 2.0), (Stacking::Max, 3.0)] {
            let mut stack = Stack::new(stacking, &[0, 1], 9, 4);
            stack.add(0, &[1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0], (0, 0));
            stack.add(2, &[3.0, 3.0, f32::NAN, 3.0, -5.0, -5.0, -5.0, -5.0], (0, 0));
            let values = stack.into_values();
            assert_eq!(values[0][..4], [1.0, 1.0, expected, expected]);
            assert!(values[0][4].is_nan() && values[0][5] == 3.0 && values[0][6].is_nan());
            assert_eq!(values[1][5], -5.0);
        }
    }

    #[test]
    fn only_some_labels_are_kept() {
        let mut stack = Stack::new(Stacking::Avg, &[1], 4, 2);
        stack.add(0, &[0.0, 0.0, 1.0, 2.0], (0, 0));
        stack.add(1, &[0.0, 0.0, 4.0, 6.0], (0, 0));
        stack.add(2, &[0.0, 0.0, 8.0, 9.0], (0, 0));
        assert_eq!(stack.into_values(), [[1.0, 3.0, 7.0, 9.0]]);
    }

    #[test]
    fn blinded_samples_have_no_value() {
        let mut stack = Stack::new(Stacking::Max, &[0], 8, 4);
        stack.add(0, &[-1.0; 4], (1, 1));
        stack.add(4, &[-2.0; 4], (1, 0));
        let values = stack.into_values().remove(0);
        assert_eq!(values[1..3], [-1.0, -1.0]);
        assert_eq!(values[5..], [-2.0; 3]);
        assert!([0, 3, 4].iter().all(|&i: &usize| values[i].is_nan()));
        let mut all_blind = Stack::new(Stacking::Avg, &[0], 4, 4);
        all_blind.add(0, &[1.0; 4], (5, 9));
        assert!(all_blind.into_values()[0].iter().all(|x| x.is_nan()));
    }
}
