//! Made-up networks and events, of which everything is known.

use rand::{RngExt, SeedableRng};

use super::*;
use crate::data::Rng;
use crate::time::SECOND;

struct Truth {
    time: UtcTime,
    place: [f64; 2],
    depth: f64,
}

fn network(rng: &mut Rng) -> Vec<NetworkStation> {
    (0..12)
        .map(|n| NetworkStation {
            name: format!("S{n:02}"),
            latitude: 64.8 + rng.random_range(-0.2..0.2),
            longitude: -16.9 + rng.random_range(-0.4..0.4),
            elevation: rng.random_range(200.0..1400.0),
        })
        .collect()
}

/// Events every `every` seconds in the mean, with picks that are missing, late or of no event.
fn swarm(
    rng: &mut Rng,
    stations: &[NetworkStation],
    model: &VelocityModel,
    events: usize,
    every: f64,
) -> (Vec<Truth>, Vec<StationPick>, Vec<Option<usize>>) {
    let begin: UtcTime = "2014-08-24T00:02:00Z".parse().unwrap();
    let mut truth = Vec::new();
    let mut picks: Vec<(StationPick, Option<usize>)> = Vec::new();
    let after = |seconds: f64| begin.plus((seconds * SECOND as f64) as i64);
    let mut at = 0.0;
    for event in 0..events {
        at += rng.random_range(0.2..1.8) * every;
        let place = [64.77 + rng.random_range(-0.04..0.04), -16.92 + rng.random_range(-0.05..0.05)];
        let depth = rng.random_range(3.0..9.0);
        let frame = LocalFrame::at(place[0], place[1]);
        for (number, station) in stations.iter().enumerate() {
            let [east, north] = frame.kilometres(station.latitude, station.longitude);
            for wave in [Wave::P, Wave::S] {
                if rng.random_range(0.0..1.0) < 0.3 {
                    continue;
                }
                let travel =
                    model.seconds(wave, east.hypot(north), depth, -station.elevation / 1000.0);
                let time = after(at + travel + rng.random_range(-0.1..0.1));
                picks.push((StationPick { station: number, wave, time }, Some(event)));
            }
        }
        truth.push(Truth { time: after(at), place, depth });
    }
    for _ in 0..picks.len() / 3 {
        let wave = if rng.random_range(0.0..1.0) < 0.5 { Wave::P } else { Wave::S };
        let station = rng.random_range(0..stations.len());
        let time = after(rng.random_range(-5.0..at + 10.0));
        picks.push((StationPick { station, wave, time }, None));
    }
    picks.sort_by_key(|(pick, _)| pick.time);
    let (picks, owners) = picks.into_iter().unzip();
    (truth, picks, owners)
}

#[test]
fn dense_swarms_come_apart_into_their_events() {
    let mut rng = Rng::seed_from_u64(3);
    let stations = network(&mut rng);
    let layer = |top, vp: f64| VelocityLayer { top, vp, vs: vp / 1.76 };
    for model in [
        VelocityModel::uniform(5.8, 3.3).unwrap(),
        VelocityModel::layered(vec![layer(0.0, 4.5), layer(3.0, 6.2), layer(12.0, 6.9)]).unwrap(),
    ] {
        let (truth, picks, owners) = swarm(&mut rng, &stations, &model, 20, 8.0);
        let settings =
            AssociateSettings { tolerance: 0.3, least_picks: 8, ..AssociateSettings::new(model) };
        let events = associate(&stations, &picks, &settings).unwrap();
        let near = |event: &AssociatedEvent, truth: &Truth| {
            let apart = (event.time.0 - truth.time.0).abs() as f64 / SECOND as f64;
            let [east, north] = LocalFrame::at(truth.place[0], truth.place[1])
                .kilometres(event.latitude, event.longitude);
            let depth = event.uncertainty.map_or(3.0, |deviations| 3.0 * deviations[3].max(1.0));
            let below = (event.depth - truth.depth).abs();
            apart < 0.6 && east.hypot(north) < 2.0 && below < depth
        };
        let found = truth.iter().filter(|t| events.iter().any(|e| near(e, t))).count();
        let right = events.iter().filter(|e| truth.iter().any(|t| near(e, t))).count();
        let precise = right as f64 >= 0.9 * events.len() as f64;
        assert!(found >= 18 && precise, "{found} {right} {}", events.len());
        // A pick belongs to one event only, a wave at a station is picked once.
        let mut owned = vec![0; picks.len()];
        let (mut same, mut all) = (0, 0);
        for event in &events {
            let mut seen = std::collections::BTreeSet::new();
            let mut of = std::collections::BTreeMap::new();
            for arrival in &event.arrivals {
                owned[arrival.pick] += 1;
                let pick = &picks[arrival.pick];
                assert!(seen.insert((pick.station, pick.wave)));
                assert!(arrival.residual.abs() <= 0.3);
                *of.entry(owners[arrival.pick]).or_insert(0) += 1;
            }
            all += event.arrivals.len();
            same += of
                .into_iter()
                .filter(|(owner, _)| owner.is_some())
                .map(|(_, n)| n)
                .max()
                .unwrap_or(0);
        }
        assert!(owned.iter().all(|&n| n <= 1));
        assert!(same as f64 > 0.9 * all as f64, "{same} of {all}");
        assert_eq!(events, associate(&stations, &picks, &settings).unwrap());
    }
}

#[test]
fn what_no_event_can_explain_stays_alone() {
    let mut rng = Rng::seed_from_u64(5);
    let stations = network(&mut rng);
    let model = VelocityModel::uniform(6.0, 3.4).unwrap();
    let settings = AssociateSettings::new(model);
    let begin: UtcTime = "2014-08-24T00:02:00Z".parse().unwrap();
    let picks: Vec<StationPick> = (0..60)
        .map(|n| StationPick {
            station: n % 12,
            wave: if n % 2 == 0 { Wave::P } else { Wave::S },
            time: begin.plus(rng.random_range(0..1200 * SECOND)),
        })
        .collect();
    assert!(associate(&stations, &picks, &settings).unwrap().is_empty());
    assert!(associate(&stations, &[], &settings).unwrap().is_empty());
    let stray = [StationPick { station: 99, wave: Wave::P, time: begin }];
    assert!(associate(&stations, &stray, &settings).is_err());
    let few = AssociateSettings { least_picks: 3, ..settings };
    assert!(associate(&stations, &picks, &few).is_err());
}

#[test]
fn an_event_with_exact_picks_is_located_exactly_with_its_uncertainty() {
    let mut rng = Rng::seed_from_u64(7);
    let stations = network(&mut rng);
    let model = VelocityModel::uniform(6.0, 3.4).unwrap();
    let settings = AssociateSettings::new(model.clone());
    let network = Network::new(&stations, &settings).unwrap();
    let place = [2.0, -3.0, 6.5];
    let begin: UtcTime = "2014-08-24T23:59:58Z".parse().unwrap();
    let mut picks = Vec::new();
    for station in 0..stations.len() {
        for wave in [Wave::P, Wave::S] {
            let travel = network.seconds(place, station, wave);
            picks.push(StationPick {
                station,
                wave,
                time: begin.plus((travel * SECOND as f64).round() as i64),
            });
        }
    }
    let events = associate(&stations, &picks, &settings).unwrap();
    let [event] = &events[..] else { panic!("one event, found {}", events.len()) };
    let [east, north] = network.frame.kilometres(event.latitude, event.longitude);
    assert!((east - 2.0).abs() < 0.05 && (north + 3.0).abs() < 0.05, "{east} {north}");
    assert!((event.depth - 6.5).abs() < 0.1 && (event.time.0 - begin.0).abs() < SECOND / 50);
    assert_eq!(event.arrivals.len(), 24);
    let [time, east, north, depth] = event.uncertainty.unwrap();
    assert!(time < 0.1 && east < 0.5 && north < 0.5 && depth < 1.0);
    assert!(event.rms < 0.02 && event.gap < 180.0);
}
