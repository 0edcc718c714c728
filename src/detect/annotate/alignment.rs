//! Pieces of one instrument become arrays: starts moved to the grid of the rate, stretches of time
//! in which there are enough components, one array a stretch.

use std::ops::Range;

use super::components::ComponentMap;
use super::instants::{compared, earliest, epoch_seconds, latest, plus, seconds_between};
use super::piece::{Piece, instrument_name};
use super::rows::Rows;
use crate::read::Samples;

/// What all components of a stretch share, and their samples.
pub(super) struct Aligned {
    /// Rows of samples, zero where there are none.
    pub rows: Rows,
    /// Time of the first column.
    pub origin: i64,
}

/// What stretches are chosen by.
pub(super) struct AlignmentRules<'a> {
    pub components: &'a ComponentMap,
    pub rate: f64,
    /// Shorter stretches are left out.
    pub in_samples: usize,
    /// Only where all components are.
    pub strict: bool,
}

/// A piece on the grid.
struct Placed {
    piece: Piece,
    /// Seconds from the grid to where the piece began.
    offset: f64,
}

/// Samples `range` of a placed piece.
struct Cut {
    index: usize,
    start: i64,
    range: Range<usize>,
}

/// The arrays of one instrument, in time order, and warnings. Its pieces come in the order of
/// [`super::merge::merge`].
pub(super) fn align(pieces: Vec<Piece>, rules: &AlignmentRules<'_>) -> (Vec<Aligned>, Vec<String>) {
    let placed: Vec<Placed> = pieces.into_iter().map(|piece| on_grid(piece, rules.rate)).collect();
    let Some(first) = placed.first() else { return (Vec::new(), Vec::new()) };
    let name = instrument_name(&first.piece.id);
    let mut warnings = Vec::new();
    let least = rules.in_samples.saturating_sub(1) as f64 / rules.rate;
    let channels = channels(&placed);
    let mut arrays = Vec::new();
    let (mut short, mut lost) = (0, 0.0);
    for (from, to) in stretches(&placed, rules) {
        let length = seconds_between(to, from);
        if length < least {
            short += 1;
            lost += length;
            continue;
        }
        let cuts = cut(&placed, &channels, from, to);
        arrays.extend(array(&placed, &cuts, rules));
    }
    if short > 0 {
        warnings.push(format!(
            "{name}: {short} stretches ({lost:.1} s) are shorter than the {least} s of a window"
        ));
    }
    (arrays, warnings)
}

/// Moves a start to the nearest multiple of the sample interval since 1970, in double precision:
/// the last digits matter.
fn on_grid(mut piece: Piece, rate: f64) -> Placed {
    let began = epoch_seconds(piece.start);
    let grid = (began * rate).round_ties_even() / rate;
    piece.start = (grid * 1e9).round_ties_even() as i64;
    Placed { piece, offset: began - grid }
}

/// The stretches of time in which any component is there, or all are.
fn stretches(placed: &[Placed], rules: &AlignmentRules<'_>) -> Vec<(i64, i64)> {
    let starts = placed.iter().map(|p| p.piece.start);
    let mut borders: Vec<i64> = starts.chain(placed.iter().map(|p| p.piece.end())).collect();
    borders.sort_by_key(|&border| compared(border));
    borders.dedup_by_key(|border| compared(*border));
    let at = |instant: i64| borders.partition_point(|&b| compared(b) < compared(instant));
    // How many pieces of a component begin at a border, less those that end there.
    let mut changes = vec![vec![0i32; borders.len()]; rules.components.count()];
    for Placed { piece, .. } in placed {
        if let Some(row) = rules.components.row(&piece.id.channel) {
            changes[row][at(piece.start)] += 1;
            changes[row][at(piece.end())] -= 1;
        }
    }
    let mut found: Vec<(i64, i64)> = Vec::new();
    let mut covering = vec![0i32; changes.len()];
    let mut open = false;
    for (i, &border) in borders.iter().enumerate() {
        for (covering, changes) in covering.iter_mut().zip(&changes) {
            *covering += changes[i];
        }
        let covered = match rules.strict {
            true => !covering.is_empty() && covering.iter().all(|&c| c > 0),
            false => covering.iter().any(|&c| c > 0),
        };
        if open && let Some(last) = found.last_mut() {
            last.1 = border;
        }
        if covered && !open {
            found.push((border, border));
        }
        open = covered;
    }
    found
}

/// Where the pieces of each channel stand.
fn channels(placed: &[Placed]) -> Vec<Range<usize>> {
    let mut begin = 0;
    let chunks = placed.chunk_by(|a, b| a.piece.id == b.piece.id);
    chunks
        .map(|chunk| {
            begin += chunk.len();
            begin - chunk.len()..begin
        })
        .collect()
}

/// The samples from `from` to `to`, both inclusive, of every piece. Two stretches that share a
/// border share that sample.
fn cut(placed: &[Placed], channels: &[Range<usize>], from: i64, to: i64) -> Vec<Cut> {
    let Some(Placed { piece: f, .. }) = placed.first() else { return Vec::new() };
    let rate = f.rate;
    let samples = |later, earlier| (seconds_between(later, earlier) * rate).round();
    let low = plus(f.start, samples(from, f.start) * f.delta());
    let high = plus(f.end(), samples(to, f.end()) * f.delta());
    // Pieces of a channel lie in time order; those far from the stretch are not looked at.
    let (before, after) = (plus(low, -2.0 / rate), plus(high, 2.0 / rate));
    let mut cuts = Vec::new();
    for channel in channels {
        let pieces = &placed[channel.clone()];
        let first = pieces.partition_point(|p| p.piece.end() < before);
        for (i, Placed { piece, .. }) in pieces.iter().enumerate().skip(first) {
            if piece.start > after {
                break;
            }
            let length = piece.samples.len();
            let skipped = samples(low, piece.start).max(0.0);
            if skipped >= length as f64 - 1.0 {
                continue;
            }
            let start = plus(piece.start, skipped * piece.delta());
            let last = (skipped + samples(high, start)).min(length as f64 - 1.0);
            if last >= skipped {
                let range = skipped as usize..last as usize + 1;
                cuts.push(Cut { index: channel.start + i, start, range });
            }
        }
    }
    cuts
}

/// The array of a stretch; `None` without samples.
fn array(placed: &[Placed], cuts: &[Cut], rules: &AlignmentRules<'_>) -> Option<Aligned> {
    let end_of = |cut: &Cut| {
        let piece = &placed[cut.index].piece;
        plus(cut.start, (cut.range.len() - 1) as f64 * piece.delta())
    };
    let start = earliest(cuts.iter().map(|cut| cut.start))?;
    let end = latest(cuts.iter().map(end_of))?;
    let columns = (seconds_between(end, start) * rules.rate) as usize + 1;
    let mut rows = Rows::zeros(rules.components.count(), columns);
    let (mut offsets, mut written) = (0.0, 0);
    for cut in cuts {
        let Placed { piece, offset } = &placed[cut.index];
        let Some(row) = rules.components.row(&piece.id.channel) else { continue };
        // Truncated, not rounded: 0.29 s are 28.999… samples, 28.
        let at = (seconds_between(cut.start, start) * rules.rate) as usize;
        write(rows.row_mut(row), at, &piece.samples, cut.range.clone());
        offsets += offset;
        written += 1;
    }
    let origin = match written {
        0 => start,
        written => plus(start, offsets / f64::from(written)),
    };
    Some(Aligned { rows, origin })
}

/// Writes samples from column `at` on, as far as there are columns.
fn write(row: &mut [f32], at: usize, samples: &Samples, range: Range<usize>) {
    let into = row.get_mut(at..).unwrap_or_default().iter_mut();
    match samples {
        Samples::I32(v) => into.zip(&v[range]).for_each(|(to, &x)| *to = x as f32),
        Samples::F32(v) => into.zip(&v[range]).for_each(|(to, &x)| *to = x),
        Samples::F64(v) => into.zip(&v[range]).for_each(|(to, &x)| *to = x as f32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::StreamId;

    const START: i64 = 1_600_000_000_000_000_000;

    fn piece(channel: &str, after: i64, length: usize) -> Piece {
        let id = StreamId { station: "A".into(), channel: channel.into(), ..StreamId::default() };
        let samples = Samples::I32(vec![1; length]);
        Piece { id, start: START + after, rate: 100.0, samples }
    }

    fn aligned(pieces: Vec<Piece>, in_samples: usize, strict: bool) -> Vec<Aligned> {
        let components = ComponentMap::new("ZNE", true);
        let rules = AlignmentRules { components: &components, rate: 100.0, in_samples, strict };
        align(super::super::merge::merge(pieces).unwrap(), &rules).0
    }

    fn shape(arrays: &[Aligned]) -> Vec<usize> {
        arrays.iter().map(|a| a.rows.columns()).collect()
    }

    #[test]
    fn a_stretch_of_exactly_a_window_is_kept_and_one_shorter_is_not() {
        assert_eq!(shape(&aligned(vec![piece("HHZ", 0, 400)], 400, false)), [400]);
        assert_eq!(shape(&aligned(vec![piece("HHZ", 0, 399)], 400, false)), [0; 0]);
    }

    #[test]
    fn half_samples_go_to_the_even_place_when_aligned_and_away_from_zero_when_cut() {
        // 0.5 and 1.5 samples after an even one: to 0 and to 2.
        assert_eq!(on_grid(piece("HHZ", 5_000_000, 1), 100.0).piece.start, START);
        assert_eq!(on_grid(piece("HHZ", 15_000_000, 1), 100.0).piece.start, START + 20_000_000);
        // A border half a sample after the first piece's grid: away from zero, one later.
        let placed: Vec<Placed> = [piece("HHE", 0, 100), piece("HHZ", 0, 100)]
            .into_iter()
            .map(|piece| Placed { piece, offset: 0.0 })
            .collect();
        let cuts = cut(&placed, &channels(&placed), START + 5_000_000, START + 990_000_000);
        assert_eq!(cuts[0].range, 1..100);
    }

    #[test]
    fn letters_without_a_row_move_the_borders_but_not_the_mean_offset() {
        // The other channel begins 0.2 s earlier: the stretch does not begin there.
        let other = piece("HHX", -200_000_000, 600);
        let arrays = aligned(vec![piece("HHZ", 2_000_000, 400), other.clone()], 100, false);
        assert_eq!(shape(&arrays), [400]);
        // On the grid at 0; its own offset of 2 ms comes back, the other's 0 is not averaged in.
        assert!((arrays[0].origin - START - 2_000_000).abs() < 300);
        // One that begins inside divides nothing: both sides are covered.
        let inside = piece("HHX", 200_000_000, 50);
        assert_eq!(shape(&aligned(vec![piece("HHZ", 0, 400), inside], 100, false)), [400]);
        // It is cut with the others, and its end counts where it lies on the border.
        assert_eq!(shape(&aligned(vec![other], 100, false)), [0; 0]);
    }

    #[test]
    fn the_mean_offset_is_over_pieces_written() {
        let z = piece("HHZ", 2_000_000, 400);
        let n = piece("HHN", 1_000_000, 400);
        let arrays = aligned(vec![z, n], 100, false);
        assert!((arrays[0].origin - START - 1_500_000).abs() < 300);
    }

    #[test]
    fn strict_keeps_what_all_components_cover() {
        let pieces = vec![
            piece("HHZ", 0, 1000),
            piece("HHN", 1_000_000_000, 1000),
            piece("HHE", 2_000_000_000, 1000),
        ];
        assert_eq!(shape(&aligned(pieces.clone(), 100, true)), [800]);
        assert_eq!(shape(&aligned(pieces[..2].to_vec(), 100, true)), [0; 0]);
        assert_eq!(shape(&aligned(pieces, 100, false)), [1200]);
    }

    #[test]
    fn the_space_of_one_sample_between_pieces_is_a_gap() {
        // Ends at 3.99 s, the next begins at 4.01 s: nothing covers the step between.
        let arrays =
            aligned(vec![piece("HHZ", 0, 400), piece("HHZ", 4_010_000_000, 400)], 100, false);
        assert_eq!(shape(&arrays), [400, 400]);
        // Another component covers it.
        let both =
            vec![piece("HHZ", 0, 400), piece("HHZ", 4_010_000_000, 400), piece("HHN", 0, 801)];
        let arrays = aligned(both, 100, false);
        assert_eq!(shape(&arrays), [801]);
        assert_eq!(arrays[0].rows.row(0)[399..402], [1.0, 0.0, 1.0]);
    }

    #[test]
    fn between_thousands_of_gaps_is_a_stretch_each() {
        let pieces: Vec<Piece> = (0..6000)
            .map(|i| piece(["HHZ", "HHN", "HHE"][i % 3], (i / 3) as i64 * 10_000_000_000, 900))
            .collect();
        assert_eq!(aligned(pieces, 400, false).len(), 2000);
    }
}
