//! Activity features of an archive's channels as series.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::activity_parts::{ActivityParts, ChannelPart, Progressed};
use super::ground_motion::{ChannelCorrection, GroundMotionCorrection};
use crate::data::{Column, Series};
use crate::error::{Error, Result};
use crate::progress;
use crate::read::{Archive, StreamId, Trace};
use crate::signal::steps::{Pipeline, Processed, RunOptions};
use crate::signal::{Activity, ActivityRows, ActivitySettings};

/// The series of one channel, and what went wrong on the way.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChannelActivity {
    /// One row per window; the group is `NET.STA.LOC.CHA`, the last column the coverage.
    pub series: Series,
    /// Pieces that could not be read, each with the reason; the rest was used.
    pub failed: Vec<String>,
    /// Contiguous runs: one more than the gaps.
    pub runs: usize,
    /// Columns without a single value, such as `hf` at a rate too low for it.
    pub missing: Vec<String>,
}

impl ChannelActivity {
    /// Computes the features of the channels `ids`, as many at a time as there are threads, and
    /// gives them in their order. What is in memory at a time is, for each of these, two pieces,
    /// the first day of a run, some windows, and the rows so far: it depends on the number of
    /// threads, not on that of the channels. With `parts`, finished channels and states of those
    /// under way are kept there and used; where `steps` prepare the samples, only finished channels.
    /// `on_piece` is told of every piece that was read.
    ///
    /// # Errors
    /// Inside: `Data` if not one window of the channel has enough samples, the first read error
    /// if nothing of it could be read. Outside: `Interrupted` after Ctrl-C; `Usage` for settings
    /// that cannot be served, and for steps that look ahead.
    pub fn compute_all(
        archive: &Archive,
        ids: &[StreamId],
        settings: &ActivitySettings,
        steps: &Pipeline,
        correction: Option<&GroundMotionCorrection>,
        parts: Option<&ActivityParts>,
        on_piece: impl Fn(&Trace) + Sync,
    ) -> Result<Vec<Result<Self>>> {
        steps.require_causal()?;
        // A thread of the pool that waits for a window would begin another channel meanwhile,
        // and then another. Threads of their own begin none before theirs is done.
        let next = AtomicUsize::new(0);
        let done: Vec<Mutex<Option<Result<Self>>>> = ids.iter().map(|_| Mutex::default()).collect();
        let work = || {
            while let Some((id, slot)) = {
                let i = next.fetch_add(1, Ordering::Relaxed);
                ids.get(i).zip(done.get(i))
            } {
                let computed =
                    Self::compute(archive, id, settings, steps, correction, parts, &on_piece);
                if let Ok(mut slot) = slot.lock() {
                    *slot = Some(computed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..rayon::current_num_threads().min(ids.len()) {
                scope.spawn(work);
            }
        });
        let done = done.into_iter().filter_map(|slot| slot.into_inner().ok().flatten());
        let mut channels = Vec::new();
        for channel in done {
            match channel {
                Err(error @ (Error::Interrupted | Error::Usage(_))) => return Err(error),
                channel => channels.push(channel),
            }
        }
        Ok(channels)
    }

    /// Computes the features of channel `id`, piece by piece.
    fn compute(
        archive: &Archive,
        id: &StreamId,
        settings: &ActivitySettings,
        steps: &Pipeline,
        correction: Option<&GroundMotionCorrection>,
        parts: Option<&ActivityParts>,
        on_piece: &(impl Fn(&Trace) + Sync),
    ) -> Result<Self> {
        let mut part = parts.map(|parts| parts.channel(archive, id, settings, steps, correction));
        let mut under_way = match part.as_ref().and_then(ChannelPart::load) {
            Some(Progressed::Done(channel)) => {
                progress::note(format_args!("{id}: finished by an earlier run"));
                return Ok(channel);
            }
            Some(Progressed::Under(under_way)) => {
                progress::note(format_args!("{id}: goes on after {} pieces", under_way.seen));
                under_way
            }
            None => UnderWay {
                seen: 0,
                failed: Vec::new(),
                correction: ChannelCorrection::default(),
                activity: Activity::new(settings.clone())?,
            },
        };
        let mut pieces = prepared(archive, id, steps, under_way.seen, on_piece)?;
        let mut next = pieces.next();
        while let Some(piece) = next {
            let stop = progress::check_interrupt();
            if let Some(part) = &mut part
                && steps.steps.is_empty()
                && (stop.is_err() || part.is_due())
                && under_way.activity.settle()?
            {
                part.keep(&Progressed::<_, ()>::Under(&under_way))?;
            }
            stop?;
            // One piece is used while the next is read.
            let (used, following) =
                rayon::join(|| under_way.take(piece, correction), || pieces.next());
            used?;
            next = following;
        }
        let channel = under_way.finish(id, correction)?;
        if let Some(part) = &mut part {
            part.keep(&Progressed::<(), _>::Done(&channel))?;
        }
        Ok(channel)
    }
}

/// The pieces of a channel behind the first `seen`, with the steps done; `on_piece` is told of those
/// that were read.
fn prepared<'a>(
    archive: &'a Archive,
    id: &StreamId,
    steps: &'a Pipeline,
    seen: usize,
    on_piece: &'a (impl Fn(&Trace) + Sync),
) -> Result<Box<dyn Iterator<Item = Result<Trace>> + Send + 'a>> {
    let pieces = archive.pieces_after(id, seen).inspect(|piece| {
        if let Ok(piece) = piece {
            on_piece(piece);
        }
    });
    if steps.steps.is_empty() {
        return Ok(Box::new(pieces));
    }
    let options = RunOptions::default();
    if let Some((rate, extent)) = archive.rate(id).zip(archive.extent(id)) {
        // What cannot work at this rate is said once, not for every run.
        let ids = [id.clone()];
        let begun = steps.begin_channels(rate, &ids, extent.start, &options);
        begun.map_err(|e| Error::usage(format!("{id}: {e}")))?;
    }
    let bundles = pieces.map(|piece| piece.map(|trace| vec![trace]));
    let done = Processed::together(bundles, steps, options);
    Ok(Box::new(done.filter_map(|bundle| match bundle {
        Ok(mut bundle) => bundle.pop().map(Ok),
        Err(error) => Some(Err(error)),
    })))
}

/// A channel some of whose pieces are used.
#[derive(Serialize, Deserialize)]
pub(super) struct UnderWay {
    /// Number of pieces used, those that could not be read included.
    seen: usize,
    failed: Vec<String>,
    /// What becomes of pieces before they are filtered.
    correction: ChannelCorrection,
    /// The filters, the window being filled, the rows so far.
    activity: Activity,
}

impl UnderWay {
    fn take(
        &mut self,
        piece: Result<Trace>,
        correction: Option<&GroundMotionCorrection>,
    ) -> Result<()> {
        self.seen += 1;
        match piece {
            Ok(piece) => match correction {
                Some(correction) => self.correction.push(correction, &piece, &mut self.activity),
                None => self.activity.push(piece),
            },
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                self.failed.push(error.to_string());
                Ok(())
            }
        }
    }

    fn finish(
        mut self,
        id: &StreamId,
        correction: Option<&GroundMotionCorrection>,
    ) -> Result<ChannelActivity> {
        if let Some(correction) = correction {
            self.correction.finish(correction, id, &mut self.activity)?;
        }
        let runs = self.activity.runs();
        if runs == 0
            && let Some(first) = self.failed.first()
        {
            return Err(Error::data(first.clone()));
        }
        let rows = self.activity.finish().map_err(|e| Error::data(format!("{id}: {e}")))?;
        let mut series = Series::from_activity(id.to_string(), rows);
        if let Some(correction) = correction {
            let unit = correction.unit(id, series.start);
            let in_counts = |c: &&mut Column| c.unit.as_deref() == Some("counts");
            series.columns.iter_mut().filter(in_counts).for_each(|c| c.unit = unit.clone());
        }
        let empty = |c: &usize| series.column(*c).iter().all(|x| x.is_nan());
        let missing = (0..series.columns.len()).filter(empty);
        let missing = missing.map(|c| series.columns[c].name.clone()).collect();
        Ok(ChannelActivity { series, failed: self.failed, runs, missing })
    }
}

impl Series {
    /// Activity rows as a series of `group`.
    pub fn from_activity(group: String, rows: ActivityRows) -> Self {
        let columns = rows.names.iter().zip(&rows.units);
        let columns = columns
            .map(|(name, unit)| Column { name: name.to_string(), unit: unit.map(str::to_string) })
            .collect();
        Self { group, start: rows.start, step: rows.step, columns, values: rows.values }
    }
}
