//! Spectrograms of long records: the mean power of each pixel, in bounded memory.

use super::power_density::{PowerDensity, SectionTaper};
use crate::time::{SampleRate, Span, UtcTime};

/// What to compute.
#[derive(Clone, Copy, Debug)]
pub struct SpectrogramSettings {
    /// Time shown.
    pub span: Span,
    /// Most columns of the picture.
    pub columns: usize,
    /// Rows of the picture.
    pub rows: usize,
    /// Length of a section in seconds; chosen by the span if absent.
    pub section_s: Option<f64>,
    /// Lowest frequency in Hz; 0 or, of a logarithmic axis, that of the section if absent.
    pub lowest_hz: Option<f64>,
    /// Highest frequency in Hz; half the sampling rate if absent.
    pub highest_hz: Option<f64>,
    /// Whether rows are equally wide in the logarithm of frequency.
    pub logarithmic: bool,
}

/// Mean power spectral densities of equal parts of time and of frequency.
#[derive(Clone, Debug)]
pub struct MeanSpectrogram {
    /// Edges of the rows in Hz, rising, `[R + 1]`.
    pub edges_hz: Vec<f64>,
    /// Length of a section in seconds.
    pub section_s: f64,
    /// Unit²/Hz of each row; `None` where there are no data, `[C][R]`.
    pub columns: Vec<Option<Vec<f64>>>,
}

/// Computes a [`MeanSpectrogram`] from pieces in time order. Sections are tapered by a Hann window
/// and overlap by at least half; each counts for the column that its centre lies in.
pub struct SpectrogramMean {
    span: Span,
    rate: SampleRate,
    density: PowerDensity,
    hop: usize,
    /// First and last frequency of each row, by index.
    bins: Vec<std::ops::RangeInclusive<usize>>,
    edges_hz: Vec<f64>,
    columns: Vec<Option<(Vec<f64>, u32)>>,
    waiting: Vec<f64>,
    origin: (UtcTime, u64),
}

impl SpectrogramMean {
    /// For data of one rate.
    pub fn new(rate: SampleRate, settings: &SpectrogramSettings) -> Self {
        let hz = rate.hz();
        let span = settings.span;
        let seconds = span.end.0.saturating_sub(span.start.0).max(1) as f64 * 1e-9;
        let wanted = settings.section_s.unwrap_or(2.0 * seconds / settings.columns.max(1) as f64);
        let samples = (wanted * hz).clamp(16.0, f64::from(1 << 20)) as usize;
        let section = match settings.section_s {
            Some(_) => samples,
            None => samples.next_power_of_two().clamp(256, 8192),
        };
        // Columns finer than a sixteenth of a section would all look the same.
        let finest = (seconds * hz / (section as f64 / 16.0)).ceil().max(1.0) as usize;
        let count = settings.columns.clamp(1, finest);
        let hop = ((seconds * hz / count as f64) as usize).clamp(1, section / 2);
        let density = PowerDensity::new(section, hz, SectionTaper::Hann);
        let step = hz / section as f64;
        let highest = settings.highest_hz.unwrap_or(hz / 2.0).min(hz / 2.0);
        let lowest = match (settings.lowest_hz, settings.logarithmic) {
            (Some(lowest), false) => lowest,
            (Some(lowest), true) => lowest.max(step),
            (None, logarithmic) => {
                if logarithmic {
                    step
                } else {
                    0.0
                }
            }
        };
        let lowest = lowest.min(highest / 2.0);
        let rows = match settings.logarithmic {
            true => settings.rows,
            // More rows than frequencies would be mere copies.
            false => settings.rows.min(((highest - lowest) / step).ceil() as usize),
        }
        .max(1);
        let edge = |row: usize| {
            let share = row as f64 / rows as f64;
            match settings.logarithmic {
                true => lowest * (highest / lowest).powf(share),
                false => lowest + (highest - lowest) * share,
            }
        };
        let edges_hz: Vec<f64> = (0..=rows).map(edge).collect();
        let last = density.frequencies() - 1;
        let bin = |pair: &[f64]| {
            let (first, end) = ((pair[0] / step).ceil() as usize, (pair[1] / step).ceil() as usize);
            if first < end {
                first.min(last)..=(end - 1).min(last)
            } else {
                let nearest = (((pair[0] + pair[1]) / 2.0 / step).round() as usize).min(last);
                nearest..=nearest
            }
        };
        let bins = edges_hz.windows(2).map(bin).collect();
        Self {
            span,
            rate,
            density,
            hop,
            bins,
            edges_hz,
            columns: vec![None; count],
            waiting: Vec::new(),
            origin: (span.start, 0),
        }
    }

    /// The next piece, that goes on where the last ended or not.
    pub fn push(&mut self, start: UtcTime, samples: impl Iterator<Item = f64>, continued: bool) {
        if !continued {
            self.waiting.clear();
            self.origin = (start, 0);
        }
        for sample in samples {
            self.waiting.push(sample);
            if self.waiting.len() == self.density.length() {
                self.section();
                self.waiting.drain(..self.hop);
                self.origin.1 += self.hop as u64;
            }
        }
    }

    fn section(&mut self) {
        let (start, dropped) = self.origin;
        let middle = start.plus(self.rate.offset(dropped + self.density.length() as u64 / 2));
        let after = i128::from(middle.0) - i128::from(self.span.start.0);
        let length = i128::from(self.span.end.0) - i128::from(self.span.start.0);
        let column = after * self.columns.len() as i128 / length.max(1);
        let Some(column) = usize::try_from(column).ok().and_then(|c| self.columns.get_mut(c))
        else {
            return;
        };
        let frequencies = self.density.frequencies();
        let (sums, count) = column.get_or_insert_with(|| (vec![0.0; frequencies], 0));
        if self.density.add(&self.waiting, sums) {
            *count += 1;
        }
    }

    /// The spectrogram, each frequency (Hz) multiplied by `factor`: 1 for counts.
    pub fn finish(self, factor: impl Fn(f64) -> f64) -> MeanSpectrogram {
        let step = self.rate.hz() / self.density.length() as f64;
        let factors: Vec<f64> =
            (0..self.density.frequencies()).map(|k| factor(k as f64 * step)).collect();
        let column = |(sums, count): (Vec<f64>, u32)| {
            let mean = |bin: &std::ops::RangeInclusive<usize>| {
                let count = f64::from(count) * (bin.end() - bin.start() + 1) as f64;
                bin.clone().map(|k| sums[k] * factors[k]).sum::<f64>() / count
            };
            self.bins.iter().map(mean).collect()
        };
        MeanSpectrogram {
            section_s: 1.0 / step,
            columns: self.columns.into_iter().map(|sums| sums.map(column)).collect(),
            edges_hz: self.edges_hz,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn a_tone_stands_in_its_row_and_a_gap_stays_open() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        let at = |seconds: i64| UtcTime(seconds * SECOND);
        for logarithmic in [false, true] {
            let settings = SpectrogramSettings {
                span: Span { start: at(0), end: at(1000) },
                columns: 100,
                rows: 50,
                section_s: None,
                lowest_hz: None,
                highest_hz: None,
                logarithmic,
            };
            let mut mean = SpectrogramMean::new(rate, &settings);
            let tone = |n: usize| (std::f64::consts::TAU * 12.3 * n as f64 / 100.0).sin();
            mean.push(at(0), (0..40_000).map(tone), false);
            mean.push(at(400), (40_000..50_000).map(tone), true);
            mean.push(at(700), (0..30_000).map(tone), false);
            let found = mean.finish(|_| 1.0);
            assert_eq!((found.columns.len(), found.edges_hz.len()), (100, 51));
            let open: Vec<usize> = (0..100).filter(|&c| found.columns[c].is_none()).collect();
            assert!((50..70).all(|c| open.contains(&c)) && open.len() < 26, "{open:?}");
            let column = found.columns[45].as_ref().unwrap();
            let top = (0..50).max_by(|&a, &b| column[a].total_cmp(&column[b])).unwrap();
            assert!((found.edges_hz[top]..found.edges_hz[top + 1]).contains(&12.3), "{top}");
        }
    }
}
