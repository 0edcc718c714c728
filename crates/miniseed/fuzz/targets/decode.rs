//! Any bytes: every record is decoded; what comes out is bounded by what went in, and both ways of
//! walking agree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use temblor_miniseed::{RecordReader, Records, Samples};

/// The most samples a byte can become: a Steim-2 frame of 64 bytes holds 105.
const MOST: usize = 2;

fn length(samples: &Samples) -> usize {
    match samples {
        Samples::I32(samples) => samples.len(),
        Samples::F32(samples) => samples.len(),
        Samples::F64(samples) => samples.len(),
        Samples::Text(bytes) => bytes.len(),
    }
}

/// For comparing: not-a-number equals itself here.
fn bits(samples: &Option<Samples>) -> Vec<u64> {
    match samples {
        None => vec![u64::MAX],
        Some(Samples::I32(samples)) => samples.iter().map(|&x| x as u64).collect(),
        Some(Samples::F32(samples)) => samples.iter().map(|x| u64::from(x.to_bits())).collect(),
        Some(Samples::F64(samples)) => samples.iter().map(|x| x.to_bits()).collect(),
        Some(Samples::Text(bytes)) => bytes.iter().map(|&x| u64::from(x)).collect(),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut found = Vec::new();
    let mut walk = Records::new(bytes);
    for record in &mut walk {
        let Ok(record) = record else { continue };
        let decoded = record.decode();
        assert_eq!(record.verify().is_ok(), decoded.is_ok());
        if let Ok(samples) = &decoded {
            assert!(length(samples) <= MOST * record.bytes().len());
            let mut onto = Samples::I32(vec![7]);
            if matches!(samples, Samples::I32(_)) {
                record.decode_onto(&mut onto).expect("it was decoded before");
                assert_eq!(length(&onto), 1 + length(samples));
            }
        }
        found.push((record.offset, bits(&decoded.ok())));
    }
    let mut reader = RecordReader::new(bytes);
    let mut others = found.into_iter();
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                assert_eq!(others.next(), Some((record.offset, bits(&record.decode().ok()))));
            }
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(others.next(), None);
});
