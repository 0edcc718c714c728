//! Numbers and null words in text cells.

/// Words that mean "nothing measured".
pub const NULL_WORDS: [&str; 10] = ["", "NA", "NaN", "nan", "null", "None", "-", "--", "*", "?"];

/// Whether a trimmed cell is a null word.
pub fn is_null(cell: &str) -> bool {
    NULL_WORDS.contains(&cell)
}

/// A number; with `decimal_comma` a single comma is the decimal mark. Thousands marks are not
/// accepted, nor are words such as `inf`.
pub fn parse(cell: &str, decimal_comma: bool) -> Option<f64> {
    if !cell.bytes().any(|b| b.is_ascii_digit())
        || !cell.bytes().all(|b| b.is_ascii_digit() || b"+-.,eE".contains(&b))
    {
        return None;
    }
    if decimal_comma {
        if cell.contains('.') && cell.contains(',') {
            return None;
        }
        return cell.replacen(',', ".", 1).parse().ok();
    }
    cell.parse().ok()
}

/// Values that loggers write for "nothing measured".
const SENTINELS: [f64; 18] = [
    -1.0,
    -9.0,
    -99.0,
    -999.0,
    -9999.0,
    -99999.0,
    -999.9,
    -9999.9,
    -99.99,
    999.0,
    9999.0,
    99999.0,
    99.9,
    999.9,
    99999.999,
    1e20,
    -1e20,
    -3.402_823_466_385_288_6e38,
];

/// Replaces sentinels that are rare enough to be one: listed, at least twice, and either far
/// outside the 1–99 % range of the rest or not positive in an otherwise positive column.
/// Returns (value, count) of each replacement.
pub fn replace_sentinels(values: &mut [f64]) -> Vec<(f64, usize)> {
    let mut replaced = Vec::new();
    for sentinel in SENTINELS.into_iter().chain([f64::from(f32::MAX)]) {
        let count = values.iter().filter(|v| **v == sentinel).count();
        if count < 2 {
            continue;
        }
        let mut rest: Vec<f64> =
            values.iter().copied().filter(|v| !v.is_nan() && *v != sentinel).collect();
        if rest.len() < 3 {
            continue;
        }
        rest.sort_by(f64::total_cmp);
        let at = |q: f64| rest[((rest.len() - 1) as f64 * q).round() as usize];
        let (low, high) = (at(0.01), at(0.99));
        let outside = sentinel < low - 5.0 * (high - low) || sentinel > high + 5.0 * (high - low);
        let positive = rest[0] > 0.0 && sentinel <= 0.0;
        if outside || positive {
            values.iter_mut().filter(|v| **v == sentinel).for_each(|v| *v = f64::NAN);
            replaced.push((sentinel, count));
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_marks_are_refused_and_decimal_commas_read() {
        assert_eq!(parse("1.234,5", true), None);
        assert_eq!(parse("1,234,5", true), None);
        assert_eq!(parse("-1,5", true), Some(-1.5));
        assert_eq!(parse("1,5", false), None);
        assert_eq!(parse("inf", false), None);
    }

    #[test]
    fn minus_one_in_a_positive_column_is_null_and_once_is_not() {
        let mut values = vec![3.0, -1.0, 4.0, -1.0, 5.0];
        assert_eq!(replace_sentinels(&mut values), [(-1.0, 2)]);
        assert!(values[1].is_nan());
        assert!(replace_sentinels(&mut [3.0, -1.0, 4.0, 2.0, 5.0]).is_empty());
        assert!(replace_sentinels(&mut [-3.0, -1.0, 4.0, -1.0, 5.0]).is_empty());
    }
}
