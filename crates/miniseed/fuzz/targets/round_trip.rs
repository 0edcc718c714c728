//! Any samples in any encoding and record length: what is written is read back, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use temblor_miniseed::{Encoding, Records, SampleSlice, Samples, Series, WriteOptions, encode};

fuzz_target!(|input: (u8, u8, u16, i64, u32, u32, Vec<i32>)| {
    let (version, encoding, record_length, start, numerator, denominator, samples) = input;
    let options = WriteOptions {
        version: 2 + version % 2,
        record_length: usize::from(record_length),
        integers: Encoding::from_code([11, 10, 3, 1][usize::from(encoding % 4)]),
        ..WriteOptions::default()
    };
    let series = Series {
        network: "XX",
        station: "FUZZ",
        location: "00",
        channel: "BHZ",
        start,
        rate: (u64::from(numerator), u64::from(denominator)),
        samples: SampleSlice::I32(&samples),
    };
    // No samples make no record.
    let Ok(bytes) = encode(&series, &options) else { return };
    let mut read = Samples::I32(Vec::new());
    for record in Records::new(&bytes).take_while(|_| !samples.is_empty()) {
        let record = record.expect("a record of our own");
        assert_ne!(record.decode_checked().expect("a record of our own").1, Some(false));
        record.decode_onto(&mut read).expect("a record of our own");
    }
    assert_eq!(read, Samples::I32(samples));
});
