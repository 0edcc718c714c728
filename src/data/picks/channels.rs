//! Which channels of an archive make the rows of one trace.

use std::collections::BTreeMap;

use super::pick_table::PickRow;
use crate::error::{Error, Result};
use crate::read::{Archive, StreamId};
use crate::signal::resample_polyphase;
use crate::time::{SampleRate, Span, UtcTime};

/// Channels of one instrument, a component each.
#[derive(Clone, Debug)]
pub(super) struct Instrument {
    pub network: String,
    pub station: String,
    pub location: String,
    /// Channel codes without the component's letter.
    pub band: String,
    /// The channel of each row, if there is one.
    pub rows: Vec<Option<StreamId>>,
    /// Samples a second.
    pub rate: SampleRate,
}

impl Instrument {
    /// `NET.STA.LOC.CH`.
    pub(super) fn trace_id(&self) -> String {
        format!("{}.{}.{}.{}", self.network, self.station, self.location, self.band)
    }

    /// `NET.STA`.
    pub(super) fn code(&self) -> String {
        format!("{}.{}", self.network, self.station)
    }

    /// Channels that are there.
    pub(super) fn channels(&self) -> impl Iterator<Item = &StreamId> {
        self.rows.iter().flatten()
    }

    fn serves(&self, pick: &PickRow) -> bool {
        let same = |stated: &str, own: &str| stated.is_empty() || stated == own;
        let band: String = pick.channel.chars().take(2).collect();
        self.station == pick.station
            && same(&pick.network, &self.network)
            && same(&pick.location, &self.location)
            && same(&band, &self.band)
    }
}

/// The instruments of an archive with at least one of `components`, sorted by name. `1` and `2`
/// stand in for `N` and `E`.
pub(super) fn instruments(archive: &Archive, components: &str) -> Vec<Instrument> {
    let letters: Vec<char> = components.chars().collect();
    let mut found: BTreeMap<[String; 4], Instrument> = BTreeMap::new();
    for id in archive.channels() {
        let mut band = id.channel.clone();
        let (Some(letter), Some(rate)) = (band.pop(), archive.rate(&id)) else { continue };
        let exact = letters.iter().position(|&wanted| wanted == letter);
        let stand_in = || {
            let plain = match letter {
                '1' => 'N',
                '2' => 'E',
                _ => return None,
            };
            letters.iter().position(|&wanted| wanted == plain)
        };
        let Some(row) = exact.or_else(stand_in) else { continue };
        let key = [id.network.clone(), id.station.clone(), id.location.clone(), band.clone()];
        let instrument = found.entry(key).or_insert_with(|| Instrument {
            network: id.network.clone(),
            station: id.station.clone(),
            location: id.location.clone(),
            band,
            rows: vec![None; letters.len()],
            rate,
        });
        if exact.is_some() || instrument.rows[row].is_none() {
            instrument.rows[row] = Some(id);
        }
    }
    found.into_values().collect()
}

/// The instrument that a pick is cut from: of those it can mean the one with most components, then
/// with the highest rate, then the first by name.
pub(super) fn instrument_of(instruments: &[Instrument], pick: &PickRow) -> Option<usize> {
    let rank = |&number: &usize| {
        let one: &Instrument = &instruments[number];
        let hz = (one.rate.hz() * 1e6) as u64;
        (one.channels().count(), hz, std::cmp::Reverse(number))
    };
    let serving = (0..instruments.len()).filter(|&number| instruments[number].serves(pick));
    serving.max_by_key(rank)
}

/// Samples of an instrument over a span.
pub(super) struct Cutout {
    pub start: UtcTime,
    pub rate: SampleRate,
    pub samples: usize,
    /// `[C, T]`, NaN where there are none.
    pub values: Vec<f32>,
    /// Whether a row has any samples.
    pub live: Vec<bool>,
    /// The smallest part of the samples that are there in any of the rows that hold data.
    pub share: f64,
}

/// Seconds read beyond a span that is resampled, so that the filter is settled inside it.
const SETTLING: i64 = 1_000_000_000;

/// Reads `span` at `rate`, or at the channels' own. `None` if there are no samples.
///
/// # Errors
/// Pieces that can no longer be read; rates whose ratio no filter is made for.
pub(super) fn cut_out(
    archive: &Archive,
    instrument: &Instrument,
    span: Span,
    rate: Option<SampleRate>,
) -> Result<Option<Cutout>> {
    let wide = Span { start: span.start.plus(-SETTLING), end: span.end.plus(SETTLING) };
    let mut pieces = Vec::new();
    for (row, id) in instrument.rows.iter().enumerate() {
        let Some(id) = id else { continue };
        for piece in archive.pieces_within(id, wide) {
            let piece = piece?;
            let to = rate.unwrap_or(piece.rate);
            let samples = resampled(piece.samples.to_f64(), piece.rate, to)?;
            pieces.push((row, piece.start, to, samples));
        }
    }
    let Some(rate) = rate.or(pieces.first().map(|(_, _, rate, _)| *rate)) else { return Ok(None) };
    let Some(start) = first_sample(&pieces, span, rate) else { return Ok(None) };
    let samples = rate.nearest_index(span.end.0.saturating_sub(start.0)).max(0) as usize;
    let rows = instrument.rows.len();
    let mut values = vec![f32::NAN; rows * samples];
    for (row, begins, own, piece) in &pieces {
        if (own.hz() / rate.hz() - 1.0).abs() > 1e-4 {
            let (found, expected) = (own.hz(), rate.hz());
            return Err(Error::data(format!(
                "{} has channels of {found} and {expected} Hz; bring them to one with --rate",
                instrument.trace_id()
            )));
        }
        let first = rate.nearest_index(begins.0.saturating_sub(start.0));
        for (at, value) in piece.iter().enumerate() {
            let index = first + at as i64;
            if (0..samples as i64).contains(&index) {
                values[row * samples + index as usize] = *value as f32;
            }
        }
    }
    let there = |row: &[f32]| row.iter().filter(|v| v.is_finite()).count();
    let counts: Vec<usize> = values.chunks_exact(samples.max(1)).map(there).collect();
    let live: Vec<bool> = counts.iter().map(|&count| count > 0).collect();
    let least = counts.iter().copied().filter(|&count| count > 0).min();
    let Some(least) = least else { return Ok(None) };
    // Rows of channels that do not exist are zero, not missing.
    for row in (0..rows).filter(|&row| !live[row]) {
        values[row * samples..][..samples].fill(0.0);
    }
    let share = least as f64 / samples as f64;
    Ok(Some(Cutout { start, rate, samples, values, live, share }))
}

/// The time of the sample nearest to the span's start, on the grid of the first piece inside.
fn first_sample(
    pieces: &[(usize, UtcTime, SampleRate, Vec<f64>)],
    span: Span,
    rate: SampleRate,
) -> Option<UtcTime> {
    let inside = |(_, start, _, samples): &&(usize, UtcTime, SampleRate, Vec<f64>)| {
        let end = start.plus(rate.offset(samples.len() as u64));
        *start < span.end && end > span.start
    };
    let (_, begins, ..) = pieces.iter().find(inside)?;
    let steps = rate.nearest_index(span.start.0.saturating_sub(begins.0));
    let way = rate.offset(steps.unsigned_abs());
    Some(begins.plus(if steps < 0 { -way } else { way }))
}

/// A symmetric low-pass filter at a ratio of whole numbers; the first sample stays where it is.
fn resampled(mut samples: Vec<f64>, from: SampleRate, to: SampleRate) -> Result<Vec<f64>> {
    if (from.hz() / to.hz() - 1.0).abs() < 1e-4 || samples.is_empty() {
        return Ok(samples);
    }
    // Clocks that are some ppm off count as right: the ratio must be one of small numbers.
    let nominal = |rate: SampleRate| rate.nominal().map_or(rate.hz(), |(round, _)| round);
    let thousandths = |hz: f64| (hz * 1000.0).round() as u64;
    // Samples beyond the ends count as zero: the mean must not make steps there.
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    samples.iter_mut().for_each(|v| *v -= mean);
    let mut out =
        resample_polyphase(&samples, thousandths(nominal(to)), thousandths(nominal(from)))?;
    out.iter_mut().for_each(|v| *v += mean);
    Ok(out)
}
