//! Activity features of an archive's channels as series.

use crate::data::{Column, Series};
use crate::error::{Error, Result};
use crate::progress;
use crate::read::{Archive, StreamId, Trace};
use crate::signal::{Activity, ActivityRows, ActivitySettings};

/// The series of one channel, and what went wrong on the way.
#[derive(Debug)]
pub struct ChannelActivity {
    /// One row per window; the group is `NET.STA.LOC.CHA`, the last column the coverage.
    pub series: Series,
    /// Pieces that could not be read; the rest was used.
    pub failed: Vec<Error>,
    /// Contiguous runs: one more than the gaps.
    pub runs: usize,
    /// Columns without a single value, such as `hf` at a rate too low for it.
    pub missing: Vec<String>,
}

impl ChannelActivity {
    /// Computes the features of channel `id`, piece by piece. `on_piece` is told of every piece
    /// that was read.
    ///
    /// # Errors
    /// `Data` if not one window has enough samples, the first read error if nothing could be
    /// read, `Interrupted` after Ctrl-C.
    pub fn compute(
        archive: &Archive,
        id: &StreamId,
        settings: &ActivitySettings,
        on_piece: impl Fn(&Trace),
    ) -> Result<Self> {
        let mut activity = Activity::new(settings.clone())?;
        let mut failed = Vec::new();
        for piece in archive.pieces(id) {
            progress::check_interrupt()?;
            match piece {
                Ok(piece) => {
                    on_piece(&piece);
                    activity.push(piece)?;
                }
                Err(error) => failed.push(error),
            }
        }
        let runs = activity.runs();
        if runs == 0 && !failed.is_empty() {
            return Err(failed.swap_remove(0));
        }
        let rows = activity.finish().map_err(|e| Error::data(format!("{id}: {e}")))?;
        let series = Series::from_activity(id.to_string(), rows);
        let empty = |c: &usize| series.column(*c).iter().all(|x| x.is_nan());
        let missing = (0..series.columns.len()).filter(empty);
        let missing = missing.map(|c| series.columns[c].name.clone()).collect();
        Ok(Self { series, failed, runs, missing })
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
