//! `epicentres.png`: a map of events and stations, with their depths beside and below.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::{Deserialize, Serialize};

use super::canvas::{Drawn, Figure, GRID, INK, color, padded_range, text};
use super::color_scale::{round_ticks, tick_label};

/// An event on the map.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Epicentre {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
    /// Kilometres below sea level.
    pub depth_km: f64,
    /// Picks that locate it.
    pub picks: usize,
}

/// A station on the map.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MapStation {
    /// Its code.
    pub name: String,
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

/// Events and stations from above, events from the south and from the east.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EpicentresFigure {
    /// Heading.
    pub title: String,
    /// The events.
    pub events: Vec<Epicentre>,
    /// The stations.
    pub stations: Vec<MapStation>,
}

/// A panel in pixels with what its axes show.
struct Panel {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    across: std::ops::Range<f64>,
    /// From top to bottom; falls on the map.
    down: std::ops::Range<f64>,
}

impl Panel {
    fn place(&self, x: f64, y: f64) -> (i32, i32) {
        let share = |value: f64, range: &std::ops::Range<f64>| {
            (value - range.start) / (range.end - range.start)
        };
        (
            self.left + (share(x, &self.across) * f64::from(self.width)).round() as i32,
            self.top + (share(y, &self.down) * f64::from(self.height)).round() as i32,
        )
    }

    fn frame<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        (below, beside): (Option<&str>, Option<&str>),
    ) -> Drawn<DB> {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        let words = text(18);
        let columns = (self.width / 100).max(2) as usize;
        for tick in round_ticks(self.across.start, self.across.end, columns) {
            let (x, _) = self.place(tick, self.down.start);
            area.draw(&PathElement::new(vec![(x, self.top), (x, bottom)], GRID))?;
            if below.is_some() {
                let style = words.clone().pos(Pos::new(HPos::Center, VPos::Top));
                area.draw(&Text::new(tick_label(tick), (x, bottom + 8), style))?;
            }
        }
        let (low, high) = (self.down.start.min(self.down.end), self.down.start.max(self.down.end));
        for tick in round_ticks(low, high, (self.height / 70).max(2) as usize) {
            let (_, y) = self.place(self.across.start, tick);
            area.draw(&PathElement::new(vec![(self.left, y), (right, y)], GRID))?;
            if beside.is_some() {
                let style = words.clone().pos(Pos::new(HPos::Right, VPos::Center));
                area.draw(&Text::new(tick_label(tick), (self.left - 8, y), style))?;
            }
        }
        area.draw(&Rectangle::new([(self.left, self.top), (right, bottom)], INK.stroke_width(1)))?;
        if let Some(label) = below {
            let style = words.clone().pos(Pos::new(HPos::Center, VPos::Top));
            let place = (self.left + self.width / 2, bottom + 32);
            area.draw(&Text::new(label.to_string(), place, style))?;
        }
        if let Some(label) = beside {
            let style =
                words.transform(FontTransform::Rotate270).pos(Pos::new(HPos::Center, VPos::Center));
            let place = (self.left - 78, self.top + self.height / 2);
            area.draw(&Text::new(label.to_string(), place, style))?;
        }
        Ok(())
    }
}

const LEFT: i32 = 120;
const TOP: i32 = 90;
/// Width and height of the panels of depth.
const DEPTH: i32 = 300;
const BETWEEN: i32 = 24;

impl EpicentresFigure {
    /// Degrees shown: east, then north, stretched so that the map is true to scale.
    fn ranges(&self, width: f64, height: f64) -> [std::ops::Range<f64>; 2] {
        let east = || {
            let events = self.events.iter().map(|event| event.longitude);
            events.chain(self.stations.iter().map(|station| station.longitude))
        };
        let north = || {
            let events = self.events.iter().map(|event| event.latitude);
            events.chain(self.stations.iter().map(|station| station.latitude))
        };
        let (mut across, mut along) = (padded_range(east()), padded_range(north()));
        let shrink = (0.5 * (along.start + along.end)).to_radians().cos().max(0.01);
        let lengths = [(across.end - across.start) * shrink, along.end - along.start];
        let a_pixel = (lengths[0] / width).max(lengths[1] / height);
        let widen = |range: &mut std::ops::Range<f64>, length: f64| {
            let more = 0.5 * (length - (range.end - range.start));
            (range.start, range.end) = (range.start - more, range.end + more);
        };
        widen(&mut across, a_pixel * width / shrink);
        widen(&mut along, a_pixel * height);
        [across, along]
    }
}

impl Figure for EpicentresFigure {
    fn size(&self) -> (u32, u32) {
        (1400, 1250)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let (width, height) = (self.size().0 as i32, self.size().1 as i32);
        area.draw(&Text::new(self.title.clone(), (LEFT, 24), text(26)))?;
        let map_width = width - LEFT - BETWEEN - DEPTH - 40;
        let map_height = height - TOP - BETWEEN - DEPTH - 80;
        let [across, along] = self.ranges(f64::from(map_width), f64::from(map_height));
        let mut depths = padded_range(self.events.iter().map(|event| event.depth_km));
        depths.start = depths.start.min(0.0);
        let map = Panel {
            left: LEFT,
            top: TOP,
            width: map_width,
            height: map_height,
            across: across.clone(),
            down: along.end..along.start,
        };
        let from_south = Panel {
            left: LEFT,
            top: TOP + map_height + BETWEEN,
            width: map_width,
            height: DEPTH,
            across,
            down: depths.clone(),
        };
        let from_east = Panel {
            left: LEFT + map_width + BETWEEN,
            top: TOP,
            width: DEPTH,
            height: map_height,
            across: depths,
            down: along.end..along.start,
        };
        map.frame(area, (None, Some("latitude (°)")))?;
        from_south.frame(area, (Some("longitude (°)"), Some("depth (km)")))?;
        from_east.frame(area, (Some("depth (km)"), None))?;
        for station in &self.stations {
            let (x, y) = map.place(station.longitude, station.latitude);
            area.draw(&TriangleMarker::new((x, y), 10, INK.filled()))?;
            area.draw(&Text::new(station.name.clone(), (x + 12, y - 6), text(16)))?;
        }
        for event in &self.events {
            let radius = 3 + (event.picks as f64).sqrt() as i32;
            let hue = color(1);
            for place in [
                map.place(event.longitude, event.latitude),
                from_south.place(event.longitude, event.depth_km),
                from_east.place(event.depth_km, event.latitude),
            ] {
                area.draw(&Circle::new(place, radius, hue.mix(0.45).filled()))?;
                area.draw(&Circle::new(place, radius, hue.stroke_width(1)))?;
            }
        }
        let corner = (LEFT + map_width + BETWEEN, TOP + map_height + BETWEEN + 60);
        area.draw(&TriangleMarker::new((corner.0 + 20, corner.1 + 8), 10, INK.filled()))?;
        area.draw(&Text::new("station", (corner.0 + 44, corner.1), text(18)))?;
        for (row, picks) in [9usize, 25, 64].into_iter().enumerate() {
            let y = corner.1 + 36 + 34 * row as i32;
            let radius = 3 + (picks as f64).sqrt() as i32;
            let hue = color(1);
            area.draw(&Circle::new((corner.0 + 20, y + 8), radius, hue.mix(0.45).filled()))?;
            let words = format!("event of {picks} picks");
            area.draw(&Text::new(words, (corner.0 + 44, y), text(18)))?;
        }
        Ok(())
    }
}
