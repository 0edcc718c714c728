//! Where and when an event was, from the picks that may be its own.

use super::search::{Agreeing, TimedPick};
use super::{Arrival, AssociateSettings, AssociatedEvent, Network};
use crate::time::{SECOND, UtcTime};

/// No pick is better than this, s.
const BEST_PICK: f64 = 0.05;

/// A located event, times in seconds after the first pick.
pub(super) struct Origin {
    place: [f64; 3],
    seconds: f64,
    pub arrivals: Vec<Arrival>,
    rms: f64,
    uncertainty: Option<[f64; 4]>,
    gap: f64,
}

impl Origin {
    /// East, north, depth, km; seconds.
    pub fn place_and_time(&self) -> [f64; 4] {
        let [east, north, depth] = self.place;
        [east, north, depth, self.seconds]
    }

    /// The event in degrees and UTC; `first` is the time of the first pick.
    pub fn event(self, network: &Network, first: UtcTime) -> AssociatedEvent {
        let (latitude, longitude) = network.frame.degrees(self.place[0], self.place[1]);
        AssociatedEvent {
            time: first.plus((self.seconds * SECOND as f64).round() as i64),
            latitude,
            longitude,
            depth: self.place[2],
            arrivals: self.arrivals,
            rms: self.rms,
            uncertainty: self.uncertainty,
            gap: self.gap,
        }
    }
}

/// Looks around `start`, then fits by least squares; picks that come to lie outside the tolerance
/// leave, others within join. `None` if those that fit do not make an event.
pub(super) fn locate(
    network: &Network,
    settings: &AssociateSettings,
    start: [f64; 3],
    time: f64,
    reach: f64,
    picks: &[TimedPick],
) -> Option<Origin> {
    let fit = Fit { network, settings, picks };
    let (mut place, mut seconds) = (start, time);
    let mut members = fit.members(place, seconds, 1.5 * settings.tolerance);
    let mut step = reach.max(0.5 * settings.smallest_box);
    let suffice = |members: &[&TimedPick]| {
        let named = members.iter().map(|pick| (pick.station, pick.wave));
        Agreeing::of(named, network.places.len()).suffice(settings)
    };
    for round in 0..10 {
        (place, seconds) = fit.best_around(place, seconds, step, &members);
        // Most boxes hold nothing; that shows at once.
        let tolerance = if round == 0 { 1.5 } else { 1.0 } * settings.tolerance;
        members = fit.members(place, seconds, tolerance);
        if !suffice(&members) {
            return None;
        }
        step *= 0.7;
    }
    for _ in 0..3 {
        (place, seconds) = fit.least_squares(place, seconds, &members);
        members = fit.members(place, seconds, settings.tolerance);
    }
    if !suffice(&members) {
        return None;
    }
    let residuals: Vec<f64> = members.iter().map(|p| fit.residual(place, seconds, p)).collect();
    let square = residuals.iter().map(|r| r * r).sum::<f64>();
    let free = members.len().saturating_sub(4).max(1) as f64;
    let spread = (square / free).sqrt().max(BEST_PICK);
    let arrivals: Vec<Arrival> = members
        .iter()
        .zip(&residuals)
        .map(|(pick, &residual)| {
            let [east, north] = network.places[pick.station];
            let azimuth = (east - place[0]).atan2(north - place[1]).to_degrees();
            Arrival {
                pick: pick.number,
                residual,
                distance: network.distance(place, pick.station),
                azimuth: azimuth.rem_euclid(360.0),
            }
        })
        .collect();
    Some(Origin {
        place,
        seconds,
        rms: (square / members.len() as f64).sqrt(),
        uncertainty: fit.uncertainty(place, &members, spread),
        gap: widest_gap(&arrivals),
        arrivals,
    })
}

fn widest_gap(arrivals: &[Arrival]) -> f64 {
    let mut around: Vec<f64> = arrivals.iter().map(|arrival| arrival.azimuth).collect();
    around.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (around.first(), around.last()) else { return 360.0 };
    around.windows(2).map(|pair| pair[1] - pair[0]).fold(first + 360.0 - last, f64::max)
}

struct Fit<'a> {
    network: &'a Network,
    settings: &'a AssociateSettings,
    picks: &'a [TimedPick],
}

impl<'a> Fit<'a> {
    fn residual(&self, place: [f64; 3], seconds: f64, pick: &TimedPick) -> f64 {
        pick.seconds - seconds - self.network.seconds(place, pick.station, pick.wave)
    }

    /// The pick of each wave at each station that fits best, if it fits to `tolerance`.
    fn members(&self, place: [f64; 3], seconds: f64, tolerance: f64) -> Vec<&'a TimedPick> {
        let mut best: Vec<[Option<(f64, &TimedPick)>; 2]> =
            vec![[None; 2]; self.network.places.len()];
        for pick in self.picks {
            let off = self.residual(place, seconds, pick).abs();
            let held = &mut best[pick.station][pick.wave as usize];
            if off <= tolerance && held.is_none_or(|(least, _)| off < least) {
                *held = Some((off, pick));
            }
        }
        let mut members: Vec<&TimedPick> =
            best.into_iter().flatten().flatten().map(|(_, pick)| pick).collect();
        members.sort_by(|a, b| a.seconds.total_cmp(&b.seconds).then(a.number.cmp(&b.number)));
        members
    }

    /// The place on a grid around `place` from which the members differ least in the mean, at most
    /// the tolerance each, with their median origin time.
    fn best_around(
        &self,
        place: [f64; 3],
        seconds: f64,
        step: f64,
        members: &[&TimedPick],
    ) -> ([f64; 3], f64) {
        let mut best = (f64::INFINITY, place, seconds);
        let mut origins = Vec::with_capacity(members.len());
        for number in 0..27 {
            let offset = [number % 3, number / 3 % 3, number / 9].map(|n| f64::from(n - 1) * step);
            let tried = self.clamped([0, 1, 2].map(|axis| place[axis] + offset[axis]));
            origins.clear();
            origins.extend(
                members.iter().map(|p| p.seconds - self.network.seconds(tried, p.station, p.wave)),
            );
            let Some(middle) = median(&mut origins) else { continue };
            let off: f64 =
                origins.iter().map(|o| (o - middle).abs().min(self.settings.tolerance)).sum();
            if off < best.0 {
                best = (off, tried, middle);
            }
        }
        (best.1, best.2)
    }

    fn clamped(&self, place: [f64; 3]) -> [f64; 3] {
        let Network { low, high, .. } = self.network;
        [0, 1, 2].map(|axis| place[axis].clamp(low[axis], high[axis]))
    }

    /// Derivatives of the predicted times, one row a member: east, north, depth, origin time.
    fn derivatives(&self, place: [f64; 3], members: &[&TimedPick]) -> Vec<[f64; 4]> {
        const STEP: f64 = 0.05;
        let row = |pick: &&TimedPick| {
            let slope = |axis: usize| {
                let moved = |by: f64| {
                    let mut moved = place;
                    moved[axis] += by;
                    self.network.seconds(moved, pick.station, pick.wave)
                };
                (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
            };
            [slope(0), slope(1), slope(2), 1.0]
        };
        members.iter().map(row).collect()
    }

    /// Two steps of Gauss and Newton, damped (Geiger 1912); worse ones are not taken.
    fn least_squares(
        &self,
        mut place: [f64; 3],
        mut seconds: f64,
        members: &[&TimedPick],
    ) -> ([f64; 3], f64) {
        let square = |place: [f64; 3], seconds: f64| {
            members.iter().map(|p| self.residual(place, seconds, p).powi(2)).sum::<f64>()
        };
        for _ in 0..2 {
            let rows = self.derivatives(place, members);
            let (mut normal, mut right) = ([[0.0; 4]; 4], [0.0; 4]);
            for (row, pick) in rows.iter().zip(members) {
                let residual = self.residual(place, seconds, pick);
                for i in 0..4 {
                    right[i] += row[i] * residual;
                    for j in 0..4 {
                        normal[i][j] += row[i] * row[j];
                    }
                }
            }
            for (axis, row) in normal.iter_mut().enumerate() {
                row[axis] += 1e-3;
            }
            let Some(inverse) = inverted(normal) else { break };
            let change = inverse.map(|row| (0..4).map(|j| row[j] * right[j]).sum::<f64>());
            let moved = self.clamped([0, 1, 2].map(|axis| place[axis] + change[axis]));
            let later = seconds + change[3];
            if square(moved, later) >= square(place, seconds) {
                break;
            }
            (place, seconds) = (moved, later);
        }
        (place, seconds)
    }

    /// Standard deviations of time, east, north and depth for picks with this `spread`.
    fn uncertainty(
        &self,
        place: [f64; 3],
        members: &[&TimedPick],
        spread: f64,
    ) -> Option<[f64; 4]> {
        let mut normal = [[0.0; 4]; 4];
        for row in self.derivatives(place, members) {
            for i in 0..4 {
                for j in 0..4 {
                    normal[i][j] += row[i] * row[j];
                }
            }
        }
        let inverse = inverted(normal)?;
        let deviation =
            |axis: usize| (inverse[axis][axis] > 0.0).then(|| spread * inverse[axis][axis].sqrt());
        Some([deviation(3)?, deviation(0)?, deviation(1)?, deviation(2)?])
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// By Gauss and Jordan with pivots; `None` for a singular matrix.
fn inverted(mut matrix: [[f64; 4]; 4]) -> Option<[[f64; 4]; 4]> {
    let mut inverse = [[0.0; 4]; 4];
    for (axis, row) in inverse.iter_mut().enumerate() {
        row[axis] = 1.0;
    }
    for column in 0..4 {
        let pivot = (column..4)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-9 {
            return None;
        }
        matrix.swap(column, pivot);
        inverse.swap(column, pivot);
        let scale = matrix[column][column];
        for j in 0..4 {
            matrix[column][j] /= scale;
            inverse[column][j] /= scale;
        }
        for row in (0..4).filter(|&row| row != column) {
            let factor = matrix[row][column];
            for j in 0..4 {
                matrix[row][j] -= factor * matrix[column][j];
                inverse[row][j] -= factor * inverse[column][j];
            }
        }
    }
    Some(inverse)
}
