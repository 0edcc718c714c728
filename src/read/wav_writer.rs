//! Traces as WAV, with the start and the codes in the sidecar from which [`super::wav`] reads them.

use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::json;

use super::trace::{Samples, Trace};
use crate::error::{Error, Result};
use crate::output::{replace_atomically, write_atomically};

/// Bytes a sample, integer or float.
const WIDTH: usize = 4;

/// Where the sidecar of a WAV file lies.
pub(super) fn sidecar_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

/// Writes a trace as 32-bit integers or single precision, and its sidecar `NAME.wav.json`.
/// Returns whether samples lost digits: doubles of more than seven.
///
/// # Errors
/// `Data` for a rate that is no whole number of hertz, which is all that WAV can state, and for
/// more than 4 GiB of samples.
pub fn write(path: &Path, trace: &Trace) -> Result<bool> {
    let rate = match trace.rate.ratio() {
        (hertz, 1) => u32::try_from(hertz).ok(),
        _ => None,
    };
    let Some(sample_rate) = rate else {
        let hertz = trace.rate.hz();
        return Err(Error::data(format!(
            "{}: {hertz} Hz; WAV states whole hertz only, resample or take another format",
            trace.id
        )));
    };
    if trace.samples.len() > (u32::MAX as usize - 1024) / WIDTH {
        return Err(Error::data(format!("{}: more than the 4 GiB of a WAV file", trace.id)));
    }
    let sample_format = match trace.samples {
        Samples::I32(_) => SampleFormat::Int,
        Samples::F32(_) | Samples::F64(_) => SampleFormat::Float,
    };
    let spec = WavSpec { channels: 1, sample_rate, bits_per_sample: 32, sample_format };
    let mut loses = false;
    replace_atomically(path, |temporary| {
        let fault = |error: hound::Error| match error {
            hound::Error::IoError(error) => Error::io(temporary)(error),
            other => Error::data(format!("{}: {other}", trace.id)),
        };
        let mut writer = WavWriter::create(temporary, spec).map_err(fault)?;
        match &trace.samples {
            Samples::I32(samples) => samples.iter().try_for_each(|&x| writer.write_sample(x)),
            Samples::F32(samples) => samples.iter().try_for_each(|&x| writer.write_sample(x)),
            Samples::F64(samples) => samples.iter().try_for_each(|&x| {
                loses |= f64::from(x as f32) != x && !x.is_nan();
                writer.write_sample(x as f32)
            }),
        }
        .map_err(fault)?;
        writer.finalize().map_err(fault)
    })?;
    let sidecar = json!({ "start": trace.start.to_string(), "id": trace.id.to_string() });
    write_atomically(&sidecar_of(path), sidecar.to_string().as_bytes())?;
    Ok(loses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::format::FormatOptions;
    use crate::read::scan::scan;
    use crate::read::trace::StreamId;
    use crate::read::wav::Wav;
    use crate::time::SampleRate;

    fn trace(samples: Samples) -> Trace {
        let [network, station, location, channel] = ["TA", "C26K", "", "BHZ"].map(String::from);
        Trace {
            id: StreamId { network, station, location, channel },
            start: "2018-08-12T14:55:03.123456789Z".parse().unwrap(),
            rate: SampleRate::from_ratio(40, 1).unwrap(),
            samples,
        }
    }

    #[test]
    fn integers_and_floats_read_back_with_start_and_codes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let integers = Samples::I32(vec![i32::MIN, -1, 0, 7, i32::MAX]);
        let floats = Samples::F32(vec![-0.5, f32::MAX, 1e-30]);
        let doubles = Samples::F64(vec![0.1, 1e300]);
        for (samples, loses) in [(integers, false), (floats, false), (doubles, true)] {
            let trace = trace(samples);
            assert_eq!(write(&path, &trace).unwrap(), loses);
            let scan = scan(&path, &Wav, &FormatOptions::default(), true).unwrap();
            let [segment] = &scan.segments[..] else { panic!("{}", scan.segments.len()) };
            assert_eq!((segment.start, &segment.id), (trace.start, &trace.id));
            assert_eq!(segment.samples, trace.samples.len() as u64);
            if let Samples::I32(samples) = &trace.samples {
                let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
                assert!(std::fs::read(&path).unwrap().ends_with(&bytes));
            }
        }
    }

    #[test]
    fn a_rate_that_wav_cannot_state_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut trace = trace(Samples::I32(vec![1]));
        trace.rate = SampleRate::from_ratio(1, 2).unwrap();
        let path = folder.path().join("a.wav");
        assert!(write(&path, &trace).unwrap_err().to_string().contains("0.5 Hz"));
        assert!(!path.exists());
    }
}
