//! What a recorder says of itself: how good its clock is, what it knows to be wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Activity flag: a positive leap second lies inside.
pub(super) const LEAP_SECOND: u8 = 0x10;

/// The state of a recorder during one block. Bits as in the fixed header of SEED 2.4.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RecorderState {
    /// Timing quality in percent, by the maker's own scale; 100 is best.
    pub timing_quality: Option<f64>,
    /// Activity flags.
    pub activity: u8,
    /// Input/output and clock flags.
    pub clock: u8,
    /// Data quality flags.
    pub data_quality: u8,
}

/// Something that a recorder flags in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderFlag {
    /// A calibration signal is present.
    Calibration,
    /// The time was corrected.
    TimeCorrected,
    /// A leap second lies inside.
    LeapSecond,
    /// The clock is locked to its reference.
    ClockLocked,
    /// The amplifier is saturated.
    AmplifierSaturated,
    /// The digitiser clips.
    Clipped,
    /// Spikes were found.
    Spikes,
    /// Glitches were found.
    Glitches,
    /// Data are missing or padded.
    MissingData,
    /// Telemetry lost its synchronisation.
    TelemetryError,
    /// A digital filter may still be charging.
    FilterCharging,
    /// The time tag is questionable.
    QuestionableTime,
}

use RecorderFlag as Flag;

impl RecorderFlag {
    /// Every flag, with the byte (0 activity, 1 clock, 2 data quality) and the bit it stands in.
    const BITS: [(Self, usize, u8); 13] = [
        (Flag::Calibration, 0, 0x01),
        (Flag::TimeCorrected, 0, 0x02),
        (Flag::LeapSecond, 0, LEAP_SECOND),
        (Flag::LeapSecond, 0, 0x20),
        (Flag::ClockLocked, 1, 0x20),
        (Flag::AmplifierSaturated, 2, 0x01),
        (Flag::Clipped, 2, 0x02),
        (Flag::Spikes, 2, 0x04),
        (Flag::Glitches, 2, 0x08),
        (Flag::MissingData, 2, 0x10),
        (Flag::TelemetryError, 2, 0x20),
        (Flag::FilterCharging, 2, 0x40),
        (Flag::QuestionableTime, 2, 0x80),
    ];

    /// Whether it tells of nothing wrong.
    pub fn is_harmless(self) -> bool {
        matches!(self, Flag::TimeCorrected | Flag::LeapSecond | Flag::ClockLocked)
    }
}

impl std::fmt::Display for RecorderFlag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Flag::Calibration => "calibration",
            Flag::TimeCorrected => "time corrected",
            Flag::LeapSecond => "leap second",
            Flag::ClockLocked => "clock locked",
            Flag::AmplifierSaturated => "amplifier saturated",
            Flag::Clipped => "clipped",
            Flag::Spikes => "spikes",
            Flag::Glitches => "glitches",
            Flag::MissingData => "missing data",
            Flag::TelemetryError => "telemetry error",
            Flag::FilterCharging => "filter charging",
            Flag::QuestionableTime => "questionable time",
        })
    }
}

/// What a recorder said in all blocks of a segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecorderSummary {
    /// Number of blocks.
    pub blocks: u64,
    /// Blocks that carry each flag; flags never seen are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<RecorderFlag, u64>,
    /// Blocks of each timing quality, in whole percent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    timing: BTreeMap<u8, u64>,
}

impl RecorderSummary {
    pub(super) fn add(&mut self, state: &RecorderState) {
        self.blocks += 1;
        if let Some(quality) = state.timing_quality {
            // Whole percents keep the table short whatever a file says.
            *self.timing.entry(quality.clamp(0.0, 255.0).round() as u8).or_default() += 1;
        }
        let bytes = [state.activity, state.clock, state.data_quality];
        if bytes != [0; 3] {
            for (flag, byte, bit) in RecorderFlag::BITS {
                if bytes[byte] & bit != 0 {
                    *self.flags.entry(flag).or_default() += 1;
                }
            }
        }
    }

    /// Lowest and median timing quality in percent; `None` where no block states one.
    pub fn timing_quality(&self) -> Option<(u8, u8)> {
        let (&lowest, _) = self.timing.first_key_value()?;
        let half = self.timing.values().sum::<u64>().div_ceil(2);
        let mut below = 0;
        let median = self.timing.iter().find(|(_, count)| {
            below += *count;
            below >= half
        });
        Some((lowest, *median?.0))
    }

    /// Blocks that state a timing quality.
    pub fn timed_blocks(&self) -> u64 {
        self.timing.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_by_flag_and_timing_quality() {
        let mut summary = RecorderSummary::default();
        assert_eq!(summary.timing_quality(), None);
        for (quality, data_quality) in [(100.0, 0), (100.0, 0x02), (30.0, 0x86), (90.4, 0)] {
            summary.add(&RecorderState {
                timing_quality: Some(quality),
                clock: 0x20,
                data_quality,
                ..RecorderState::default()
            });
        }
        summary.add(&RecorderState::default());
        assert_eq!(summary.timing_quality(), Some((30, 90)));
        assert_eq!((summary.blocks, summary.timed_blocks()), (5, 4));
        let counts = [
            (Flag::ClockLocked, 4),
            (Flag::Clipped, 2),
            (Flag::Spikes, 1),
            (Flag::QuestionableTime, 1),
        ];
        assert_eq!(summary.flags, counts.into_iter().collect());
    }
}
