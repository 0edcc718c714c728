//! What an analyst should look at first: answers between whose two best classes least is left.

/// An answer with its two most probable classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Doubt {
    /// Number of the example.
    pub example: usize,
    /// Most probable class and its probability.
    pub first: (usize, f64),
    /// The next.
    pub second: (usize, f64),
}

impl Doubt {
    /// How much more probable the first class is.
    pub fn margin(&self) -> f64 {
        self.first.1 - self.second.1
    }
}

/// The `count` examples of smallest margin among probabilities `[N, C]`, smallest first; ties in
/// the order of the examples. Rows that are NaN are passed over, and those that `repeats` one
/// chosen before (another window of the same moment).
pub fn least_certain(
    probabilities: &[f64],
    classes: usize,
    count: usize,
    repeats: impl Fn(usize, usize) -> bool,
) -> Vec<Doubt> {
    let rows = probabilities.chunks_exact(classes.max(1)).enumerate();
    let mut doubts: Vec<Doubt> = rows.filter_map(|(example, row)| doubt(example, row)).collect();
    doubts.sort_by(|a, b| a.margin().total_cmp(&b.margin()).then(a.example.cmp(&b.example)));
    let mut chosen: Vec<Doubt> = Vec::new();
    for doubt in doubts {
        if chosen.len() == count {
            break;
        }
        if !chosen.iter().any(|earlier| repeats(earlier.example, doubt.example)) {
            chosen.push(doubt);
        }
    }
    chosen
}

/// `None` for fewer than two classes and for probabilities that are none.
fn doubt(example: usize, row: &[f64]) -> Option<Doubt> {
    if row.len() < 2 || row.iter().any(|p| p.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let [first, second] = [order[0], order[1]].map(|class| (class, row[class]));
    Some(Doubt { example, first, second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_margins_come_first_and_repetitions_are_left_out() {
        let p = [
            [0.9, 0.1, 0.0],
            [0.5, 0.1, 0.4],
            [f64::NAN, 0.0, 0.0],
            [0.34, 0.33, 0.33],
            [0.45, 0.55, 0.0],
        ]
        .concat();
        let chosen = least_certain(&p, 3, 3, |_, _| false);
        let examples: Vec<usize> = chosen.iter().map(|doubt| doubt.example).collect();
        assert_eq!(examples, [3, 1, 4]);
        assert_eq!((chosen[1].first.0, chosen[1].second.0), (0, 2));
        assert!((chosen[1].margin() - 0.1).abs() < 1e-12);
        let apart = least_certain(&p, 3, 3, |earlier, later| earlier.abs_diff(later) == 1);
        let examples: Vec<usize> = apart.iter().map(|doubt| doubt.example).collect();
        assert_eq!(examples, [3, 1]);
    }
}
