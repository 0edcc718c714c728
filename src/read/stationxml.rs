//! StationXML, schema 1.0 to 1.2 (International Federation of Digital Seismograph Networks).

use std::path::Path;

use realfft::num_complex::Complex64;

use super::response::{
    Decimation, ListPoint, Plane, Polynomial, Response, Sensitivity, Stage, StageFilter, Symmetry,
};
use super::stations::{ChannelEpoch, Place, StationEpoch, Stations, epoch, location};
use super::trace::StreamId;
use super::xml::{Tag, Xml, shortened};
use crate::error::Result;
use crate::time::Span;

/// Stages of one response; more are a broken file.
const MOST_STAGES: usize = 100;

/// Coefficients, poles, zeros and list rows of one document; more are a broken file.
const MOST_COEFFICIENTS: usize = 1_000_000;

/// Reads a document; `file` is for messages.
pub(super) fn parse(bytes: &[u8], file: &Path) -> Result<Stations> {
    let mut xml = Xml::new(bytes, file)?;
    let root = xml.root()?;
    if root.name() != "FDSNStationXML" {
        let name = shortened(root.name());
        return Err(xml.fault(format_args!("root element '{name}'; expected FDSNStationXML")));
    }
    let mut reader = DocumentReader { stations: Stations::default(), coefficients: 0 };
    xml.children(&mut |xml, tag| match tag.name() {
        "Network" => reader.network(xml, tag),
        _ => Ok(()),
    })?;
    Ok(reader.stations)
}

struct DocumentReader {
    stations: Stations,
    /// Numbers of responses so far.
    coefficients: usize,
}

fn epoch_of(xml: &Xml<'_>, tag: &Tag<'_>) -> Result<Span> {
    let (start, end) = (tag.attribute("startDate"), tag.attribute("endDate"));
    epoch(start.as_deref(), end.as_deref()).map_err(|error| xml.fault(error))
}

/// Latitude, longitude and elevation as they are met.
#[derive(Default)]
struct Coordinates {
    latitude: Option<f64>,
    longitude: Option<f64>,
    elevation: Option<f64>,
}

impl Coordinates {
    /// Whether the element was one of these.
    fn take(&mut self, xml: &mut Xml<'_>, tag: &Tag<'_>) -> Result<bool> {
        let slot = match tag.name() {
            "Latitude" => &mut self.latitude,
            "Longitude" => &mut self.longitude,
            "Elevation" => &mut self.elevation,
            _ => return Ok(false),
        };
        *slot = Some(xml.number()?);
        Ok(true)
    }

    fn place(&self) -> Option<Place> {
        let elevation = self.elevation.unwrap_or(0.0);
        Some(Place { latitude: self.latitude?, longitude: self.longitude?, elevation })
    }
}

impl DocumentReader {
    fn network(&mut self, xml: &mut Xml<'_>, tag: &Tag<'_>) -> Result<()> {
        let network = tag.attribute_or_empty("code");
        xml.children(&mut |xml, tag| match tag.name() {
            "Station" => self.station(xml, tag, &network),
            _ => Ok(()),
        })
    }

    fn station(&mut self, xml: &mut Xml<'_>, tag: &Tag<'_>, network: &str) -> Result<()> {
        let mut coordinates = Coordinates::default();
        let mut station = StationEpoch {
            network: network.to_string(),
            station: tag.attribute_or_empty("code"),
            site: String::new(),
            span: epoch_of(xml, tag)?,
            place: None,
        };
        let mut channels = Vec::new();
        let code = station.station.clone();
        xml.children(&mut |xml, tag| {
            if coordinates.take(xml, tag)? {
                return Ok(());
            }
            match tag.name() {
                "Site" => {
                    station.site = named_text(xml, "Name")?;
                    Ok(())
                }
                "Channel" => {
                    channels.push(self.channel(xml, tag, (network, &code))?);
                    Ok(())
                }
                _ => Ok(()),
            }
        })?;
        station.place = coordinates.place();
        for mut channel in channels {
            channel.place = channel.place.or(station.place);
            self.stations.add_channel(channel);
        }
        self.stations.add_station(station);
        Ok(())
    }

    fn channel(
        &mut self,
        xml: &mut Xml<'_>,
        tag: &Tag<'_>,
        (network, station): (&str, &str),
    ) -> Result<ChannelEpoch> {
        let mut coordinates = Coordinates::default();
        let mut channel = ChannelEpoch {
            id: StreamId {
                network: network.to_string(),
                station: station.to_string(),
                location: location(&tag.attribute_or_empty("locationCode")),
                channel: tag.attribute_or_empty("code"),
            },
            span: epoch_of(xml, tag)?,
            place: None,
            depth: 0.0,
            azimuth: None,
            dip: None,
            rate_hz: None,
            sensor: String::new(),
            response: None,
        };
        xml.children(&mut |xml, tag| {
            if coordinates.take(xml, tag)? {
                return Ok(());
            }
            match tag.name() {
                "Depth" => channel.depth = xml.number()?,
                "Azimuth" => channel.azimuth = Some(xml.number()?),
                "Dip" => channel.dip = Some(xml.number()?),
                "SampleRate" => channel.rate_hz = Some(xml.number()?),
                "Sensor" => channel.sensor = sensor(xml)?,
                "Response" => channel.response = self.response(xml)?,
                _ => {}
            }
            Ok(())
        })?;
        channel.place = coordinates.place();
        Ok(channel)
    }

    /// `None` for an element with nothing in it.
    fn response(&mut self, xml: &mut Xml<'_>) -> Result<Option<Response>> {
        let mut response = Response::default();
        xml.children(&mut |xml, tag| {
            match tag.name() {
                "InstrumentSensitivity" => response.sensitivity = sensitivity(xml)?,
                "InstrumentPolynomial" => {
                    let Body { input_unit, filter, .. } = self.body(xml, "Polynomial")?;
                    if let StageFilter::Polynomial(polynomial) = filter {
                        response.polynomial = Some(Polynomial { input_unit, ..polynomial });
                    }
                }
                "Stage" => {
                    let stage = self.stage(xml, tag)?;
                    if response.stages.len() == MOST_STAGES {
                        let text = format!("a response of more than {MOST_STAGES} stages");
                        return Err(xml.fault(text));
                    }
                    if response.stages.iter().any(|other| other.number == stage.number) {
                        return Err(xml.fault(format_args!("two stages {}", stage.number)));
                    }
                    response.stages.push(stage);
                }
                _ => {}
            }
            Ok(())
        })?;
        response.stages.sort_by_key(|stage| stage.number);
        Ok(Some(response).filter(|response| *response != Response::default()))
    }

    fn stage(&mut self, xml: &mut Xml<'_>, tag: &Tag<'_>) -> Result<Stage> {
        let number = tag.attribute_or_empty("number");
        let number = number.parse().map_err(|_| {
            xml.fault(format_args!("a stage with the number '{}'", shortened(&number)))
        })?;
        let (mut body, mut gain, mut decimation) = (None, None, None);
        xml.children(&mut |xml, tag| {
            match tag.name() {
                kind @ ("PolesZeros" | "Coefficients" | "FIR" | "ResponseList" | "Polynomial") => {
                    if body.is_some() {
                        return Err(xml.fault(format_args!("stage {number} has two filters")));
                    }
                    body = Some(self.body(xml, kind)?);
                }
                "Decimation" => decimation = self::decimation(xml)?,
                "StageGain" => gain = value_and_frequency(xml)?,
                _ => {}
            }
            Ok(())
        })?;
        let Body { input_unit, output_unit, filter } = body.unwrap_or_default();
        Ok(Stage { number, input_unit, output_unit, filter, gain, decimation })
    }

    /// The filter of a stage.
    fn body(&mut self, xml: &mut Xml<'_>, kind: &str) -> Result<Body> {
        let mut met = Met::default();
        let (mut input_unit, mut output_unit) = (String::new(), String::new());
        let counted = &mut self.coefficients;
        xml.children(&mut |xml, tag| {
            match tag.name() {
                "InputUnits" => input_unit = named_text(xml, "Name")?,
                "OutputUnits" => output_unit = named_text(xml, "Name")?,
                _ => met.take(xml, tag)?,
            }
            if *counted + met.count() > MOST_COEFFICIENTS {
                let text = format!("responses with more than {MOST_COEFFICIENTS} numbers");
                return Err(xml.fault(text));
            }
            Ok(())
        })?;
        *counted += met.count();
        let filter = met.filter(kind).map_err(|problem| xml.fault(problem))?;
        Ok(Body { input_unit, output_unit, filter })
    }
}

struct Body {
    input_unit: String,
    output_unit: String,
    filter: StageFilter,
}

impl Default for Body {
    fn default() -> Self {
        let (input_unit, output_unit) = Default::default();
        Self { input_unit, output_unit, filter: StageFilter::Gain }
    }
}

/// What the filters of all kinds may hold, as it is met.
#[derive(Default)]
struct Met {
    kind: String,
    normalization: Option<f64>,
    normalization_frequency: Option<f64>,
    zeros: Vec<Complex64>,
    poles: Vec<Complex64>,
    numerator: Vec<f64>,
    denominator: Vec<f64>,
    symmetry: String,
    list: Vec<ListPoint>,
    coefficients: Vec<f64>,
    lowest: Option<f64>,
    highest: Option<f64>,
}

impl Met {
    fn take(&mut self, xml: &mut Xml<'_>, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "PzTransferFunctionType" | "CfTransferFunctionType" => self.kind = xml.text()?,
            "NormalizationFactor" => self.normalization = Some(xml.number()?),
            "NormalizationFrequency" => self.normalization_frequency = Some(xml.number()?),
            "Zero" => self.zeros.push(root(xml)?),
            "Pole" => self.poles.push(root(xml)?),
            "Numerator" | "NumeratorCoefficient" => self.numerator.push(xml.number()?),
            "Denominator" => self.denominator.push(xml.number()?),
            "Symmetry" => self.symmetry = xml.text()?,
            "ResponseListElement" => self.list.push(list_point(xml)?),
            "Coefficient" => self.coefficients.push(xml.number()?),
            "FrequencyLowerBound" => self.lowest = Some(xml.number()?),
            "FrequencyUpperBound" => self.highest = Some(xml.number()?),
            _ => {}
        }
        Ok(())
    }

    fn count(&self) -> usize {
        let roots = self.zeros.len() + self.poles.len();
        let taps = self.numerator.len() + self.denominator.len() + self.coefficients.len();
        roots + taps + 3 * self.list.len()
    }

    fn plane(&self) -> Result<Plane, String> {
        let kind = self.kind.to_ascii_uppercase();
        Ok(match &kind {
            kind if kind.contains("DIGITAL") => Plane::Digital,
            kind if kind.contains("HERTZ") => Plane::Hertz,
            kind if kind.contains("RAD") => Plane::Radians,
            _ => return Err(format!("transfer function type '{}'", shortened(&self.kind))),
        })
    }

    fn filter(self, kind: &str) -> Result<StageFilter, String> {
        Ok(match kind {
            "PolesZeros" => StageFilter::PolesZeros {
                plane: self.plane()?,
                normalization: self.normalization.unwrap_or(1.0),
                normalization_frequency: self.normalization_frequency,
                zeros: self.zeros,
                poles: self.poles,
            },
            "Coefficients" => StageFilter::Coefficients {
                plane: self.plane()?,
                numerator: self.numerator,
                denominator: self.denominator,
            },
            "FIR" => StageFilter::Fir {
                symmetry: match self.symmetry.to_ascii_uppercase().as_str() {
                    "NONE" | "" => Symmetry::None,
                    "ODD" => Symmetry::Odd,
                    "EVEN" => Symmetry::Even,
                    _ => return Err(format!("symmetry '{}'", shortened(&self.symmetry))),
                },
                coefficients: self.numerator,
            },
            "ResponseList" => StageFilter::List(self.list),
            _ => StageFilter::Polynomial(Polynomial {
                input_unit: String::new(),
                coefficients: self.coefficients,
                frequencies: self.lowest.zip(self.highest),
            }),
        })
    }
}

/// The text of the first child with this name.
fn named_text(xml: &mut Xml<'_>, name: &str) -> Result<String> {
    let mut found = None;
    xml.children(&mut |xml, tag| {
        if tag.name() == name && found.is_none() {
            found = Some(xml.text()?);
        }
        Ok(())
    })?;
    Ok(found.unwrap_or_default())
}

/// The description, else the model, else the type.
fn sensor(xml: &mut Xml<'_>) -> Result<String> {
    let (mut description, mut model, mut kind) = (None, None, None);
    xml.children(&mut |xml, tag| {
        let slot = match tag.name() {
            "Description" => &mut description,
            "Model" => &mut model,
            "Type" => &mut kind,
            _ => return Ok(()),
        };
        *slot = Some(xml.text()?).filter(|text| !text.is_empty());
        Ok(())
    })?;
    Ok(description.or(model).or(kind).unwrap_or_default())
}

/// `None` without a value.
fn value_and_frequency(xml: &mut Xml<'_>) -> Result<Option<(f64, Option<f64>)>> {
    let (mut value, mut frequency) = (None, None);
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "Value" => value = Some(xml.number()?),
            "Frequency" => frequency = Some(xml.number()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(value.map(|value| (value, frequency)))
}

fn sensitivity(xml: &mut Xml<'_>) -> Result<Option<Sensitivity>> {
    let mut value = None;
    let mut found = Sensitivity::default();
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "Value" => value = Some(xml.number()?),
            "Frequency" => found.frequency = Some(xml.number()?),
            "InputUnits" => found.input_unit = named_text(xml, "Name")?,
            "OutputUnits" => found.output_unit = named_text(xml, "Name")?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(value.map(|value| Sensitivity { value, ..found }))
}

/// `None` without a rate.
fn decimation(xml: &mut Xml<'_>) -> Result<Option<Decimation>> {
    let mut rate = None;
    let mut found = Decimation { input_rate: 0.0, factor: 1.0, correction: 0.0 };
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "InputSampleRate" => rate = Some(xml.number()?),
            "Factor" => found.factor = xml.number()?,
            "Correction" => found.correction = xml.number()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(rate.map(|input_rate| Decimation { input_rate, ..found }))
}

fn root(xml: &mut Xml<'_>) -> Result<Complex64> {
    let mut found = Complex64::default();
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "Real" => found.re = xml.number()?,
            "Imaginary" => found.im = xml.number()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

fn list_point(xml: &mut Xml<'_>) -> Result<ListPoint> {
    let mut found = ListPoint { frequency: 0.0, amplitude: 0.0, phase: 0.0 };
    xml.children(&mut |xml, tag| {
        match tag.name() {
            "Frequency" => found.frequency = xml.number()?,
            "Amplitude" => found.amplitude = xml.number()?,
            "Phase" => found.phase = xml.number()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<q:FDSNStationXML xmlns:q="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
 <q:Source>x</q:Source>
 <q:Network code="XX" startDate="1990-01-01T00:00:00">
  <q:Station code="DEMO" startDate="1990-01-01T00:00:00" endDate="2599-12-31T23:59:59">
   <q:Latitude unit="DEGREES">-39.28</q:Latitude><q:Longitude>175.57</q:Longitude>
   <q:Elevation>2797</q:Elevation><q:Site><q:Name>Crater &amp; rim</q:Name></q:Site>
   <q:Channel code="BHZ" locationCode="--" startDate="2000-01-01" endDate="2010-01-01">
    <q:Latitude>-39.3</q:Latitude><q:Longitude>175.6</q:Longitude><q:Elevation>2700</q:Elevation>
    <q:Depth>1.5</q:Depth><q:Azimuth>0</q:Azimuth><q:Dip>-90</q:Dip><q:SampleRate>40</q:SampleRate>
    <q:Sensor><q:Type>Seismometer</q:Type><q:Description>CMG-3T</q:Description></q:Sensor>
    <q:Response>
     <q:InstrumentSensitivity><q:Value>6.3e8</q:Value><q:Frequency>1</q:Frequency>
      <q:InputUnits><q:Name>M/S</q:Name></q:InputUnits></q:InstrumentSensitivity>
     <q:Stage number="2"><q:StageGain><q:Value>4e5</q:Value><q:Frequency>1</q:Frequency></q:StageGain></q:Stage>
     <q:Stage number="1"><q:PolesZeros><q:InputUnits><q:Name>M/S</q:Name></q:InputUnits>
      <q:OutputUnits><q:Name>V</q:Name></q:OutputUnits>
      <q:PzTransferFunctionType>LAPLACE (RADIANS/SECOND)</q:PzTransferFunctionType>
      <q:NormalizationFactor>2</q:NormalizationFactor><q:NormalizationFrequency>1</q:NormalizationFrequency>
      <q:Zero number="0"><q:Real>0</q:Real><q:Imaginary>0</q:Imaginary></q:Zero>
      <q:Pole number="0"><q:Real>-0.03</q:Real><q:Imaginary>0.04</q:Imaginary></q:Pole>
     </q:PolesZeros><q:StageGain><q:Value>1500</q:Value><q:Frequency>1</q:Frequency></q:StageGain></q:Stage>
    </q:Response>
   </q:Channel>
   <q:Channel code="BHZ" locationCode="" startDate="2009-01-01"><q:Azimuth>10</q:Azimuth></q:Channel>
  </q:Station>
 </q:Network>
</q:FDSNStationXML>"#;

    fn parsed(document: &str) -> Result<Stations> {
        parse(document.as_bytes(), Path::new("a.xml"))
    }

    #[test]
    fn an_epoch_is_found_by_code_and_time() {
        let stations = parsed(DOCUMENT).unwrap();
        let id = StreamId {
            network: "XX".into(),
            station: "DEMO".into(),
            location: String::new(),
            channel: "BHZ".into(),
        };
        let at = |time: &str| stations.channel(&id, time.parse().unwrap());
        let first = at("2005-06-01").unwrap();
        assert_eq!((first.azimuth, first.dip, first.depth), (Some(0.0), Some(-90.0), 1.5));
        assert_eq!((first.rate_hz, first.sensor.as_str()), (Some(40.0), "CMG-3T"));
        assert_eq!(first.place.unwrap().latitude, -39.3);
        let response = first.response.as_ref().unwrap();
        assert_eq!(response.stages.iter().map(|s| s.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(response.input_unit(), Some("M/S"));
        assert_eq!(response.stages[1].gain, Some((4e5, Some(1.0))));
        assert_eq!(response.stages[1].filter, StageFilter::Gain);
        // Where two epochs overlap the later start counts; its place is the station's.
        let second = at("2009-06-01").unwrap();
        assert_eq!((second.azimuth, second.place.unwrap().elevation), (Some(10.0), 2797.0));
        assert!(second.response.is_none());
        assert!(at("1999-12-31").is_none() && at("2100-01-01").is_some());
        let message = stations.channel_or_say(&id, "1999-01-01".parse().unwrap()).unwrap_err();
        assert!(message.to_string().contains("none of the 2 epochs"), "{message}");
        assert_eq!(stations.stations()[0].site, "Crater & rim");
    }

    #[test]
    fn broken_documents_are_refused_with_a_place() {
        let stage = "<q:Stage number=\"2\">";
        for (from, to, expected) in [
            ("q:FDSNStationXML", "q:quakeml", "expected FDSNStationXML"),
            ("<q:Depth>1.5", "<q:Depth>deep", "expected a number, found 'deep'"),
            ("<q:Dip>-90", "<q:Dip>NaN", "expected a number"),
            (stage, "<q:Stage number=\"1\">", "two stages 1"),
            (stage, "<q:Stage>", "a stage with the number ''"),
            ("LAPLACE (RADIANS/SECOND)", "magic", "transfer function type 'magic'"),
            ("startDate=\"2000-01-01\"", "startDate=\"soon\"", "expected a time"),
        ] {
            let message = parsed(&DOCUMENT.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains(expected), "{from} → {to}: {message}");
        }
        let many: String = (10..200).map(|i| format!("<q:Stage number=\"{i}\"/>")).collect();
        let message = parsed(&DOCUMENT.replace(stage, &format!("{many}{stage}"))).unwrap_err();
        assert!(message.to_string().contains("more than 100 stages"), "{message}");
        let zeros = "<q:Zero/>".repeat(MOST_COEFFICIENTS);
        let zeros = DOCUMENT.replace("<q:Zero number", &format!("{zeros}<q:Zero number"));
        let message = parsed(&zeros).unwrap_err().to_string();
        assert!(message.contains("more than 1000000 numbers"), "{message}");
    }
}
