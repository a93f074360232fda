//! The two keys of a link: `drone.key` on the aircraft, `gs.key` on the ground, 64 bytes each.
//!
//! ```text
//! drone.key   | secret of the aircraft, 32 bytes | public of the ground, 32 bytes   |
//! gs.key      | secret of the ground, 32 bytes   | public of the aircraft, 32 bytes |
//! ```
//!
//! A file does not say which of the two it is: X25519 takes any 32 bytes for a secret. But a secret tells its public
//! key, so the two files of a link can be told apart beside each other.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use ring::digest::{SHA256, SHA512, digest};
use thiserror::Error;

/// Length of a key file, in bytes.
pub const FILE_LEN: usize = 64;
const HALF: usize = 32;

/// The salt of keys from passphrases.
const SALT: &[u8; 16] = b"wifibroadcastkey";
/// libsodium's `crypto_pwhash_argon2i_OPSLIMIT_INTERACTIVE` and `…_MEMLIMIT_INTERACTIVE`.
const PASSES: u32 = 4;
const MEMORY_KIB: u32 = 32 << 10;

/// One end's key: its own secret and the other's public key.
#[derive(Clone)]
pub struct EndKey {
    secret: SecretKey,
    peer: PublicKey,
    /// What X25519 makes of the two. It costs more than opening many packets, so it is made once.
    shared: Arc<SalsaBox>,
}

/// Both ends' keys.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// What is in `drone.key`.
    pub drone: EndKey,
    /// What is in `gs.key`.
    pub ground: EndKey,
}

/// Why a key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A key file of another length.
    #[error("{found} bytes, expected {FILE_LEN}: the gs.key or drone.key that wfb_keygen makes")]
    Length {
        /// Its length.
        found: usize,
    },
    /// It begins with what is public.
    #[error("the secret is zero: the file is empty or damaged")]
    Zero,
}

impl EndKey {
    /// Reads the contents of a key file.
    ///
    /// # Errors
    /// Another length, or no secret.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let length = KeyError::Length { found: bytes.len() };
        let file: &[u8; FILE_LEN] = bytes.try_into().map_err(|_| length)?;
        let (secret, rest) = file.split_first_chunk::<HALF>().ok_or(length)?;
        let (peer, _) = rest.split_first_chunk::<HALF>().ok_or(length)?;
        if secret == &[0; HALF] || peer == &[0; HALF] {
            return Err(KeyError::Zero);
        }
        Ok(Self::new(SecretKey::from(*secret), PublicKey::from(*peer)))
    }

    /// The contents of its key file.
    #[must_use]
    pub fn emit(&self) -> [u8; FILE_LEN] {
        let mut file = [0; FILE_LEN];
        let (secret, peer) = file.split_at_mut(HALF);
        secret.copy_from_slice(&self.secret.to_bytes());
        peer.copy_from_slice(self.peer.as_bytes());
        file
    }

    /// Whether the other key is that of the other end of the same link.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        self.secret.public_key() == other.peer && other.secret.public_key() == self.peer
    }

    /// A number both ends' keys share and other links' do not, to compare by eye: of SHA-256 over both public keys, the
    /// lesser first, the first four bytes.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let mut public = [self.secret.public_key().to_bytes(), self.peer.to_bytes()];
        public.sort_unstable();
        let hash = digest(&SHA256, &public.concat());
        hash.as_ref().first_chunk().copied().map_or(0, u32::from_be_bytes)
    }

    /// The box between the two ends.
    pub(super) fn salsa_box(&self) -> &SalsaBox {
        &self.shared
    }

    fn new(secret: SecretKey, peer: PublicKey) -> Self {
        let shared = Arc::new(SalsaBox::new(&peer, &secret));
        Self { secret, peer, shared }
    }
}

impl std::fmt::Debug for EndKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndKey(..)")
    }
}

impl KeyPair {
    /// The keys of a passphrase, as the standard derives them. Takes about a tenth of a second and 32 MiB.
    ///
    /// # Panics
    /// Never: the parameters of Argon2 are within its limits.
    #[must_use]
    pub fn from_passphrase(passphrase: &str) -> Self {
        let mut seeds = [0; FILE_LEN];
        let parameters = Params::new(MEMORY_KIB, PASSES, 1, Some(FILE_LEN)).expect("within the limits");
        let argon = Argon2::new(Algorithm::Argon2i, Version::V0x13, parameters);
        argon.hash_password_into(passphrase.as_bytes(), SALT, &mut seeds).expect("within the limits");
        let (drone, ground) = seeds.split_at(HALF);
        Self::from_secrets(secret_of_seed(drone), secret_of_seed(ground))
    }

    /// The keys of two secrets, 32 random bytes each.
    #[must_use]
    pub fn from_secrets(drone: [u8; HALF], ground: [u8; HALF]) -> Self {
        let [drone, ground] = [drone, ground].map(SecretKey::from);
        let peers = (ground.public_key(), drone.public_key());
        Self { drone: EndKey::new(drone, peers.0), ground: EndKey::new(ground, peers.1) }
    }
}

/// What libsodium's `crypto_box_seed_keypair` makes of a seed.
fn secret_of_seed(seed: &[u8]) -> [u8; HALF] {
    let hash = digest(&SHA512, seed);
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ring::digest::SHA1_FOR_LEGACY_USE_ONLY;

    use super::*;

    fn sha1(bytes: &[u8]) -> String {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_passphrase_gives_the_keys_the_standard_publishes() {
        let keys = KeyPair::from_passphrase("secret password");
        assert_eq!(sha1(&keys.ground.emit()), "cb8d52ca7602928f67daba6ba1f308f4cfc88aa7");
        assert_eq!(sha1(&keys.drone.emit()), "7a6ffb44cebc53b4538d20bdcaba8d70c9cf4095");
        assert!(keys.ground.fits(&keys.drone));
    }

    #[test]
    fn a_key_file_comes_back_and_the_ends_are_told_apart() {
        let keys = KeyPair::from_secrets([1; 32], [2; 32]);
        let read = EndKey::parse(&keys.drone.emit()).unwrap();
        assert_eq!(read.emit(), keys.drone.emit());
        assert!(read.fits(&keys.ground) && !read.fits(&keys.drone));
        assert_eq!(keys.drone.fingerprint(), keys.ground.fingerprint());
        assert_ne!(keys.drone.fingerprint(), KeyPair::from_secrets([1; 32], [3; 32]).drone.fingerprint());
    }

    #[test]
    fn files_of_another_length_and_empty_ones_are_refused() {
        for found in [0, 32, 63, 65, 128] {
            assert_eq!(EndKey::parse(&vec![1; found]).unwrap_err(), KeyError::Length { found });
        }
        assert_eq!(EndKey::parse(&[0; 64]).unwrap_err(), KeyError::Zero);
    }
}
