//! QuakeML 1.2, basic event description (Euchner and Schorlemmer 2013).

use std::collections::HashMap;
use std::path::Path;

use super::catalogue::{Catalogue, Event, Magnitude, OriginQuality, Pick};
use super::stations::location;
use super::trace::StreamId;
use super::xml::{Tag, Xml, shortened};
use crate::error::Result;
use crate::time::UtcTime;

/// How the comment of a pick begins that says how probable it is.
pub(super) const PROBABILITY: &str = "probability:";

/// Reads a document; `file` is for messages.
pub(super) fn parse(bytes: &[u8], file: &Path) -> Result<Catalogue> {
    let mut xml = Xml::new(bytes, file)?;
    let root = xml.root()?;
    if !root.name().eq_ignore_ascii_case("quakeml") {
        let name = shortened(root.name());
        return Err(xml.fault(format_args!("root element '{name}'; expected quakeml")));
    }
    let mut catalogue = Catalogue::default();
    let mut timeless = 0;
    xml.children(&mut |xml, tag| match tag.name() {
        "eventParameters" => xml.children(&mut |xml, tag| {
            if tag.name() == "event" {
                match event(xml, tag)? {
                    Some(event) => catalogue.events.push(event),
                    None => timeless += 1,
                }
            }
            Ok(())
        }),
        _ => Ok(()),
    })?;
    if timeless > 0 {
        catalogue.notes.push(format!("{timeless} events with neither origin nor pick left out"));
    }
    Ok(catalogue)
}

/// A place and time at which an event may have happened.
#[derive(Default)]
struct Origin {
    id: String,
    time: Option<UtcTime>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    depth: Option<f64>,
    mode: String,
    quality: OriginQuality,
    arrivals: Vec<Arrival>,
}

#[derive(Default)]
struct Arrival {
    pick: String,
    phase: String,
    distance: Option<f64>,
    residual: Option<f64>,
    weight: Option<f64>,
}

/// `None` without any time.
fn event(xml: &mut Xml<'_>, tag: &Tag<'_>) -> Result<Option<Event>> {
    let mut event = Event { id: tag.attribute_or_empty("publicID"), ..Event::default() };
    let (mut origins, mut magnitudes, mut picks) = (Vec::new(), Vec::new(), Vec::new());
    let (mut preferred_origin, mut preferred_magnitude) = (None, None);
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "type" => event.kind = xml.text()?,
            "description" => {
                let text = named_text(xml, "text")?;
                if event.place.is_empty() {
                    event.place = text;
                }
            }
            "preferredOriginID" => preferred_origin = Some(xml.text()?),
            "preferredMagnitudeID" => preferred_magnitude = Some(xml.text()?),
            "origin" => origins.push(origin(xml, tag)?),
            "magnitude" => magnitudes.push((tag.attribute_or_empty("publicID"), magnitude(xml)?)),
            "pick" => picks.push((tag.attribute_or_empty("publicID"), pick(xml)?)),
            _ => {}
        }
        Ok(())
    })?;
    let chosen = |id: &Option<String>, ids: Vec<&String>| {
        ids.iter().position(|own| Some(*own) == id.as_ref()).unwrap_or(0)
    };
    let at = chosen(&preferred_magnitude, magnitudes.iter().map(|(id, _)| id).collect());
    event.magnitude = magnitudes.into_iter().nth(at).and_then(|(_, magnitude)| magnitude);
    let at = chosen(&preferred_origin, origins.iter().map(|origin| &origin.id).collect());
    let origin = origins.into_iter().nth(at).unwrap_or_default();
    event.picks = with_arrivals(picks, &origin.arrivals);
    let Some(time) = origin.time.or(event.picks.first().map(|pick| pick.time)) else {
        return Ok(None);
    };
    event.time = time;
    (event.latitude, event.longitude) = (origin.latitude, origin.longitude);
    event.depth_km = origin.depth.map(|metres| metres / 1000.0);
    event.mode = origin.mode;
    event.quality = origin.quality;
    Ok(Some(event))
}

/// Picks in time order, with what the arrivals say of them; picks without a time are left out.
fn with_arrivals(picks: Vec<(String, Option<Pick>)>, arrivals: &[Arrival]) -> Vec<Pick> {
    let by_pick: HashMap<&str, &Arrival> =
        arrivals.iter().map(|arrival| (arrival.pick.as_str(), arrival)).collect();
    let complete = |(id, pick): (String, Option<Pick>)| {
        let mut pick = pick?;
        if let Some(arrival) = by_pick.get(id.as_str()) {
            if !arrival.phase.is_empty() {
                pick.phase.clone_from(&arrival.phase);
            }
            (pick.distance, pick.residual) = (arrival.distance, arrival.residual);
            pick.weight = arrival.weight;
        }
        Some(pick)
    };
    let mut picks: Vec<Pick> = picks.into_iter().filter_map(complete).collect();
    picks.sort_by_key(|pick| pick.time);
    picks
}

fn origin(xml: &mut Xml<'_>, tag: &Tag<'_>) -> Result<Origin> {
    let mut origin = Origin { id: tag.attribute_or_empty("publicID"), ..Origin::default() };
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "time" => {
                let stated = time(xml)?;
                origin.time = stated.map(|(time, _)| time);
                origin.quality.time_uncertainty = stated.and_then(|(_, uncertainty)| uncertainty);
            }
            "latitude" => {
                (origin.latitude, origin.quality.latitude_uncertainty) = quantity(xml)?;
            }
            "longitude" => {
                (origin.longitude, origin.quality.longitude_uncertainty) = quantity(xml)?;
            }
            "depth" => {
                let metres;
                (origin.depth, metres) = quantity(xml)?;
                origin.quality.depth_uncertainty_km = metres.map(|metres| metres / 1000.0);
            }
            "quality" => xml.children(&mut |xml, tag| {
                match tag.name() {
                    "standardError" => origin.quality.standard_error = Some(xml.number()?),
                    "azimuthalGap" => origin.quality.azimuthal_gap = Some(xml.number()?),
                    _ => {}
                }
                Ok(())
            })?,
            "evaluationMode" => origin.mode = xml.text()?,
            "arrival" => origin.arrivals.push(arrival(xml)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(origin)
}

fn arrival(xml: &mut Xml<'_>) -> Result<Arrival> {
    let mut arrival = Arrival::default();
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "pickID" => arrival.pick = xml.text()?,
            "phase" => arrival.phase = xml.text()?,
            "distance" => arrival.distance = Some(xml.number()?),
            "timeResidual" => arrival.residual = Some(xml.number()?),
            "timeWeight" => arrival.weight = Some(xml.number()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(arrival)
}

/// `None` without a value.
fn magnitude(xml: &mut Xml<'_>) -> Result<Option<Magnitude>> {
    let (mut value, mut scale) = (None, String::new());
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "mag" => value = quantity(xml)?.0,
            "type" => scale = xml.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(value.map(|value| Magnitude { value, scale }))
}

/// `None` without a time.
fn pick(xml: &mut Xml<'_>) -> Result<Option<Pick>> {
    let (mut pick, mut at) = (Pick::default(), None);
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "time" => at = time(xml)?,
            "waveformID" => {
                pick.id = StreamId {
                    network: tag.attribute_or_empty("networkCode"),
                    station: tag.attribute_or_empty("stationCode"),
                    location: location(&tag.attribute_or_empty("locationCode")),
                    channel: tag.attribute_or_empty("channelCode"),
                }
            }
            "phaseHint" => pick.phase = xml.text()?,
            "polarity" => pick.polarity = xml.text()?,
            "evaluationMode" => pick.mode = xml.text()?,
            "comment" => {
                let text = named_text(xml, "text")?;
                let stated =
                    text.strip_prefix(PROBABILITY).and_then(|text| text.trim().parse().ok());
                pick.probability = stated.or(pick.probability);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(at.map(|(time, uncertainty)| Pick { time, uncertainty, ..pick }))
}

/// Value and uncertainty.
fn quantity(xml: &mut Xml<'_>) -> Result<(Option<f64>, Option<f64>)> {
    let (mut value, mut uncertainty) = (None, None);
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "value" => value = Some(xml.number()?),
            "uncertainty" => uncertainty = Some(xml.number()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok((value, uncertainty))
}

/// A time and its uncertainty in seconds; `None` without a value.
fn time(xml: &mut Xml<'_>) -> Result<Option<(UtcTime, Option<f64>)>> {
    let (mut value, mut uncertainty) = (None, None);
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "value" => {
                let text = xml.text()?;
                value = Some(text.parse().map_err(|error| xml.fault(error))?);
            }
            "uncertainty" => uncertainty = Some(xml.number()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(value.map(|value| (value, uncertainty)))
}

/// The text of the first child with this name.
fn named_text(xml: &mut Xml<'_>, name: &str) -> Result<String> {
    let mut found = String::new();
    xml.children(&mut |xml, tag| {
        if tag.name() == name && found.is_empty() {
            found = xml.text()?;
        }
        Ok(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"<?xml version="1.0"?>
<q:quakeml xmlns:q="http://quakeml.org/xmlns/quakeml/1.2" xmlns="http://quakeml.org/xmlns/bed/1.2">
 <eventParameters publicID="smi:a/b">
  <event publicID="smi:a/one">
   <preferredOriginID>o2</preferredOriginID><preferredMagnitudeID>m2</preferredMagnitudeID>
   <type>quarry blast</type><description><text>Rim &lt;north&gt;</text><type>region name</type></description>
   <pick publicID="p1"><time><value>2020-01-01T00:00:07.5Z</value><uncertainty>0.1</uncertainty></time>
    <waveformID networkCode="XX" stationCode="DEMO" locationCode="--" channelCode="HHZ"/><phaseHint>S</phaseHint></pick>
   <pick publicID="p2"><time><value>2020-01-01T00:00:05Z</value></time>
    <waveformID networkCode="XX" stationCode="DEMO"/><polarity>positive</polarity></pick>
   <pick publicID="p3"><waveformID networkCode="XX" stationCode="DEMO"/></pick>
   <origin publicID="o1"><time><value>1999-01-01T00:00:00Z</value></time></origin>
   <origin publicID="o2"><time><value>2020-01-01T00:00:00</value></time>
    <latitude><value>-39.2</value></latitude><longitude><value>175.5</value></longitude>
    <depth><value>5500</value></depth><evaluationMode>manual</evaluationMode>
    <arrival publicID="a"><pickID>p2</pickID><phase>Pg</phase><distance>0.25</distance><timeResidual>-0.04</timeResidual></arrival>
   </origin>
   <magnitude publicID="m1"><mag><value>9</value></mag></magnitude>
   <magnitude publicID="m2"><mag><value>2.5</value></mag><type>ML</type></magnitude>
  </event>
  <event publicID="smi:a/two"><origin><time><value>2021-01-01T00:00:00Z</value></time></origin></event>
  <event publicID="smi:a/three"/>
 </eventParameters>
</q:quakeml>"#;

    fn parsed(document: &str) -> Result<Catalogue> {
        parse(document.as_bytes(), Path::new("a.xml"))
    }

    #[test]
    fn the_preferred_origin_and_magnitude_count_and_arrivals_name_their_picks() {
        let catalogue = parsed(DOCUMENT).unwrap();
        let [event, bare] = &catalogue.events[..] else { panic!("{}", catalogue.events.len()) };
        assert_eq!(event.time.to_string(), "2020-01-01T00:00:00Z");
        assert_eq!((event.depth_km, event.latitude), (Some(5.5), Some(-39.2)));
        assert_eq!((event.kind.as_str(), event.place.as_str()), ("quarry blast", "Rim <north>"));
        assert_eq!(event.magnitude, Some(Magnitude { value: 2.5, scale: "ML".into() }));
        let [first, second] = &event.picks[..] else { panic!("{}", event.picks.len()) };
        assert_eq!((first.phase.as_str(), first.distance), ("Pg", Some(0.25)));
        assert_eq!((first.residual, first.polarity.as_str()), (Some(-0.04), "positive"));
        assert_eq!((second.phase.as_str(), second.uncertainty), ("S", Some(0.1)));
        assert_eq!(second.id.to_string(), "XX.DEMO..HHZ");
        // Depth is not known, which is not 0.
        assert_eq!((bare.depth_km, &bare.magnitude), (None, &None));
        assert_eq!(catalogue.notes.len(), 1);
    }

    #[test]
    fn broken_documents_are_refused_with_a_place() {
        for (from, to, expected) in [
            ("<value>5500", "<value>deep", "expected a number, found 'deep'"),
            ("2021-01-01T", "2021-13-01T", "expected a time"),
            ("q:quakeml", "q:FDSNStationXML", "expected quakeml"),
        ] {
            let message = parsed(&DOCUMENT.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        for end in 0..DOCUMENT.len() - 1 {
            assert!(parsed(DOCUMENT.get(..end).unwrap()).is_err(), "{end}");
        }
    }
}
