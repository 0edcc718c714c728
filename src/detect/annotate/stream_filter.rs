//! The filter of a weight file, applied to every piece by itself before resampling, as
//! `Stream.filter` of ObsPy does it.

use serde_json::{Map, Value};

use super::piece::Piece;
use crate::error::{Error, Result};
use crate::read::Samples;
use crate::signal::{Band, Section, butterworth, filter_forward_backward_zero_state, sosfilt};
use crate::time::SampleRate;

/// One of ObsPy's filters with its options.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamFilter {
    /// On which channels; `None` for all.
    channels: Option<glob::Pattern>,
    name: String,
    low: f64,
    high: f64,
    corners: usize,
    zerophase: bool,
}

/// The filters of a weight file in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamFilters(Vec<StreamFilter>);

fn wrong(found: &Value) -> Error {
    Error::usage(format!("the filter of the weight file is not understood: {found}"))
}

impl StreamFilters {
    /// From `[filter_args, filter_kwargs]`: `["bandpass"]` and options, or two maps from patterns
    /// of channel codes to such pairs.
    ///
    /// # Errors
    /// `Usage` for a filter or an option that ObsPy does not know.
    pub fn parse(filter: Option<&Value>) -> Result<Self> {
        let Some(value) = filter.filter(|value| !value.is_null()) else {
            return Ok(Self::default());
        };
        let pair = value.as_array().filter(|pair| pair.len() == 2).ok_or_else(|| wrong(value))?;
        let filters = match (&pair[0], &pair[1]) {
            (Value::Null, _) => Vec::new(),
            (Value::Object(names), options) => {
                let one = |(pattern, names): (&String, &Value)| {
                    let options = options.get(pattern).unwrap_or(&Value::Null);
                    let glob = glob::Pattern::new(pattern).map_err(|_| wrong(value))?;
                    StreamFilter::parse(Some(glob), names, options)
                };
                names.iter().map(one).collect::<Result<_>>()?
            }
            (names, options) => vec![StreamFilter::parse(None, names, options)?],
        };
        Ok(Self(filters))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest corner in Hz, which says how long the filters remember.
    pub fn lowest_corner(&self) -> Option<f64> {
        let corners = self.0.iter().map(|f| if f.low > 0.0 { f.low } else { f.high });
        corners.reduce(f64::min)
    }

    /// The filters of a channel in order: sections at a rate, and whether zero-phase.
    ///
    /// # Errors
    /// `Usage` for a corner that the rate does not allow.
    pub fn of_channel(&self, channel: &str, rate: f64) -> Result<Vec<(Vec<Section>, bool)>> {
        let options = glob::MatchOptions { case_sensitive: false, ..Default::default() };
        let chosen = self.0.iter().filter(|filter| {
            filter.channels.as_ref().is_none_or(|p| p.matches_with(channel, options))
        });
        chosen.map(|filter| Ok((filter.sections(rate)?, filter.zerophase))).collect()
    }

    /// Filters a piece; its samples become double precision.
    pub(super) fn apply(&self, piece: &mut Piece) -> Result<()> {
        for (sections, zerophase) in self.of_channel(&piece.id.channel, piece.rate)? {
            let samples = piece.samples.to_f64();
            piece.samples = Samples::F64(match zerophase {
                true => filter_forward_backward_zero_state(&sections, &samples),
                false => sosfilt(&sections, &samples),
            });
        }
        Ok(())
    }
}

impl StreamFilter {
    fn parse(channels: Option<glob::Pattern>, names: &Value, options: &Value) -> Result<Self> {
        let name = match names {
            Value::String(name) => Some(name.as_str()),
            Value::Array(names) => names.first().and_then(Value::as_str),
            _ => None,
        };
        let name = name.ok_or_else(|| wrong(names))?.to_ascii_lowercase();
        let empty = Map::new();
        let given = options.as_object().unwrap_or(&empty);
        let known = ["freq", "freqmin", "freqmax", "corners", "zerophase"];
        if let Some(unknown) = given.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(Error::usage(format!(
                "the weight file's filter '{name}' has an option '{unknown}'; known are {}",
                known.join(", ")
            )));
        }
        let hz = |key: &str| {
            given.get(key).and_then(Value::as_f64).ok_or_else(|| {
                Error::usage(format!("the weight file's filter '{name}' needs '{key}' in Hz"))
            })
        };
        let (low, high) = match name.as_str() {
            "bandpass" | "bandstop" => (hz("freqmin")?, hz("freqmax")?),
            "highpass" => (hz("freq")?, 0.0),
            "lowpass" => (0.0, hz("freq")?),
            other => {
                return Err(Error::usage(format!(
                    "the weight file asks for the filter '{other}'; known are bandpass, bandstop, \
                     highpass, lowpass"
                )));
            }
        };
        let corners = given.get("corners").and_then(Value::as_u64).unwrap_or(4) as usize;
        let zerophase = given.get("zerophase").and_then(Value::as_bool).unwrap_or(false);
        Ok(Self { channels, name, low, high, corners, zerophase })
    }

    fn sections(&self, rate: f64) -> Result<Vec<Section>> {
        let nyquist = rate / 2.0;
        let band = match self.name.as_str() {
            // ObsPy: an upper corner at or above the Nyquist frequency is none.
            "bandpass" if self.high / nyquist - 1.0 > -1e-6 => Band::HighPass(self.low),
            "bandpass" => Band::BandPass(self.low, self.high),
            "bandstop" => Band::BandStop(self.low, self.high),
            "highpass" => Band::HighPass(self.low),
            _ => Band::LowPass(self.high),
        };
        butterworth(self.corners, band, sample_rate(rate)?)
    }
}

/// A rate that filters can be designed for.
pub(super) fn sample_rate(hz: f64) -> Result<SampleRate> {
    SampleRate::from_hz(hz).ok_or_else(|| Error::data(format!("{hz} Hz is no sampling rate")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read::StreamId;

    #[test]
    fn patterns_choose_channels_without_regard_to_case() {
        let filters = StreamFilters::parse(Some(&json!([
            { "??Z": ["highpass"], "??[NE]": ["bandpass"] },
            { "??Z": { "freq": 0.5 }, "??[NE]": { "freqmin": 1.0, "freqmax": 20.0, "zerophase": true } }
        ])))
        .unwrap();
        assert_eq!(filters.of_channel("HHZ", 100.0).unwrap()[0].0.len(), 2);
        assert!(filters.of_channel("hhe", 100.0).unwrap()[0].1);
        assert!(filters.of_channel("HH1", 100.0).unwrap().is_empty());
        assert_eq!(filters.lowest_corner(), Some(0.5));
    }

    #[test]
    fn corners_at_the_nyquist_frequency() {
        let of = |name: &str, options: Value| {
            StreamFilters::parse(Some(&json!([[name], options])))?.of_channel("HHZ", 40.0)
        };
        // Eight poles become four: a high-pass.
        let band = of("bandpass", json!({ "freqmin": 1.0, "freqmax": 20.0 })).unwrap();
        assert_eq!(band[0].0.len(), 2);
        assert_eq!(
            of("bandpass", json!({ "freqmin": 1.0, "freqmax": 19.0 })).unwrap()[0].0.len(),
            4
        );
        assert!(of("bandpass", json!({ "freqmin": 21.0, "freqmax": 30.0 })).is_err());
        assert!(of("highpass", json!({ "freq": 20.5 })).is_err());
        assert!(of("lowpass", json!({ "freq": 20.0 })).is_err());
        assert!(of("lowpass", json!({ "corner": 5.0 })).is_err());
        assert!(of("remez", json!({})).is_err());
    }

    #[test]
    fn every_type_becomes_double_precision_from_zero_state() {
        let filters = StreamFilters::parse(Some(&json!([["highpass"], { "freq": 1.0 }]))).unwrap();
        let mut piece = Piece {
            id: StreamId::default(),
            start: 0,
            rate: 100.0,
            samples: Samples::F32(vec![1.0; 50]),
        };
        filters.apply(&mut piece).unwrap();
        let Samples::F64(samples) = piece.samples else { panic!("not double") };
        // No past: the step of the first sample passes.
        assert!(samples[0] > 0.8);
        assert!(StreamFilters::parse(None).unwrap().is_empty());
    }
}
