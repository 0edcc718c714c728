//! What is written reads back, to the bit, at the exact times.

use proptest::prelude::*;
use temblor_miniseed::{
    Encoding, RecordReader, Records, SampleSlice, Samples, Series, WriteOptions, encode,
};

const START: i64 = 1_534_032_000_019_538_000;

fn series(samples: SampleSlice<'_>, rate: (u64, u64)) -> Series<'_> {
    Series {
        network: "XX",
        station: "DEMO",
        location: "00",
        channel: "BHZ",
        start: START,
        rate,
        samples,
    }
}

/// All samples, after checking each record's start against exact arithmetic.
fn read(bytes: &[u8], rate: (u64, u64)) -> Vec<Samples> {
    // Borrowed records are the same records.
    let borrowed: Vec<_> = Records::new(bytes).map(|record| record.unwrap()).collect();
    let mut reader = RecordReader::new(bytes);
    let mut all = Vec::new();
    let mut index: i128 = 0;
    while let Some(record) = reader.next_record().unwrap() {
        record.verify().unwrap();
        assert_ne!(record.decode_checked().unwrap().1, Some(false));
        let exact =
            i128::from(START) + index * 1_000_000_000 * i128::from(rate.1) / i128::from(rate.0);
        assert!((i128::from(record.header.start) - exact).abs() <= 501, "sample {index}");
        index += i128::from(record.header.samples);
        assert_eq!(record.bytes(), borrowed[all.len()].bytes());
        assert_eq!(record.header.codes.channel(), "BHZ");
        all.push(record.decode().unwrap());
    }
    assert_eq!(all.len(), borrowed.len());
    assert_eq!(reader.skipped_bytes(), 0);
    all
}

fn integers(records: Vec<Samples>) -> Vec<i32> {
    let of = |samples| match samples {
        Samples::I32(samples) => samples,
        other => panic!("{other:?}"),
    };
    records.into_iter().flat_map(of).collect()
}

/// Series whose differences have every width: walks with steps of random scale.
fn walk() -> impl Strategy<Value = Vec<i32>> {
    prop::collection::vec((0u32..32, any::<i32>()), 1..1500).prop_map(|steps| {
        let mut sum = 0i32;
        let step = |(scale, value): (u32, i32)| {
            sum = sum.wrapping_add(value >> scale);
            sum
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_integers_survive_every_integer_encoding(
        samples in prop_oneof![walk(), prop::collection::vec(any::<i32>(), 1..1000)],
        exponent in 8u32..13,
        rate in prop_oneof![Just((40, 1)), Just((1, 10)), Just((1000, 3)), Just((8_388_583, 83_886))],
    ) {
        for (version, encoding) in [2, 3].into_iter().flat_map(|version| {
            [Encoding::Steim1, Encoding::Steim2, Encoding::Int32].map(|encoding| (version, encoding))
        }) {
            let options = WriteOptions {
                version, record_length: 1 << exponent, integers: encoding, quality: 'Q',
            };
            let bytes = encode(&series(SampleSlice::I32(&samples), rate), &options).unwrap();
            prop_assert_eq!(&integers(read(&bytes, rate)), &samples);
        }
        let short: Vec<i32> = samples.iter().map(|&sample| i32::from(sample as i16)).collect();
        for version in [2, 3] {
            let options = WriteOptions {
                version, record_length: 1 << exponent, integers: Encoding::Int16, quality: 'R',
            };
            let bytes = encode(&series(SampleSlice::I32(&short), rate), &options).unwrap();
            prop_assert_eq!(&integers(read(&bytes, rate)), &short);
        }
    }

    #[test]
    fn any_floats_survive_to_the_bit(bits in prop::collection::vec(any::<u64>(), 1..600)) {
        let doubles: Vec<f64> = bits.iter().map(|&b| f64::from_bits(b)).collect();
        let singles: Vec<f32> = bits.iter().map(|&b| f32::from_bits(b as u32)).collect();
        for version in [2, 3] {
        let options = WriteOptions { version, ..WriteOptions::default() };
        let bytes = encode(&series(SampleSlice::F64(&doubles), (40, 1)), &options).unwrap();
        let back = read(&bytes, (40, 1)).into_iter().flat_map(|samples| match samples {
            Samples::F64(samples) => samples,
            other => panic!("{other:?}"),
        });
        prop_assert!(back.map(f64::to_bits).eq(doubles.iter().map(|x| x.to_bits())));
        let bytes = encode(&series(SampleSlice::F32(&singles), (40, 1)), &options).unwrap();
        let back = read(&bytes, (40, 1)).into_iter().flat_map(|samples| match samples {
            Samples::F32(samples) => samples,
            other => panic!("{other:?}"),
        });
        prop_assert!(back.map(f32::to_bits).eq(singles.iter().map(|x| x.to_bits())));
        }
    }

    #[test]
    fn any_bytes_end_in_records_or_an_error(
        mut bytes in prop::collection::vec(any::<u8>(), 0..4000),
        disguise in 0..3,
    ) {
        if disguise == 1 && bytes.len() > 48 {
            bytes[..4].copy_from_slice(b"MS\x03\0");
            bytes[12..16].copy_from_slice(&[1, 1, 1, 11]);
            bytes[34..40].copy_from_slice(&[0, 0, 8, 0, 0, 0]);
        }
        if disguise == 2 && bytes.len() > 48 {
            bytes[..8].copy_from_slice(b"000001D ");
            bytes[20..24].copy_from_slice(&[0x07, 0xE2, 0, 1]);
            bytes[24..27].fill(1);
        }
        let mut reader = RecordReader::new(bytes.as_slice());
        let mut total = 0;
        for _ in 0..100 {
            match reader.next_record() {
                Ok(None) => break,
                Ok(Some(record)) => {
                    let decoded = record.decode();
                    prop_assert_eq!(record.verify().is_ok(), decoded.is_ok());
                    total += record.bytes().len();
                }
                Err(_) => {}
            }
        }
        prop_assert!(total <= bytes.len());
        for record in Records::new(&bytes).take(100).flatten() {
            prop_assert_eq!(record.verify().is_ok(), record.decode().is_ok());
        }
    }
}

#[test]
fn differences_beyond_steim2_fall_back_to_steim1_for_that_record_only() {
    let mut samples = vec![0; 2000];
    samples[1000] = i32::MAX;
    samples[1001] = i32::MIN;
    let bytes =
        encode(&series(SampleSlice::I32(&samples), (40, 1)), &WriteOptions::default()).unwrap();
    let mut reader = RecordReader::new(bytes.as_slice());
    let mut encodings = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        encodings.push(record.header.encoding);
    }
    assert!(encodings.contains(&Encoding::Steim1));
    assert_eq!(encodings.first(), Some(&Encoding::Steim2));
    assert_eq!(integers(read(&bytes, (40, 1))), samples);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let good = series(SampleSlice::I32(&[1, 2, 3]), (40, 1));
    let options = WriteOptions::default();
    assert!(encode(&Series { station: "TOOLONG", ..good }, &options).is_err());
    assert!(encode(&Series { station: "Ü", ..good }, &options).is_err());
    assert!(encode(&Series { rate: (0, 1), ..good }, &options).is_err());
    assert!(encode(&Series { start: i64::MAX, ..good }, &options).is_err());
    assert!(encode(&good, &WriteOptions { record_length: 500, ..options }).is_err());
    assert!(encode(&good, &WriteOptions { quality: 'X', ..options }).is_err());
    assert!(encode(&good, &WriteOptions { version: 4, ..options }).is_err());
    let narrow = WriteOptions { integers: Encoding::Int16, ..options };
    let wide = series(SampleSlice::I32(&[1, 40_000]), (40, 1));
    assert!(encode(&wide, &narrow).is_err() && encode(&good, &narrow).is_ok());
    let third = WriteOptions { version: 3, ..options };
    assert!(encode(&Series { channel: "BH", ..good }, &third).is_err());
    assert!(encode(&Series { station: "LONGNAME", channel: "B_HH_Z1", ..good }, &third).is_ok());
    assert!(encode(&good, &WriteOptions { integers: Encoding::Cdsn, ..options }).is_err());
    assert!(
        encode(&Series { samples: SampleSlice::I32(&[]), ..good }, &options).unwrap().is_empty()
    );
}

#[test]
fn version_3_keeps_the_nanosecond_and_finds_the_record_behind_a_broken_one() {
    let samples: Vec<i32> = (0..2000).map(|i| i * i % 977).collect();
    let options = WriteOptions { version: 3, record_length: 400, ..WriteOptions::default() };
    let start = START + 789;
    let whole = Series { start, ..series(SampleSlice::I32(&samples), (100, 1)) };
    let mut bytes = encode(&whole, &options).unwrap();
    let records: Vec<_> = Records::new(&bytes).map(|record| record.unwrap()).collect();
    assert!(records.len() > 4);
    let mut index = 0;
    for record in &records {
        assert_eq!(record.header.start, start + i64::from(index) * 10_000_000);
        assert!(record.bytes().len() <= 400);
        index += record.header.samples;
    }
    let (count, second) = (records.len(), records[1].offset as usize);
    bytes[second + 200] ^= 1;
    let read: Vec<_> = Records::new(&bytes).collect();
    assert_eq!(read.iter().filter(|record| record.is_ok()).count(), count - 1);
    let problem = read[1].as_ref().unwrap_err().to_string();
    assert!(problem.contains("checksum") && problem.contains(&format!("byte {second}")));
}

#[test]
fn a_file_of_nothing_but_long_claims_is_given_up_in_time() {
    let mut header = b"MS\x03\0".to_vec();
    header.resize(40, 1);
    header[33] = 0;
    header[34..40].copy_from_slice(&[0, 0, 0, 0, 0x4F, 0]);
    let bytes = header.repeat(300_000);
    let mut errors = 0;
    for record in Records::new(&bytes) {
        errors += usize::from(record.is_err());
    }
    assert_eq!(errors, 2);
}

#[test]
fn everything_crosses_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<temblor_miniseed::Record<'_>>();
    crosses::<temblor_miniseed::Records<'_>>();
    crosses::<temblor_miniseed::RecordReader<std::fs::File>>();
    crosses::<temblor_miniseed::Samples>();
    crosses::<temblor_miniseed::Error>();
}
