//! Picks of several stations grouped into earthquakes.
//!
//! The method is that of PyOcto (Münchmeyer 2024, Seismica 3): boxes of space and time are halved
//! where more picks agree with an origin in them than anywhere else, until a box is so small that
//! its picks can be located; those that fit are taken, and the search goes on without them. The
//! number of picks that agree with a box is never less than that of any origin in it, so that the
//! largest events are found first, whatever the order of the search.

mod frame;
mod locate;
mod search;
#[cfg(test)]
mod tests;
mod travel_times;

use crate::error::{Error, Result};
use crate::time::UtcTime;

pub use frame::LocalFrame;
pub use travel_times::{VelocityLayer, VelocityModel, Wave};

use travel_times::StationTimes;

/// A station in a table of stations.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkStation {
    /// Code by which picks name it.
    pub name: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above sea level.
    pub elevation: f64,
}

/// A pick to be grouped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StationPick {
    /// Number of its station.
    pub station: usize,
    /// Which wave.
    pub wave: Wave,
    /// When.
    pub time: UtcTime,
}

/// What counts as an event.
#[derive(Clone, Debug, PartialEq)]
pub struct AssociateSettings {
    /// Speeds below the network.
    pub model: VelocityModel,
    /// Largest difference of a pick from its predicted time, seconds.
    pub tolerance: f64,
    /// Least number of picks.
    pub least_picks: usize,
    /// Least number of P picks.
    pub least_p: usize,
    /// Least number of S picks.
    pub least_s: usize,
    /// Least number of stations.
    pub least_stations: usize,
    /// Shallowest and deepest origin, km below sea level.
    pub depths: [f64; 2],
    /// How far beyond the stations origins may lie, km; half the network's extent if absent.
    pub margin: Option<f64>,
    /// Boxes are halved down to this size, km.
    pub smallest_box: f64,
}

impl AssociateSettings {
    /// Defaults for a network of tens of kilometres.
    pub fn new(model: VelocityModel) -> Self {
        Self {
            model,
            tolerance: 0.5,
            least_picks: 6,
            least_p: 2,
            least_s: 0,
            least_stations: 4,
            depths: [0.0, 30.0],
            margin: None,
            smallest_box: 1.0,
        }
    }

    fn check(&self) -> Result<()> {
        let positive = |name: &str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(Error::usage(format!("{name} {value}: expected above 0"))),
        };
        positive("tolerance", self.tolerance)?;
        positive("smallest box", self.smallest_box)?;
        if let Some(margin) = self.margin {
            positive("margin", margin)?;
        }
        let [top, bottom] = self.depths;
        if !(top.is_finite() && bottom.is_finite() && top < bottom && bottom - top < 1000.0) {
            let text = format!("depths {top} to {bottom} km: expected rising, at most 1000 apart");
            return Err(Error::usage(text));
        }
        // Four unknowns: fewer picks than that locate nothing.
        if self.least_picks < 4 {
            return Err(Error::usage("an event needs at least 4 picks"));
        }
        Ok(())
    }
}

/// A pick of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// Number of the pick.
    pub pick: usize,
    /// Picked less predicted time, seconds.
    pub residual: f64,
    /// Epicentral distance, km.
    pub distance: f64,
    /// Direction from the epicentre to the station, degrees from north.
    pub azimuth: f64,
}

/// An earthquake, found and located.
#[derive(Clone, Debug, PartialEq)]
pub struct AssociatedEvent {
    /// When.
    pub time: UtcTime,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Kilometres below sea level.
    pub depth: f64,
    /// Its picks, by time.
    pub arrivals: Vec<Arrival>,
    /// Root mean square of the residuals, seconds.
    pub rms: f64,
    /// One standard deviation of the origin time, s, of east and north, km, of depth, km, from the
    /// residuals (at least .05 s) and the geometry; absent where the geometry leaves one open.
    pub uncertainty: Option<[f64; 4]>,
    /// Largest angle between neighbouring stations as seen from the epicentre, degrees.
    pub gap: f64,
}

/// Stations and travel times in one plane.
struct Network {
    frame: LocalFrame,
    /// East and north, km.
    places: Vec<[f64; 2]>,
    times: Vec<StationTimes>,
    /// Where origins may lie: east, north, depth.
    low: [f64; 3],
    high: [f64; 3],
}

impl Network {
    fn new(stations: &[NetworkStation], settings: &AssociateSettings) -> Result<Self> {
        if stations.is_empty() {
            return Err(Error::usage("no stations"));
        }
        let count = stations.len() as f64;
        let first = stations[0].longitude;
        let around = |longitude: f64| (longitude - first + 540.0).rem_euclid(360.0) - 180.0;
        let longitude = first + stations.iter().map(|s| around(s.longitude)).sum::<f64>() / count;
        let latitude = stations.iter().map(|s| s.latitude).sum::<f64>() / count;
        let frame = LocalFrame::at(latitude, longitude);
        let places: Vec<[f64; 2]> =
            stations.iter().map(|s| frame.kilometres(s.latitude, s.longitude)).collect();
        let extreme = |axis: usize, of: fn(f64, f64) -> f64, start: f64| {
            places.iter().map(|place| place[axis]).fold(start, of)
        };
        let least = [0, 1].map(|axis| extreme(axis, f64::min, f64::INFINITY));
        let most = [0, 1].map(|axis| extreme(axis, f64::max, f64::NEG_INFINITY));
        let extent = (most[0] - least[0]).max(most[1] - least[1]);
        if !extent.is_finite() || extent > 5000.0 {
            return Err(Error::usage(format!(
                "the stations lie {extent:.0} km apart; associate networks of at most 5000 km"
            )));
        }
        let margin = settings.margin.unwrap_or((extent / 2.0).max(10.0));
        let [top, bottom] = settings.depths;
        let low = [least[0] - margin, least[1] - margin, top];
        let high = [most[0] + margin, most[1] + margin, bottom];
        let across = (high[0] - low[0]).hypot(high[1] - low[1]);
        let times = stations
            .iter()
            .map(|s| {
                StationTimes::new(&settings.model, -s.elevation / 1000.0, across, settings.depths)
            })
            .collect();
        Ok(Self { frame, places, times, low, high })
    }

    /// Seconds from a place (east, north, depth) to a station.
    fn seconds(&self, place: [f64; 3], station: usize, wave: Wave) -> f64 {
        self.times[station].seconds(wave, self.distance(place, station), place[2])
    }

    fn distance(&self, place: [f64; 3], station: usize) -> f64 {
        let [east, north] = self.places[station];
        (place[0] - east).hypot(place[1] - north)
    }
}

/// Groups picks into events, by time. Every pick belongs to one event at most, and every event has
/// at most one pick of a wave at a station.
///
/// # Errors
/// Settings without meaning; a pick whose station is not there.
pub fn associate(
    stations: &[NetworkStation],
    picks: &[StationPick],
    settings: &AssociateSettings,
) -> Result<Vec<AssociatedEvent>> {
    settings.check()?;
    if let Some(pick) = picks.iter().find(|pick| pick.station >= stations.len()) {
        return Err(Error::data(format!("a pick of station number {}", pick.station)));
    }
    let network = Network::new(stations, settings)?;
    let mut events = search::search(&network, picks, settings)?;
    events.sort_by_key(|event| event.time);
    Ok(events)
}
