//! A contiguous run of samples: the filters and triggers that live as long as it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::feature::{ActivityBand, Feature};
use super::window::Window;
use crate::error::Result;
use crate::read::Samples;
use crate::signal::butterworth::{Band, butterworth};
use crate::signal::sections::SosFilter;
use crate::signal::trigger::{RecursiveStaLta, Trigger};
use crate::time::SampleRate;

/// The prototype order of the band-passes.
const ORDER: usize = 4;

/// One band-pass with what follows it.
#[derive(Debug, Serialize, Deserialize)]
struct BandChain {
    band: ActivityBand,
    filter: SosFilter,
    trigger: Option<(RecursiveStaLta, Trigger)>,
}

/// Everything that is carried from sample to sample inside a run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Chains {
    chains: Vec<BandChain>,
    /// Subtracted from every sample before filtering.
    offset: f64,
    /// Samples still to be dropped while the filters settle.
    settling: u64,
    #[serde(skip)]
    raw: Vec<f64>,
}

impl Chains {
    /// Filters in zero state for the bands that `features` need and `rate` allows.
    pub(super) fn new(
        features: &[Feature],
        rate: SampleRate,
        offset: f64,
        settling: u64,
    ) -> Result<Self> {
        let mut chains = Vec::new();
        for band in ActivityBand::ALL {
            let (low, high) = band.edges();
            let needed = features.iter().any(|f| f.bands().contains(&band));
            if !needed || high >= rate.hz() / 2.0 {
                continue;
            }
            let of_band = || features.iter().filter(|f| f.bands().contains(&band));
            let seconds = |s: f64| (s * rate.hz()).round() as usize;
            chains.push(BandChain {
                band,
                filter: SosFilter::new(&butterworth(ORDER, Band::BandPass(low, high), rate)?),
                trigger: of_band().any(|f| *f == Feature::Triggers).then(|| {
                    (RecursiveStaLta::new(seconds(1.0), seconds(30.0)), Trigger::new(3.5, 1.0))
                }),
            });
        }
        Ok(Self { chains, offset, settling, raw: Vec::new() })
    }

    /// Room in `window` for so many samples of every band.
    pub(super) fn make_room(&self, window: &mut Window, samples: usize) {
        window.raw.reserve(samples);
        for chain in &self.chains {
            window.bands[chain.band as usize].reserve(samples);
        }
    }

    /// Takes `range` of `samples` through the filters into `window`, of which it is a part;
    /// `expected` is the number of samples of a full window.
    pub(super) fn feed(
        &mut self,
        samples: &Samples,
        range: Range<usize>,
        window: &mut Window,
        expected: f64,
    ) {
        read_block(samples, range, &mut self.raw);
        let dropped = self.settling.min(self.raw.len() as u64) as usize;
        self.settling -= dropped as u64;
        let reference = window.reference(self.offset);
        window.raw.extend(self.raw[dropped..].iter().map(|x| x - reference));
        window.count(self.raw.len() - dropped, expected);
        for chain in &mut self.chains {
            let band = &mut window.bands[chain.band as usize];
            let begin = band.len();
            band.extend(self.raw.iter().map(|x| x - self.offset));
            let filtered = &mut band[begin..];
            chain.filter.run(filtered);
            if let Some((ratio, trigger)) = &mut chain.trigger {
                for (i, &x) in filtered.iter().enumerate() {
                    let onset = trigger.turns_on(ratio.next(x));
                    window.triggers += u32::from(onset && i >= dropped);
                }
            }
            band.drain(begin..begin + dropped);
        }
    }
}

/// `range` of `samples` as f64 into `out`.
fn read_block(samples: &Samples, range: Range<usize>, out: &mut Vec<f64>) {
    out.clear();
    match samples {
        Samples::I32(v) => out.extend(v[range].iter().map(|&x| f64::from(x))),
        Samples::F32(v) => out.extend(v[range].iter().map(|&x| f64::from(x))),
        Samples::F64(v) => out.extend_from_slice(&v[range]),
    }
}

/// Sum of the first `n` samples; exact for integers (below 2⁵³), so that it does not depend on
/// how a run is cut into files.
pub(super) fn sum_of_first(samples: &Samples, n: usize) -> f64 {
    match samples {
        Samples::I32(v) => v.iter().take(n).map(|&x| i64::from(x)).sum::<i64>() as f64,
        Samples::F32(v) => v.iter().take(n).map(|&x| f64::from(x)).sum(),
        Samples::F64(v) => v.iter().take(n).sum(),
    }
}

/// The stretches of finite samples; a NaN in a file is a gap.
pub(crate) fn finite_stretches(samples: &Samples) -> Vec<Range<usize>> {
    match samples {
        Samples::I32(v) => std::iter::once(0..v.len()).collect(),
        Samples::F32(v) => stretches_where(v, |x| x.is_finite()),
        Samples::F64(v) => stretches_where(v, |x| x.is_finite()),
    }
}

fn stretches_where<T>(values: &[T], good: impl Fn(&T) -> bool) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut start = None;
    for (i, value) in values.iter().enumerate() {
        match (good(value), start) {
            (true, None) => start = Some(i),
            (false, Some(first)) => {
                stretches.push(first..i);
                start = None;
            }
            _ => {}
        }
    }
    stretches.extend(start.map(|first| first..values.len()));
    stretches
}
