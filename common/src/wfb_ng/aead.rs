//! ChaCha20-Poly1305 as it was before RFC 8439: a nonce of 64 bits, and a tag over the associated data, its length, the
//! ciphertext and its length without any padding (libsodium's `crypto_aead_chacha20poly1305`).

mod poly1305;

use chacha20::ChaCha20LegacyCore;
use chacha20::cipher::{Block, KeyIvInit as _, StreamCipherCore as _};
use subtle::ConstantTimeEq as _;

use crate::seal::session::{Forged, TAG_LEN};
use poly1305::Poly1305;

/// Length of a key, in bytes.
pub(super) const KEY_LEN: usize = 32;
/// Length of a nonce, in bytes.
pub(super) const NONCE_LEN: usize = 8;

/// Blocks of keystream made at a time: what the cipher's kernels make at once, also if fewer are asked for.
const AT_ONCE: usize = 4;
/// Length of a block of keystream. The first keys the tag.
const BLOCK_LEN: usize = 64;
type CipherBlock = Block<ChaCha20LegacyCore>;

/// Encrypts in place and returns the tag.
pub(super) fn seal(key: &[u8; KEY_LEN], nonce: [u8; NONCE_LEN], associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
    let keystream = Keystream::new(key, nonce);
    let one_time = keystream.one_time_key();
    keystream.apply(text);
    tag(&one_time, associated, text)
}

/// Decrypts in place if the tag fits; what was given is as it was if not.
pub(super) fn open(
    key: &[u8; KEY_LEN],
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
    found: &[u8; TAG_LEN],
) -> Result<(), Forged> {
    let keystream = Keystream::new(key, nonce);
    if !bool::from(tag(&keystream.one_time_key(), associated, text).ct_eq(found)) {
        return Err(Forged);
    }
    keystream.apply(text);
    Ok(())
}

/// The tag over associated data and ciphertext, each followed by its length.
fn tag(one_time_key: &poly1305::Key, associated: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
    let len = |bytes: &[u8]| (bytes.len() as u64).to_le_bytes();
    let mut mac = Poly1305::new(one_time_key);
    for part in [associated, &len(associated), ciphertext, &len(ciphertext)] {
        mac.update(part);
    }
    mac.finish()
}

/// The keystream of one nonce, of which the first blocks are made.
struct Keystream {
    cipher: ChaCha20LegacyCore,
    blocks: [CipherBlock; AT_ONCE],
}

impl Keystream {
    fn new(key: &[u8; KEY_LEN], nonce: [u8; NONCE_LEN]) -> Self {
        let mut cipher = ChaCha20LegacyCore::new(key.into(), &nonce.into());
        let mut blocks = [CipherBlock::default(); AT_ONCE];
        cipher.write_keystream_blocks(&mut blocks);
        Self { cipher, blocks }
    }

    /// The key of the tag: how the first block begins.
    fn one_time_key(&self) -> poly1305::Key {
        let [first, ..] = &self.blocks;
        [0, poly1305::BLOCK_LEN].map(|half| std::array::from_fn(|at| first[half + at]))
    }

    /// Combines the text with what follows the first block.
    fn apply(mut self, text: &mut [u8]) {
        let [_, blocks @ ..] = &self.blocks;
        let (head, rest) = text.split_at_mut(text.len().min(blocks.len() * BLOCK_LEN));
        combine(head, blocks);
        for part in rest.chunks_mut(AT_ONCE * BLOCK_LEN) {
            self.cipher.write_keystream_blocks(&mut self.blocks);
            combine(part, &self.blocks);
        }
    }
}

fn combine(text: &mut [u8], keystream: &[CipherBlock]) {
    text.iter_mut().zip(CipherBlock::slice_as_flattened(keystream)).for_each(|(byte, key)| *byte ^= key);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// draft-agl-tls-chacha20poly1305-04, section 7: the test vector of the AEAD.
    #[test]
    fn the_aead_is_the_one_before_rfc_8439() {
        let key = [
            0x42, 0x90, 0xbc, 0xb1, 0x54, 0x17, 0x35, 0x31, 0xf3, 0x14, 0xaf, 0x57, 0xf3, 0xbe, 0x3b, 0x50, 0x06, 0xda,
            0x37, 0x1e, 0xce, 0x27, 0x2a, 0xfa, 0x1b, 0x5d, 0xbd, 0xd1, 0x10, 0x0a, 0x10, 0x07,
        ];
        let nonce = [0xcd, 0x7c, 0xf6, 0x7b, 0xe3, 0x9c, 0x79, 0x4a];
        let input = [0x86, 0xd0, 0x99, 0x74, 0x84, 0x0b, 0xde, 0xd2, 0xa5, 0xca];
        let associated = [0x87, 0xe2, 0x29, 0xd4, 0x50, 0x08, 0x45, 0xa0, 0x79, 0xc0];
        let mut text = input;
        let tag = seal(&key, nonce, &associated, &mut text);
        assert_eq!(text, [0xe3, 0xe4, 0x46, 0xf7, 0xed, 0xe9, 0xa1, 0x9b, 0x62, 0xa4]);
        let expected = [0x67, 0x7d, 0xab, 0xf4, 0xe3, 0xd2, 0x4b, 0x87, 0x6b, 0xb2, 0x84, 0x75, 0x38, 0x96, 0xe1, 0xd6];
        assert_eq!(tag, expected);
        assert_eq!(open(&key, nonce, &associated, &mut text, &tag), Ok(()));
        assert_eq!(text, input);
    }

    /// The original cipher with a nonce of 64 bits is that of RFC 8439 with 32 zeros before it, while the counter has 32
    /// bits; its tag is another.
    #[test]
    fn every_length_is_encrypted_as_another_implementation_does() {
        use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

        let (key, nonce) = ([7; KEY_LEN], [1, 2, 3, 4, 5, 6, 7, 8]);
        let other = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).unwrap());
        for len in (0..600).chain([1403, 3996]) {
            let text: Vec<u8> = (0..len).map(|at: usize| at.to_le_bytes()[0]).collect();
            let (mut ours, mut theirs) = (text.clone(), text.clone());
            let wide = Nonce::assume_unique_for_key([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
            let _ = other.seal_in_place_separate_tag(wide, Aad::empty(), &mut theirs).unwrap();
            let tag = seal(&key, nonce, b"associated", &mut ours);
            assert!(ours == theirs, "{len} bytes");
            open(&key, nonce, b"associated", &mut ours, &tag).unwrap();
            assert!(ours == text, "{len} bytes");
        }
    }
}
