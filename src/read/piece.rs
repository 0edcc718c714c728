//! Decodes a range of samples of one segment.

use std::ops::{ControlFlow, Range};

use super::format::{FormatOptions, WaveformFile};
use super::scan::Segment;
use super::trace::{Samples, Trace};
use crate::error::{Error, Result};

/// Samples `range` of `segment`, as one trace. Blocks before the range are passed over unread.
pub(super) fn read(
    file: &WaveformFile,
    segment: &Segment,
    range: Range<u64>,
    options: &FormatOptions,
) -> Result<Trace> {
    let changed = || Error::input(&file.source, "changed while it was being read");
    let rate = segment.rate.ok_or_else(changed)?;
    let mut gathered: Option<Samples> = None;
    let mut index = 0;
    file.format.walk(&file.source, segment.first_offset, options, &mut |block| {
        if block.offset > segment.last_offset || index >= range.end {
            return Ok(ControlFlow::Break(()));
        }
        if block.id != &segment.id || block.quality != segment.quality {
            return Ok(ControlFlow::Continue(()));
        }
        let (first, last) = (range.start.max(index), range.end.min(index + block.samples));
        if first < last {
            let samples = (block.decode)()?;
            let part = (first - index) as usize..(last - index) as usize;
            append(&mut gathered, samples, part, (range.end - range.start) as usize)
                .ok_or_else(changed)?;
        }
        index += block.samples;
        Ok(ControlFlow::Continue(()))
    })?;
    let samples = gathered.ok_or_else(changed)?;
    if samples.len() as u64 != range.end - range.start {
        return Err(changed());
    }
    let start = segment.start.plus(rate.offset(range.start));
    Ok(Trace { id: segment.id.clone(), start, rate, samples })
}

/// Appends `part` of `samples`; `None` if the types differ or the part is not there.
fn append(
    gathered: &mut Option<Samples>,
    samples: Samples,
    part: Range<usize>,
    expected: usize,
) -> Option<()> {
    /// Room is made once, but for no more than a segment was found to hold.
    fn extend<T: Copy>(all: &mut Vec<T>, new: &[T], expected: usize) {
        if all.capacity() < expected {
            all.reserve_exact(expected - all.len());
        }
        all.extend_from_slice(new);
    }
    let all = gathered.get_or_insert(match samples {
        Samples::I32(_) => Samples::I32(Vec::new()),
        Samples::F32(_) => Samples::F32(Vec::new()),
        Samples::F64(_) => Samples::F64(Vec::new()),
    });
    match (all, &samples) {
        (Samples::I32(all), Samples::I32(new)) => extend(all, new.get(part)?, expected),
        (Samples::F32(all), Samples::F32(new)) => extend(all, new.get(part)?, expected),
        (Samples::F64(all), Samples::F64(new)) => extend(all, new.get(part)?, expected),
        _ => return None,
    }
    Some(())
}
