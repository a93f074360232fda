//! The key of Poly1305 for one nonce: the first block of ChaCha20 (RFC 8439 2.3, 2.6).

use super::residue::Residue;

/// "expand 32-byte k" in little-endian words.
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
const DOUBLE_ROUNDS: u32 = 10;
/// Bits that r may have (RFC 8439 2.5).
const CLAMP: u128 = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
/// Words of the state that are mixed with each other: the columns, then the diagonals.
const QUARTERS: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// The point at which the polynomial is taken, and what is added to it.
#[derive(Debug, Clone, Copy)]
pub(in crate::seal) struct OneTimeKey {
    pub(super) r: Residue,
    pub(super) s: u128,
}

impl OneTimeKey {
    pub(in crate::seal) fn new(key: &[u8; 32], nonce: &[u8; 12]) -> Self {
        let [r, s] = first_half_of_block(key, nonce);
        Self { r: Residue::new(r & CLAMP, 0), s }
    }
}

/// The first 32 bytes of block 0, as two little-endian numbers.
fn first_half_of_block(key: &[u8; 32], nonce: &[u8; 12]) -> [u128; 2] {
    let mut start = [0; 16];
    let (words, _) = key.as_chunks::<4>();
    let (nonce, _) = nonce.as_chunks::<4>();
    let input = words.iter().chain([&[0; 4]]).chain(nonce).map(|word| u32::from_le_bytes(*word));
    start.iter_mut().zip(CONSTANTS.into_iter().chain(input)).for_each(|(word, value)| *word = value);
    let mut state = start;
    for _ in 0..DOUBLE_ROUNDS {
        QUARTERS.iter().for_each(|places| quarter_round(&mut state, *places));
    }
    let sums = state.iter().zip(start).map(|(word, start)| u128::from(word.wrapping_add(start)));
    let mut halves = [0; 2];
    for (number, word) in sums.take(8).enumerate() {
        halves[number / 4] |= word << (32 * (number % 4));
    }
    halves
}

fn quarter_round(state: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for (rotate_d, rotate_b) in [(16, 12), (8, 7)] {
        state[a] = state[a].wrapping_add(state[b]);
        state[d] = (state[d] ^ state[a]).rotate_left(rotate_d);
        state[c] = state[c].wrapping_add(state[d]);
        state[b] = (state[b] ^ state[c]).rotate_left(rotate_b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_rfc_8439_2_6_2() {
        let key: [u8; 32] = std::array::from_fn(|at| 0x80 + u8::try_from(at).unwrap());
        let nonce = [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7];
        let expected = [0x8ad5_a08b_905f_81cc_8150_4027_4ab2_9471, 0xa833_b637_e3fd_0da5_08db_b8e2_fdd1_a646];
        assert_eq!(first_half_of_block(&key, &nonce).map(u128::swap_bytes), expected);
    }
}
