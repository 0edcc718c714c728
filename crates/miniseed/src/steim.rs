//! Steim-1 and Steim-2: differences packed into 64-byte frames (SEED 2.4, appendix B).

use crate::bytes::ByteOrder;

/// Bytes in a frame.
pub(crate) const FRAME: usize = 64;

/// The frames of one record.
pub(crate) struct Frames<'a> {
    pub payload: &'a [u8],
    pub order: ByteOrder,
    /// 1 or 2.
    pub level: u8,
}

/// Decoded samples, and whether the last one is the one stated for checking.
pub(crate) struct Decoded {
    pub samples: Vec<i32>,
    pub last_agrees: bool,
}

/// How a word is cut: number of differences and bits of each. `None`: no such word.
fn layout(level: u8, code: u32, word: u32) -> Option<(usize, u32)> {
    Some(match (level, code, word >> 30) {
        (_, 0, _) => (0, 0),
        (_, 1, _) => (4, 8),
        (1, 2, _) => (2, 16),
        (1, 3, _) => (1, 32),
        (2, 2, 1) => (1, 30),
        (2, 2, 2) => (2, 15),
        (2, 2, 3) => (3, 10),
        (2, 3, 0) => (5, 6),
        (2, 3, 1) => (6, 5),
        (2, 3, 2) => (7, 4),
        _ => return None,
    })
}

impl Frames<'_> {
    /// Calls `take(layout, bytes of the word, word)` for each data word until it returns false.
    fn for_each_word(
        &self,
        mut take: impl FnMut((usize, u32), [u8; 4], u32) -> bool,
    ) -> Result<(), String> {
        let (frames, _) = self.payload.as_chunks::<FRAME>();
        for (number, frame) in frames.iter().enumerate() {
            let (words, _) = frame.as_chunks::<4>();
            let codes = self.word(words[0]);
            let first = if number == 0 { 3 } else { 1 };
            for (k, &bytes) in words.iter().enumerate().skip(first) {
                let code = codes >> (30 - 2 * k) & 3;
                let word = self.word(bytes);
                let layout = layout(self.level, code, word).ok_or_else(|| {
                    format!("Steim-2 word with code {code} and sub-code {}", word >> 30)
                })?;
                if layout.0 > 0 && !take(layout, bytes, word) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn word(&self, bytes: [u8; 4]) -> u32 {
        match self.order {
            ByteOrder::Big => u32::from_be_bytes(bytes),
            ByteOrder::Little => u32::from_le_bytes(bytes),
        }
    }

    /// Whether `wanted` differences are there.
    pub fn verify(&self, wanted: usize) -> Result<(), String> {
        let mut found = 0;
        self.for_each_word(|(count, _), _, _| {
            found += count;
            found < wanted
        })?;
        self.enough(found, wanted)
    }

    fn enough(&self, found: usize, wanted: usize) -> Result<(), String> {
        if self.payload.len() < FRAME {
            return Err(format!("claims {wanted} samples and holds no whole Steim frame"));
        }
        if found < wanted {
            return Err(format!("claims {wanted} samples; its Steim frames hold {found}"));
        }
        Ok(())
    }

    /// Sums the first `wanted` differences, in wrapping arithmetic, from the stated first sample.
    pub fn decode(&self, wanted: usize) -> Result<Decoded, String> {
        let most = self.payload.len() / FRAME * 105;
        let mut values: Vec<i32> = Vec::with_capacity(wanted.min(most) + 7);
        let two_bytes = |a, b| match self.order {
            ByteOrder::Big => i32::from(i16::from_be_bytes([a, b])),
            ByteOrder::Little => i32::from(i16::from_le_bytes([a, b])),
        };
        self.for_each_word(|(count, bits), bytes, word| {
            let field = |j: u32| {
                let above = 32 - bits * (count as u32 - j);
                (word << above) as i32 >> (32 - bits)
            };
            match (count, bits) {
                // Four bytes in file order, whatever the byte order.
                (4, _) => values.extend(bytes.map(|byte| i32::from(byte as i8))),
                (1, 32) => values.push(word as i32),
                (2, 16) => {
                    let [a, b, c, d] = bytes;
                    values.extend([two_bytes(a, b), two_bytes(c, d)]);
                }
                (1, _) => values.push(field(0)),
                (2, _) => values.extend([field(0), field(1)]),
                (3, _) => values.extend([0, 1, 2].map(field)),
                (5, _) => values.extend([0, 1, 2, 3, 4].map(field)),
                (6, _) => values.extend([0, 1, 2, 3, 4, 5].map(field)),
                _ => values.extend([0, 1, 2, 3, 4, 5, 6].map(field)),
            }
            values.len() < wanted
        })?;
        self.enough(values.len(), wanted)?;
        values.truncate(wanted);
        let constant = |at: usize| self.order.i32(self.payload, at);
        // The first difference refers to the record before and is never used.
        if let Some(first) = values.first_mut() {
            *first = constant(4);
        }
        let mut sum = 0i32;
        for value in &mut values {
            sum = sum.wrapping_add(*value);
            *value = sum;
        }
        Ok(Decoded { samples: values, last_agrees: sum == constant(8) })
    }
}

/// Rows of the packing table: (differences, bits, code, sub-code), densest first.
const STEIM1: &[(usize, u32, u32, u32)] = &[(4, 8, 1, 0), (2, 16, 2, 0), (1, 32, 3, 0)];
const STEIM2: &[(usize, u32, u32, u32)] = &[
    (7, 4, 3, 2),
    (6, 5, 3, 1),
    (5, 6, 3, 0),
    (4, 8, 1, 0),
    (3, 10, 2, 3),
    (2, 15, 2, 2),
    (1, 30, 2, 1),
];

/// Whether Steim-2 can hold the difference (30 bits).
pub(crate) fn fits_steim2(difference: i32) -> bool {
    (-(1 << 29)..1 << 29).contains(&difference)
}

/// Packs as many samples as fit `room` (whole frames, big-endian, zeroed) and returns how many.
/// `previous` is the sample before. Differences that Steim-2 cannot hold end the record.
pub(crate) fn pack(samples: &[i32], previous: i32, level: u8, room: &mut [u8]) -> usize {
    let table = if level == 1 { STEIM1 } else { STEIM2 };
    let difference = |i: usize| {
        let before = if i == 0 { Some(&previous) } else { samples.get(i - 1) };
        Some(samples.get(i)?.wrapping_sub(*before?))
    };
    let (frames, _) = room.as_chunks_mut::<FRAME>();
    let mut done = 0;
    'frames: for (number, frame) in frames.iter_mut().enumerate() {
        let mut codes = 0u32;
        let (words, _) = frame.as_chunks_mut::<4>();
        let first = if number == 0 { 3 } else { 1 };
        for (k, slot) in words.iter_mut().enumerate().skip(first) {
            let Some((word, code, count)) = pack_word(table, |j| difference(done + j)) else {
                words[0] = codes.to_be_bytes();
                break 'frames;
            };
            *slot = word.to_be_bytes();
            codes |= code << (30 - 2 * k);
            done += count;
        }
        words[0] = codes.to_be_bytes();
    }
    if let (Some(first), Some(last)) =
        (samples.first(), done.checked_sub(1).and_then(|i| samples.get(i)))
    {
        room[4..8].copy_from_slice(&first.to_be_bytes());
        room[8..12].copy_from_slice(&last.to_be_bytes());
    }
    done
}

/// The densest word that the next differences fit: (word, code, differences used).
fn pack_word(
    table: &[(usize, u32, u32, u32)],
    difference: impl Fn(usize) -> Option<i32>,
) -> Option<(u32, u32, usize)> {
    table.iter().find_map(|&(count, bits, code, sub_code)| {
        let fits = |d: i32| d << (32 - bits) >> (32 - bits) == d;
        let mut word = 0u32;
        for j in 0..count {
            let d = difference(j).filter(|&d| fits(d))?;
            let mask = u32::MAX >> (32 - bits);
            word = if bits == 32 { d as u32 } else { word << bits | (d as u32 & mask) };
        }
        // The sub-code sits in the two bits above the differences; codes without one fill the word.
        Some((if matches!(bits, 8 | 16 | 32) { word } else { word | sub_code << 30 }, code, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u32]) -> Vec<u8> {
        let mut frame: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        frame.resize(FRAME, 0);
        frame
    }

    #[test]
    fn worked_frames_decode_and_pack() {
        let steim1 = bytes(&[0x01b0_0000, 0xa, 0xfffe_ee90, 0x0002_ff04, 0x0001_0180, 0xfffe_ed00]);
        let steim2 = bytes(&[
            0x03a8_0000,
            0xa,
            0xfffe_ee9a,
            0x802f_41ef,
            0x8002_017f,
            0x7ffe_ed00,
            0x4000_000a,
        ]);
        let long = [10, 12, 11, 15, 16, 14, 13, 17, 400, -70_000, -69_990];
        let short = [10, 12, 11, 15, 16, 400, -70_000];
        for (level, payload, samples) in [(1, &steim1, &short[..]), (2, &steim2, &long[..])] {
            let frames = Frames { payload, order: ByteOrder::Big, level };
            let decoded = frames.decode(samples.len()).unwrap();
            assert_eq!(decoded.samples, samples);
            assert!(decoded.last_agrees);
            assert!(frames.verify(samples.len() + 1).is_err());
            let mut room = vec![0; FRAME];
            // The reference frame takes d0 as 0: the sample before equals the first.
            assert_eq!(pack(samples, samples[0], level, &mut room), samples.len());
            assert_eq!(&room, payload);
        }
    }

    #[test]
    fn forbidden_words_are_refused() {
        let frame = bytes(&[3 << 24, 1, 1, 0xC000_0000]);
        let frames = Frames { payload: &frame, order: ByteOrder::Big, level: 2 };
        assert!(frames.decode(1).is_err());
        assert!(frames.verify(1).is_err());
        let none = Frames { payload: &frame[..63], order: ByteOrder::Big, level: 2 };
        assert!(none.verify(1).is_err());
    }
}
