//! QuakeML 1.2 written: events with origin, arrivals and picks, and picks that belong to none.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::catalogue::{Event, Pick};
use super::quakeml::PROBABILITY;
use crate::error::{Error, Result};
use crate::output::replace_atomically;
use crate::time::UtcTime;

/// Writes a catalogue as QuakeML 1.2 (basic event description). Picks in `unassociated` become
/// one further event without origin. Times have nanoseconds, depths millimetres; the same events
/// give the same bytes, as every name in the file comes from what it names.
///
/// An event without latitude and longitude has no origin in QuakeML: its picks are written, its
/// time is that of the first of them. Words that QuakeML does not know (kinds of events,
/// polarities, modes) are left out, an unknown kind becomes `other event`.
///
/// # Errors
/// If an event has neither place nor picks, or the file cannot be written.
pub fn write_quakeml(path: &Path, events: &[Event], unassociated: &[Pick]) -> Result<()> {
    for event in events {
        if place(event).is_none() && event.picks.is_empty() {
            let (id, time) = (&event.id, event.time);
            let problem = "it has neither a place nor picks, and QuakeML can say nothing of it";
            return Err(Error::data(format!("event '{id}' at {time}: {problem}")));
        }
    }
    replace_atomically(path, |temporary| {
        let file = std::fs::File::create(temporary).map_err(Error::io(path))?;
        let mut writer = Writer { out: BufWriter::new(file), given: HashMap::new() };
        writer
            .document(events, unassociated)
            .and_then(|()| writer.out.flush())
            .map_err(Error::io(path))
    })
}

/// Kinds of events (QuakeML 1.2, `EventType`).
const KINDS: &str = "|not existing|not reported|earthquake|anthropogenic event|collapse|\
    cavity collapse|mine collapse|building collapse|explosion|accidental explosion|\
    chemical explosion|controlled explosion|experimental explosion|industrial explosion|\
    mining explosion|quarry blast|road cut|blasting levee|nuclear explosion|\
    induced or triggered event|rock burst|reservoir loading|fluid injection|fluid extraction|\
    crash|plane crash|train crash|boat crash|other event|atmospheric event|sonic boom|\
    sonic blast|acoustic noise|thunder|avalanche|snow avalanche|debris avalanche|\
    hydroacoustic event|ice quake|slide|landslide|rockslide|meteorite|volcanic eruption|";

/// What the event of picks without one is called.
const UNASSOCIATED: &str = "picks without event";

struct Writer<W> {
    out: W,
    /// How often each name was asked for.
    given: HashMap<String, u32>,
}

impl<W: Write> Writer<W> {
    fn document(&mut self, events: &[Event], unassociated: &[Pick]) -> io::Result<()> {
        self.out.write_all(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <q:quakeml xmlns=\"http://quakeml.org/xmlns/bed/1.2\" \
            xmlns:q=\"http://quakeml.org/xmlns/quakeml/1.2\">\n \
            <eventParameters publicID=\"smi:local/catalogue\">\n",
        )?;
        for event in events {
            let id = match is_resource(&event.id) {
                true => event.id.clone(),
                false if event.id.is_empty() => format!("smi:local/event/{}", stamp(event.time)),
                false => format!("smi:local/event/{}", plain(&event.id)),
            };
            self.event(&id, event)?;
        }
        if let Some(first) = unassociated.first() {
            let id = format!("smi:local/unassociated/{}", stamp(first.time));
            let place = UNASSOCIATED.to_string();
            let event = Event { time: first.time, place, ..Event::default() };
            self.event_of(&id, &event, unassociated)?;
        }
        self.out.write_all(b" </eventParameters>\n</q:quakeml>\n")
    }

    fn event(&mut self, id: &str, event: &Event) -> io::Result<()> {
        self.event_of(id, event, &event.picks)
    }

    fn event_of(&mut self, id: &str, event: &Event, picks: &[Pick]) -> io::Result<()> {
        let id = self.unique(id.to_string());
        let origin = part(&id, "origin");
        let magnitude = part(&id, "magnitude");
        writeln!(self.out, "  <event publicID=\"{id}\">")?;
        if place(event).is_some() {
            self.element(3, "preferredOriginID", &origin)?;
        }
        if event.magnitude.is_some() {
            self.element(3, "preferredMagnitudeID", &magnitude)?;
        }
        if !event.kind.is_empty() {
            let known = KINDS.contains(&format!("|{}|", event.kind));
            self.element(3, "type", if known { &event.kind } else { "other event" })?;
        }
        if !event.place.is_empty() {
            let text = Escaped(&event.place);
            writeln!(self.out, "   <description><text>{text}</text></description>")?;
        }
        let ids: Vec<String> = picks.iter().map(|pick| self.unique(name_of(pick))).collect();
        for (pick, id) in picks.iter().zip(&ids) {
            self.pick(pick, id)?;
        }
        if let Some(place) = place(event) {
            self.origin(event, place, &origin, &ids)?;
        }
        if let Some(stated) = &event.magnitude {
            writeln!(self.out, "   <magnitude publicID=\"{magnitude}\">")?;
            self.quantity(4, "mag", stated.value, None)?;
            if !stated.scale.is_empty() {
                self.element(4, "type", &stated.scale)?;
            }
            writeln!(self.out, "   </magnitude>")?;
        }
        writeln!(self.out, "  </event>")
    }

    fn origin(
        &mut self,
        event: &Event,
        (latitude, longitude): (f64, f64),
        id: &str,
        picks: &[String],
    ) -> io::Result<()> {
        let quality = &event.quality;
        writeln!(self.out, "   <origin publicID=\"{id}\">")?;
        self.quantity(4, "time", nanoseconds(event.time), quality.time_uncertainty)?;
        self.quantity(4, "latitude", latitude, quality.latitude_uncertainty)?;
        self.quantity(4, "longitude", longitude, quality.longitude_uncertainty)?;
        if let Some(depth) = event.depth_km.filter(|depth| depth.is_finite()) {
            self.quantity(4, "depth", metres(depth), quality.depth_uncertainty_km.map(metres))?;
        }
        if is_mode(&event.mode) {
            self.element(4, "evaluationMode", &event.mode)?;
        }
        let used = event.picks.iter().filter(|pick| pick.residual.is_some()).count();
        let stated = [
            ("usedPhaseCount", (used > 0).then_some(used as f64)),
            ("standardError", quality.standard_error),
            ("azimuthalGap", quality.azimuthal_gap),
        ];
        if stated.iter().any(|(_, value)| value.is_some()) {
            writeln!(self.out, "    <quality>")?;
            self.numbers(5, &stated)?;
            writeln!(self.out, "    </quality>")?;
        }
        for (pick, id) in event.picks.iter().zip(picks) {
            // An arrival is of a phase.
            if pick.phase.is_empty() {
                continue;
            }
            writeln!(self.out, "    <arrival publicID=\"{}\">", part(id, "arrival"))?;
            self.element(5, "pickID", id)?;
            self.element(5, "phase", &pick.phase)?;
            self.numbers(
                5,
                &[
                    ("distance", pick.distance),
                    ("timeResidual", pick.residual),
                    ("timeWeight", pick.weight),
                ],
            )?;
            writeln!(self.out, "    </arrival>")?;
        }
        writeln!(self.out, "   </origin>")
    }

    fn pick(&mut self, pick: &Pick, id: &str) -> io::Result<()> {
        writeln!(self.out, "   <pick publicID=\"{id}\">")?;
        self.quantity(4, "time", nanoseconds(pick.time), pick.uncertainty)?;
        let codes = [&pick.id.network, &pick.id.station, &pick.id.location, &pick.id.channel];
        let [network, station, location, channel] = codes.map(|code| Escaped(code));
        writeln!(
            self.out,
            "    <waveformID networkCode=\"{network}\" stationCode=\"{station}\" \
            locationCode=\"{location}\" channelCode=\"{channel}\"/>"
        )?;
        if !pick.phase.is_empty() {
            self.element(4, "phaseHint", &pick.phase)?;
        }
        if ["positive", "negative", "undecidable"].contains(&pick.polarity.as_str()) {
            self.element(4, "polarity", &pick.polarity)?;
        }
        if is_mode(&pick.mode) {
            self.element(4, "evaluationMode", &pick.mode)?;
        }
        if let Some(probability) = pick.probability.filter(|value| value.is_finite()) {
            writeln!(self.out, "    <comment><text>{PROBABILITY} {probability}</text></comment>")?;
        }
        writeln!(self.out, "   </pick>")
    }

    fn numbers(&mut self, depth: usize, values: &[(&str, Option<f64>)]) -> io::Result<()> {
        for (name, value) in values {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                writeln!(self.out, "{:depth$}<{name}>{value}</{name}>", "")?;
            }
        }
        Ok(())
    }

    fn quantity(
        &mut self,
        depth: usize,
        name: &str,
        value: impl Display,
        uncertainty: Option<f64>,
    ) -> io::Result<()> {
        write!(self.out, "{:depth$}<{name}><value>{value}</value>", "")?;
        if let Some(uncertainty) = uncertainty.filter(|value| value.is_finite()) {
            write!(self.out, "<uncertainty>{uncertainty}</uncertainty>")?;
        }
        writeln!(self.out, "</{name}>")
    }

    fn element(&mut self, depth: usize, name: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "{:depth$}<{name}>{}</{name}>", "", Escaped(text))
    }

    /// The name itself at first, with a number after it from the second time on.
    fn unique(&mut self, name: String) -> String {
        let times = self.given.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1 { name } else { format!("{name}/{times}") }
    }
}

/// Latitude and longitude, if both are known.
fn place(event: &Event) -> Option<(f64, f64)> {
    let (latitude, longitude) = (event.latitude?, event.longitude?);
    (latitude.is_finite() && longitude.is_finite()).then_some((latitude, longitude))
}

fn is_mode(mode: &str) -> bool {
    mode == "manual" || mode == "automatic"
}

/// Metres, to the millimetre.
fn metres(kilometres: f64) -> f64 {
    (kilometres * 1e6).round() / 1e3
}

fn nanoseconds(time: UtcTime) -> String {
    let second = time.0.rem_euclid(1_000_000_000);
    format!("{}.{second:09}Z", time.format("%Y-%m-%dT%H:%M:%S"))
}

/// A time as part of a name.
fn stamp(time: UtcTime) -> String {
    let second = time.0.rem_euclid(1_000_000_000);
    format!("{}.{second:09}", time.format("%Y%m%dT%H%M%S"))
}

fn name_of(pick: &Pick) -> String {
    let phase = if pick.phase.is_empty() { "pick" } else { &pick.phase };
    let stream = plain(&pick.id.to_string());
    format!("smi:local/pick/{stream}/{}/{}", plain(phase), stamp(pick.time))
}

/// The name of something that belongs to what `id` names. Names of other makers may have no room
/// for more (QuakeML allows one `#`, not at every place), so that ours is made of theirs.
fn part(id: &str, what: &str) -> String {
    let own = id.split_once(':').map_or(id, |(_, own)| own);
    let own = own.strip_prefix("local/").unwrap_or(own);
    format!("smi:local/{what}/{}", plain(own))
}

/// Only what a name may hold after the authority (QuakeML 1.2, `ResourceReference`).
fn plain(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-.*()_~'+=,;#/".contains(c);
    text.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Whether a name is one of QuakeML's: `smi:authority/name` or `quakeml:authority/name`.
fn is_resource(id: &str) -> bool {
    let own = id.strip_prefix("smi:").or_else(|| id.strip_prefix("quakeml:"));
    let Some((authority, name)) = own.and_then(|own| own.split_once('/')) else { return false };
    let begins = authority.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let first = |c: char| c.is_ascii_alphanumeric() || "-.*()_~'".contains(c);
    let in_authority = authority.len() > 2 && authority.chars().all(first);
    // `+`, `?`, `=`, `,`, `;`, `#`, `/` and `&` stand within, not at the beginning. Of them '&'
    // would need escaping wherever the name is written.
    let in_name = name.starts_with(first) && name == plain(&name.replace('?', "_"));
    begins && in_authority && in_name
}

/// Text between tags or in quotes; what XML cannot hold is left out.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write;
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\u{fffe}' | '\u{ffff}' => {}
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                letter if letter.is_control() => {}
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Catalogue, Magnitude, OriginQuality, StreamId};

    fn stream(channel: &str) -> StreamId {
        let [network, station, location] = ["XX", "DEMO", ""].map(String::from);
        StreamId { network, station, location, channel: channel.into() }
    }

    fn time(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    fn pick(text: &str, phase: &str) -> Pick {
        Pick {
            time: time(text),
            uncertainty: Some(0.034),
            id: stream("HHZ"),
            phase: phase.into(),
            mode: "automatic".into(),
            probability: Some(0.8765432),
            ..Pick::default()
        }
    }

    fn located() -> Event {
        let arrival = Pick {
            polarity: "positive".into(),
            distance: Some(0.125),
            residual: Some(-0.0417),
            weight: Some(0.75),
            ..pick("2020-01-01T00:00:05.123456789Z", "P")
        };
        Event {
            id: "smi:local/event/one".into(),
            time: time("2020-01-01T00:00:00.000000001Z"),
            latitude: Some(-39.28),
            longitude: Some(175.57),
            depth_km: Some(8.123),
            magnitude: Some(Magnitude { value: 1.25, scale: "ML".into() }),
            place: "north & <\"rim\">".into(),
            kind: "earthquake".into(),
            mode: "automatic".into(),
            quality: OriginQuality {
                time_uncertainty: Some(0.125),
                latitude_uncertainty: Some(0.01),
                longitude_uncertainty: Some(0.0125),
                depth_uncertainty_km: Some(1.5),
                standard_error: Some(0.0625),
                azimuthal_gap: Some(123.5),
            },
            picks: vec![arrival, pick("2020-01-01T00:00:09.5Z", "S")],
        }
    }

    fn written(events: &[Event], unassociated: &[Pick]) -> (String, Catalogue) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picks.qml");
        write_quakeml(&path, events, unassociated).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = Catalogue::from_bytes(text.as_bytes(), &path).unwrap();
        (text, read)
    }

    #[test]
    fn what_is_written_is_read_back_and_the_same_events_give_the_same_bytes() {
        let bare = Event {
            id: "smi:local/event/two".into(),
            time: time("2020-01-02T00:00:01Z"),
            picks: vec![pick("2020-01-02T00:00:01Z", "P")],
            ..Event::default()
        };
        // One of them twice: each keeps a name of its own.
        let single = [pick("2020-01-03T00:00:00.5Z", "P"), pick("2020-01-03T00:00:00.5Z", "P")];
        let events = [located(), bare];
        let (text, read) = written(&events, &single);
        assert_eq!(read.events[..2], events);
        assert_eq!(read.events.len(), 3);
        assert_eq!(
            (&read.events[2].place[..], &read.events[2].picks[..]),
            (UNASSOCIATED, &single[..])
        );
        assert_eq!(written(&events, &single).0, text);
        // ObsPy 1.5 holds this file valid and reads the same values.
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documents/written.xml");
        assert_eq!(text, std::fs::read_to_string(fixture).unwrap());
        let ids: Vec<&str> =
            text.split("publicID=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let different: std::collections::HashSet<&&str> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert!(ids.iter().all(|id| is_resource(id)), "{ids:?}");
    }

    #[test]
    fn what_quakeml_does_not_know_is_left_out() {
        let mut event = located();
        event.id = "2020/a b&c".into();
        event.kind = "tremor".into();
        event.mode = "by hand".into();
        event.depth_km = None;
        event.picks[0].polarity = "up".into();
        event.picks[0].residual = Some(f64::NAN);
        event.picks[0].id.station = "A\u{0}\"B".into();
        let (text, read) = written(&[event], &[]);
        let [event] = &read.events[..] else { panic!("{}", read.events.len()) };
        assert_eq!(event.id, "smi:local/event/2020/a_b_c");
        assert_eq!((event.kind.as_str(), event.mode.as_str()), ("other event", ""));
        assert_eq!((event.depth_km, event.quality.depth_uncertainty_km), (None, None));
        assert_eq!((event.picks[0].residual, event.picks[0].id.station.as_str()), (None, "A\"B"));
        assert!(!text.contains("NaN") && !text.contains("<polarity>"), "{text}");
    }

    #[test]
    fn an_event_of_which_nothing_can_be_said_is_refused() {
        let event = Event { id: "lost".into(), ..Event::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.qml");
        let message = write_quakeml(&path, &[event], &[]).unwrap_err().to_string();
        assert!(message.contains("'lost'") && message.contains("neither"), "{message}");
        assert!(!path.exists());
        let (_, read) = written(&[], &[]);
        assert!(read.events.is_empty());
    }
}
