//! Dense lines as what an eye would see: the lowest and highest value of each pixel column.

/// Reduces `(x, y)` points, `x` rising, to at most `4 · columns` points that look the same when
/// drawn `columns` pixels wide: first, lowest, highest and last of each column, in order.
/// NaN breaks the line: runs of finite points come back as separate lines.
pub fn envelope<X: Copy>(
    points: &[(X, f64)],
    columns: usize,
    position: impl Fn(X) -> f64,
) -> Vec<Vec<(X, f64)>> {
    points
        .split(|(_, y)| !y.is_finite())
        .filter(|run| !run.is_empty())
        .map(|run| thin(run, columns, &position))
        .collect()
}

fn thin<X: Copy>(run: &[(X, f64)], columns: usize, position: &impl Fn(X) -> f64) -> Vec<(X, f64)> {
    if run.len() <= 4 * columns {
        return run.to_vec();
    }
    let column_of = |x: X| (position(x) * columns as f64) as i64;
    let same_column = |a: &(X, f64), b: &(X, f64)| column_of(a.0) == column_of(b.0);
    let mut line = Vec::new();
    for column in run.chunk_by(same_column) {
        let lowest = (0..column.len()).min_by(|&a, &b| column[a].1.total_cmp(&column[b].1));
        let highest = (0..column.len()).max_by(|&a, &b| column[a].1.total_cmp(&column[b].1));
        let mut keep = [Some(0), lowest, highest, Some(column.len() - 1)].map(|i| i.unwrap_or(0));
        keep.sort_unstable();
        let mut last = usize::MAX;
        for index in keep {
            if index != last {
                line.push(column[index]);
            }
            last = index;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_survive_and_gaps_break_the_line() {
        let mut points: Vec<(usize, f64)> = (0..100_000).map(|i| (i, (i as f64).sin())).collect();
        points[33_333].1 = 50.0;
        points[70_000].1 = f64::NAN;
        let lines = envelope(&points, 500, |x| x as f64 / 100_000.0);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().map(Vec::len).sum::<usize>() <= 4 * 502);
        assert!(lines[0].iter().any(|&(x, y)| x == 33_333 && y == 50.0));
    }
}
