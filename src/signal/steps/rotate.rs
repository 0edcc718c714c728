//! Rotation of components.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::{Error, Result};
use crate::read::StreamId;
use crate::signal;

/// A matrix between components, which are named by the last letters of channel codes.
pub(super) struct Mixing {
    from: Vec<char>,
    to: Vec<char>,
    /// `[to][from]`.
    matrix: Vec<Vec<f64>>,
}

/// A [`Mixing`] whose components were found among channels.
pub(super) struct PlacedMixing {
    mixing: Mixing,
    /// Which channel each component is.
    places: Vec<usize>,
}

impl Mixing {
    fn begun<const N: usize>(from: [char; N], to: [char; N], matrix: [[f64; N]; N]) -> Begun {
        let matrix = matrix.iter().map(|row| row.to_vec()).collect();
        Begun::Components(Self { from: from.to_vec(), to: to.to_vec(), matrix })
    }

    /// Finds the components among channels.
    pub fn among(self, channels: &[StreamId]) -> Result<PlacedMixing> {
        let place = |letter: &char| {
            channels.iter().position(|id| id.channel.ends_with(*letter)).ok_or_else(|| {
                let there: Vec<String> = channels.iter().map(StreamId::to_string).collect();
                Error::usage(format!("no channel ends in {letter}; there are {}", there.join(", ")))
            })
        };
        let places = self.from.iter().map(place).collect::<Result<_>>()?;
        Ok(PlacedMixing { mixing: self, places })
    }
}

impl PlacedMixing {
    /// The channels with the new letters.
    pub fn renamed(&self, channels: &[StreamId]) -> Vec<StreamId> {
        let mut channels = channels.to_vec();
        for (place, letter) in self.places.iter().zip(&self.mixing.to) {
            if let Some(id) = channels.get_mut(*place) {
                id.channel.pop();
                id.channel.push(*letter);
            }
        }
        channels
    }

    /// The samples of all channels, of one length, with the components mixed.
    pub fn apply(&self, mut samples: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let components: Vec<Vec<f64>> =
            self.places.iter().map(|&place| std::mem::take(&mut samples[place])).collect();
        for (place, row) in self.places.iter().zip(&self.mixing.matrix) {
            let length = components.first().map_or(0, Vec::len);
            let value = |i: usize| row.iter().zip(&components).map(|(w, x)| w * x[i]).sum();
            samples[*place] = (0..length).map(value).collect();
        }
        samples
    }
}

fn check_angle(what: &str, angle: f64) -> Result<()> {
    if (0.0..=360.0).contains(&angle) {
        return Ok(());
    }
    Err(Error::usage(format!("{what} lies between 0 and 360 degrees, found {angle}")))
}

/// The matrix of a rotation of the horizontals by a back azimuth, in degrees.
fn horizontal(back_azimuth: f64, inverse: bool) -> [[f64; 2]; 2] {
    let (sin, cos) = back_azimuth.to_radians().sin_cos();
    if inverse { [[-cos, sin], [-sin, -cos]] } else { [[-cos, -sin], [sin, -cos]] }
}

/// Where the source lies, seen from the station: a back azimuth, or the source's coordinates and
/// the station's from the metadata.
fn direction(
    back_azimuth: Option<f64>,
    source: Option<[f64; 2]>,
    context: &Context<'_>,
) -> Result<f64> {
    if let Some(back_azimuth) = back_azimuth {
        return Ok(back_azimuth);
    }
    let [latitude, longitude] = source.ok_or_else(|| Error::usage(NO_DIRECTION))?;
    let place = context.stations()?.place(context.channel, context.start).ok_or_else(|| {
        Error::data(format!("the station metadata say no place of {}", context.channel))
    })?;
    let way = signal::geodesic((place.latitude, place.longitude), (latitude, longitude));
    way.map(|way| way.azimuth).ok_or_else(|| {
        Error::data(format!(
            "no single direction leads from {} to {latitude}, {longitude}",
            context.channel
        ))
    })
}

const NO_DIRECTION: &str = "give either back_azimuth in degrees, or source = [latitude, longitude]";

fn check_direction(back_azimuth: Option<f64>, source: Option<[f64; 2]>) -> Result<()> {
    match (back_azimuth, source) {
        (Some(angle), None) => check_angle("back_azimuth", angle),
        (None, Some([latitude, longitude])) => {
            if !(latitude.abs() <= 90.0 && longitude.abs() <= 360.0) {
                return Err(Error::usage(format!(
                    "{latitude}, {longitude} is no latitude and longitude"
                )));
            }
            Ok(())
        }
        _ => Err(Error::usage(NO_DIRECTION)),
    }
}

macro_rules! horizontal_rotation {
    ($name:ident, $from:expr, $to:expr, $inverse:literal, $about:literal) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Direction from the station to the source, degrees from north.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub back_azimuth: Option<f64>,
            /// Latitude and longitude of the source instead, degrees.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub source: Option<[f64; 2]>,
        }

        impl Settings for $name {
            fn nature(&self) -> Nature {
                Nature::CAUSAL
            }

            fn check(&self) -> Result<()> {
                check_direction(self.back_azimuth, self.source)
            }

            fn begin(&self, context: &Context<'_>) -> Result<Begun> {
                let back_azimuth = direction(self.back_azimuth, self.source, context)?;
                Ok(Mixing::begun($from, $to, horizontal(back_azimuth, $inverse)))
            }

            fn components(&self) -> Option<Vec<char>> {
                Some($from.to_vec())
            }
        }
    };
}

horizontal_rotation!(
    RotateNeRt,
    ['N', 'E'],
    ['R', 'T'],
    false,
    "North and east become radial (away from the source) and transverse."
);
horizontal_rotation!(
    RotateRtNe,
    ['R', 'T'],
    ['N', 'E'],
    true,
    "Radial and transverse become north and east."
);

macro_rules! ray_rotation {
    ($name:ident, $from:expr, $to:expr, $matrix:expr, $about:literal) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Direction from the station to the source, degrees from north.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub back_azimuth: Option<f64>,
            /// Latitude and longitude of the source instead, degrees.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub source: Option<[f64; 2]>,
            /// Inclination of the ray at the station, degrees from vertical.
            pub incidence: f64,
        }

        impl Settings for $name {
            fn nature(&self) -> Nature {
                Nature::CAUSAL
            }

            fn check(&self) -> Result<()> {
                check_direction(self.back_azimuth, self.source)?;
                check_angle("incidence", self.incidence)
            }

            fn begin(&self, context: &Context<'_>) -> Result<Begun> {
                let back_azimuth = direction(self.back_azimuth, self.source, context)?;
                let matrix = signal::lqt_matrix(back_azimuth, self.incidence);
                Ok(Mixing::begun($from, $to, $matrix(matrix)))
            }

            fn components(&self) -> Option<Vec<char>> {
                Some($from.to_vec())
            }
        }
    };
}

/// The inverse of a rotation.
fn transposed(m: signal::Matrix) -> signal::Matrix {
    std::array::from_fn(|r| std::array::from_fn(|c| m[c][r]))
}

ray_rotation!(
    RotateZneLqt,
    ['Z', 'N', 'E'],
    ['L', 'Q', 'T'],
    |m| m,
    "Vertical, north and east become L (along the ray), Q and T."
);
ray_rotation!(
    RotateLqtZne,
    ['L', 'Q', 'T'],
    ['Z', 'N', 'E'],
    transposed,
    "L, Q and T become vertical, north and east."
);

/// Where a component points; what is left out is taken from the station metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orientation {
    /// Last letter of the channel code.
    pub component: char,
    /// Degrees from north, clockwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azimuth: Option<f64>,
    /// Degrees down from horizontal; −90 points up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dip: Option<f64>,
}

impl Orientation {
    /// Azimuth and dip, as given or as the metadata say.
    fn direction(&self, context: &Context<'_>) -> Result<(f64, f64)> {
        if let (Some(azimuth), Some(dip)) = (self.azimuth, self.dip) {
            return Ok((azimuth, dip));
        }
        let stations = context.stations()?;
        let is_it = |id: &&StreamId| id.channel.ends_with(self.component);
        let id = context
            .channels
            .iter()
            .find(is_it)
            .ok_or_else(|| Error::usage(format!("no channel ends in {}", self.component)))?;
        let epoch = stations.channel_or_say(id, context.start)?;
        // A vertical sensor needs no azimuth.
        let dip = self.dip.or(epoch.dip);
        let upright = dip.is_some_and(|dip| dip.abs() == 90.0).then_some(0.0);
        let azimuth = self.azimuth.or(epoch.azimuth).or(upright);
        azimuth.zip(dip).ok_or_else(|| {
            Error::data(format!("the station metadata do not say how {id} is oriented"))
        })
    }
}

/// Three components of any directions become vertical, north and east, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateToZne {
    /// The three, in the order of the components they become: the one nearest to vertical first.
    pub from: Vec<Orientation>,
}

impl RotateToZne {
    fn three(&self) -> Result<&[Orientation; 3]> {
        self.from.as_slice().try_into().map_err(|_| {
            let text = format!("three components have a direction, found {}", self.from.len());
            Error::usage(text)
        })
    }
}

impl Settings for RotateToZne {
    fn nature(&self) -> Nature {
        Nature::CAUSAL
    }

    fn check(&self) -> Result<()> {
        let [a, b, c] = self.three()?;
        if a.component == b.component || b.component == c.component || a.component == c.component {
            return Err(Error::usage("the three components must differ"));
        }
        let given: Vec<(f64, f64)> =
            self.from.iter().filter_map(|o| o.azimuth.zip(o.dip)).collect();
        match given[..] {
            [a, b, c] => signal::zne_matrix([a, b, c]).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let [a, b, c] = self.three()?;
        let from = [a, b, c].map(|o| o.component);
        let directions = [a.direction(context)?, b.direction(context)?, c.direction(context)?];
        Ok(Mixing::begun(from, ['Z', 'N', 'E'], signal::zne_matrix(directions)?))
    }

    fn components(&self) -> Option<Vec<char>> {
        Some(self.from.iter().map(|o| o.component).collect())
    }
}
