//! Makes what the demo and the tests need: a station archive with its catalogue, labelled
//! waveform windows, images of rock textures. All from one seed; the same bytes whatever the
//! order of work and the number of threads.
//!
//! | file | what it does |
//! |---|---|
//! | `network` | stations around a volcano, wave speeds |
//! | `level` | slow changes: tremor, unrest, sea state, the working day |
//! | `background` | noise and tremor of a channel |
//! | `seismicity` | which events happen: a self-exciting process, blasts, surface events |
//! | `waveform` | ground motion of one event at one station |
//! | `archive` | station-days as miniSEED in SDS layout, with the truth beside them |
//! | `windows` | labelled waveform windows |
//! | `textures` | images of rock textures in class folders |
//! | `folder` | a result folder appears whole and replaces nothing foreign |

mod archive;
mod background;
mod folder;
mod level;
mod network;
mod random;
mod seismicity;
mod textures;
mod waveform;
mod windows;

pub use archive::{ArchiveSettings, ArchiveSummary, SyntheticArchive};
pub use network::{Place, Station};
pub use seismicity::{Event, Kind, SelfExciting};
pub use textures::{TexturesSettings, write_textures};
pub use windows::{WindowsSettings, write_windows};
