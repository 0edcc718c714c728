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

/// How a word is cut into differences, so that cutting it takes no branch: the first difference
/// is the highest; each is moved up against the sign bit, then down by `32 - bits`.
#[derive(Clone, Copy)]
struct Layout {
    /// Differences in the word; [`FORBIDDEN`] where no such word exists.
    count: u32,
    down: u32,
    up: [u32; LANES],
}

/// Differences cut from every word; those beyond its count are overwritten by the next word.
const LANES: usize = 8;

/// Stands for the count of a word that the standard does not have.
const FORBIDDEN: u32 = u32::MAX;

/// The layouts of a level, at index `4 * code + (word >> 30)`.
type Layouts = [Layout; 16];

const fn layouts(level: u8) -> Layouts {
    let mut table = [Layout { count: 0, down: 0, up: [0; LANES] }; 16];
    let mut index = 0;
    while index < table.len() {
        let (count, bits) = match (level, index / 4, index % 4) {
            (_, 0, _) => (0, 32),
            (_, 1, _) => (4, 8),
            (1, 2, _) => (2, 16),
            (1, 3, _) => (1, 32),
            (2, 2, 1) => (1, 30),
            (2, 2, 2) => (2, 15),
            (2, 2, 3) => (3, 10),
            (2, 3, 0) => (5, 6),
            (2, 3, 1) => (6, 5),
            (2, 3, 2) => (7, 4),
            _ => (FORBIDDEN, 32),
        };
        table[index].count = count;
        table[index].down = 32 - bits;
        let mut lane = 0;
        while count != FORBIDDEN && lane < count {
            table[index].up[lane as usize] = 1 << (32 - bits * (count - lane));
            lane += 1;
        }
        index += 1;
    }
    table
}

const STEIM1_LAYOUTS: &Layouts = &layouts(1);
const STEIM2_LAYOUTS: &Layouts = &layouts(2);

/// Above the most differences of a frame, 15 words of 7; a power of two, so that a masked place
/// needs no check.
const FRAME_ROOM: usize = 128;

/// How many differences a frame holds, and the code and sub-code of the word that ended it early
/// because no such word exists.
struct Found {
    differences: usize,
    forbidden: Option<(u32, u32)>,
}

impl Found {
    fn whole(&self) -> Result<(), String> {
        self.forbidden.map_or(Ok(()), |(code, sub_code)| {
            Err(format!("Steim-2 word with code {code} and sub-code {sub_code}"))
        })
    }
}

impl Frames<'_> {
    /// Calls `take(layout, word)` for the data words of frame `number`; in `word` the differences
    /// stand from high to low.
    #[inline(always)]
    fn words<const LITTLE: bool>(
        &self,
        number: usize,
        frame: &[u8; FRAME],
        mut take: impl FnMut(&'static Layout, u32),
    ) -> Found {
        let read = |bytes: [u8; 4]| match LITTLE {
            false => u32::from_be_bytes(bytes),
            true => u32::from_le_bytes(bytes),
        };
        let layouts = if self.level == 1 { STEIM1_LAYOUTS } else { STEIM2_LAYOUTS };
        let (words, _) = frame.as_chunks::<4>();
        // The first frame begins with the first and the last sample.
        let first = if number == 0 { 3 } else { 1 };
        let mut codes = read(words[0]) << (2 * first);
        let mut differences = 0;
        for &bytes in words.iter().skip(first) {
            let (code, mut word) = (codes >> 30, read(bytes));
            codes <<= 2;
            let layout = &layouts[(code << 2 | word >> 30) as usize & 15];
            if layout.count == FORBIDDEN {
                let forbidden = Some((code, word >> 30));
                return Found { differences, forbidden };
            }
            if LITTLE {
                // Bytes stand in file order whatever the byte order, and so do the 16-bit halves
                // of Steim-1.
                match (code, self.level) {
                    (1, _) => word = word.swap_bytes(),
                    (2, 1) => word = word.rotate_left(16),
                    _ => {}
                }
            }
            take(layout, word);
            differences += layout.count as usize;
        }
        Found { differences, forbidden: None }
    }

    /// Whether `wanted` differences are there.
    pub fn verify(&self, wanted: usize) -> Result<(), String> {
        let (frames, _) = self.payload.as_chunks::<FRAME>();
        let mut found = 0;
        for (number, frame) in frames.iter().enumerate() {
            // The byte order does not change how many there are.
            let here = match self.order {
                ByteOrder::Big => self.words::<false>(number, frame, |_, _| {}),
                ByteOrder::Little => self.words::<true>(number, frame, |_, _| {}),
            };
            found += here.differences;
            if found >= wanted {
                break;
            }
            here.whole()?;
        }
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

    /// Appends the first `wanted` samples to `samples`: sums of the differences, in wrapping
    /// arithmetic, from the stated first sample. Returns whether the last one is the one stated
    /// for checking. After an error, `samples` is as it was.
    pub fn decode(&self, wanted: usize, samples: &mut Vec<i32>) -> Result<bool, String> {
        let before = samples.len();
        let result = match self.order {
            ByteOrder::Big => self.decode_in::<false>(wanted, samples),
            ByteOrder::Little => self.decode_in::<true>(wanted, samples),
        };
        if result.is_err() {
            samples.truncate(before);
        }
        result
    }

    #[inline(always)]
    fn decode_in<const LITTLE: bool>(
        &self,
        wanted: usize,
        samples: &mut Vec<i32>,
    ) -> Result<bool, String> {
        let (frames, _) = self.payload.as_chunks::<FRAME>();
        let before = samples.len();
        samples.resize(before + wanted.min(frames.len() * 15 * 7), 0);
        let mut rest = samples.get_mut(before..).unwrap_or_default();
        let mut differences = [0i32; FRAME_ROOM + LANES];
        let mut sum = 0i32;
        for (number, frame) in frames.iter().enumerate() {
            let mut at = 0;
            let here = self.words::<LITTLE>(number, frame, |layout, word| {
                let at_most = at & (FRAME_ROOM - 1);
                for (lane, up) in differences[at_most..at_most + LANES].iter_mut().zip(&layout.up) {
                    *lane = word.wrapping_mul(*up) as i32 >> (layout.down & 31);
                }
                at += layout.count as usize;
            });
            if number == 0 {
                // The first difference refers to the record before and is never used.
                differences[0] = self.order.i32(self.payload, 4);
            }
            let (now, later) = rest.split_at_mut(here.differences.min(rest.len()));
            for (sample, difference) in now.iter_mut().zip(&differences) {
                sum = sum.wrapping_add(*difference);
                *sample = sum;
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
            here.whole()?;
        }
        let missing = rest.len();
        self.enough(samples.len() - before - missing, wanted)?;
        Ok(sum == self.order.i32(self.payload, 8))
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

/// Packs as many samples as fit `room` (whole frames, big-endian, zeroed) and returns how many, and
/// the frames they take. `previous` is the sample before. Differences that Steim-2 cannot hold end
/// the record.
pub(crate) fn pack(samples: &[i32], previous: i32, level: u8, room: &mut [u8]) -> (usize, usize) {
    let table = if level == 1 { STEIM1 } else { STEIM2 };
    let difference = |i: usize| {
        let before = if i == 0 { Some(&previous) } else { samples.get(i - 1) };
        Some(samples.get(i)?.wrapping_sub(*before?))
    };
    let (frames, _) = room.as_chunks_mut::<FRAME>();
    let (mut done, mut used) = (0, 0);
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
            used = number + 1;
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
    (done, used)
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
            let mut decoded = vec![5];
            assert_eq!(frames.decode(samples.len(), &mut decoded), Ok(true));
            assert_eq!(decoded[1..], *samples);
            assert!(frames.decode(samples.len() + 1, &mut decoded).is_err());
            assert_eq!(decoded.len(), 1 + samples.len());
            assert!(frames.verify(samples.len() + 1).is_err());
            let mut room = vec![0; FRAME];
            // The reference frame takes d0 as 0: the sample before equals the first.
            assert_eq!(pack(samples, samples[0], level, &mut room), (samples.len(), 1));
            assert_eq!(&room, payload);
        }
    }

    #[test]
    fn forbidden_words_are_refused() {
        let frame = bytes(&[3 << 24, 1, 1, 0xC000_0000]);
        let frames = Frames { payload: &frame, order: ByteOrder::Big, level: 2 };
        assert!(frames.decode(1, &mut Vec::new()).is_err());
        assert!(frames.verify(1).is_err());
        let none = Frames { payload: &frame[..63], order: ByteOrder::Big, level: 2 };
        assert!(none.verify(1).is_err());
    }
}
