//! Where windows begin.

/// First samples of the windows over `columns` samples. Array models: every `step`, and one more
/// that ends with the last sample. Point models: every `step`.
pub fn window_starts(columns: usize, in_samples: usize, step: usize, point: bool) -> Vec<usize> {
    if columns < in_samples || step == 0 {
        return Vec::new();
    }
    let last = columns - in_samples;
    let mut starts: Vec<usize> = (0..=last).step_by(step).collect();
    if !point && !last.is_multiple_of(step) {
        starts.push(last);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_of_an_array_model_ends_with_the_data() {
        assert_eq!(window_starts(10, 4, 3, false), [0, 3, 6]);
        assert_eq!(window_starts(11, 4, 3, false), [0, 3, 6, 7]);
        assert_eq!(window_starts(11, 4, 3, true), [0, 3, 6]);
        assert_eq!(window_starts(4, 4, 3, false), [0]);
        assert_eq!(window_starts(3, 4, 3, false), [0; 0]);
        assert_eq!(window_starts(6, 4, 1, false), [0, 1, 2]);
    }
}
