//! The session key: what a link key becomes for one run of one transmitter, and the AEAD made with it.
//!
//! HKDF-SHA256 (RFC 5869) over the link key with a random 128-bit salt gives the key of ChaCha20-Poly1305
//! (RFC 8439) and the session's short name. The salt is new at every start, so an aircraft without a clock
//! never seals two packets with the same key and nonce.
//!
//! ```text
//! nonce   | kind u8 | stream u8 | 00 00 00 00 00 00 | sequence u32 |
//! ```

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;

use super::LinkKey;
use super::mend;
use crate::wire::announce::SALT_LEN;
use crate::wire::packet::PacketHeader;

/// Length of the tag behind every sealed body, in bytes.
pub const TAG_LEN: usize = 16;

const KEY_LEN: usize = 32;
const ID_LEN: usize = 3;
const INFO: &[u8] = b"skylark 1 session";

/// The key of one session.
pub struct SessionKey {
    id: u32,
    salt: [u8; SALT_LEN],
    key: LessSafeKey,
    key_bytes: [u8; KEY_LEN],
}

/// A body whose tag does not fit: damaged, of another key, or made by somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tag does not fit")]
pub struct Forged;

impl SessionKey {
    /// Derives the key of the session with this salt.
    ///
    /// # Panics
    /// Never: HKDF-SHA256 gives up to 8160 bytes and ChaCha20-Poly1305 takes any 32 (RFC 5869 2.3, RFC 8439 2.8).
    #[must_use]
    pub fn derive(link_key: &LinkKey, salt: &[u8; SALT_LEN]) -> Self {
        let mut okm = [0; KEY_LEN + ID_LEN];
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(link_key.as_bytes());
        prk.expand(&[INFO], OkmLen).and_then(|okm_| okm_.fill(&mut okm)).expect("35 bytes are within HKDF's limit");
        let (key, id) = okm.split_at(KEY_LEN);
        let id = id.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        let mut key_bytes = [0; KEY_LEN];
        key_bytes.copy_from_slice(key);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("the key has the cipher's length");
        Self { id, salt: *salt, key: LessSafeKey::new(key), key_bytes }
    }

    /// The session's short name, 24 bits, in the addresses of its frames.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The salt it was derived with.
    #[must_use]
    pub const fn salt(&self) -> &[u8; SALT_LEN] {
        &self.salt
    }

    /// Encrypts `body` in place and returns the tag to put behind it.
    ///
    /// # Panics
    /// Never: a body is far below the cipher's limit of 256 GiB.
    #[must_use]
    pub fn seal(&self, header: &PacketHeader, body: &mut [u8]) -> [u8; TAG_LEN] {
        let aad = Aad::from(header.associated_data());
        let nonce = Nonce::assume_unique_for_key(nonce(header));
        let tag = self.key.seal_in_place_separate_tag(nonce, aad, body).expect("a body is short");
        let mut bytes = [0; TAG_LEN];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Decrypts `sealed` (body and tag) in place and returns the body.
    ///
    /// # Errors
    /// The tag does not fit; the bytes are of no use then.
    pub fn open<'a>(&self, header: &PacketHeader, sealed: &'a mut [u8]) -> Result<&'a [u8], Forged> {
        let aad = Aad::from(header.associated_data());
        let nonce = Nonce::assume_unique_for_key(nonce(header));
        self.key.open_in_place(nonce, aad, sealed).map(|body| &*body).map_err(|_| Forged)
    }

    /// Sets one burst of at most [`mend::MAX_BURST_BITS`] wrong bits within 16 bytes of a damaged `sealed` body
    /// right, where that makes its tag fit. Returns whether it did; only [`open`](Self::open) says that it is true.
    pub fn mend(&self, header: &PacketHeader, sealed: &mut [u8]) -> bool {
        mend::mend(&self.key_bytes, &nonce(header), &header.associated_data(), sealed)
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKey({:06x})", self.id)
    }
}

struct OkmLen;

impl hkdf::KeyType for OkmLen {
    fn len(&self) -> usize {
        KEY_LEN + ID_LEN
    }
}

const fn nonce(header: &PacketHeader) -> [u8; NONCE_LEN] {
    let [n0, n1, n2, n3] = header.sequence.to_be_bytes();
    [header.kind as u8, header.stream, 0, 0, 0, 0, 0, 0, n0, n1, n2, n3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::LinkId;
    use crate::wire::packet::Kind;

    fn session() -> SessionKey {
        SessionKey::derive(&LinkKey::from_bytes([7; 32]), &[9; SALT_LEN])
    }

    fn header() -> PacketHeader {
        let session = session().id();
        PacketHeader { link: LinkId::from_name("default"), stream: 0, kind: Kind::Source, session, sequence: 5 }
    }

    fn sealed(header: &PacketHeader) -> Vec<u8> {
        let mut body = b"one datagram".to_vec();
        let tag = session().seal(header, &mut body);
        body.extend_from_slice(&tag);
        body
    }

    #[test]
    fn what_is_sealed_opens() {
        assert_eq!(session().open(&header(), &mut sealed(&header())), Ok(&b"one datagram"[..]));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = sealed(&header());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(session().open(&header(), &mut bad), Err(Forged));
        }
    }

    #[test]
    fn every_field_of_the_header_is_protected() {
        let changed = [
            PacketHeader { link: LinkId::from_name("other"), ..header() },
            PacketHeader { stream: 1, ..header() },
            PacketHeader { kind: Kind::WindowRepair, ..header() },
            PacketHeader { session: header().session ^ 1, ..header() },
            PacketHeader { sequence: 6, ..header() },
            PacketHeader { sequence: 5 | 1 << 31, ..header() },
        ];
        for header_ in changed {
            assert_eq!(session().open(&header_, &mut sealed(&header())), Err(Forged), "{header_:?}");
        }
    }

    #[test]
    fn another_salt_or_key_gives_another_session() {
        let other_salt = SessionKey::derive(&LinkKey::from_bytes([7; 32]), &[8; SALT_LEN]);
        let other_key = SessionKey::derive(&LinkKey::from_bytes([8; 32]), &[9; SALT_LEN]);
        assert_ne!(other_salt.id(), session().id());
        assert!(other_salt.open(&header(), &mut sealed(&header())).is_err());
        assert!(other_key.open(&header(), &mut sealed(&header())).is_err());
    }

    #[test]
    fn bytes_shorter_than_a_tag_are_refused() {
        for len in 0..TAG_LEN {
            assert_eq!(session().open(&header(), &mut vec![0; len]), Err(Forged));
        }
    }
}
