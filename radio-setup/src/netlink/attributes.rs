//! Netlink attributes: made from values, and read back where they are well-formed.
//!
//! ```text
//!  0               2               4
//! +---------------+---------------+---------------+----------
//! | length        | kind          | value …       | padding to 4
//! +---------------+---------------+---------------+----------
//! ```

use crate::legible::legible;
use netlink_packet_core::{DefaultNla, Emitable as _, NLA_F_NESTED, NLA_HEADER_SIZE, NlasIterator};

/// A flag: there or not.
pub(super) fn flag(kind: u16) -> DefaultNla {
    DefaultNla::new(kind, Vec::new())
}

/// A number.
pub(super) fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_ne_bytes().to_vec())
}

/// A string, with the zero at its end that the kernel wants.
pub(super) fn text(kind: u16, value: &str) -> DefaultNla {
    DefaultNla::new(kind, value.bytes().chain([0]).collect())
}

/// Attributes within an attribute.
pub(super) fn nested(kind: u16, inner: &[DefaultNla]) -> DefaultNla {
    DefaultNla::new(kind | NLA_F_NESTED, emit(&[], inner))
}

/// What precedes the attributes in a message, and the attributes.
pub(super) fn emit(header: &[u8], attributes: &[DefaultNla]) -> Vec<u8> {
    let mut bytes = vec![0; header.len() + attributes.buffer_len()];
    let (start, rest) = bytes.split_at_mut(header.len());
    start.copy_from_slice(header);
    attributes.emit(rest);
    bytes
}

/// Attributes one after the other, as the kernel wrote them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Attributes<'a> {
    /// Kind and value of each, up to the first that is not well-formed.
    pub(super) fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        NlasIterator::new(self.0).map_while(|found| {
            let found = found.ok()?;
            let (kind, end) = (found.kind(), usize::from(found.length()));
            Some((kind, found.into_inner().get(NLA_HEADER_SIZE..end)?))
        })
    }

    /// The value of the first of this kind.
    pub(super) fn find(self, kind: u16) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// Whether there is one of this kind.
    pub(super) fn has(self, kind: u16) -> bool {
        self.find(kind).is_some()
    }

    /// The number of this kind.
    pub(super) fn number(self, kind: u16) -> Option<u32> {
        self.find(kind).and_then(number_in)
    }

    /// The text of this kind, up to its zero, legible.
    pub(super) fn text(self, kind: u16) -> Option<String> {
        let value = self.find(kind)?;
        let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
        value.get(..end).map(legible)
    }

    /// The address of this kind.
    pub(super) fn mac(self, kind: u16) -> Option<[u8; 6]> {
        self.find(kind)?.try_into().ok()
    }

    /// The attributes within the attribute of this kind.
    pub(super) fn nested(self, kind: u16) -> Option<Self> {
        self.find(kind).map(Self)
    }
}

/// The number at the start of a value.
pub(super) fn number_in(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read_back() {
        let inner = [flag(1), number(6, 2000)];
        let bytes = emit(&[9, 9, 9, 9], &[text(4, "wlan0"), number(3, 7), nested(22, &inner)]);
        let attributes = Attributes(&bytes[4..]);
        assert_eq!(attributes.text(4).as_deref(), Some("wlan0"));
        assert_eq!(attributes.number(3), Some(7));
        let within = attributes.nested(22).unwrap();
        assert!(within.has(1) && !within.has(2));
        assert_eq!(within.number(6), Some(2000));
    }

    #[test]
    fn a_value_is_padded_to_four_bytes() {
        let expected: &[u8] = if cfg!(target_endian = "little") {
            &[9, 0, 4, 0, b'm', b'o', b'n', b'0', 0, 0, 0, 0]
        } else {
            &[0, 9, 0, 4, b'm', b'o', b'n', b'0', 0, 0, 0, 0]
        };
        assert_eq!(emit(&[], &[text(4, "mon0")]), expected);
    }

    #[test]
    fn reading_stops_at_a_length_beyond_the_end() {
        let mut bytes = emit(&[], &[number(1, 5), number(2, 6)]);
        bytes.truncate(14);
        let attributes = Attributes(&bytes);
        assert_eq!(attributes.number(1), Some(5));
        assert_eq!(attributes.number(2), None);
    }

    #[test]
    fn a_short_value_is_no_number_and_no_address() {
        let bytes = emit(&[], &[DefaultNla::new(1, vec![1, 2])]);
        assert_eq!(Attributes(&bytes).number(1), None);
        assert_eq!(Attributes(&bytes).mac(1), None);
    }
}
