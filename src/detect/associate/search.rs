//! The search for boxes of space and time with which the most picks agree.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::locate::{Origin, locate};
use super::{AssociateSettings, AssociatedEvent, Network, StationPick, Wave};
use crate::error::Result;
use crate::progress::{Progress, check_interrupt};
use crate::time::SECOND;

/// Seconds of origin time in the boxes that the search begins with.
const FIRST_SECONDS: f64 = 16.0;

/// A pick with its time in seconds after the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimedPick {
    pub number: usize,
    pub station: usize,
    pub wave: Wave,
    pub seconds: f64,
}

/// Origins within `half` of `centre` in east, north, depth (km) and time (s).
struct Volume {
    centre: [f64; 4],
    half: [f64; 4],
    /// Picks that may belong to an origin in it, by time.
    picks: Vec<usize>,
    agreeing: Agreeing,
    /// What was located in it; its arrivals are then those that agree, and no longer a bound.
    located: Option<Origin>,
    /// Order of making, which settles ties.
    made: usize,
}

/// Picks that agree, of different stations or waves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreeing {
    pub p: usize,
    pub s: usize,
    pub stations: usize,
}

impl Agreeing {
    /// Counts each wave at each station once.
    pub fn of(picks: impl Iterator<Item = (usize, Wave)>, stations: usize) -> Self {
        let mut seen = vec![[false; 2]; stations];
        let mut count = Self::default();
        for (station, wave) in picks {
            let [p, s] = &mut seen[station];
            count.stations += usize::from(!*p && !*s);
            let (mark, sum) = match wave {
                Wave::P => (p, &mut count.p),
                Wave::S => (s, &mut count.s),
            };
            *sum += usize::from(!*mark);
            *mark = true;
        }
        count
    }

    /// Whether they make an event.
    pub fn suffice(&self, settings: &AssociateSettings) -> bool {
        self.p + self.s >= settings.least_picks
            && self.p >= settings.least_p
            && self.s >= settings.least_s
            && self.stations >= settings.least_stations
    }

    fn total(&self) -> usize {
        self.p + self.s
    }
}

impl Volume {
    /// The volume with the most picks comes first, of those a located one, then the smaller, then
    /// the earlier made. So an event is taken only once no other can have more picks.
    fn rank(&self) -> (usize, f64, usize) {
        let size = if self.located.is_some() { 0.0 } else { self.half[3] * self.half[0] };
        (self.agreeing.total(), -size, usize::MAX - self.made)
    }
}

impl Ord for Volume {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.rank(), other.rank());
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
    }
}

impl PartialOrd for Volume {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Volume {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Volume {}

struct Search<'a> {
    network: &'a Network,
    settings: &'a AssociateSettings,
    picks: Vec<TimedPick>,
    taken: Vec<bool>,
    queue: BinaryHeap<Volume>,
    /// Places and times of what waits in the queue, located.
    waiting: Vec<[f64; 4]>,
    made: usize,
}

/// All events, in the order in which they were found.
pub(super) fn search(
    network: &Network,
    picks: &[StationPick],
    settings: &AssociateSettings,
) -> Result<Vec<AssociatedEvent>> {
    let Some(first) = picks.iter().map(|pick| pick.time).min() else { return Ok(Vec::new()) };
    let mut timed: Vec<TimedPick> = picks
        .iter()
        .enumerate()
        .map(|(number, pick)| {
            let after = i128::from(pick.time.0) - i128::from(first.0);
            let seconds = after as f64 / SECOND as f64;
            TimedPick { number, station: pick.station, wave: pick.wave, seconds }
        })
        .collect();
    timed.sort_by(|a, b| a.seconds.total_cmp(&b.seconds).then(a.number.cmp(&b.number)));
    let taken = vec![false; timed.len()];
    let queue = BinaryHeap::new();
    let waiting = Vec::new();
    let mut search = Search { network, settings, picks: timed, taken, queue, waiting, made: 0 };
    search.begin();
    let mut progress = Progress::new("associating", "picks", picks.len() as u64);
    let mut events = Vec::new();
    while let Some(volume) = search.queue.pop() {
        check_interrupt()?;
        if let Some(origin) = search.visit(volume) {
            progress.advance(origin.arrivals.len() as u64);
            events.push(origin.event(network, first));
        }
    }
    Ok(events)
}

impl Search<'_> {
    /// Volumes of the whole region, one behind the other in time.
    fn begin(&mut self) {
        let Network { low, high, .. } = self.network;
        let middle = |axis: usize| 0.5 * (low[axis] + high[axis]);
        let half = |axis: usize| 0.5 * (high[axis] - low[axis]);
        let centre = [middle(0), middle(1), middle(2)];
        let reach = self.slack([half(0), half(1), half(2)], Wave::S);
        let stations = self.network.places.len();
        let farthest = (0..stations)
            .map(|station| self.network.seconds(centre, station, Wave::S) + reach)
            .fold(0.0, f64::max)
            + self.settings.tolerance;
        let mut begin = 0;
        let mut after = -farthest;
        while let Some(last) = self.picks.last().map(|pick| pick.seconds).filter(|&l| after <= l) {
            while self
                .picks
                .get(begin)
                .is_some_and(|pick| pick.seconds < after - self.settings.tolerance)
            {
                begin += 1;
            }
            // Where there are no picks for long, nothing begins.
            if let Some(next) = self.picks.get(begin).map(|pick| pick.seconds)
                && next > after + FIRST_SECONDS + farthest
                && next <= last
            {
                after = next - farthest;
                continue;
            }
            let until = after + FIRST_SECONDS + farthest;
            let near: Vec<usize> =
                (begin..self.picks.len()).take_while(|&n| self.picks[n].seconds <= until).collect();
            let centre = [centre[0], centre[1], centre[2], after + FIRST_SECONDS / 2.0];
            let half = [half(0), half(1), half(2), FIRST_SECONDS / 2.0];
            self.enqueue(centre, half, &near);
            after += FIRST_SECONDS;
        }
    }

    /// Seconds by which travel times from a box of `half` differ from those of its centre at most.
    fn slack(&self, half: [f64; 3], wave: Wave) -> f64 {
        let diagonal = half.iter().map(|h| h * h).sum::<f64>().sqrt();
        diagonal / self.settings.model.slowest(wave)
    }

    /// Puts a volume in the queue if enough of the picks `among` agree with it.
    fn enqueue(&mut self, centre: [f64; 4], half: [f64; 4], among: &[usize]) {
        let place = [centre[0], centre[1], centre[2]];
        let slack = [Wave::P, Wave::S].map(|wave| {
            self.slack([half[0], half[1], half[2]], wave) + half[3] + self.settings.tolerance
        });
        // Each station's travel times are needed for many picks.
        let mut predicted = vec![[f64::NAN; 2]; self.network.places.len()];
        let picks: Vec<usize> = among
            .iter()
            .copied()
            .filter(|&n| !self.taken[n])
            .filter(|&n| {
                let pick = &self.picks[n];
                let wave = pick.wave as usize;
                let time = &mut predicted[pick.station][wave];
                if time.is_nan() {
                    *time = self.network.seconds(place, pick.station, pick.wave);
                }
                (pick.seconds - *time - centre[3]).abs() <= slack[wave]
            })
            .collect();
        let agreeing = self.agreeing(&picks);
        if agreeing.suffice(self.settings) {
            self.made += 1;
            let located = None;
            self.queue.push(Volume { centre, half, picks, agreeing, located, made: self.made });
        }
    }

    fn agreeing(&self, picks: &[usize]) -> Agreeing {
        let named = picks.iter().map(|&n| (self.picks[n].station, self.picks[n].wave));
        Agreeing::of(named, self.network.places.len())
    }

    /// Takes what was located in the volume, locates what is in it, or halves it.
    fn visit(&mut self, mut volume: Volume) -> Option<Origin> {
        if let Some(origin) = volume.located.take() {
            self.waiting.retain(|known| *known != volume.centre);
            if origin.arrivals.iter().any(|arrival| self.taken[arrival.pick]) {
                self.locate(volume);
                return None;
            }
            return Some(self.take(origin));
        }
        volume.picks.retain(|&n| !self.taken[n]);
        let agreeing = self.agreeing(&volume.picks);
        if !agreeing.suffice(self.settings) {
            return None;
        }
        if agreeing != volume.agreeing {
            volume.agreeing = agreeing;
            self.queue.push(volume);
            return None;
        }
        let axis = self.longest(&volume.half);
        let is_small = volume.half[..3].iter().all(|&h| 2.0 * h <= self.settings.smallest_box)
            && volume.half[3] <= self.settings.tolerance / 2.0;
        if is_small {
            self.locate(volume);
            return None;
        }
        let mut half = volume.half;
        half[axis] /= 2.0;
        for sign in [-1.0, 1.0] {
            let mut centre = volume.centre;
            centre[axis] += sign * half[axis];
            self.enqueue(centre, half, &volume.picks);
        }
        None
    }

    /// The axis along which the volume spreads predicted times most.
    fn longest(&self, half: &[f64; 4]) -> usize {
        let slowness = 1.0 / self.settings.model.slowest(Wave::S);
        let done = |axis: usize| match axis {
            3 => half[3] <= self.settings.tolerance / 2.0,
            _ => 2.0 * half[axis] <= self.settings.smallest_box,
        };
        let seconds = |axis: usize| if axis == 3 { half[3] } else { half[axis] * slowness };
        let open = (0..4).filter(|&axis| !done(axis));
        open.max_by(|&a, &b| seconds(a).total_cmp(&seconds(b)).then(b.cmp(&a))).unwrap_or(3)
    }

    /// Puts what can be located in the volume into the queue, unless the same waits there already.
    fn locate(&mut self, mut volume: Volume) {
        if self.is_waiting(volume.centre, 1.5) {
            return;
        }
        let [east, north, depth, time] = volume.centre;
        let reach = volume.half[..3].iter().fold(0.0, |a: f64, &h| a.max(h));
        let last = volume.picks.last().map_or(time, |&n| self.picks[n].seconds) + FIRST_SECONDS;
        let first = self.picks.partition_point(|pick| pick.seconds < time - FIRST_SECONDS);
        let free: Vec<TimedPick> = (first..self.picks.len())
            .take_while(|&n| self.picks[n].seconds <= last)
            .filter(|&n| !self.taken[n])
            .map(|n| TimedPick { number: n, ..self.picks[n] })
            .collect();
        let start = [east, north, depth];
        let found = locate(self.network, self.settings, start, time, reach, &free);
        let Some(origin) = found else { return };
        if self.is_waiting(origin.place_and_time(), 0.5) {
            return;
        }
        let members: Vec<usize> = origin.arrivals.iter().map(|arrival| arrival.pick).collect();
        volume.agreeing = self.agreeing(&members);
        volume.centre = origin.place_and_time();
        volume.picks = members;
        volume.located = Some(origin);
        self.waiting.push(volume.centre);
        self.queue.push(volume);
    }

    /// Whether an event within so many smallest boxes, and the tolerance in time, waits already.
    fn is_waiting(&self, at: [f64; 4], boxes: f64) -> bool {
        self.waiting.iter().any(|known| {
            let apart = (0..3).map(|axis| (known[axis] - at[axis]).powi(2)).sum::<f64>().sqrt();
            apart <= boxes * self.settings.smallest_box
                && (known[3] - at[3]).abs() <= self.settings.tolerance
        })
    }

    /// Marks the picks of an event as taken and names them as the caller does.
    fn take(&mut self, mut origin: Origin) -> Origin {
        for arrival in &mut origin.arrivals {
            self.taken[arrival.pick] = true;
            arrival.pick = self.picks[arrival.pick].number;
        }
        origin
    }
}
