//! Bytes become traces, tables and images. One file a format, found by content.
//!
//! | idea | where |
//! |---|---|
//! | a waveform format and the list of them | [`mod@format`], [`miniseed`], [`wav`] |
//! | blocks of a file joined into segments, headers only | [`scan`] |
//! | files, folders and globs, compressed files and archives | [`files`], [`Source`] |
//! | a header index beside an archive | [`update_index`], [`Indices`] |
//! | an archive: index, selection, pieces in time order | [`Archive`] |
//! | stations and channels: place, orientation, [`mod@response`] | [`Stations`] |
//! | earthquakes and the arrivals of their waves | [`Catalogue`] |
//! | images in class folders | [`ImageFolder`], [`read_image`], [`mod@resize`] |

mod archive;
pub mod array;
mod catalogue;
mod container;
mod coverage;
mod expansion;
mod fdsn_text;
pub mod files;
pub mod format;
pub mod gse;
mod header_index;
mod image;
mod image_folder;
mod index_table;
mod indexed;
pub mod miniseed;
mod piece;
mod presence;
mod quakeml;
mod quakeml_writer;
mod recorder_state;
mod report;
pub mod resize;
pub mod response;
pub mod sac;
pub mod scan;
pub mod segy;
mod source;
mod stations;
mod stationxml;
mod stream_pattern;
pub mod table;
mod tar;
mod torch_weights;
mod trace;
pub mod wav;
pub mod wav_writer;
mod xml;
mod zip;

pub use archive::{Archive, ArchiveOptions};
pub use catalogue::{Catalogue, Event, Magnitude, OriginQuality, Pick};
pub use expansion::allow_expansion_to;
pub use header_index::INDEX_NAME;
pub use image::{ColorMode, Convention, MAX_PIXELS, Picture, decode_image, read_image};
pub use image_folder::{ImageFile, ImageFolder, Listing, list_images};
pub use index_table::IndexTable;
pub use indexed::{IndexReport, Indices, update as update_index};
pub use presence::{Presence, Share};
pub use quakeml_writer::write_quakeml;
pub use recorder_state::{RecorderFlag, RecorderState, RecorderSummary};
pub use report::ReadReport;
pub use resize::{Interpolation, resize};
pub use source::{Content, Source};
pub use stations::{ChannelEpoch, Place, StationEpoch, Stations};
pub use stream_pattern::StreamPattern;
pub use torch_weights::{NamedTensor, read_state_dict, write_state_dict};
pub use trace::{Samples, StreamId, Trace};
