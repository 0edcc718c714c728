//! Sums, moments and medians of the samples of a window.
//!
//! Sums run in eight lanes: that keeps the rounding error small and the processor busy, and the
//! result depends on the values alone.

/// Fewer values than this are selected from at once, without a sample of them first.
const FEW: usize = 2048;

/// Values drawn to bracket the median, and how far the bracket reaches on either side.
const DRAWN: usize = 512;
const REACH: usize = 32;

/// Sum of `term` of every value, which are given to it in their order.
pub(super) fn sum_of(values: &[f64], mut term: impl FnMut(f64) -> f64) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane += term(*x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += term(*x);
    }
    lanes.iter().sum()
}

/// Mean of `term` of every value; NaN if there are none.
pub(super) fn mean_of(values: &[f64], term: impl FnMut(f64) -> f64) -> f64 {
    sum_of(values, term) / values.len() as f64
}

/// The mean by NumPy's pairwise summation. Counts often lie on the very edges of the amplitude
/// classes of the Shannon entropy, where the last bit of the mean decides; this gives NumPy's bit.
pub(super) fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / values.len() as f64
}

fn pairwise_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().sum();
    }
    if n > 128 {
        let (left, right) = values.split_at(n / 2 - n / 2 % 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (eights, rest) = values.as_chunks::<8>();
    let mut r = [0.0; 8];
    for eight in eights {
        for (sum, x) in r.iter_mut().zip(eight) {
            *sum += x;
        }
    }
    let total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(total, |sum, x| sum + x)
}

/// Smallest and largest value; infinite the wrong way round if there are none.
pub(super) fn extremes(values: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; 4], [f64::NEG_INFINITY; 4]);
    let (fours, rest) = values.as_chunks::<4>();
    let mut take = |lane: usize, x: f64| {
        low[lane] = if x < low[lane] { x } else { low[lane] };
        high[lane] = if x > high[lane] { x } else { high[lane] };
    };
    for four in fours {
        for (lane, x) in four.iter().enumerate() {
            take(lane, *x);
        }
    }
    for x in rest {
        take(0, *x);
    }
    let lowest = low.into_iter().fold(f64::INFINITY, f64::min);
    (lowest, high.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

/// Largest absolute value; NaN if there are none.
pub(super) fn peak(values: &[f64]) -> f64 {
    let (low, high) = extremes(values);
    if values.is_empty() { f64::NAN } else { high.max(-low) }
}

/// Fourth moment over the square of the second, about 0.
pub(super) fn kurtosis(values: &[f64]) -> f64 {
    let square = mean_of(values, |x| x * x);
    mean_of(values, |x| (x * x) * (x * x)) / (square * square)
}

/// The two middle absolute values (one twice for an odd number, NaN for none). Their mean is the
/// median.
pub(super) fn middle_abs(scratch: &mut Vec<u64>, values: &[f64]) -> (f64, f64) {
    let n = values.len();
    if n == 0 {
        return (f64::NAN, f64::NAN);
    }
    // The bits of floats that are not negative stand in the order of the floats.
    let below = if n < FEW { None } else { bracketed(scratch, values) };
    let below = below.unwrap_or_else(|| {
        scratch.clear();
        scratch.extend(values.iter().map(|x| x.abs().to_bits()));
        0
    });
    let (smaller, &mut upper, _) = scratch.select_nth_unstable(n / 2 - below);
    let lower = if n % 2 == 1 { upper } else { smaller.iter().copied().max().unwrap_or(upper) };
    (f64::from_bits(lower), f64::from_bits(upper))
}

/// Leaves in `scratch` the values near the median, bracketed by a sample of them, and gives the
/// number of values below these; `None` if a middle value lies outside.
fn bracketed(scratch: &mut Vec<u64>, values: &[f64]) -> Option<usize> {
    let n = values.len();
    let mut drawn: [u64; DRAWN] =
        std::array::from_fn(|i| values.get(i * n / DRAWN).map_or(0, |x| x.abs().to_bits()));
    let (_, &mut low, above) = drawn.select_nth_unstable(DRAWN / 2 - REACH);
    let (_, &mut high, _) = above.select_nth_unstable(2 * REACH - 1);
    let width = high - low;
    if scratch.len() < n {
        scratch.resize(n, 0);
    }
    let (mut kept, mut below) = (0, 0);
    for x in values {
        let bits = x.abs().to_bits();
        // Without a branch: half of all values would be mispredicted.
        if let Some(slot) = scratch.get_mut(kept) {
            *slot = bits;
        }
        kept += usize::from(bits.wrapping_sub(low) <= width);
        below += usize::from(bits < low);
    }
    let inside = below < n / 2 && n / 2 < below + kept;
    scratch.truncate(kept);
    inside.then_some(below)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn median(values: &[f64]) -> f64 {
        let (lower, upper) = middle_abs(&mut Vec::new(), values);
        (lower + upper) / 2.0
    }

    #[test]
    fn medians_of_odd_even_and_no_values() {
        assert_eq!(median(&[3.0, -1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, -3.0, 2.0]), 2.5);
        assert_eq!(middle_abs(&mut Vec::new(), &[-0.0, 7.0, -8.0]), (7.0, 7.0));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn extremes_and_peak_look_at_every_value() {
        for n in 1..11 {
            for at in 0..n {
                let mut values = vec![1.0; n];
                values[at] = -7.0;
                assert_eq!(extremes(&values).0, -7.0);
                assert_eq!(peak(&values), 7.0);
            }
        }
        assert!(peak(&[]).is_nan());
    }

    proptest! {
        #[test]
        fn the_bracket_changes_no_median(
            n in FEW..3 * FEW,
            seed in any::<u64>(),
            levels in prop_oneof![Just(3u64), Just(1 << 20)],
            period in 1usize..40,
        ) {
            // Noise, with a large value every few samples, where a regular sample misleads.
            let mut state = seed;
            let values: Vec<f64> = (0..n)
                .map(|i| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let noise = (state >> 33) % levels;
                    let sign = if state >> 63 == 1 { -1.0 } else { 1.0 };
                    sign * (noise as f64 + if i % period < period / 2 { 1e6 } else { 0.0 })
                })
                .collect();
            let mut sorted: Vec<f64> = values.iter().map(|x| x.abs()).collect();
            sorted.sort_by(f64::total_cmp);
            let expected = (sorted[(n - 1) / 2], sorted[n / 2]);
            // The scratch memory is used again and again.
            let mut scratch = vec![u64::MAX; n / 2];
            for _ in 0..2 {
                prop_assert_eq!(middle_abs(&mut scratch, &values), expected);
            }
        }
    }
}
