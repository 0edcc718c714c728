//! Which channel a record belongs to: the padded codes of version 2, the identifier of version 3.

/// Longest source identifier of version 3 (its length is one byte).
const LONGEST: usize = 255;

/// Network, station, location and channel, as raw bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Codes {
    layout: Layout,
    /// Zeros behind `length` bytes.
    raw: [u8; LONGEST],
    length: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Layout {
    /// Five bytes station, two location, three channel, two network, in header order.
    Fields,
    /// A source identifier.
    Identifier,
}

/// Printable ASCII up to the first NUL, trimmed.
fn text(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .take_while(|&&b| b != 0)
        .filter(|b| b.is_ascii())
        .map(|&b| char::from(b))
        .collect();
    text.trim().to_string()
}

impl Codes {
    /// From bytes 8 to 20 of a version 2 header.
    pub(crate) fn fields(raw: [u8; 12]) -> Self {
        Self::new(Layout::Fields, &raw)
    }

    /// From a source identifier; bytes beyond 255 are dropped.
    pub(crate) fn identifier(identifier: &[u8]) -> Self {
        Self::new(Layout::Identifier, identifier)
    }

    fn new(layout: Layout, bytes: &[u8]) -> Self {
        let mut raw = [0; LONGEST];
        let length = bytes.len().min(LONGEST);
        raw[..length].copy_from_slice(&bytes[..length]);
        Self { layout, raw, length: length as u8 }
    }

    fn bytes(&self) -> &[u8] {
        self.raw.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Network, station, location and the channel's three parts, if this is an identifier of the
    /// FDSN (Source Identifiers, version 1.0): `FDSN:NET_STA_LOC_B_S_SS`.
    fn parts(&self) -> Option<[&str; 6]> {
        if self.layout == Layout::Fields {
            return None;
        }
        let whole = std::str::from_utf8(self.bytes()).ok()?;
        let mut parts = whole.strip_prefix("FDSN:")?.rsplit(':').next()?.split('_');
        let six = std::array::from_fn(|_| parts.next());
        if parts.next().is_some() {
            return None;
        }
        match six {
            [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] => Some([a, b, c, d, e, f]),
            _ => None,
        }
    }

    fn field(&self, part: usize, range: std::ops::Range<usize>) -> String {
        match self.layout {
            Layout::Fields => text(self.raw.get(range).unwrap_or_default()),
            Layout::Identifier => {
                self.parts().and_then(|parts| parts.get(part).copied()).unwrap_or("").to_string()
            }
        }
    }

    /// The identifier of version 3; of version 2 the one that its codes make, or the codes with
    /// dots between them where the channel has not three characters.
    pub fn source_identifier(&self) -> String {
        if self.layout == Layout::Identifier {
            return text(self.bytes());
        }
        let [network, station, location, channel] =
            [self.network(), self.station(), self.location(), self.channel()];
        source_identifier(&network, &station, &location, &channel)
            .unwrap_or_else(|| format!("{network}.{station}.{location}.{channel}"))
    }

    /// Network code.
    pub fn network(&self) -> String {
        self.field(0, 10..12)
    }

    /// Station code; the whole identifier of a version 3 record that is not the FDSN's.
    pub fn station(&self) -> String {
        match (self.layout, self.parts()) {
            (Layout::Identifier, None) => text(self.bytes()),
            _ => self.field(1, 0..5),
        }
    }

    /// Location code, often empty.
    pub fn location(&self) -> String {
        self.field(2, 5..7)
    }

    /// Channel code: `BHZ`; where band, source or subsource of an identifier is not one character,
    /// the three with underscores: `B_HH_Z1`.
    pub fn channel(&self) -> String {
        let Some([.., band, source, subsource]) = self.parts() else {
            return self.field(3, 7..10);
        };
        let single = [band, source, subsource].iter().all(|part| part.len() == 1);
        [band, source, subsource].join(if single { "" } else { "_" })
    }
}

/// The source identifier of four codes: a channel of three characters is taken apart, one with
/// two underscores taken as it is. `None` where the channel is neither.
pub(crate) fn source_identifier(
    network: &str,
    station: &str,
    location: &str,
    channel: &str,
) -> Option<String> {
    let channel = match channel.as_bytes() {
        &[band, source, subsource] if channel.is_ascii() && !channel.contains('_') => {
            [band, source, subsource].map(|b| char::from(b).to_string()).join("_")
        }
        bytes if bytes.iter().filter(|&&b| b == b'_').count() == 2 => channel.to_string(),
        _ => return None,
    };
    Some(format!("FDSN:{network}_{station}_{location}_{channel}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(codes: Codes) -> [String; 4] {
        [codes.network(), codes.station(), codes.location(), codes.channel()]
    }

    #[test]
    fn padded_fields_are_trimmed_and_cut() {
        assert_eq!(all(Codes::fields(*b"ANMO 00BHZIU")), ["IU", "ANMO", "00", "BHZ"]);
        assert_eq!(all(Codes::fields(*b"A\0MO   B\xFFZI ")), ["I", "A", "", "BZ"]);
    }

    #[test]
    fn identifiers_come_apart_and_together() {
        for (identifier, codes) in [
            ("FDSN:XX_SYN_00_B_H_Z", ["XX", "SYN", "00", "BHZ"]),
            ("FDSN:NET2024_STATION8_LOC00_B_HH_Z1", ["NET2024", "STATION8", "LOC00", "B_HH_Z1"]),
            ("FDSN:XX_SYN__B_H_", ["XX", "SYN", "", "B_H_"]),
        ] {
            assert_eq!(all(Codes::identifier(identifier.as_bytes())), codes);
            let [network, station, location, channel] = codes;
            let made = source_identifier(network, station, location, channel);
            assert_eq!(made.as_deref(), Some(identifier));
        }
        let foreign = Codes::identifier(b"LAB:rig 3, sensor 7");
        assert_eq!(all(foreign), ["", "LAB:rig 3, sensor 7", "", ""]);
        assert_eq!(source_identifier("XX", "SYN", "", "BH"), None);
        let fields = Codes::fields(*b"ANMO 00BHZIU");
        assert_eq!(fields.source_identifier(), "FDSN:IU_ANMO_00_B_H_Z");
    }
}
