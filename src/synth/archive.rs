//! A station archive: miniSEED files in SDS layout, the catalogue behind them, and the truth.

use std::path::Path;

use rayon::prelude::*;
use temblor_miniseed::{SampleSlice, Series, WriteOptions};

use super::background::Background;
use super::folder;
use super::level::Levels;
use super::network::{Station, stations};
use super::random::{Purpose, Random};
use super::seismicity::{self, Event, Kind, SelfExciting};
use super::waveform::{PacketMaker, arrivals};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::progress::{Progress, check_interrupt};
use crate::read::{Samples, StreamId, Trace};
use crate::time::{DAY, SECOND, SampleRate, Span, UtcTime};

/// What archive to make.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ArchiveSettings {
    /// Decides everything random.
    pub seed: u64,
    /// First day (a midnight).
    pub start: UtcTime,
    /// Number of days.
    pub days: usize,
    /// Number of stations.
    pub stations: usize,
    /// Components, of `Z`, `N`, `E`.
    pub components: String,
    /// Whole samples a second, 20 to 500.
    pub rate: u32,
    /// Gaps a day and station, on average; the total is exact.
    pub gaps_per_day: f64,
    /// Factor on the tremor; 0 for none.
    pub tremor: f64,
    /// The process of earthquakes.
    pub earthquakes: SelfExciting,
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            start: UtcTime(19_723 * DAY), // 2024-01-01, a Monday
            days: 2,
            stations: 1,
            components: "Z".into(),
            rate: 50,
            gaps_per_day: 0.5,
            tremor: 1.0,
            earthquakes: SelfExciting::default(),
        }
    }
}

/// The network code of all made-up stations (`XX` is set aside for tests).
const NETWORK: &str = "XX";

/// An event is looked for in a day that begins up to this long after it.
const LONGEST_EVENT: i64 = 600 * SECOND;

/// Everything decided but the samples, which are made unit by unit (station, component, day).
pub struct SyntheticArchive {
    settings: ArchiveSettings,
    stations: Vec<Station>,
    levels: Levels,
    events: Vec<Event>,
    /// By station, in order of time, on whole seconds, each within one day.
    gaps: Vec<Vec<Span>>,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ArchiveSummary {
    /// Day files.
    pub files: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Samples in them.
    pub samples: u64,
    /// Gaps over all stations.
    pub gaps: usize,
    /// Events in the catalogue.
    pub events: usize,
}

impl SyntheticArchive {
    /// Decides stations, slow levels, events and gaps.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the setting that makes no sense.
    pub fn new(settings: ArchiveSettings) -> Result<Self> {
        check(&settings)?;
        let settings = ArchiveSettings { start: settings.start.day_start(), ..settings };
        let levels = Levels::new(settings.seed, settings.start, settings.days);
        let events = seismicity::catalogue(
            settings.seed,
            settings.start,
            settings.days,
            &settings.earthquakes,
            &levels,
        );
        let gaps = (0..settings.stations).map(|station| gaps(&settings, station)).collect();
        Ok(Self {
            stations: stations(settings.seed, settings.stations),
            levels,
            events,
            gaps,
            settings,
        })
    }

    /// The stations.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// The events, in order of time.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The gaps of a station, in order of time.
    pub fn gaps(&self, station: usize) -> &[Span] {
        &self.gaps[station]
    }

    /// The contiguous pieces of one day of one component, cut at the gaps. The same whatever else
    /// is made, before, after or beside it.
    pub fn day(&self, station: usize, component: char, day: usize) -> Vec<Trace> {
        let rate = self.settings.rate;
        let start = self.settings.start.plus(day as i64 * DAY);
        let place = &self.stations[station];
        let channel = channel_number(station, component);
        let mut ground = vec![0f32; 86_400 * rate as usize];
        let background = Background {
            seed: self.settings.seed,
            levels: &self.levels,
            station: place,
            channel,
            rate,
            tremor: self.settings.tremor,
        };
        background.fill(start, &mut ground);
        self.add_events(station, component, start, &mut ground);

        let number = start.0.div_euclid(DAY) as u64;
        let mut dither = Random::new(self.settings.seed, Purpose::Dither, channel, number);
        let counts: Vec<i32> = ground.into_iter().map(|x| dither.dither(f64::from(x))).collect();
        let id = StreamId {
            network: NETWORK.into(),
            station: place.code.clone(),
            location: String::new(),
            channel: format!("{}H{component}", if rate >= 80 { 'H' } else { 'B' }),
        };
        self.cut(station, start, &counts)
            .map(|(start, samples)| Trace {
                id: id.clone(),
                start,
                rate: SampleRate::from_ratio(u64::from(rate), 1)
                    .expect("the rate was checked to be positive"),
                samples: Samples::I32(samples.to_vec()),
            })
            .collect()
    }

    fn add_events(&self, station: usize, component: char, start: UtcTime, ground: &mut [f32]) {
        let rate = self.settings.rate;
        let mut maker = PacketMaker::new(self.settings.seed, rate);
        let first_sample = start.0 / SECOND * i64::from(rate);
        let from = self.events.partition_point(|event| event.time < start.plus(-LONGEST_EVENT));
        for event in self.events[from..].iter().take_while(|event| event.time < start.plus(DAY)) {
            for packet in maker.packets(event, &self.stations[station], station as u64, component) {
                let offset = packet.first - first_sample;
                for (k, value) in packet.samples.iter().enumerate() {
                    if let Ok(at) = usize::try_from(offset + k as i64)
                        && let Some(sample) = ground.get_mut(at)
                    {
                        *sample += value;
                    }
                }
            }
        }
    }

    /// The pieces between the gaps: start and samples.
    fn cut<'a>(
        &'a self,
        station: usize,
        start: UtcTime,
        counts: &'a [i32],
    ) -> impl Iterator<Item = (UtcTime, &'a [i32])> {
        let rate = i64::from(self.settings.rate);
        let end = start.plus(DAY);
        let today: Vec<&Span> =
            self.gaps[station].iter().filter(|gap| start <= gap.start && gap.start < end).collect();
        let froms = std::iter::once(start).chain(today.clone().into_iter().map(|gap| gap.end));
        let tos: Vec<UtcTime> = today.iter().map(|gap| gap.start).chain([end]).collect();
        froms.zip(tos).map(move |(from, to)| {
            let index = |time: UtcTime| ((time.0 - start.0) / SECOND * rate) as usize;
            (from, &counts[index(from)..index(to)])
        })
    }

    /// Writes `archive/` (SDS), `catalogue.csv`, `arrivals.csv`, `tremor.csv` and `truth.json`
    /// into `folder`, units in parallel, memory bounded by the units in flight. The bytes depend
    /// on the settings alone.
    pub fn write(&self, out: &Path, force: bool) -> Result<ArchiveSummary> {
        let mut summary = ArchiveSummary {
            files: 0,
            bytes: 0,
            samples: 0,
            gaps: self.gaps.iter().map(Vec::len).sum(),
            events: self.events.len(),
        };
        folder::make(out, force, |fresh| {
            let progress = std::sync::Mutex::new(Progress::new(
                "making the archive",
                "day files",
                self.units().count() as u64,
            ));
            let sizes: Vec<(u64, u64)> = self
                .units()
                .collect::<Vec<_>>()
                .into_par_iter()
                .map(|(station, component, day)| {
                    check_interrupt()?;
                    let size = self.write_day(&fresh.join("archive"), station, component, day)?;
                    if let Ok(mut progress) = progress.lock() {
                        progress.advance(1);
                    }
                    Ok(size)
                })
                .collect::<Result<_>>()?;
            summary.files = sizes.len();
            summary.bytes = sizes.iter().map(|(bytes, _)| bytes).sum();
            summary.samples = sizes.iter().map(|(_, samples)| samples).sum();
            write_atomically(&fresh.join("catalogue.csv"), self.catalogue().as_bytes())?;
            write_atomically(&fresh.join("arrivals.csv"), self.arrival_table().as_bytes())?;
            write_atomically(&fresh.join("tremor.csv"), self.tremor_table().as_bytes())?;
            self.truth(&summary)
        })?;
        Ok(summary)
    }

    fn units(&self) -> impl Iterator<Item = (usize, char, usize)> + '_ {
        (0..self.settings.stations).flat_map(move |station| {
            self.settings.components.chars().flat_map(move |component| {
                (0..self.settings.days).map(move |day| (station, component, day))
            })
        })
    }

    /// Bytes and samples of the file written.
    fn write_day(
        &self,
        root: &Path,
        station: usize,
        component: char,
        day: usize,
    ) -> Result<(u64, u64)> {
        let mut bytes = Vec::new();
        let mut count = 0;
        let mut name = None;
        for trace in self.day(station, component, day) {
            let Samples::I32(samples) = &trace.samples else { continue };
            let id = &trace.id;
            let (year, day) = trace.start.year_and_day();
            let path = format!(
                "{year}/{}/{}/{}.D/{}.{}.{}.{}.D.{year}.{day:03}",
                id.network, id.station, id.channel, id.network, id.station, id.location, id.channel
            );
            let series = Series {
                network: &id.network,
                station: &id.station,
                location: &id.location,
                channel: &id.channel,
                start: trace.start.0,
                rate: (u64::from(self.settings.rate), 1),
                samples: SampleSlice::I32(samples),
            };
            let options = WriteOptions { record_length: 4096, ..WriteOptions::default() };
            let records = temblor_miniseed::encode(&series, &options)
                .map_err(|e| Error::input(&path, e.to_string()))?;
            count += samples.len() as u64;
            bytes.extend_from_slice(&records);
            name = Some(path);
        }
        if let Some(path) = name {
            write_atomically(&root.join(path), &bytes)?;
        }
        Ok((bytes.len() as u64, count))
    }

    fn catalogue(&self) -> String {
        let mut text = String::from(
            "event_id,time,latitude,longitude,depth_km,magnitude,magnitude_type,kind\n",
        );
        for (number, event) in self.events.iter().enumerate() {
            let (latitude, longitude) = event.place.latitude_longitude();
            let (time, depth) = (milliseconds(event.time), event.place.depth);
            let (m, kind) = (event.magnitude, event.kind.label());
            text += &format!(
                "{},{time},{latitude:.5},{longitude:.5},{depth:.2},{m:.2},Mw,{kind}\n",
                event_id(number)
            );
        }
        text
    }

    fn arrival_table(&self) -> String {
        let mut text = String::from("event_id,station,phase,time,distance_km\n");
        for (number, event) in self.events.iter().enumerate() {
            for station in &self.stations {
                let distance = event.place.distance(&station.place);
                for (phase, time) in arrivals(event, station) {
                    text += &format!(
                        "{},{},{phase},{},{distance:.3}\n",
                        event_id(number),
                        station.code,
                        milliseconds(time)
                    );
                }
            }
        }
        text
    }

    fn tremor_table(&self) -> String {
        let mut text = String::from("time,tremor_relative_amplitude,unrest\n");
        for ((time, tremor), (_, unrest)) in
            self.levels.tremor.points().zip(self.levels.unrest.points())
        {
            text += &format!("{time},{:.6},{unrest:.6}\n", self.settings.tremor * tremor.exp());
        }
        text
    }

    fn truth(
        &self,
        summary: &ArchiveSummary,
    ) -> Result<serde_json::Map<String, serde_json::Value>> {
        let stations: Vec<_> = self
            .stations
            .iter()
            .zip(&self.gaps)
            .map(|(station, gaps)| {
                let (latitude, longitude) = station.place.latitude_longitude();
                let gaps: Vec<_> = gaps.iter().map(|g| [g.start.to_string(), g.end.to_string()]).collect();
                serde_json::json!({
                    "network": NETWORK, "station": station.code, "latitude": latitude, "longitude": longitude,
                    "gaps": gaps,
                })
            })
            .collect();
        let by_kind: serde_json::Map<_, _> = Kind::ALL
            .iter()
            .map(|&kind| {
                (kind.label().into(), self.events.iter().filter(|e| e.kind == kind).count().into())
            })
            .collect();
        let start = self.settings.start.to_string();
        let mut settings =
            serde_json::to_value(&self.settings).map_err(|e| Error::data(e.to_string()))?;
        settings["start"] = start.into();
        let truth = serde_json::json!({
            "settings": settings, "summary": summary, "events": by_kind, "stations": stations,
        });
        Ok(truth.as_object().cloned().unwrap_or_default())
    }
}

fn check(settings: &ArchiveSettings) -> Result<()> {
    let refuse = |what: String| Err(Error::usage(what));
    if !(1..=36_500).contains(&settings.days) || !(1..=10_000).contains(&settings.stations) {
        return refuse("days must be 1 to 36500 and stations 1 to 10000".into());
    }
    if !(20..=500).contains(&settings.rate) {
        return refuse(format!("rate {}: expected 20 to 500 samples a second", settings.rate));
    }
    let components = &settings.components;
    let distinct: std::collections::BTreeSet<char> = components.chars().collect();
    if components.is_empty()
        || distinct.len() != components.len()
        || !distinct.iter().all(|c| "ZNE".contains(*c))
    {
        return refuse(format!("components '{components}': expected some of Z, N, E, each once"));
    }
    if !(0.0..=50.0).contains(&settings.gaps_per_day) {
        return refuse(format!("gaps a day {}: expected 0 to 50", settings.gaps_per_day));
    }
    if !(0.0..=1e3).contains(&settings.tremor) {
        return refuse(format!("tremor factor {}: expected 0 to 1000", settings.tremor));
    }
    let process = &settings.earthquakes;
    if !(0.0..=5_000.0).contains(&process.background_per_day)
        || !(0.0..=0.9).contains(&process.branching_ratio)
    {
        return refuse(
            "earthquakes a day must be 0 to 5000 and the branching ratio 0 to 0.9".into(),
        );
    }
    Ok(())
}

/// The number that keys the random draws of a channel.
fn channel_number(station: usize, component: char) -> u64 {
    ((station as u64) << 8) | u64::from(component as u8)
}

fn event_id(number: usize) -> String {
    format!("sy{:06}", number + 1)
}

/// Times in tables carry milliseconds, all alike.
fn milliseconds(time: UtcTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// Gaps of 20 s to 2 h on whole seconds, at least a minute from each other and from midnight.
fn gaps(settings: &ArchiveSettings, station: usize) -> Vec<Span> {
    let wanted = (settings.gaps_per_day * settings.days as f64).round() as usize;
    let mut random = Random::new(settings.seed, Purpose::Gaps, station as u64, 0);
    let mut gaps: Vec<Span> = Vec::with_capacity(wanted);
    let margin = 60 * SECOND;
    let mut tries = 0;
    while gaps.len() < wanted && tries < 100 * wanted {
        tries += 1;
        let length = random.log_between(20.0, 7200.0) as i64 * SECOND;
        let day = random.below(settings.days) as i64;
        let latest = (DAY - length) / SECOND - 60;
        let second = random.between(60.0, latest as f64) as i64;
        let start = settings.start.plus(day * DAY + second * SECOND);
        let gap = Span { start, end: start.plus(length) };
        let around = Span { start: gap.start.plus(-margin), end: gap.end.plus(margin) };
        if !gaps.iter().any(|other| other.overlaps(&around)) {
            gaps.push(gap);
        }
    }
    gaps.sort_by_key(|gap| gap.start);
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> ArchiveSettings {
        ArchiveSettings { days: 2, rate: 20, gaps_per_day: 2.0, ..ArchiveSettings::default() }
    }

    fn samples(pieces: &[Trace]) -> usize {
        pieces.iter().map(|piece| piece.samples.len()).sum()
    }

    #[test]
    fn gaps_are_as_many_and_as_long_as_stated() {
        let archive = SyntheticArchive::new(small()).unwrap();
        assert_eq!(archive.gaps(0).len(), 4);
        let days: Vec<Vec<Trace>> = (0..2).map(|day| archive.day(0, 'Z', day)).collect();
        assert_eq!(days.iter().map(|pieces| pieces.len() - 1).sum::<usize>(), 4);
        let missing: i64 =
            archive.gaps(0).iter().map(|gap| (gap.end.0 - gap.start.0) / SECOND * 20).sum();
        assert_eq!(
            days.iter().map(|d| samples(d)).sum::<usize>() as i64 + missing,
            2 * 86_400 * 20
        );
    }

    #[test]
    fn days_join_without_a_step() {
        let archive =
            SyntheticArchive::new(ArchiveSettings { gaps_per_day: 0.0, ..small() }).unwrap();
        let (first, second) = (archive.day(0, 'Z', 0), archive.day(0, 'Z', 1));
        let (a, b) = (first[0].samples.to_f64(), second[0].samples.to_f64());
        let typical = a.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
        assert!((b[0] - a[a.len() - 1]).abs() < typical);
        assert_eq!(first[0].last_time().plus(SECOND / 20), second[0].start);
    }

    #[test]
    fn a_large_earthquake_stands_out_at_its_arrival() {
        let archive =
            SyntheticArchive::new(ArchiveSettings { gaps_per_day: 0.0, ..small() }).unwrap();
        let event = archive
            .events()
            .iter()
            .filter(|e| {
                e.kind == Kind::Earthquake
                    && e.time < archive.settings.start.plus(DAY - 120 * SECOND)
            })
            .max_by(|a, b| a.magnitude.total_cmp(&b.magnitude))
            .unwrap();
        assert!(event.magnitude > 1.0, "{}", event.magnitude);
        let trace = &archive.day(0, 'Z', 0)[0];
        let (_, s) = arrivals(event, &archive.stations()[0])[1];
        let at = ((s.0 - trace.start.0) / (SECOND / 20)) as usize;
        // Differences suppress the microseism.
        let all = trace.samples.to_f64();
        let power = |range: std::ops::Range<usize>| -> f64 {
            range.clone().map(|i| (all[i + 1] - all[i]).powi(2)).sum::<f64>() / range.len() as f64
        };
        let (after, before) = (power(at..at + 40), power(at - 600..at - 300));
        assert!(after > 10.0 * before, "magnitude {}: {after} {before}", event.magnitude);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (settings, word) in [
            (ArchiveSettings { rate: 5, ..small() }, "rate 5"),
            (ArchiveSettings { components: "ZQ".into(), ..small() }, "'ZQ'"),
            (ArchiveSettings { gaps_per_day: f64::NAN, ..small() }, "gaps"),
            (ArchiveSettings { days: 0, ..small() }, "days"),
        ] {
            let error = SyntheticArchive::new(settings).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
