//! Autoregressive models of short stretches, and where two of them meet worst.

/// Coefficients of a model of `order` by the method of maximum entropy (Burg 1975), in single
/// precision. Without energy they are NaN.
pub(super) fn burg(samples: &[f32], order: usize) -> Vec<f32> {
    let count = samples.len() - 1;
    // Errors of prediction forwards and backwards.
    let (mut ahead, mut back) = (samples[..count].to_vec(), samples[1..].to_vec());
    let mut coefficients: Vec<f32> = Vec::with_capacity(order);
    for step in 1..=order {
        let length = count + 1 - step;
        let (mut product, mut energy) = (0.0, 0.0);
        for (a, b) in ahead[..length].iter().zip(&back[..length]) {
            product += a * b;
            energy += a * a + b * b;
        }
        let reflection = 2.0 * product / energy;
        let before = coefficients.clone();
        for (coefficient, mirrored) in coefficients.iter_mut().zip(before.iter().rev()) {
            *coefficient -= reflection * mirrored;
        }
        coefficients.push(reflection);
        for j in 0..length - 1 {
            ahead[j] -= reflection * back[j];
            back[j] = back[j + 1] - reflection * ahead[j + 1];
        }
    }
    coefficients
}

/// Mean squares of what the model of the first `window` samples leaves of `samples`, ending before
/// each of `order + window..length`; 0 elsewhere. The model weights the present sample first, as
/// ObsPy's does.
fn errors(samples: &[f32], length: usize, order: usize, window: usize) -> Vec<f32> {
    let model = burg(&samples[..window], order);
    let square = |at: usize| {
        let mut rest = samples[at];
        for (lag, weight) in model.iter().enumerate() {
            rest -= samples[at - lag] * weight;
        }
        rest * rest / window as f32
    };
    let squares: Vec<f32> =
        (0..length).map(|at| if at < order { 0.0 } else { square(at) }).collect();
    let mean = |end: usize| squares[end - window..end].iter().fold(0.0, |sum, u| sum + u);
    (0..length).map(|end| if end < order + window { 0.0 } else { mean(end) }).collect()
}

/// Where the errors of a model from the front and of one from the back (of `flipped`) are largest
/// together within the first `length` samples: the minimum of −ln e² − ln e'² below 0 (Leonard and
/// Kennett 1999, their model 2).
pub(super) fn joint_minimum(
    samples: &[f32],
    flipped: &[f32],
    length: usize,
    order: usize,
    window: usize,
) -> Option<usize> {
    let margin = order + window;
    if length < 2 * margin + 1 || samples.len() < length {
        return None;
    }
    let (front, behind) =
        (errors(samples, length, order, window), errors(flipped, length, order, window));
    let (mut least, mut place) = (0.0, None);
    for at in margin..=length - 1 - margin {
        let (e, f) = (front[at], behind[length - 1 - at]);
        let square_log = |x: f32| (f64::from(x) * f64::from(x)).ln();
        let criterion = (-square_log(e) - square_log(f)) as f32;
        if criterion < least && e > 0.0 && f > 0.0 {
            (least, place) = (criterion, Some(at));
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_predicted_by_two_coefficients() {
        let step = 0.3f32;
        let sine: Vec<f32> = (0..4000).map(|i| (i as f32 * step).sin()).collect();
        let [first, second] = burg(&sine, 2)[..] else { panic!() };
        assert!((first - 2.0 * step.cos()).abs() < 1e-3, "{first}");
        assert!((second + 1.0).abs() < 1e-3, "{second}");
    }
}
