//! The encodings of SEED and what becomes of each.

/// How samples are packed (blockette 1000, byte 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// 0: text.
    Text,
    /// 1: 16-bit integers.
    Int16,
    /// 2: 24-bit integers.
    Int24,
    /// 3: 32-bit integers.
    Int32,
    /// 4: IEEE single precision.
    Float32,
    /// 5: IEEE double precision.
    Float64,
    /// 10: Steim-1 differences.
    Steim1,
    /// 11: Steim-2 differences.
    Steim2,
    /// 12: GEOSCOPE 24-bit integers, read as floats.
    Geoscope24,
    /// 13: GEOSCOPE 16-bit gain ranged, 3-bit exponent.
    Geoscope16Exponent3,
    /// 14: GEOSCOPE 16-bit gain ranged, 4-bit exponent.
    Geoscope16Exponent4,
    /// 16: CDSN 16-bit gain ranged.
    Cdsn,
    /// 30: SRO 16-bit gain ranged.
    Sro,
    /// 32: DWWSSN 16-bit integers.
    Dwwssn,
    /// A code that is known or unknown by name but has no decoder.
    Unsupported(u8),
}

impl Encoding {
    /// The encoding of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Text,
            1 => Self::Int16,
            2 => Self::Int24,
            3 => Self::Int32,
            4 => Self::Float32,
            5 => Self::Float64,
            10 => Self::Steim1,
            11 => Self::Steim2,
            12 => Self::Geoscope24,
            13 => Self::Geoscope16Exponent3,
            14 => Self::Geoscope16Exponent4,
            16 => Self::Cdsn,
            30 => Self::Sro,
            32 => Self::Dwwssn,
            code => Self::Unsupported(code),
        }
    }

    /// The code written into blockette 1000.
    pub fn code(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Int16 => 1,
            Self::Int24 => 2,
            Self::Int32 => 3,
            Self::Float32 => 4,
            Self::Float64 => 5,
            Self::Steim1 => 10,
            Self::Steim2 => 11,
            Self::Geoscope24 => 12,
            Self::Geoscope16Exponent3 => 13,
            Self::Geoscope16Exponent4 => 14,
            Self::Cdsn => 16,
            Self::Sro => 30,
            Self::Dwwssn => 32,
            Self::Unsupported(code) => code,
        }
    }

    /// The name used by seismological software.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "ASCII",
            Self::Int16 => "INT16",
            Self::Int24 => "INT24",
            Self::Int32 => "INT32",
            Self::Float32 => "FLOAT32",
            Self::Float64 => "FLOAT64",
            Self::Steim1 => "STEIM1",
            Self::Steim2 => "STEIM2",
            Self::Geoscope24 => "GEOSCOPE24",
            Self::Geoscope16Exponent3 => "GEOSCOPE16_3",
            Self::Geoscope16Exponent4 => "GEOSCOPE16_4",
            Self::Cdsn => "CDSN",
            Self::Sro => "SRO",
            Self::Dwwssn => "DWWSSN",
            Self::Unsupported(15) => "USNSN",
            Self::Unsupported(17) => "Graefenberg",
            Self::Unsupported(18) => "IPG",
            Self::Unsupported(19) => "STEIM3",
            Self::Unsupported(31) => "HGLP",
            Self::Unsupported(33) => "RSTN 16 bit gain ranged",
            Self::Unsupported(100) => "opaque",
            Self::Unsupported(_) => "unknown",
        }
    }

    /// Bytes a sample for encodings of fixed width.
    pub(crate) fn width(self) -> Option<usize> {
        Some(match self {
            Self::Text => 1,
            Self::Int16
            | Self::Geoscope16Exponent3
            | Self::Geoscope16Exponent4
            | Self::Cdsn
            | Self::Sro
            | Self::Dwwssn => 2,
            Self::Int24 | Self::Geoscope24 => 3,
            Self::Int32 | Self::Float32 => 4,
            Self::Float64 => 8,
            Self::Steim1 | Self::Steim2 | Self::Unsupported(_) => return None,
        })
    }
}

/// CDSN: 14-bit mantissa, 2-bit gain.
pub(crate) fn cdsn(word: u16) -> i32 {
    let shift = [0, 2, 4, 7][usize::from(word >> 14)];
    (i32::from(word & 0x3FFF) - 8191) << shift
}

/// SRO: 12-bit mantissa, 4-bit exponent; `None` for the exponents that do not exist.
pub(crate) fn sro(word: u16) -> Option<i32> {
    let mantissa = i32::from((word << 4) as i16 >> 4);
    10u32.checked_sub(u32::from(word >> 12)).map(|exponent| mantissa << exponent)
}

/// GEOSCOPE 16 bit: 12-bit mantissa, exponent of 3 (`mask` 7) or 4 (`mask` 15) bits.
pub(crate) fn geoscope16(word: u16, mask: u16) -> f32 {
    let gain = f32::from(1u16 << (word >> 12 & mask));
    (f32::from(word & 0xFFF) - 2048.0) / gain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_values() {
        assert_eq!(geoscope16(0x1801, 7), 0.5);
        assert_eq!(geoscope16(0x7000, 7), -16.0);
        assert_eq!(geoscope16(0x7FFF, 7), 15.9921875);
        assert_eq!(geoscope16(0xF001, 15), -0.062469482);
        assert_eq!(geoscope16(0x0000, 15), -2048.0);
        assert_eq!(
            [0x0800, 0x7FFF, 0x3ABC, 0x8FFF, 0xF001].map(cdsn),
            [-6143, 32768, 6845, -65536, 524544]
        );
        assert_eq!(
            [0x0001, 0x07FF, 0x0800, 0xA001, 0x5123, 0xB001].map(sro),
            [Some(1024), Some(2096128), Some(-2097152), Some(1), Some(9312), None]
        );
    }

    #[test]
    fn codes_round_trip() {
        for code in 0..=255 {
            assert_eq!(Encoding::from_code(code).code(), code);
        }
    }
}
