//! Good files with a few bytes changed: every case ends within a second, without a panic, and
//! gives no more than the bytes can hold.

use std::sync::mpsc;
use std::time::Duration;

use temblor_miniseed::{
    Encoding, RecordReader, SampleSlice, Samples, Series, WriteOptions, encode,
};

const CASES_A_FILE: u64 = 3000;

/// SplitMix64: a seeded generator small enough to stand here.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn good_files() -> Vec<Vec<u8>> {
    let mut rng = Rng(1);
    let counts: Vec<i32> =
        (0..2000).map(|_| (rng.next() >> 40) as i32 >> (rng.next() % 24)).collect();
    let floats: Vec<f32> = counts.iter().map(|&c| c as f32).collect();
    let mut files = Vec::new();
    for (version, samples, integers, rate, record_length) in [
        (3, SampleSlice::I32(&counts), Encoding::Steim2, (40, 1), 512),
        (2, SampleSlice::I32(&counts), Encoding::Steim2, (40, 1), 512),
        (2, SampleSlice::I32(&counts), Encoding::Steim1, (8_388_583, 83_886), 512),
        (2, SampleSlice::I32(&counts), Encoding::Int32, (1, 10), 4096),
        (3, SampleSlice::F32(&floats), Encoding::Int32, (100, 1), 1024),
    ] {
        let series = Series {
            network: "XX",
            station: "DEMO",
            location: "",
            channel: "BHZ",
            start: 1_534_032_000_000_000_000,
            rate,
            samples,
        };
        let options = WriteOptions { version, record_length, integers, quality: 'D' };
        let bytes = encode(&series, &options).unwrap();
        // Control headers and blank records before the data, as in full SEED volumes.
        let mut volume = b"000001V 010009502.4121970,001~".to_vec();
        volume.resize(128, b' ');
        volume.extend_from_slice(b"000002");
        volume.resize(256, b' ');
        volume.extend_from_slice(&bytes);
        files.extend([bytes, volume]);
    }
    files
}

/// Truncation, a few random bytes (half of them in the first header), runs repeated or removed.
fn mutate(good: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    match rng.below(8) {
        0 => bytes.truncate(rng.below(good.len())),
        1 => {
            let at = rng.below(bytes.len());
            let run = bytes[at..].to_vec();
            bytes.splice(at..at, run.into_iter().take(rng.below(300)));
        }
        2 => {
            let at = rng.below(bytes.len());
            let end = (at + rng.below(300)).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            for _ in 0..1 + rng.below(4) {
                let range =
                    if rng.next().is_multiple_of(2) { bytes.len().min(128) } else { bytes.len() };
                let at = rng.below(range);
                bytes[at] = rng.next() as u8;
            }
        }
    }
    bytes
}

/// Rights the checksums of version 3 again, so that what changed is met behind them.
fn right_checksums(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 40).filter(|header| header.starts_with(b"MS\x03")) {
        let extra = usize::from(u16::from_le_bytes([header[34], header[35]]));
        let payload = u32::from_le_bytes([header[36], header[37], header[38], header[39]]) as usize;
        let end = at + 40 + usize::from(header[33]) + extra + payload;
        let Some(record) = bytes.get_mut(at..end) else { return };
        record[28..32].fill(0);
        let sum = crc32c::crc32c(record);
        record[28..32].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
}

/// Samples that came out.
fn read_everything(bytes: &[u8]) -> usize {
    let mut reader = RecordReader::new(bytes);
    let mut samples = 0;
    for _ in 0..bytes.len() + 2 {
        match reader.next_record() {
            Ok(None) => return samples,
            Err(_) => {}
            Ok(Some(record)) => {
                let decoded = record.decode();
                assert_eq!(record.verify().is_ok(), decoded.is_ok());
                samples += match decoded {
                    Ok(Samples::I32(v)) => v.len(),
                    Ok(Samples::F32(v)) => v.len(),
                    Ok(Samples::F64(v)) => v.len(),
                    Ok(Samples::Text(v)) => v.len(),
                    Err(_) => 0,
                };
            }
        }
    }
    panic!("the reader does not advance");
}

#[test]
fn mutated_files_end_in_time_and_in_bounds() {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for (number, good) in good_files().into_iter().enumerate() {
            for case in 0..CASES_A_FILE {
                let mut rng = Rng(number as u64 * CASES_A_FILE + case);
                let mut bytes = mutate(&good, &mut rng);
                if case % 2 == 0 {
                    right_checksums(&mut bytes);
                }
                let samples = read_everything(&bytes);
                // The densest encoding holds 105 samples in 64 bytes.
                let bounded = samples <= bytes.len() / 64 * 105 + 105;
                if send.send((number, case, bounded)).is_err() {
                    return;
                }
            }
        }
    });
    let mut cases = 0;
    loop {
        // Generous against a busy machine; a hang never ends.
        match receive.recv_timeout(Duration::from_secs(20)) {
            Ok((number, case, bounded)) => {
                assert!(bounded, "file {number}, case {case}: more samples than bytes can hold");
                cases += 1;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("case {cases} hangs"),
        }
    }
    assert_eq!(cases, 10 * CASES_A_FILE, "a case panicked");
}
