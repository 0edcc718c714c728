//! The fixed header and what its blockettes add: everything but the samples.

use crate::blockettes;
use crate::bytes::ByteOrder;
use crate::codes::Codes;
use crate::encoding::Encoding;
use crate::rate::Rate;
use crate::time;
use crate::version3;

/// Fixed header length.
pub(crate) const FIXED: usize = 48;

/// Longest record of version 2.
pub(crate) const LONGEST_RECORD: usize = 1 << 20;

/// Everything a record says about its samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Version of the format, 2 or 3.
    pub version: u8,
    /// Which channel.
    pub codes: Codes,
    /// `D` unknown, `R` raw, `Q` checked, `M` merged; of version 3 the letter that stands for its
    /// publication version 1 to 4, else `D`.
    pub quality: char,
    /// Publication version, 0 unknown; of version 2 the number of its quality, R, D, Q, M from 1.
    pub publication: u8,
    /// Time of the first sample, nanoseconds since 1970, corrections applied.
    pub start: i64,
    /// Sampling rate.
    pub rate: Rate,
    /// Number of samples; 0 for header-only records.
    pub samples: u32,
    /// Number of samples that the header states; the record covers the time of so many even
    /// where its data offset is impossible and none are there.
    pub stated_samples: u32,
    /// How they are packed.
    pub encoding: Encoding,
    /// Byte order of the header.
    pub header_order: ByteOrder,
    /// Byte order of the samples.
    pub data_order: ByteOrder,
    /// Length of the record in bytes.
    pub record_length: u32,
    /// Where the samples begin in the record.
    pub data_offset: u32,
    /// Where the extra headers of version 3 begin; they end at `data_offset`.
    pub(crate) extra_offset: u32,
    /// Activity flags (bit 1: time correction applied; bit 4: positive leap second inside).
    pub activity: u8,
    /// Input/output and clock flags.
    pub clock: u8,
    /// Data quality flags.
    pub data_quality: u8,
    /// Timing quality in percent, if stated.
    pub timing_quality: Option<u8>,
}

/// What stands at a position of a file.
#[expect(clippy::large_enum_variant, reason = "made once a record and taken apart at once")]
pub(crate) enum Parsed {
    /// A whole record.
    Record(Header),
    /// The file ends before the record does.
    Truncated,
}

fn has_sequence(bytes: &[u8]) -> bool {
    bytes.get(..6).is_some_and(|b| b.iter().all(|b| matches!(b, b'0'..=b'9' | b' ' | 0)))
}

/// Whether `head`, the first bytes of a file, may begin miniSEED of either version or full SEED.
pub fn looks_like_seed(head: &[u8]) -> bool {
    version3::is_header(head)
        || has_sequence(head)
            && head.get(6).is_some_and(|b| {
                matches!(b, b'D' | b'R' | b'Q' | b'M' | b'V' | b'A' | b'S' | b'T' | b' ')
            })
}

/// Whether a data record header begins here.
pub(crate) fn is_data(bytes: &[u8]) -> bool {
    bytes.len() >= FIXED
        && has_sequence(bytes)
        && matches!(bytes[6], b'D' | b'R' | b'Q' | b'M')
        && matches!(bytes[7], b' ' | 0)
        && bytes[24] <= 23
        && bytes[25] <= 59
        && bytes[26] <= 60
}

/// Whether a full SEED control header begins here.
pub(crate) fn is_control(bytes: &[u8]) -> bool {
    has_sequence(bytes)
        && bytes
            .get(6..8)
            .is_some_and(|b| matches!(b, [b'V' | b'A' | b'S' | b'T', b' ' | b'*' | 0]))
}

/// Whether a blank (noise) record begins here.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    has_sequence(bytes) && bytes.get(6..FIXED).is_some_and(|b| b.iter().all(|&b| b == b' '))
}

/// The header's byte order by its date. Both orders make sense only in 2056, days 1, 256 and
/// 257: there the order wins whose first blockette is one that exists.
fn header_order(bytes: &[u8]) -> Option<ByteOrder> {
    let date = bytes.get(20..30)?;
    let plausible = |order: ByteOrder| {
        let first = usize::from(order.u16(bytes, 46));
        first == 0
            || first >= FIXED
                && bytes
                    .get(first..first + 2)
                    .is_some_and(|b| blockettes::is_known(order.u16(b, 0)))
    };
    match (time::is_sane(date, ByteOrder::Big), time::is_sane(date, ByteOrder::Little)) {
        (true, true) if !plausible(ByteOrder::Big) && plausible(ByteOrder::Little) => {
            Some(ByteOrder::Little)
        }
        (true, _) => Some(ByteOrder::Big),
        (false, true) => Some(ByteOrder::Little),
        (false, false) => None,
    }
}

/// Length of a record without blockette 1000: the distance to the next header, or the rest of
/// the file if that is a possible length.
fn length_by_next_header(bytes: &[u8]) -> Option<u32> {
    let longest = bytes.len().min(LONGEST_RECORD + FIXED);
    (128..longest.saturating_sub(FIXED - 1))
        .step_by(128)
        .find(|&at| bytes.get(at..).is_some_and(|rest| is_data(rest) || is_blank(rest)))
        .or_else(|| {
            let rest = bytes.len();
            (rest.is_power_of_two() && (128..=LONGEST_RECORD).contains(&rest)).then_some(rest)
        })
        .and_then(|length| u32::try_from(length).ok())
}

/// Parses the data record at the start of `bytes`, which reaches to the end of the file or at
/// least one longest record plus a header further.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    let order = header_order(bytes).ok_or_else(|| {
        format!(
            "year {}, day {}: no byte order gives a date between 1900 and 2100",
            ByteOrder::Big.u16(bytes, 20),
            ByteOrder::Big.u16(bytes, 22)
        )
    })?;
    let first = order.u16(bytes, 46);
    let blockettes = match blockettes::read(bytes, first, order) {
        Ok(blockettes) => blockettes,
        // A record cut short inside its blockettes is a truncated one, not a broken one.
        Err(_) if declared_length(bytes, first, order) > bytes.len() => {
            return Ok(Parsed::Truncated);
        }
        Err(problem) => return Err(problem),
    };
    let record_length = match blockettes.record_length {
        Some(length) => length,
        None => length_by_next_header(bytes)
            .ok_or("no blockette 1000 and no next header: the record's length is unknown")?,
    };
    if record_length as usize > bytes.len() {
        return Ok(Parsed::Truncated);
    }
    let activity = bytes[36];
    let mut start = time::read(&bytes[20..30], order);
    if activity & 2 == 0 {
        start += i64::from(order.i32(bytes, 40)) * 100_000;
    }
    start += i64::from(blockettes.microseconds) * 1000;
    let data_offset = order.u16(bytes, 44);
    let inside = (FIXED..record_length as usize).contains(&usize::from(data_offset));
    let stated_samples = u32::from(order.u16(bytes, 30));
    let samples = if inside { stated_samples } else { 0 };
    let (encoding, data_order) = match blockettes.data {
        Some((code, 0)) => (Encoding::from_code(code), ByteOrder::Little),
        Some((code, _)) => (Encoding::from_code(code), ByteOrder::Big),
        None => (Encoding::Steim1, order),
    };
    let mut raw = [0; 12];
    raw.copy_from_slice(&bytes[8..20]);
    let quality = char::from(bytes[6]);
    Ok(Parsed::Record(Header {
        version: 2,
        codes: Codes::fields(raw),
        quality,
        publication: "RDQM".find(quality).map_or(0, |at| at as u8 + 1),
        start,
        rate: blockettes
            .rate
            .unwrap_or_else(|| Rate::nominal(order.i16(bytes, 32), order.i16(bytes, 34))),
        samples,
        stated_samples,
        encoding,
        header_order: order,
        data_order,
        record_length,
        data_offset: u32::from(data_offset),
        extra_offset: u32::from(data_offset),
        activity,
        clock: bytes[37],
        data_quality: bytes[38],
        timing_quality: blockettes.timing_quality,
    }))
}

/// The length stated by a blockette 1000 that comes first in the chain, else 0.
fn declared_length(bytes: &[u8], first: u16, order: ByteOrder) -> usize {
    match bytes.get(usize::from(first)..).filter(|rest| first >= 48 && rest.len() >= 8) {
        Some(rest) if order.u16(rest, 0) == 1000 && (7..=20).contains(&rest[6]) => 1 << rest[6],
        _ => 0,
    }
}
