//! Pieces that touch or repeat each other become one (`Stream.merge(-1)` of ObsPy with a
//! misalignment threshold of 1e-2); pieces that contradict each other are dropped.

use std::ops::Range;

use super::instants::{compared, epoch_seconds, plus, seconds_between};
use super::piece::Piece;
use crate::error::{Error, Result};
use crate::read::Samples;

/// Part of a sample by which pieces may miss the common grid.
const MISALIGNMENT: f64 = 1e-2;

/// Sorts pieces by channel, start and end, and joins those of a channel that are adjacent or
/// repeat the same samples. Without gaps and overlaps one piece a channel is left.
///
/// # Errors
/// `Data` where pieces of different rate or type would have to be joined, as in SeisBench.
pub(super) fn merge(mut pieces: Vec<Piece>) -> Result<Vec<Piece>> {
    pieces.retain(|piece| !piece.samples.is_empty());
    pieces.sort_by_cached_key(|piece| {
        (piece.id.clone(), compared(piece.start), compared(piece.end()))
    });
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut delta = 1.0;
    for mut piece in pieces {
        match merged.last_mut() {
            Some(current) if current.id == piece.id => {
                align(current, &mut piece, delta);
                if let Some(new) = continuation(current, &piece, delta) {
                    join(current, piece, new)?;
                } else {
                    merged.push(piece);
                }
            }
            _ => {
                delta = piece.delta();
                merged.push(piece);
            }
        }
    }
    Ok(merged)
}

/// Moves a piece that begins almost on the grid of the current one onto it, unless a longer gap
/// lies between.
fn align(current: &Piece, piece: &mut Piece, delta: f64) {
    let gap = seconds_between(piece.start, plus(current.end(), delta));
    if gap > MISALIGNMENT * delta {
        return;
    }
    let off = gap.rem_euclid(delta);
    let share = off / delta;
    if off != 0.0 && (share <= MISALIGNMENT || share >= 1.0 - MISALIGNMENT) {
        let samples = (seconds_between(piece.start, current.start) / delta).round_ties_even();
        piece.start = plus(current.start, samples * delta);
    }
}

/// Which samples of `piece` go on where `current` ends; `None` if the two stay apart.
fn continuation(current: &Piece, piece: &Piece, delta: f64) -> Option<Range<usize>> {
    let (length, end) = (piece.samples.len(), current.end());
    let apart = (epoch_seconds(piece.start) - epoch_seconds(current.start)).abs();
    let share = apart.rem_euclid(delta) / delta;
    let on_grid = share.min(1.0 - share) < MISALIGNMENT;
    if compared(piece.start) <= compared(end) && on_grid {
        let both_end = if compared(piece.end()) < compared(end) { piece.end() } else { end };
        let old = samples_between(current, piece.start, both_end);
        let new = samples_between(piece, piece.start, both_end);
        let common = new.end.min(length);
        return equal(&current.samples, old, &piece.samples, new).then_some(common..length);
    }
    (compared(piece.start) == compared(plus(end, current.delta()))).then_some(0..length)
}

/// The samples nearest to `from` and `to`, both inclusive.
fn samples_between(piece: &Piece, from: i64, to: i64) -> Range<usize> {
    let nearest =
        |time| (seconds_between(time, piece.start) * piece.rate).round().max(0.0) as usize;
    let length = piece.samples.len();
    nearest(from).min(length)..(nearest(to) + 1).min(length)
}

fn equal(a: &Samples, of_a: Range<usize>, b: &Samples, of_b: Range<usize>) -> bool {
    match (a, b) {
        (Samples::I32(a), Samples::I32(b)) => a[of_a] == b[of_b],
        (Samples::F32(a), Samples::F32(b)) => a[of_a] == b[of_b],
        (Samples::F64(a), Samples::F64(b)) => a[of_a] == b[of_b],
        _ => {
            let (a, b) = (a.to_f64(), b.to_f64());
            a[of_a] == b[of_b]
        }
    }
}

fn join(current: &mut Piece, piece: Piece, new: Range<usize>) -> Result<()> {
    if current.rate != piece.rate {
        return Err(Error::data(format!(
            "{}: the rate changes from {} to {} Hz without a gap, which SeisBench refuses \
             (TypeError)",
            piece.id, current.rate, piece.rate
        )));
    }
    match (&mut current.samples, piece.samples) {
        (Samples::I32(all), Samples::I32(more)) => all.extend_from_slice(&more[new]),
        (Samples::F32(all), Samples::F32(more)) => all.extend_from_slice(&more[new]),
        (Samples::F64(all), Samples::F64(more)) => all.extend_from_slice(&more[new]),
        _ => {
            return Err(Error::data(format!(
                "{}: the type of the samples changes without a gap, which SeisBench refuses \
                 (TypeError)",
                piece.id
            )));
        }
    }
    Ok(())
}

/// Drops all pieces of a channel that overlap in time with others of it; touching is fine. Gives
/// the pieces left and a warning for each channel that lost some.
pub(super) fn without_conflicts(pieces: Vec<Piece>) -> (Vec<Piece>, Vec<String>) {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut warnings = Vec::new();
    // Where the last chain of overlapping pieces begins, and whether it is more than one.
    let (mut first, mut end) = (0, i64::MIN);
    for piece in pieces {
        let same = kept.last().is_some_and(|last| last.id == piece.id);
        if !(same && compared(piece.start) < compared(end)) {
            close(&mut kept, first, &mut warnings);
            first = kept.len();
            end = i64::MIN;
        }
        if end == i64::MIN || compared(piece.end()) > compared(end) {
            end = piece.end();
        }
        kept.push(piece);
    }
    close(&mut kept, first, &mut warnings);
    (kept, warnings)
}

/// Drops a chain of two pieces and more.
fn close(kept: &mut Vec<Piece>, first: usize, warnings: &mut Vec<String>) {
    if kept.len() > first + 1 {
        warnings.push(format!(
            "{}: {} pieces overlap and differ; all of them are left out",
            kept[first].id,
            kept.len() - first
        ));
        kept.truncate(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::StreamId;

    fn piece(start_samples: f64, values: Range<i32>) -> Piece {
        let id = StreamId { station: "A".into(), channel: "HHZ".into(), ..StreamId::default() };
        let start = 1_600_000_000_000_000_000 + (start_samples * 1e7) as i64;
        Piece { id, start, rate: 100.0, samples: Samples::I32(values.collect()) }
    }

    fn lengths(pieces: Vec<Piece>) -> Vec<usize> {
        merge(pieces).unwrap().iter().map(|p| p.samples.len()).collect()
    }

    #[test]
    fn adjacent_repeated_and_contained_pieces_become_one() {
        assert_eq!(lengths(vec![piece(100.0, 100..150), piece(0.0, 0..100)]), [150]);
        assert_eq!(lengths(vec![piece(0.0, 0..100), piece(60.0, 60..150)]), [150]);
        assert_eq!(lengths(vec![piece(0.0, 0..100), piece(60.0, 60..70)]), [100]);
        assert_eq!(lengths(vec![piece(0.0, 0..100), piece(60.0, 61..151)]), [100, 90]);
        assert_eq!(lengths(vec![piece(0.0, 0..100), piece(101.0, 0..9)]), [100, 9]);
        assert_eq!(lengths(vec![piece(0.0, 0..0), piece(101.0, 0..9)]), [9]);
    }

    #[test]
    fn a_hundredth_of_a_sample_off_the_grid_is_on_it() {
        for (at, whole) in [(100.009, true), (99.991, true), (100.02, false), (99.98, false)] {
            let merged = merge(vec![piece(0.0, 0..100), piece(at, 100..150)]).unwrap();
            assert_eq!(merged.len() == 1, whole, "{at}");
        }
        // Overlapping: moved onto the grid, then compared.
        assert_eq!(lengths(vec![piece(0.0, 0..100), piece(60.009, 60..150)]), [150]);
        // After a longer gap nothing is moved.
        let merged = merge(vec![piece(0.0, 0..100), piece(200.009, 0..9)]).unwrap();
        assert_eq!(merged[1].start, piece(200.009, 0..9).start);
    }

    #[test]
    fn other_rates_and_types_are_refused_only_where_they_would_be_joined() {
        let mut slower = piece(100.0, 0..50);
        slower.rate = 50.0;
        assert!(merge(vec![piece(0.0, 0..100), slower.clone()]).is_err());
        slower.start += 50_000_000;
        assert_eq!(merge(vec![piece(0.0, 0..100), slower]).unwrap().len(), 2);
        let mut floats = piece(100.0, 0..0);
        floats.samples = Samples::F32(vec![1.0; 10]);
        assert!(merge(vec![piece(0.0, 0..100), floats]).is_err());
    }

    #[test]
    fn a_chain_of_conflicts_goes_as_a_whole_and_touching_is_none() {
        let chain = vec![piece(0.0, 0..100), piece(50.0, 0..100), piece(120.0, 0..100)];
        let (kept, warnings) = without_conflicts([chain, vec![piece(400.0, 0..9)]].concat());
        assert_eq!((kept.len(), warnings.len()), (1, 1));
        // The first sample of one is at the time of the last of the other.
        let (kept, _) = without_conflicts(vec![piece(0.0, 0..101), piece(100.0, 7..100)]);
        assert_eq!(kept.len(), 2);
        let inside = vec![piece(0.0, 0..100), piece(10.0, 0..5), piece(50.0, 0..5)];
        assert_eq!(without_conflicts(inside).0.len(), 0);
    }

    #[test]
    fn ten_thousand_pieces_with_gaps_stay_apart() {
        let pieces: Vec<Piece> = (0..10_000).map(|i| piece(f64::from(i) * 20.0, 0..10)).collect();
        assert_eq!(without_conflicts(merge(pieces).unwrap()).0.len(), 10_000);
    }
}
