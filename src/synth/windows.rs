//! Labelled waveform windows: earthquakes, explosions, surface events and noise.

use std::path::Path;

use npyz::WriterBuilder;
use rayon::prelude::*;

use super::background::Background;
use super::folder;
use super::level::Levels;
use super::network::{Station, stations};
use super::random::{Purpose, Random};
use super::seismicity::{self, Event, Kind, SelfExciting};
use super::waveform::PacketMaker;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::progress::check_interrupt;
use crate::time::{DAY, SECOND, UtcTime};

/// What windows to make.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct WindowsSettings {
    /// Decides everything random.
    pub seed: u64,
    /// Events of each of the three kinds.
    pub events_per_class: usize,
    /// Stations that record an event; each gives one window of it. One noise window an event.
    pub stations_per_event: usize,
    /// Whole samples a second, 20 to 500.
    pub rate: u32,
    /// Length of a window in whole seconds.
    pub seconds: u32,
}

impl Default for WindowsSettings {
    fn default() -> Self {
        Self { seed: 1, events_per_class: 40, stations_per_event: 2, rate: 40, seconds: 45 }
    }
}

/// Stations of the network from which the recording ones are drawn.
const NETWORK_SIZE: usize = 12;
/// Days over which the events are spread.
const DAYS: usize = 28;
/// 2024-01-01.
const START: UtcTime = UtcTime(19_723 * DAY);
/// A window in which the event is weaker than this times the noise would be a wrong label.
const LEAST_SNR: f64 = 1.5;
/// Groups are dealt to this many folds.
const FOLDS: usize = 5;

/// One row of the index with its samples.
struct Row {
    label: &'static str,
    start_offset: f64,
    snr: Option<f64>,
    event: usize,
    station: String,
    distance: f64,
    magnitude: f64,
    time: UtcTime,
    samples: Vec<f32>,
}

struct Maker<'a> {
    settings: &'a WindowsSettings,
    stations: Vec<Station>,
    levels: Levels,
}

/// Makes `windows.npy` (`[N, T]`, f32 holding whole counts), `index.csv` (a row a window, with
/// label, event as group, and fold) and `truth.json` in `out`. Returns the number of windows.
///
/// Events fall at any hour, so that the background betrays no class, and all samples are rounded
/// alike by dithering, so that the last digits do not either.
///
/// # Errors
/// [`Error::Usage`] for settings that make no sense or a folder that may not be replaced.
pub fn write_windows(settings: &WindowsSettings, out: &Path, force: bool) -> Result<usize> {
    check(settings)?;
    let mut count = 0;
    folder::make(out, force, |fresh| {
        let maker = Maker {
            settings,
            stations: stations(settings.seed, NETWORK_SIZE),
            levels: Levels::new(settings.seed, START, DAYS),
        };
        let rows: Vec<Row> = (0..settings.events_per_class * Kind::ALL.len())
            .into_par_iter()
            .map(|number| check_interrupt().map(|()| maker.event_rows(number)))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        count = rows.len();
        write_atomically(&fresh.join("windows.npy"), &array(&rows, settings)?)?;
        write_atomically(&fresh.join("index.csv"), index(&rows).as_bytes())?;
        let settings = serde_json::to_value(settings).map_err(|e| Error::data(e.to_string()))?;
        let mut truth = serde_json::Map::new();
        truth.insert("settings".into(), settings);
        truth.insert("windows".into(), count.into());
        Ok(truth)
    })?;
    Ok(count)
}

fn check(settings: &WindowsSettings) -> Result<()> {
    let within = (1..=1_000_000).contains(&settings.events_per_class)
        && (1..=NETWORK_SIZE).contains(&settings.stations_per_event)
        && (20..=500).contains(&settings.rate)
        && (10..=60).contains(&settings.seconds);
    if within {
        return Ok(());
    }
    Err(Error::usage(format!(
        "expected at least 1 event a class, 1 to {NETWORK_SIZE} stations an event, a rate of 20 to \
         500 Hz and windows of 10 to 60 s"
    )))
}

impl Maker<'_> {
    /// The windows of one event at its stations, and one of the noise before it.
    fn event_rows(&self, number: usize) -> Vec<Row> {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let mut random = Random::new(self.settings.seed, Purpose::Windows, number as u64, 0);
        let time = START.plus((random.between(0.1, DAYS as f64 - 0.1) * DAY as f64) as i64);
        let (place, magnitude) = match kind {
            Kind::Earthquake => {
                let process = SelfExciting { smallest: 0.8, ..SelfExciting::default() };
                (seismicity::fault_place(&mut random), process.magnitude(&mut random))
            }
            Kind::Explosion => (seismicity::quarry(&mut random), random.between(1.0, 2.3)),
            Kind::Surface => (seismicity::flank(&mut random), random.between(1.6, 2.8)),
        };
        let event = Event { kind, time, place, magnitude, key: number as u64 };
        let mut order: Vec<usize> = (0..self.stations.len()).collect();
        for at in 0..self.settings.stations_per_event {
            let other = at + random.below(order.len() - at);
            order.swap(at, other);
        }
        let mut rows = Vec::new();
        for (turn, &station) in order[..self.settings.stations_per_event].iter().enumerate() {
            self.station_rows(&event, number, station, turn == 0, &mut random, &mut rows);
        }
        rows
    }

    fn station_rows(
        &self,
        event: &Event,
        number: usize,
        station: usize,
        with_noise: bool,
        random: &mut Random,
        rows: &mut Vec<Row>,
    ) {
        let rate = i64::from(self.settings.rate);
        let length = (self.settings.rate * self.settings.seconds) as usize;
        // From well before the noise window to the end of the event window.
        let begin = UtcTime((event.time.0 - 140 * SECOND).div_euclid(60 * SECOND) * 60 * SECOND);
        let mut quiet = vec![0f32; (270 * rate) as usize];
        let background = Background {
            // Two events may share a minute and a station, but not their noise.
            seed: self.settings.seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            levels: &self.levels,
            station: &self.stations[station],
            channel: station as u64,
            rate: self.settings.rate,
            tremor: 0.3,
        };
        background.fill(begin, &mut quiet);

        let sample_at =
            |time: UtcTime| ((time.0 - begin.0) as f64 / SECOND as f64 * rate as f64) as usize;
        let offset = random.between(-4.0, 2.0);
        let start = sample_at(event.time.plus((offset * 1e9) as i64));
        let noise_offset = -f64::from(self.settings.seconds) - random.between(20.0, 30.0);
        let noise_start = sample_at(event.time.plus((noise_offset * 1e9) as i64));
        let noise = &quiet[noise_start..noise_start + length];

        let (event, loud) =
            self.audible(event, station, begin, &quiet, start..start + length, noise);
        let row = |label, start_offset, snr, samples| Row {
            label,
            start_offset,
            snr,
            event: number,
            station: self.stations[station].code.clone(),
            distance: event.place.distance(&self.stations[station].place),
            magnitude: event.magnitude,
            time: event.time,
            samples,
        };
        let key = (number as u64) << 8 | station as u64;
        let mut dither = Random::new(self.settings.seed, Purpose::Dither, key, 1);
        let mut whole = |samples: &[f32]| -> Vec<f32> {
            samples.iter().map(|&x| dither.dither(f64::from(x)) as f32).collect()
        };
        let snr = roughness(&loud) / roughness(noise);
        rows.push(row(event.kind.label(), offset, Some(snr), whole(&loud)));
        if with_noise {
            rows.push(row("noise", noise_offset, None, whole(noise)));
        }
    }

    /// The window with the event in it, the event made stronger where it drowned in the noise.
    fn audible(
        &self,
        event: &Event,
        station: usize,
        begin: UtcTime,
        quiet: &[f32],
        window: std::ops::Range<usize>,
        noise: &[f32],
    ) -> (Event, Vec<f32>) {
        let mut maker = PacketMaker::new(self.settings.seed, self.settings.rate);
        let first = begin.0 / SECOND * i64::from(self.settings.rate) + window.start as i64;
        let mut event = event.clone();
        loop {
            let mut samples = quiet[window.clone()].to_vec();
            for packet in maker.packets(&event, &self.stations[station], station as u64, 'Z') {
                for (k, value) in packet.samples.iter().enumerate() {
                    if let Ok(at) = usize::try_from(packet.first - first + k as i64)
                        && let Some(sample) = samples.get_mut(at)
                    {
                        *sample += value;
                    }
                }
            }
            if roughness(&samples) > LEAST_SNR * roughness(noise) || event.magnitude > 6.0 {
                return (event, samples);
            }
            event.magnitude += 0.25;
        }
    }
}

/// Root mean square of the first differences: the strength above the microseism.
fn roughness(samples: &[f32]) -> f64 {
    let sum: f64 = samples.windows(2).map(|w| f64::from(w[1] - w[0]).powi(2)).sum();
    (sum / samples.len().max(2) as f64).sqrt().max(1e-9)
}

fn array(rows: &[Row], settings: &WindowsSettings) -> Result<Vec<u8>> {
    let shape = [rows.len() as u64, u64::from(settings.rate * settings.seconds)];
    let mut bytes = Vec::new();
    let written = (|| {
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&shape)
            .writer(&mut bytes)
            .begin_nd()?;
        writer.extend(rows.iter().flat_map(|row| row.samples.iter().copied()))?;
        writer.finish()
    })();
    written.map_err(Error::io("windows.npy"))?;
    Ok(bytes)
}

fn index(rows: &[Row]) -> String {
    let mut text = String::from(
        "row,label,start_offset_s,snr,event_id,station,distance_km,magnitude,event_time,fold\n",
    );
    for (number, row) in rows.iter().enumerate() {
        let snr = row.snr.map(|snr| format!("{snr:.2}")).unwrap_or_default();
        // Kinds take turns: dealing by rounds gives every fold its share of each.
        let fold = row.event / Kind::ALL.len() % FOLDS;
        text += &format!(
            "{number},{},{:.3},{snr},sy{:06},{},{:.2},{:.2},{},{fold}\n",
            row.label,
            row.start_offset,
            row.event + 1,
            row.station,
            row.distance,
            row.magnitude,
            row.time.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(settings: &WindowsSettings) -> Maker<'_> {
        Maker {
            settings,
            stations: stations(settings.seed, NETWORK_SIZE),
            levels: Levels::new(settings.seed, START, DAYS),
        }
    }

    #[test]
    fn every_window_is_heard_and_every_kind_is_there() {
        let settings = WindowsSettings { rate: 20, ..WindowsSettings::default() };
        let maker = maker(&settings);
        let rows: Vec<Row> = (0..12).flat_map(|number| maker.event_rows(number)).collect();
        let count = |label| rows.iter().filter(|row| row.label == label).count();
        assert_eq!(["earthquake", "explosion", "surface", "noise"].map(count), [8, 8, 8, 12]);
        assert!(rows.iter().all(|row| row.samples.len() == 900));
        assert!(rows.iter().filter_map(|row| row.snr).all(|snr| snr > LEAST_SNR));
    }

    #[test]
    fn last_digits_carry_no_class() {
        let settings = WindowsSettings { rate: 20, ..WindowsSettings::default() };
        let maker = maker(&settings);
        let mut odd = std::collections::BTreeMap::new();
        for row in (0..45).flat_map(|number| maker.event_rows(number)) {
            let (odds, all) = odd.entry(row.label).or_insert((0, 0));
            *all += row.samples.len();
            *odds += row.samples.iter().filter(|x| **x as i64 % 2 != 0).count();
            assert!(row.samples.iter().all(|x| x.fract() == 0.0));
        }
        for (label, (odds, all)) in odd {
            let share = odds as f64 / f64::from(all as u32);
            assert!(
                (share - 0.5).abs() < 4.0 * 0.5 / f64::from(all as u32).sqrt(),
                "{label} {share}"
            );
        }
    }
}
