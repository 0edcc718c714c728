//! Sums over sliding windows.

/// A sum that keeps the bits a plain one drops (Neumaier): after a large earthquake has left the
/// window the remaining noise must be right.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningSum {
    sum: f64,
    lost: f64,
}

impl RunningSum {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    pub(super) fn total(&self) -> f64 {
        self.sum + self.lost
    }
}

/// The sum of the last `length` values.
#[derive(Clone, Debug)]
pub(super) struct SlidingSum {
    sum: RunningSum,
    inside: std::collections::VecDeque<f64>,
    length: usize,
}

impl SlidingSum {
    pub(super) fn new(length: usize) -> Self {
        Self { sum: RunningSum::default(), inside: std::collections::VecDeque::new(), length }
    }

    /// Takes the next value; the sum with it.
    pub(super) fn next(&mut self, value: f64) -> f64 {
        self.sum.add(value);
        self.inside.push_back(value);
        if self.inside.len() > self.length
            && let Some(left) = self.inside.pop_front()
        {
            self.sum.add(-left);
        }
        self.sum.total()
    }
}
