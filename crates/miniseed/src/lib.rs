//! A safe miniSEED decoder and encoder.
//!
//! Header first, samples on demand: [`RecordReader`] walks a file in bounded memory and hands out
//! [`Record`]s that borrow its bytes; [`Record::decode`] turns a payload into [`Samples`], and
//! [`Record::verify`] proves without decoding that it would succeed. [`encode`] packs a series.
//!
//! Written from the SEED 2.4 manual, the FDSN's definition of miniSEED 3 and the behaviour of ObsPy and libmseed where the manual is
//! silent. Nothing here panics, allocates by a number found in the file, or loops without
//! advancing, whatever the bytes.
//!
//! ```
//! use temblor_miniseed::{RecordReader, SampleSlice, Samples, Series, WriteOptions, encode};
//!
//! let counts = [10, 12, 11, 15, 16, 400, -70_000];
//! let series = Series {
//!     network: "XX", station: "DEMO", location: "", channel: "BHZ",
//!     start: 1_534_032_000_000_000_000, rate: (40, 1), samples: SampleSlice::I32(&counts),
//! };
//! let bytes = encode(&series, &WriteOptions::default())?;
//! let mut reader = RecordReader::new(bytes.as_slice());
//! let record = reader.next_record()?.expect("one record was written");
//! assert_eq!(record.decode()?, Samples::I32(counts.to_vec()));
//! # Ok::<(), temblor_miniseed::Error>(())
//! ```

#![forbid(unsafe_code)]

mod blockettes;
mod bytes;
mod codes;
mod encode;
mod encoding;
mod error;
mod header;
mod rate;
mod reader;
mod record;
mod steim;
mod time;
mod version3;
mod walk;
mod write2;
mod write3;

pub use bytes::ByteOrder;
pub use codes::Codes;
pub use encode::{SampleSlice, Series, WriteOptions, encode};
pub use encoding::Encoding;
pub use error::{Error, Result};
pub use header::{Header, looks_like_seed};
pub use rate::Rate;
pub use reader::{RecordReader, Records};
pub use record::{Record, Samples};
