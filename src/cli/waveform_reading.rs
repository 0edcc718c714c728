//! How waveform files are read: the flags that all commands on station files share.

use serde::{Deserialize, Serialize};

use crate::read::format::FormatOptions;
use crate::time::UtcTime;

/// What waveform files do not say by themselves.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "How waveforms are read")]
#[serde(default, deny_unknown_fields)]
pub struct WaveformReading {
    /// Start time of WAV files that have no sidecar NAME.wav.json.
    #[arg(long, value_name = "TIME")]
    start: Option<UtcTime>,
    /// A miniSEED record that cannot be decoded is left out and named, and costs only itself, not
    /// its file.
    #[arg(long)]
    lenient: bool,
}

impl From<&WaveformReading> for FormatOptions {
    fn from(flags: &WaveformReading) -> Self {
        Self { wav_start: flags.start, lenient: flags.lenient }
    }
}
