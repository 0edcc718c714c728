//! Records of version 2: big-endian, all of one length.

use crate::encode::{Series, WriteOptions, pack, unencodable};
use crate::encoding::Encoding;
use crate::error::Result;
use crate::rate::Rate;
use crate::{steim, time};

/// Packs the whole series.
pub(crate) fn encode(series: &Series<'_>, options: &WriteOptions) -> Result<Vec<u8>> {
    let writer = Writer::new(series, options)?;
    let mut out = Vec::new();
    let mut done = 0;
    while done < series.samples.len() {
        done += writer.append_record(&mut out, done)?;
    }
    Ok(out)
}

struct Writer<'a> {
    series: &'a Series<'a>,
    options: &'a WriteOptions,
    /// The parts of the header that all records share.
    template: [u8; 128],
    data_offset: usize,
}

impl<'a> Writer<'a> {
    fn new(series: &'a Series<'a>, options: &'a WriteOptions) -> Result<Self> {
        let length = options.record_length;
        if !length.is_power_of_two() {
            return unencodable(format!("record length {length}: expected a power of two"));
        }
        let (factor, multiplier, exact) = Rate::to_factors(series.rate.0, series.rate.1);
        let mut template = [0; 128];
        template[6] = options.quality as u8;
        template[7] = b' ';
        for (at, width, code) in [
            (8, 5, series.station),
            (13, 2, series.location),
            (15, 3, series.channel),
            (18, 2, series.network),
        ] {
            if code.len() > width || !code.bytes().all(|b| b.is_ascii_graphic()) {
                return unencodable(format!(
                    "code '{code}': expected at most {width} ASCII characters"
                ));
            }
            template[at..at + width].fill(b' ');
            template[at..at + code.len()].copy_from_slice(code.as_bytes());
        }
        template[32..34].copy_from_slice(&factor.to_be_bytes());
        template[34..36].copy_from_slice(&multiplier.to_be_bytes());
        template[39] = if exact { 2 } else { 3 };
        let data_offset: usize = if exact { 64 } else { 128 };
        template[45] = data_offset as u8;
        template[47] = 48;
        template[48..52].copy_from_slice(&[0x03, 0xE8, 0, 56]);
        template[53] = 1;
        template[54] = length.trailing_zeros() as u8;
        template[56..60].copy_from_slice(&[0x03, 0xE9, 0, if exact { 0 } else { 64 }]);
        if !exact {
            let hz = series.rate.0 as f64 / series.rate.1 as f64;
            template[65] = 100;
            template[68..72].copy_from_slice(&(hz as f32).to_be_bytes());
        }
        Ok(Self { series, options, template, data_offset })
    }

    /// Appends the record that begins with sample `from`; returns how many samples it holds.
    fn append_record(&self, out: &mut Vec<u8>, from: usize) -> Result<usize> {
        let length = self.options.record_length;
        let begin = out.len();
        out.resize(begin + length, 0);
        let (header, payload) = out[begin..].split_at_mut(self.data_offset);
        header.copy_from_slice(&self.template[..self.data_offset]);
        let packed = pack(self.series, self.options.integers, from, payload, 2);
        let sequence = (begin / length + 1) % 1_000_000;
        header[..6].copy_from_slice(format!("{sequence:06}").as_bytes());
        let Some((btime, microseconds)) = self.series.time_of(from).and_then(time::write) else {
            return unencodable("a time outside the years 1900 to 2100");
        };
        header[20..30].copy_from_slice(&btime);
        header[30..32].copy_from_slice(&(packed.count as u16).to_be_bytes());
        header[52] = packed.encoding.code();
        header[61] = microseconds as u8;
        if matches!(packed.encoding, Encoding::Steim1 | Encoding::Steim2) {
            header[63] = (packed.used / steim::FRAME).min(127) as u8;
        }
        Ok(packed.count)
    }
}
