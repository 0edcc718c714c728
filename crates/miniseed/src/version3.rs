//! The header of version 3: little-endian, one length for each part, a checksum over the record.

use crate::bytes::ByteOrder::Little;
use crate::codes::Codes;
use crate::encoding::Encoding;
use crate::header::{Header, Parsed};
use crate::rate::Rate;
use crate::time;

/// Fixed header length.
pub(crate) const FIXED: usize = 40;

/// Longest record that is read.
pub(crate) const LONGEST_RECORD: usize = 10 << 20;

/// What every record begins with.
pub(crate) const MAGIC: [u8; 3] = *b"MS\x03";

/// Where the checksum stands.
pub(crate) const CHECKSUM: std::ops::Range<usize> = 28..32;

/// Whether a record header begins here.
pub(crate) fn is_header(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
        && bytes.get(12..15).is_some_and(|time| time[0] <= 23 && time[1] <= 59 && time[2] <= 60)
}

/// CRC-32C (Castagnoli) of a record with its checksum field taken as zero.
pub(crate) fn checksum(record: &[u8]) -> u32 {
    let (before, rest) = record.split_at(CHECKSUM.start.min(record.len()));
    let after = rest.get(4..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(before), &[0; 4]), after)
}

/// Length of the record that begins here, by its header; `None` if that is not all there.
pub(crate) fn record_length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..FIXED)?;
    let (extra, payload) = (Little.u16(header, 34), Little.u32(header, 36));
    Some(FIXED + usize::from(header[33]) + usize::from(extra) + payload as usize)
}

/// Parses the record at the start of `bytes`, which holds all of it or reaches to the end of the
/// file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    let Some(length) = record_length(bytes) else { return Ok(Parsed::Truncated) };
    if length > LONGEST_RECORD {
        return Err(format!(
            "claims a length of {length} bytes; at most {LONGEST_RECORD} are read"
        ));
    }
    let Some(record) = bytes.get(..length) else { return Ok(Parsed::Truncated) };
    let (stated, found) = (Little.u32(record, CHECKSUM.start), checksum(record));
    if stated != found {
        return Err(format!("checksum {stated:08x} stated, {found:08x} found: the bytes changed"));
    }
    let nanosecond = Little.u32(record, 4);
    if nanosecond > 999_999_999 {
        return Err(format!("nanosecond {nanosecond}: expected at most 999999999"));
    }
    let (year, day) = (Little.u16(record, 8), Little.u16(record, 10));
    let start = time::from_parts(year, day, [record[12], record[13], record[14]], nanosecond)
        .ok_or_else(|| format!("year {year}, day {day}: expected 1678 to 2261 and 1 to 366"))?;
    let field =
        f64::from_bits(u64::from(Little.u32(record, 20)) << 32 | u64::from(Little.u32(record, 16)));
    let rate = Rate::hz_or_period(field)
        .ok_or_else(|| format!("sampling rate {field}: expected Hz, or a negative period"))?;
    let encoding = match Encoding::from_code(record[15]) {
        encoding @ (Encoding::Text
        | Encoding::Int16
        | Encoding::Int32
        | Encoding::Float32
        | Encoding::Float64
        | Encoding::Steim1
        | Encoding::Steim2
        | Encoding::Unsupported(_)) => encoding,
        retired => {
            let (code, name) = (retired.code(), retired.name());
            return Err(format!("encoding {code} ({name}) is not allowed in version 3"));
        }
    };
    let samples = Little.u32(record, 24);
    let identifier_end = FIXED + usize::from(record[33]);
    let data_offset = identifier_end + usize::from(Little.u16(record, 34));
    let flags = record[3];
    let publication = record[32];
    Ok(Parsed::Record(Header {
        version: 3,
        codes: Codes::identifier(record.get(FIXED..identifier_end).unwrap_or_default()),
        quality: match publication {
            1 => 'R',
            3 => 'Q',
            4 => 'M',
            _ => 'D',
        },
        publication,
        start,
        rate,
        samples,
        stated_samples: samples,
        encoding,
        header_order: Little,
        // Steim frames stay big-endian.
        data_order: match encoding {
            Encoding::Steim1 | Encoding::Steim2 => crate::bytes::ByteOrder::Big,
            _ => Little,
        },
        record_length: length as u32,
        data_offset: data_offset as u32,
        extra_offset: identifier_end as u32,
        // The three flags of version 3 in their places of version 2.
        activity: flags & 1,
        clock: (flags >> 2 & 1) << 5,
        data_quality: (flags >> 1 & 1) << 7,
        timing_quality: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xE306_9283);
        let record: Vec<u8> = (0..64).collect();
        let mut other = record.clone();
        other[CHECKSUM].fill(0xAA);
        assert_eq!(checksum(&record), checksum(&other));
        other[33] ^= 1;
        assert_ne!(checksum(&record), checksum(&other));
    }
}
