//! Pickers judged on labelled traces: networks, classical pickers, lists of picks.
//!
//! | idea | where |
//! |---|---|
//! | a trained picker's picks in every trace of a set, at many thresholds | [`network_answers`] |
//! | those of STA/LTA + AIC and of the autoregressive picker | [`classical_answers`] |
//! | scores of answers, whole and by category | [`scored`] |
//! | what the training and the judged data have in common | [`Overlap`] |
//! | a list of picks beside a reference list | [`listed_answers`] |

mod answers;
mod classical;
mod lists;
mod network;
mod overlap;
mod scored;
mod traces;

pub use answers::{Answers, PhaseAnswers, TracePicks};
pub use classical::classical_answers;
pub use lists::{ListedPicks, listed_answers};
pub use network::{NetworkRequest, network_answers};
pub use overlap::Overlap;
pub use scored::{Judged, PickRecord, scored};
pub use traces::{PHASES, phase_of};
