//! Data packets: a nonce that says which fragment of which block it is, and the fragment, sealed.
//!
//! ```text
//! | type 1 u8 | block index u56 | fragment index u8 | sealed fragment | tag 16 bytes |
//! |           └─────────── nonce ────────────┘      |
//! | associated data                                 |
//! ```

use super::aead;
use super::fragment::MAX_FRAGMENT_BYTES;
use crate::seal::session::{Forged, TAG_LEN};

/// The first byte of a data packet.
pub const DATA_PACKET: u8 = 1;
/// Length of type and nonce, in bytes.
pub const HEADER_LEN: usize = 9;
/// Length of a session's key, in bytes.
pub const KEY_LEN: usize = aead::KEY_LEN;
/// The longest packet, header and tag included.
pub const MAX_PACKET_BYTES: usize = HEADER_LEN + MAX_FRAGMENT_BYTES + TAG_LEN;
/// Block indices stay below this.
pub const BLOCK_LIMIT: u64 = 1 << 55;

/// Which fragment of which block a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketId {
    /// The block, below [`BLOCK_LIMIT`].
    pub block: u64,
    /// The fragment within it: below k a source fragment, below n a parity.
    pub fragment: u8,
}

/// Why a packet cannot be a data packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Too short for its header and tag.
    #[error("a data packet of {found} bytes, expected at least {}", HEADER_LEN + TAG_LEN)]
    Truncated {
        /// Bytes that were there.
        found: usize,
    },
    /// Longer than any the dialect has.
    #[error("a data packet of {found} bytes, expected at most {MAX_PACKET_BYTES}")]
    TooLong {
        /// Bytes that were there.
        found: usize,
    },
    /// No data packet.
    #[error("a packet of type {0}, expected {DATA_PACKET}")]
    Type(u8),
    /// A block no transmitter reaches.
    #[error("block {0} is out of range")]
    Block(u64),
}

impl PacketId {
    /// Reads the header of a data packet; what is sealed follows, the tag behind it.
    ///
    /// # Errors
    /// No data packet, of an impossible length, or of an impossible block.
    pub fn parse(packet: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let found = packet.len();
        let (kind, rest) = packet.split_first().ok_or(PacketError::Truncated { found })?;
        if *kind != DATA_PACKET {
            return Err(PacketError::Type(*kind));
        }
        let (nonce, sealed) = rest.split_first_chunk().ok_or(PacketError::Truncated { found })?;
        if sealed.len() < TAG_LEN {
            return Err(PacketError::Truncated { found });
        }
        if found > MAX_PACKET_BYTES {
            return Err(PacketError::TooLong { found });
        }
        let nonce = u64::from_be_bytes(*nonce);
        let (block, [.., fragment]) = (nonce >> 8, nonce.to_be_bytes());
        if block >= BLOCK_LIMIT {
            return Err(PacketError::Block(block));
        }
        Ok((Self { block, fragment }, sealed))
    }

    /// The header of its packet: type and nonce.
    #[must_use]
    pub const fn emit(self) -> [u8; HEADER_LEN] {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = (self.block << 8 | self.fragment as u64).to_be_bytes();
        [DATA_PACKET, b0, b1, b2, b3, b4, b5, b6, b7]
    }

    /// The bytes of the nonce, in the order in which the cipher takes them.
    const fn nonce(self) -> [u8; aead::NONCE_LEN] {
        let [_, nonce @ ..] = self.emit();
        nonce
    }
}

/// The key all data packets of a session are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct PacketKey([u8; KEY_LEN]);

impl PacketKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Encrypts a fragment in place and returns the tag to put behind it.
    #[must_use]
    pub fn seal(&self, id: PacketId, fragment: &mut [u8]) -> [u8; TAG_LEN] {
        aead::seal(&self.0, id.nonce(), &id.emit(), fragment)
    }

    /// Decrypts what is sealed in place and returns the fragment.
    ///
    /// # Errors
    /// The tag does not fit; what was given is as it was then.
    pub fn open<'a>(&self, id: PacketId, sealed: &'a mut [u8]) -> Result<&'a [u8], Forged> {
        let (fragment, tag) = sealed.split_last_chunk_mut().ok_or(Forged)?;
        aead::open(&self.0, id.nonce(), &id.emit(), fragment, tag)?;
        Ok(fragment)
    }
}

impl std::fmt::Debug for PacketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PacketKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: PacketId = PacketId { block: 0x0012_3456_789a, fragment: 11 };
    const KEY: PacketKey = PacketKey::from_bytes([0x42; KEY_LEN]);

    #[test]
    fn the_header_is_type_block_and_fragment() {
        let header = ID.emit();
        assert_eq!(header, [1, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 11]);
        let packet = [&header[..], &[9; TAG_LEN]].concat();
        assert_eq!(PacketId::parse(&packet), Ok((ID, &[9; TAG_LEN][..])));
    }

    #[test]
    fn another_key_or_another_place_opens_nothing_and_changes_nothing() {
        let mut sealed = b"a fragment".to_vec();
        let tag = KEY.seal(ID, &mut sealed);
        sealed.extend_from_slice(&tag);
        let before = sealed.clone();
        assert!(KEY.open(PacketId { fragment: 10, ..ID }, &mut sealed).is_err());
        assert!(PacketKey::from_bytes([1; KEY_LEN]).open(ID, &mut sealed).is_err());
        assert_eq!(sealed, before);
        assert_eq!(KEY.open(ID, &mut sealed), Ok(&b"a fragment"[..]));
    }

    #[test]
    fn what_is_no_data_packet_is_refused() {
        let packet = [&ID.emit()[..], &[0; TAG_LEN]].concat();
        for len in 0..packet.len() {
            assert_eq!(PacketId::parse(&packet[..len]), Err(PacketError::Truncated { found: len }));
        }
        assert_eq!(PacketId::parse(&[2; 60]), Err(PacketError::Type(2)));
        let mut far = packet;
        far[1] = 0x80;
        assert!(matches!(PacketId::parse(&far), Err(PacketError::Block(_))));
        let mut long = vec![0; MAX_PACKET_BYTES + 1];
        long[0] = DATA_PACKET;
        assert!(matches!(PacketId::parse(&long), Err(PacketError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(block in 0..BLOCK_LIMIT, fragment: u8, text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let id = PacketId { block, fragment };
            let mut sealed = text.clone();
            let tag = KEY.seal(id, &mut sealed);
            sealed.extend_from_slice(&tag);
            prop_assert_eq!(KEY.open(id, &mut sealed).unwrap(), &text[..]);
        }
    }
}
