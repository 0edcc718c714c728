//! The chain of blockettes behind the fixed header; only 100, 1000 and 1001 change samples or times.

use crate::bytes::ByteOrder;
use crate::rate::Rate;

/// Longest chain that is followed.
const MOST_BLOCKETTES: usize = 64;

/// What the chain says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blockettes {
    /// Blockette 100, if its value is a rate.
    pub rate: Option<Rate>,
    /// Blockette 1000: encoding code, byte-order code.
    pub data: Option<(u8, u8)>,
    /// Blockette 1000: record length in bytes.
    pub record_length: Option<u32>,
    /// Blockette 1001: microseconds to add to the start.
    pub microseconds: i8,
    /// Blockette 1001: timing quality in percent.
    pub timing_quality: Option<u8>,
}

/// Length of a blockette, its first four bytes included; an unknown type has only those.
fn length(kind: u16, bytes: &[u8], order: ByteOrder) -> usize {
    match kind {
        100 => 12,
        200 => 52,
        201 | 300 | 310 => 60,
        320 => 64,
        390 => 28,
        395 | 400 => 16,
        405 => 6,
        500 => 200,
        1000 | 1001 => 8,
        2000 => usize::from(order.u16(bytes, 4)).max(15),
        _ => 4,
    }
}

/// Whether `kind` is a blockette that data records carry.
pub(crate) fn is_known(kind: u16) -> bool {
    matches!(kind, 100 | 200 | 201 | 300 | 310 | 320 | 390 | 395 | 400 | 405 | 500)
        || matches!(kind, 1000 | 1001 | 2000)
}

/// Follows the chain from `first` through `record` (which may run on beyond the record's end).
/// Offsets must grow and stay inside; the caller's offset of the record is not known here.
pub(crate) fn read(record: &[u8], first: u16, order: ByteOrder) -> Result<Blockettes, String> {
    let mut found = Blockettes::default();
    let mut at = usize::from(first);
    let mut end = 0;
    for _ in 0..MOST_BLOCKETTES {
        if at == 0 {
            break;
        }
        if at < 48 {
            return Err(format!("blockette at {at}: expected an offset of at least 48"));
        }
        let bytes = record
            .get(at..)
            .filter(|rest| rest.len() >= 4)
            .ok_or_else(|| format!("blockette at {at}: beyond the end of the record"))?;
        let kind = order.u16(bytes, 0);
        let next = usize::from(order.u16(bytes, 2));
        let length = length(kind, bytes, order);
        end = end.max(at + length);
        if let Some(body) = bytes.get(..length) {
            read_one(kind, body, order, &mut found)?;
        }
        if next != 0 && next < at + 4 {
            return Err(format!("blockette {kind} at {at} is followed by one at {next}: a loop"));
        }
        at = next;
    }
    if at != 0 {
        return Err(format!("more than {MOST_BLOCKETTES} blockettes"));
    }
    let limit = found.record_length.map_or(record.len(), |length| length as usize);
    if end > limit {
        return Err(format!("a blockette ends at {end}, beyond the record's end at {limit}"));
    }
    Ok(found)
}

fn read_one(
    kind: u16,
    body: &[u8],
    order: ByteOrder,
    found: &mut Blockettes,
) -> Result<(), String> {
    let byte = |at: usize| body.get(at).copied().unwrap_or(0);
    match kind {
        100 => found.rate = Rate::actual(f32::from_bits(order.u32(body, 4))),
        1000 => {
            let exponent = byte(6);
            if !(7..=20).contains(&exponent) {
                return Err(format!("record length 2^{exponent}: expected 2^7 to 2^20"));
            }
            found.record_length = Some(1 << exponent);
            found.data = Some((byte(4), byte(5)));
        }
        1001 => {
            found.timing_quality = Some(byte(4));
            found.microseconds = byte(5) as i8;
        }
        _ => {}
    }
    Ok(())
}
