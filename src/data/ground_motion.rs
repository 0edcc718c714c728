//! Counts into ground motion, piece by piece, before activity features.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::read::response::Response;
use crate::read::{ChannelEpoch, Samples, Stations, StreamId, Trace};
use crate::signal::{
    Activity, BlockwiseRemoval, GroundMotion, RemovalSettings, cut, finite_stretches,
    remove_sensitivity,
};
use crate::time::UtcTime;

/// How counts become ground motion.
#[derive(Clone, Debug)]
pub enum Removal {
    /// Divided by the overall sensitivity.
    Sensitivity,
    /// By the whole response, block by block ([`BlockwiseRemoval`]).
    Response(RemovalSettings),
}

/// The instruments, and what to do with their responses.
#[derive(Debug)]
pub struct GroundMotionCorrection {
    /// Where the responses are looked up.
    pub stations: Stations,
    /// How they are removed.
    pub removal: Removal,
}

impl GroundMotionCorrection {
    /// # Errors
    /// `Usage` for settings out of range.
    pub fn check(&self) -> Result<()> {
        match &self.removal {
            Removal::Sensitivity => Ok(()),
            Removal::Response(settings) => BlockwiseRemoval::new(settings.clone()).map(|_| ()),
        }
    }

    /// What a channel's values depend on.
    pub(super) fn provenance(&self, id: &StreamId) -> String {
        let epochs: Vec<_> = self.stations.channels().filter(|epoch| epoch.id == *id).collect();
        format!("{:?} {epochs:?}", self.removal)
    }

    /// The unit of what comes out, at `time`.
    pub(super) fn unit(&self, id: &StreamId, time: UtcTime) -> Option<String> {
        match &self.removal {
            Removal::Sensitivity => {
                let response = self.stations.channel(id, time)?.response.as_ref()?;
                response.input_unit().map(str::to_lowercase)
            }
            Removal::Response(settings) => match settings.output {
                GroundMotion::Displacement => Some("m".into()),
                GroundMotion::Velocity => Some("m/s".into()),
                GroundMotion::Acceleration => Some("m/s²".into()),
                GroundMotion::InputUnit => None,
            },
        }
    }

    fn epoch(&self, id: &StreamId, time: UtcTime) -> Result<(&ChannelEpoch, &Response)> {
        let epoch = self.stations.channel_or_say(id, time)?;
        let response = epoch.response.as_ref().ok_or_else(|| {
            Error::data(format!("the station metadata state no response of {id} at {time}"))
        })?;
        Ok((epoch, response))
    }
}

/// The correction of one channel under way.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ChannelCorrection {
    /// Start of the instrument's epoch.
    epoch: Option<UtcTime>,
    blocks: Option<BlockwiseRemoval>,
}

impl ChannelCorrection {
    /// Passes a piece on to `activity` as ground motion. Where the instrument changes, filters
    /// begin anew, as at a gap.
    ///
    /// # Errors
    /// `Data` if there is no response.
    pub(super) fn push(
        &mut self,
        correction: &GroundMotionCorrection,
        piece: &Trace,
        activity: &mut Activity,
    ) -> Result<()> {
        for stretch in finite_stretches(&piece.samples) {
            let mut rest = cut(piece, stretch);
            while !rest.samples.is_empty() {
                let (epoch, response) = correction.epoch(&rest.id, rest.start)?;
                let left = rest.rate.nearest_index(epoch.span.end.0.saturating_sub(rest.start.0));
                let within = usize::try_from(left).unwrap_or(0).clamp(1, rest.samples.len());
                let now = cut(&rest, 0..within);
                rest = cut(&rest, within..rest.samples.len());
                if self.epoch.is_some_and(|start| start != epoch.span.start) {
                    self.finish(correction, &now.id, activity)?;
                    activity.break_off()?;
                    self.blocks = None;
                }
                self.epoch = Some(epoch.span.start);
                self.correct(&correction.removal, response, now, activity)?;
            }
        }
        Ok(())
    }

    fn correct(
        &mut self,
        removal: &Removal,
        response: &Response,
        mut piece: Trace,
        activity: &mut Activity,
    ) -> Result<()> {
        let named = |e: Error| Error::data(e.to_string());
        let settings = match removal {
            Removal::Response(settings) => settings,
            Removal::Sensitivity => {
                let mut samples = piece.samples.to_f64();
                remove_sensitivity(&mut samples, response).map_err(named)?;
                piece.samples = Samples::F64(samples);
                return activity.push(piece);
            }
        };
        let blocks = match &mut self.blocks {
            Some(blocks) => blocks,
            none => none.insert(BlockwiseRemoval::new(settings.clone())?),
        };
        let ready = blocks.push(&piece, response).map_err(named)?;
        ready.into_iter().try_for_each(|trace| activity.push(trace))
    }

    /// Passes on what is still held.
    ///
    /// # Errors
    /// As [`ChannelCorrection::push`].
    pub(super) fn finish(
        &mut self,
        correction: &GroundMotionCorrection,
        id: &StreamId,
        activity: &mut Activity,
    ) -> Result<()> {
        let (Some(epoch), Some(blocks)) = (self.epoch, &mut self.blocks) else { return Ok(()) };
        let (_, response) = correction.epoch(id, epoch)?;
        let ready = blocks.finish(id, response)?;
        ready.into_iter().try_for_each(|trace| activity.push(trace))
    }
}
