//! Records of version 3: little-endian headers, each record as long as it needs to be, checksummed.

use crate::codes::source_identifier;
use crate::encode::{Packed, Series, WriteOptions, pack, unencodable};
use crate::error::Result;
use crate::version3::{CHECKSUM, FIXED, MAGIC, checksum};
use crate::{steim, time};

/// Packs the whole series.
pub(crate) fn encode(series: &Series<'_>, options: &WriteOptions) -> Result<Vec<u8>> {
    let Series { network, station, location, channel, .. } = *series;
    for code in [network, station, location] {
        if !code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return unencodable(format!("code '{code}': expected ASCII letters, digits and '-'"));
        }
    }
    let identifier = source_identifier(network, station, location, channel)
        .filter(|identifier| identifier.len() <= 63 && identifier.is_ascii());
    let Some(identifier) = identifier else {
        return unencodable(format!(
            "channel '{channel}': expected three ASCII characters, or band, source and subsource \
             with underscores, in an identifier of at most 63 characters"
        ));
    };
    let room = options.record_length - FIXED - identifier.len();
    let mut payload = vec![0; room / steim::FRAME * steim::FRAME];
    let mut out = Vec::new();
    let mut done = 0;
    while done < series.samples.len() {
        payload.fill(0);
        let packed = pack(series, options.integers, done, &mut payload, 3);
        append_record(&mut out, series, options, &identifier, (done, &packed, &payload))?;
        done += packed.count;
    }
    Ok(out)
}

/// Appends the record of `packed` samples from `from` on.
fn append_record(
    out: &mut Vec<u8>,
    series: &Series<'_>,
    options: &WriteOptions,
    identifier: &str,
    (from, packed, payload): (usize, &Packed, &[u8]),
) -> Result<()> {
    let Some((year, day, clock, nanosecond)) = series.time_of(from).and_then(time::to_parts) else {
        return unencodable("a time outside the years 1678 to 2261");
    };
    let begin = out.len();
    out.extend_from_slice(&MAGIC);
    out.push(0);
    out.extend_from_slice(&nanosecond.to_le_bytes());
    out.extend_from_slice(&year.to_le_bytes());
    out.extend_from_slice(&day.to_le_bytes());
    out.extend_from_slice(&clock);
    out.push(packed.encoding.code());
    let (p, q) = (series.rate.0 as f64, series.rate.1 as f64);
    // Below 1 Hz the period, which is the rounder number.
    let rate = if p < q { -q / p } else { p / q };
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&(packed.count as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push("RDQM".find(options.quality).map_or(0, |at| at as u8 + 1));
    out.push(identifier.len() as u8);
    out.extend_from_slice(&0u16.to_le_bytes());
    out.extend_from_slice(&(packed.used as u32).to_le_bytes());
    out.extend_from_slice(identifier.as_bytes());
    out.extend_from_slice(payload.get(..packed.used).unwrap_or_default());
    let record = &mut out[begin..];
    let sum = checksum(record);
    record[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}
