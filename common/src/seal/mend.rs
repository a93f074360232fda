//! The tag as a code that corrects errors: finds the one short burst of wrong bits that keeps it from fitting.
//!
//! Poly1305 (RFC 8439 2.5) is a polynomial over the blocks c of what it protects, its point r known to the receiver:
//!
//! ```text
//! tag = (c₁·r^n + c₂·r^(n−1) + … + c_n·r  mod 2^130 − 5)  +  s   mod 2^128
//! ```
//!
//! If only block i is wrong, by e, then the polynomial is wrong by e·r^(n+1−i). Dividing by every power of r gives for
//! each block the only e that would explain it, and an e that is a burst of a few bits is no coincidence: there are 2^24
//! of them among 2^130. What was mended is opened like anything else; only then is it true.

mod one_time_key;
mod residue;

use super::session::TAG_LEN;
use one_time_key::OneTimeKey;
use residue::{Burst, Residue};

/// Length of a block of Poly1305 in bytes.
const BLOCK_LEN: usize = 16;
/// Longest burst that is mended, in bits. Longer ones would make a forged tag as much easier to find: the longest
/// body, 2060 bytes, has 2^29 neighbors at one burst, of 2^96 that a tag tells apart.
pub const MAX_BURST_BITS: u32 = 16;

/// Sets one burst of wrong bits within one block of `sealed` (body and tag) right, if that makes the tag fit.
/// Returns whether it did.
pub(super) fn mend(key: &[u8; 32], nonce: &[u8; 12], associated: &[u8], sealed: &mut [u8]) -> bool {
    let Some((body, tag)) = sealed.split_last_chunk_mut::<TAG_LEN>() else { return false };
    let OneTimeKey { r, s } = OneTimeKey::new(key, nonce);
    let found = polynomial(r, associated, body);
    // The tag lacks the two highest bits of the polynomial.
    let expected = Residue::new(u128::from_le_bytes(*tag).wrapping_sub(s), 0);
    let inverse = r.inverse();
    // The length's block is the last, with r to the power of 1.
    let mut error = found.minus(expected).times(inverse);
    let mut unit_of_high_bits = Residue::new(0, 1).times(inverse);
    for block in body.chunks_mut(BLOCK_LEN).rev() {
        error = error.times(inverse);
        unit_of_high_bits = unit_of_high_bits.times(inverse);
        let mut candidate = error;
        for _ in 0..4 {
            if candidate.burst().is_some_and(|burst| mend_block(block, burst)) {
                return true;
            }
            candidate = candidate.minus(unit_of_high_bits);
        }
    }
    false
}

/// The polynomial over what the seal protects (RFC 8439 2.8).
fn polynomial(r: Residue, associated: &[u8], body: &[u8]) -> Residue {
    let lengths = [associated.len() as u64, body.len() as u64].map(u64::to_le_bytes);
    let parts = associated.chunks(BLOCK_LEN).chain(body.chunks(BLOCK_LEN)).map(padded);
    let lengths = u128::from_le_bytes(*lengths.as_flattened().first_chunk().unwrap_or(&[0; BLOCK_LEN]));
    parts.chain([lengths]).fold(Residue::new(0, 0), |sum, block| sum.plus(Residue::new(block, 1)).times(r))
}

fn padded(bytes: &[u8]) -> u128 {
    let mut block = [0; BLOCK_LEN];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u128::from_le_bytes(block)
}

/// Takes the error out of a block, if it is a burst of wrong bits there: a carry may have made it longer.
fn mend_block(block: &mut [u8], error: Burst) -> bool {
    let found = padded(block);
    let sent = match error {
        Burst::Above(error) => found.checked_sub(error),
        Burst::Below(error) => found.checked_add(error),
    };
    let Some(sent) = sent else { return false };
    let wrong = found ^ sent;
    let (sent, is_burst) = (sent.to_le_bytes(), wrong >> wrong.trailing_zeros().min(127) < 1 << MAX_BURST_BITS);
    let (within, beyond) = sent.split_at(block.len());
    if !is_burst || wrong == 0 || beyond.iter().any(|byte| *byte != 0) {
        return false;
    }
    block.copy_from_slice(within);
    true
}

#[cfg(test)]
mod tests {
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    use super::*;

    const KEY: [u8; 32] = [0x5a; 32];
    const NONCE: [u8; 12] = [1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    const ASSOCIATED: [u8; 12] = [0x77; 12];

    /// Sealed by ring: the measure of everything here.
    fn sealed(len: usize) -> Vec<u8> {
        let mut body = vec![0x33; len];
        let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &KEY).unwrap());
        let nonce = Nonce::assume_unique_for_key(NONCE);
        key.seal_in_place_append_tag(nonce, Aad::from(ASSOCIATED), &mut body).unwrap();
        body
    }

    fn is_mended(sealed: &mut [u8]) -> bool {
        mend(&KEY, &NONCE, &ASSOCIATED, sealed)
    }

    /// Flips the bits of `pattern` from `first_bit` on.
    fn damaged(sealed: &[u8], first_bit: usize, pattern: u32) -> Vec<u8> {
        let mut damaged = sealed.to_vec();
        for bit in (0..32).filter(|bit| pattern >> bit & 1 == 1) {
            damaged[(first_bit + bit) / 8] ^= 1 << ((first_bit + bit) % 8);
        }
        damaged
    }

    #[test]
    fn a_burst_in_one_block_is_mended_wherever_it_is() {
        for len in [1, 15, 16, 17, 100, 1402] {
            let good = sealed(len);
            for (number, pattern) in [1_u32, 3, 0xff, 0x8001, 0xffff, 0xa5a5, 0x5001].into_iter().enumerate() {
                let bits = 32 - pattern.leading_zeros() as usize;
                for first in (number..=(8 * len).saturating_sub(bits)).step_by(61) {
                    if first / 128 != (first + bits - 1) / 128 {
                        continue;
                    }
                    let mut bad = damaged(&good, first, pattern);
                    assert!(is_mended(&mut bad), "{len} bytes, {pattern:x} from bit {first}");
                    assert_eq!(bad, good);
                }
            }
        }
    }

    #[test]
    fn what_is_more_than_a_burst_is_left_as_it_is() {
        let good = sealed(1402);
        let two_bursts = damaged(&damaged(&good, 5, 3), 9000, 3);
        let too_long = damaged(&good, 130, 0x1_0001);
        let two_blocks = damaged(&good, 127, 3);
        let of_tag = damaged(&good, 8 * 1402 + 3, 1);
        for bad in [good, two_bursts, too_long, two_blocks, of_tag, vec![0; 15], vec![0; 16], vec![0; 1500]] {
            let mut mended = bad.clone();
            assert!(!is_mended(&mut mended));
            assert_eq!(mended, bad);
        }
    }

    #[test]
    fn another_packets_bytes_are_not_mended() {
        let mut bad = sealed(1402);
        bad[3] ^= 1;
        assert!(!mend(&KEY, &[9; 12], &ASSOCIATED, &mut bad));
        assert!(!mend(&KEY, &NONCE, &[0x78; 12], &mut bad));
        assert!(!mend(&[0x5b; 32], &NONCE, &ASSOCIATED, &mut bad));
    }

    #[test]
    fn the_polynomial_is_poly1305() {
        for len in [0, 1, 16, 47, 1402] {
            let good = sealed(len);
            let (body, tag) = good.split_last_chunk::<TAG_LEN>().unwrap();
            let OneTimeKey { r, s } = OneTimeKey::new(&KEY, &NONCE);
            let (low, _) = polynomial(r, &ASSOCIATED, body).canonical();
            assert_eq!(low.wrapping_add(s).to_le_bytes(), *tag, "{len} bytes");
        }
    }
}
