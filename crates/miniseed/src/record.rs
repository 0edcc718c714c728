//! One record: its header, and its samples when asked for.

use crate::bytes::ByteOrder;
use crate::encoding::{self, Encoding};
use crate::error::{Error, Result};
use crate::header::Header;
use crate::steim;

/// A data record, borrowing the bytes of the file.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it begins in the file.
    pub offset: u64,
    /// What it says of itself.
    pub header: Header,
    /// All its bytes.
    pub(crate) bytes: &'a [u8],
}

/// Samples in the type their encoding gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Integers.
    I32(Vec<i32>),
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Text, one byte a sample.
    Text(Vec<u8>),
}

impl<'a> Record<'a> {
    /// All bytes of the record.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The extra headers of version 3, a JSON object as text; empty where there are none.
    pub fn extra_headers(&self) -> &'a [u8] {
        let (start, end) = (self.header.extra_offset as usize, self.header.data_offset as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The bytes after the header, up to the end of the record.
    fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.header.data_offset as usize..).unwrap_or_default()
    }

    fn fault(&self, problem: impl Into<String>) -> Error {
        Error::record(self.offset, problem)
    }

    /// The payload cut to the samples of a fixed-width encoding.
    fn fixed(&self, width: usize) -> Result<&'a [u8]> {
        let (samples, room) = (self.header.samples as usize, self.payload().len() / width);
        self.payload().get(..samples * width).ok_or_else(|| {
            self.fault(format!("claims {samples} samples; at most {room} fit the record"))
        })
    }

    fn words(&self) -> Result<impl Iterator<Item = u16> + 'a> {
        let order = self.header.data_order;
        Ok(self.fixed(2)?.chunks_exact(2).map(move |word| order.u16(word, 0)))
    }

    fn unsupported(&self) -> Error {
        let encoding = self.header.encoding;
        let (code, name) = (encoding.code(), encoding.name());
        self.fault(format!("encoding {code} ({name}) is not supported"))
    }

    /// Whether [`Record::decode`] would succeed, found without decoding.
    pub fn verify(&self) -> Result<()> {
        if self.header.samples == 0 {
            return Ok(());
        }
        match self.header.encoding {
            Encoding::Steim1 | Encoding::Steim2 => self
                .steim()
                .verify(self.header.samples as usize)
                .map_err(|problem| self.fault(problem)),
            Encoding::Sro => self.decode().map(drop),
            encoding => {
                let width = encoding.width().ok_or_else(|| self.unsupported())?;
                self.fixed(width).map(drop)
            }
        }
    }

    fn steim(&self) -> steim::Frames<'a> {
        let level = if self.header.encoding == Encoding::Steim1 { 1 } else { 2 };
        steim::Frames { payload: self.payload(), order: self.header.data_order, level }
    }

    fn decode_steim(&self, samples: &mut Vec<i32>) -> Result<bool> {
        self.steim()
            .decode(self.header.samples as usize, samples)
            .map_err(|problem| self.fault(problem))
    }

    /// The samples. Memory follows what the record holds, not what it claims.
    pub fn decode(&self) -> Result<Samples> {
        self.decode_checked().map(|(samples, _)| samples)
    }

    /// The samples, and whether the last one equals the one that Steim frames state for checking;
    /// `None` for other encodings.
    pub fn decode_checked(&self) -> Result<(Samples, Option<bool>)> {
        let is_steim = matches!(self.header.encoding, Encoding::Steim1 | Encoding::Steim2);
        if is_steim && self.header.samples > 0 {
            let mut samples = Vec::new();
            let agrees = self.decode_steim(&mut samples)?;
            return Ok((Samples::I32(samples), Some(agrees)));
        }
        self.decode_other().map(|samples| (samples, None))
    }

    /// The samples of any encoding but Steim's.
    fn decode_other(&self) -> Result<Samples> {
        let order = self.header.data_order;
        if self.header.samples == 0 {
            return Ok(Samples::I32(Vec::new()));
        }
        Ok(match self.header.encoding {
            Encoding::Text => Samples::Text(self.fixed(1)?.to_vec()),
            Encoding::Int16 | Encoding::Dwwssn => {
                Samples::I32(self.words()?.map(|word| i32::from(word as i16)).collect())
            }
            Encoding::Int24 => Samples::I32(self.i24()?.collect()),
            Encoding::Geoscope24 => Samples::F32(self.i24()?.map(|count| count as f32).collect()),
            Encoding::Int32 => {
                Samples::I32(self.fixed(4)?.chunks_exact(4).map(|b| order.i32(b, 0)).collect())
            }
            Encoding::Float32 => Samples::F32(
                self.fixed(4)?.chunks_exact(4).map(|b| f32::from_bits(order.u32(b, 0))).collect(),
            ),
            Encoding::Float64 => {
                Samples::F64(self.fixed(8)?.chunks_exact(8).map(|b| double(b, order)).collect())
            }
            Encoding::Geoscope16Exponent3 => {
                Samples::F32(self.words()?.map(|word| encoding::geoscope16(word, 7)).collect())
            }
            Encoding::Geoscope16Exponent4 => {
                Samples::F32(self.words()?.map(|word| encoding::geoscope16(word, 15)).collect())
            }
            Encoding::Cdsn => Samples::I32(self.words()?.map(encoding::cdsn).collect()),
            Encoding::Sro => Samples::I32(
                self.words()?
                    .map(encoding::sro)
                    .collect::<Option<_>>()
                    .ok_or_else(|| self.fault("SRO gain exponent above 10"))?,
            ),
            Encoding::Steim1 | Encoding::Steim2 | Encoding::Unsupported(_) => {
                return Err(self.unsupported());
            }
        })
    }

    /// Appends the samples to `samples`, without a copy on the way where the encoding allows.
    ///
    /// # Errors
    /// If they cannot be decoded or are of another type; `samples` is then as it was.
    pub fn decode_onto(&self, samples: &mut Samples) -> Result<()> {
        let steim = matches!(self.header.encoding, Encoding::Steim1 | Encoding::Steim2);
        if let (true, Samples::I32(samples)) = (steim && self.header.samples > 0, &mut *samples) {
            return self.decode_steim(samples).map(drop);
        }
        match (samples, self.decode()?) {
            (Samples::I32(samples), Samples::I32(new)) => samples.extend(new),
            (Samples::F32(samples), Samples::F32(new)) => samples.extend(new),
            (Samples::F64(samples), Samples::F64(new)) => samples.extend(new),
            (Samples::Text(samples), Samples::Text(new)) => samples.extend(new),
            _ if self.header.samples == 0 => {}
            _ => return Err(self.fault("samples of another type than those before")),
        }
        Ok(())
    }

    fn i24(&self) -> Result<impl Iterator<Item = i32> + 'a> {
        let order = self.header.data_order;
        let (triples, _) = self.fixed(3)?.as_chunks::<3>();
        Ok(triples.iter().map(move |&triple| order.i24(triple)))
    }
}

fn double(bytes: &[u8], order: ByteOrder) -> f64 {
    let (first, second) = (u64::from(order.u32(bytes, 0)), u64::from(order.u32(bytes, 4)));
    f64::from_bits(match order {
        ByteOrder::Big => first << 32 | second,
        ByteOrder::Little => second << 32 | first,
    })
}
