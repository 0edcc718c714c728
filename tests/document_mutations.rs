//! Good documents, compressed files and archives with a few bytes changed: each case ends in time,
//! without a panic (overflow checks are on). A response that still reads is evaluated too.
//!
//! `TEMBLOR_MUTATIONS` sets the cases a document; the default is small enough for every run.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use temblor::data::Rng;
use temblor::read::format::FormatOptions;
use temblor::read::{Catalogue, Samples, Source, Stations, StreamId, Trace, files, miniseed, scan};
use temblor::signal::{GroundMotion, RemovalSettings, TransferFunction, remove_response};
use temblor::time::{SampleRate, UtcTime};

/// The longest that a case may take; generous against a busy machine, a hang never ends.
const LONGEST: Duration = Duration::from_secs(20);

const STATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1"><Network code="XX"><Station code="DEMO">
<Latitude>-39.28</Latitude><Longitude>175.57</Longitude><Elevation>2797</Elevation><Site><Name>A &amp; b</Name></Site>
<Channel code="BHZ" locationCode="" startDate="2000-01-01T00:00:00.5" endDate="2599-12-31T23:59:59"><Azimuth>0</Azimuth><Dip>-90</Dip>
<Response><InstrumentSensitivity><Value>6.3e8</Value><Frequency>1</Frequency></InstrumentSensitivity>
<Stage number="1"><PolesZeros><InputUnits><Name>M/S</Name></InputUnits><OutputUnits><Name>V</Name></OutputUnits>
<PzTransferFunctionType>LAPLACE (RADIANS/SECOND)</PzTransferFunctionType><NormalizationFactor>1</NormalizationFactor>
<NormalizationFrequency>1</NormalizationFrequency><Zero><Real>0</Real><Imaginary>0</Imaginary></Zero>
<Pole><Real>-0.03</Real><Imaginary>0.04</Imaginary></Pole></PolesZeros><StageGain><Value>1500</Value><Frequency>1</Frequency></StageGain></Stage>
<Stage number="2"><FIR><InputUnits><Name>V</Name></InputUnits><OutputUnits><Name>COUNTS</Name></OutputUnits><Symmetry>NONE</Symmetry>
<NumeratorCoefficient>0.5</NumeratorCoefficient><NumeratorCoefficient>0.3</NumeratorCoefficient><NumeratorCoefficient>0.2</NumeratorCoefficient></FIR>
<Decimation><InputSampleRate>200</InputSampleRate><Factor>2</Factor><Offset>0</Offset><Delay>0.01</Delay><Correction>0.01</Correction></Decimation>
<StageGain><Value>4e5</Value><Frequency>1</Frequency></StageGain></Stage>
<Stage number="3"><ResponseList><InputUnits><Name>COUNTS</Name></InputUnits><OutputUnits><Name>COUNTS</Name></OutputUnits>
<ResponseListElement><Frequency>0.1</Frequency><Amplitude>1</Amplitude><Phase>0</Phase></ResponseListElement>
<ResponseListElement><Frequency>1</Frequency><Amplitude>1.1</Amplitude><Phase>1</Phase></ResponseListElement>
<ResponseListElement><Frequency>10</Frequency><Amplitude>0.9</Amplitude><Phase>2</Phase></ResponseListElement></ResponseList></Stage>
</Response></Channel></Station></Network></FDSNStationXML>"#;

const EVENTS: &str = r#"<q:quakeml xmlns:q="http://quakeml.org/xmlns/quakeml/1.2"><eventParameters><event publicID="e">
<preferredOriginID>o</preferredOriginID><type>earthquake</type><description><text>A &lt;b&gt;</text></description>
<pick publicID="p"><time><value>2020-01-01T00:00:07.5Z</value><uncertainty>0.1</uncertainty></time>
<waveformID networkCode="XX" stationCode="DEMO" channelCode="HHZ"/><phaseHint>S</phaseHint></pick>
<origin publicID="o"><time><value>2020-01-01T00:00:00</value></time><latitude><value>-39.2</value></latitude>
<depth><value>5500</value></depth><arrival><pickID>p</pickID><phase>Pg</phase><distance>0.25</distance></arrival></origin>
<magnitude><mag><value>2.5</value></mag><type>ML</type></magnitude></event></eventParameters></q:quakeml>"#;

const CHANNELS: &str = "#Network|Station|Location|Channel|Latitude|Longitude|Elevation|Depth|Azimuth|Dip|SensorDescription|Scale|ScaleFreq|ScaleUnits|SampleRate|StartTime|EndTime\n\
    IU|ANMO|00|BHZ|34.9|-106.4|1671.0|145.0|0.0|-90.0|Geotech|3.43E9|0.02|m/s|20.0|2008-06-30T20:00:00|2599-12-31T23:59:59\n";

const EVENT_TEXT: &str = "#EventID|Time|Latitude|Longitude|Depth/km|Author|Catalog|Contributor|ContributorID|MagType|Magnitude|MagAuthor|EventLocationName\n\
    4165991|2012-11-07T16:35:46.53|13.9|-91.9|24.1|NEIC|PDE|NEIC||Mw|7.4|NEIC|GUATEMALA\n";

fn waveform() -> Vec<u8> {
    let [network, station, location, channel] = ["XX", "DEMO", "00", "BHZ"].map(String::from);
    let trace = Trace {
        id: StreamId { network, station, location, channel },
        start: UtcTime(1_534_032_000_123_000_000),
        rate: SampleRate::from_ratio(40, 1).unwrap(),
        samples: Samples::I32((0..600).map(|i| i * i % 977 - 300).collect()),
    };
    miniseed::to_bytes(&trace, &miniseed::WriteOptions::default()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive of one long name and a member.
fn tar(bytes: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, bytes) in [("pax", b'x', &b"13 path=a.gz\n"[..]), ("cut", b'0', bytes)] {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive
}

/// Cut, a run repeated or taken out, or a few bytes changed.
fn mutate(good: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let at = rng.random_range(0..good.len());
    let end = (at + rng.random_range(0..300)).min(good.len());
    match rng.random_range(0..8) {
        0 => bytes.truncate(at),
        1 => {
            let run = bytes[at..end].to_vec();
            bytes.splice(at..at, run);
        }
        2 => drop(bytes.drain(at..end)),
        // Digits for digits, so that the numbers change and the document stays.
        3..=5 => {
            let digits: Vec<usize> =
                (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()).collect();
            for _ in 0..1 + rng.random_range(0..3) {
                if let Some(&at) = digits.get(rng.random_range(0..digits.len().max(1))) {
                    bytes[at] = b"0123456789.-e"[rng.random_range(0..13)];
                }
            }
        }
        _ => {
            for _ in 0..1 + rng.random_range(0..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
        }
    }
    bytes
}

/// Whether it still reads.
type Read = fn(&[u8], &Path) -> bool;

fn stations(bytes: &[u8], path: &Path) -> bool {
    let Ok(stations) = Stations::from_bytes(bytes, path) else { return false };
    let rate = SampleRate::from_ratio(100, 1).unwrap();
    for response in stations.channels().filter_map(|channel| channel.response.as_ref()) {
        let Ok(function) = TransferFunction::new(response) else { continue };
        function.evaluate(&[0.0, 0.1, 1.0, 1e9], GroundMotion::Displacement);
        let mut samples = vec![1.0, 5.0, -3.0, 7.0, 0.0];
        let _ = remove_response(&mut samples, rate, response, &RemovalSettings::default());
    }
    true
}

fn catalogue(bytes: &[u8], path: &Path) -> bool {
    Catalogue::from_bytes(bytes, path).is_ok()
}

fn container(bytes: &[u8], path: &Path) -> bool {
    std::fs::write(path, bytes).unwrap();
    let Ok(found) = files::find(&[path.to_path_buf()]) else { return false };
    let scan = |source: &Source| {
        let file = files::recognise(source)?;
        scan::scan(source, file.format, &FormatOptions::default(), true)
    };
    found.files.iter().any(|source| scan(source).is_ok())
}

fn good() -> Vec<(&'static str, Vec<u8>, Read)> {
    let waveform = waveform();
    let zstd = zstd::encode_all(&waveform[..], 3).unwrap();
    vec![
        ("StationXML", STATIONS.into(), stations),
        ("channels as text", CHANNELS.into(), stations),
        ("QuakeML", EVENTS.into(), catalogue),
        ("events as text", EVENT_TEXT.into(), catalogue),
        ("gzip", gzip(&waveform), container),
        ("zstd", zstd, container),
        ("tar of gzip", tar(&gzip(&waveform)), container),
    ]
}

#[test]
fn mutated_documents_and_archives_end_in_time() {
    let cases: u64 = std::env::var("TEMBLOR_MUTATIONS")
        .map_or(400, |text| text.parse().expect("TEMBLOR_MUTATIONS is a number"));
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case");
        for (number, (name, good, read)) in good().into_iter().enumerate() {
            let mut still = 0;
            for case in 0..=cases {
                let mut rng = Rng::seed_from_u64(number as u64 * 1_000_000_007 + case);
                // The first case is the good document itself: it must read.
                let bytes = if case == 0 { good.clone() } else { mutate(&good, &mut rng) };
                let reads = read(&bytes, &path);
                still += u64::from(reads);
                if send.send((name, case, case == 0 && !reads)).is_err() {
                    return;
                }
            }
            println!("{name}: {still} of {cases} mutated documents still read");
        }
    });
    let (mut last, mut count) = (("none", 0), 0);
    loop {
        match receive.recv_timeout(LONGEST) {
            Ok((name, case, is_fault)) => {
                assert!(!is_fault, "{name} does not read unchanged");
                (last, count) = ((name, case), count + 1);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the case after {last:?} hangs"),
        }
    }
    assert_eq!(count, 7 * (cases + 1), "the case after {last:?} panicked");
}
