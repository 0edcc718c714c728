//! Numbers from bytes in either order, without a way to read past the end.

/// The order of bytes within a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

impl ByteOrder {
    /// The word at `at`; 0 past the end (callers have checked the length; this keeps it total).
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let Some(&[a, b]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()) else {
            return 0;
        };
        match self {
            Self::Big => u16::from_be_bytes([a, b]),
            Self::Little => u16::from_le_bytes([a, b]),
        }
    }

    pub(crate) fn i16(self, bytes: &[u8], at: usize) -> i16 {
        self.u16(bytes, at) as i16
    }

    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
            return 0;
        };
        match self {
            Self::Big => u32::from_be_bytes(*word),
            Self::Little => u32::from_le_bytes(*word),
        }
    }

    pub(crate) fn i32(self, bytes: &[u8], at: usize) -> i32 {
        self.u32(bytes, at) as i32
    }

    /// A 24-bit two's complement number.
    pub(crate) fn i24(self, [a, b, c]: [u8; 3]) -> i32 {
        let word = match self {
            Self::Big => [a, b, c, 0],
            Self::Little => [c, b, a, 0],
        };
        i32::from_be_bytes(word) >> 8
    }
}
