//! The keys of one session after another, from random bytes given once.

use ring::digest::{Context, SHA512};

use super::packet::{KEY_LEN, PacketKey};
use super::session::NONCE_LEN;

/// What all sessions of a transmitter are made from.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSeed([u8; Self::LEN]);

impl SessionSeed {
    /// Length of the random bytes.
    pub const LEN: usize = 32;

    /// Random bytes that were never used before and are told nobody.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Key of this session, and nonce of its session packet: SHA-512 over seed and number.
    #[must_use]
    pub fn session(&self, number: u64) -> (PacketKey, [u8; NONCE_LEN]) {
        let mut context = Context::new(&SHA512);
        context.update(&self.0);
        context.update(&number.to_be_bytes());
        let hash = context.finish();
        let (mut key, mut nonce) = ([0; KEY_LEN], [0; NONCE_LEN]);
        key.iter_mut().chain(&mut nonce).zip(hash.as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
        (PacketKey::from_bytes(key), nonce)
    }
}

impl std::fmt::Debug for SessionSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSeed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_has_a_key_and_a_nonce_of_its_own() {
        let seed = SessionSeed::from_bytes([7; 32]);
        let ((one, first), (other, second)) = (seed.session(0), seed.session(1));
        assert!(one != other && first != second);
        assert!(seed.session(0) == (one, first), "the same seed gives the same");
        assert!(SessionSeed::from_bytes([8; 32]).session(0).1 != first);
    }
}
