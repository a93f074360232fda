//! Poly1305 (RFC 8439 2.5) over bytes that come in parts, in words of 64 bits.
//!
//! A packet is some 1400 bytes with a key of its own: what a kernel for several blocks at a time must prepare and merge
//! for each key costs more than it saves there.

/// Length of a block, of a tag and of each half of a key, in bytes.
pub(super) const BLOCK_LEN: usize = 16;
/// A one-time key: r, and what is added at last.
pub(super) type Key = [Block; 2];
/// A block, or a tag.
type Block = [u8; BLOCK_LEN];

/// Bits of r that are none (RFC 8439 2.5: they are cleared).
const CLAMP: [u64; 2] = [0x0fff_fffc_0fff_ffff, 0x0fff_fffc_0fff_fffc];
/// A bit above a whole block.
const WHOLE: u64 = 1;

/// A tag under way. A key is good for one.
pub(super) struct Poly1305 {
    /// The point at which the polynomial of the blocks is taken: at most 60 bits a word.
    r: [u64; 2],
    /// The second word of r times 5/4: times 2^128, modulo 2^130 - 5, it is that.
    folded: u64,
    /// What is added at last.
    mask: [u64; 2],
    /// The value so far, less than 2^130 + 2^128: at most 4 in the last word.
    value: [u64; 3],
    /// What came of the block under way, zeros behind it.
    partial: Block,
    filled: usize,
}

impl Poly1305 {
    pub(super) const fn new([r, mask]: &Key) -> Self {
        let ([r0, r1], mask) = (words(r), words(mask));
        let r = [r0 & CLAMP[0], r1 & CLAMP[1]];
        Self { r, folded: r[1] + (r[1] >> 2), mask, value: [0; 3], partial: [0; BLOCK_LEN], filled: 0 }
    }

    /// Goes on with these bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        if self.filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK_LEN - self.filled));
            self.hold(head);
            bytes = rest;
            if self.filled < BLOCK_LEN {
                return;
            }
            self.absorb(words(&self.partial), WHOLE);
            (self.partial, self.filled) = ([0; BLOCK_LEN], 0);
        }
        let (blocks, rest) = bytes.as_chunks();
        blocks.iter().for_each(|block| self.absorb(words(block), WHOLE));
        self.hold(rest);
    }

    /// The tag.
    pub(super) fn finish(mut self) -> Block {
        if let Some(end) = self.partial.get_mut(self.filled).filter(|_| self.filled > 0) {
            *end = 1;
            self.absorb(words(&self.partial), 0);
        }
        let [v0, v1] = self.reduced();
        let (t0, carry) = v0.carrying_add(self.mask[0], false);
        let (t1, _) = v1.carrying_add(self.mask[1], carry);
        let mut tag = [0; BLOCK_LEN];
        tag.as_chunks_mut().0.copy_from_slice(&[t0.to_le_bytes(), t1.to_le_bytes()]);
        tag
    }

    /// Keeps what is less than the block under way lacks, or as much.
    fn hold(&mut self, bytes: &[u8]) {
        let (_, room) = self.partial.split_at_mut(self.filled);
        room.iter_mut().zip(bytes).for_each(|(held, byte)| *held = *byte);
        self.filled += bytes.len();
    }

    /// Adds a block, and multiplies by r modulo 2^130 - 5. No word overflows: those of r have 60 bits.
    #[inline]
    fn absorb(&mut self, [b0, b1]: [u64; 2], above: u64) {
        let ([r0, r1], [v0, v1, v2]) = (self.r, self.value);
        let (v0, carry) = v0.carrying_add(b0, false);
        let (v1, carry) = v1.carrying_add(b1, carry);
        let v2 = v2 + above + u64::from(carry);

        let (low, high) = v0.carrying_mul(r0, 0);
        let (p0, more) = v1.carrying_mul_add(self.folded, low, 0);
        let (low, high) = v0.carrying_mul_add(r1, high + more, v2 * self.folded);
        let (p1, more) = v1.carrying_mul_add(r0, low, 0);
        let p2 = v2 * r0 + high + more;

        // What is above 2^130 counts five times: a quarter of the upper bits four times, and once.
        let (v0, carry) = p0.overflowing_add((p2 & !3) + (p2 >> 2));
        let (v1, carry) = p1.overflowing_add(carry.into());
        self.value = [v0, v1, (p2 & 3) + u64::from(carry)];
    }

    /// The lower 128 bits of the value modulo 2^130 - 5, in the same time whatever they are.
    fn reduced(&self) -> [u64; 2] {
        let [v0, v1, v2] = self.value;
        let (w0, carry) = v0.carrying_add(5, false);
        let (w1, carry) = v1.carrying_add(0, carry);
        let is_less = ((v2 + u64::from(carry)) >> 2).wrapping_sub(1);
        [(v0 & is_less) | (w0 & !is_less), (v1 & is_less) | (w1 & !is_less)]
    }
}

const fn words(block: &Block) -> [u64; 2] {
    let [b0, b1, b2, b3, b4, b5, b6, b7, rest @ ..] = *block;
    [u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]), u64::from_le_bytes(rest)]
}

#[cfg(test)]
mod tests {
    use poly1305::universal_hash::KeyInit as _;
    use proptest::prelude::*;

    use super::*;

    fn tag(key: Key, message: &[u8]) -> Block {
        let mut mac = Poly1305::new(&key);
        mac.update(message);
        mac.finish()
    }

    fn other(key: Key, message: &[u8]) -> Block {
        poly1305::Poly1305::new(key.as_flattened().try_into().unwrap()).compute_unpadded(message).into()
    }

    /// RFC 8439 2.5.2.
    #[test]
    fn the_example_of_the_standard_has_its_tag() {
        let key = [
            [0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33, 0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06, 0xa8],
            [0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d, 0xb2, 0xfd, 0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b],
        ];
        let expected = [0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51, 0x36, 0xc6, 0xc2, 0x2b, 0x8b, 0xaf, 0x0c, 0x01, 0x27, 0xa9];
        assert_eq!(tag(key, b"Cryptographic Forum Research Group"), expected);
    }

    /// RFC 8439 A.3, vectors 5 and 7 to 11: carries, and values about 2^130 - 5, which random messages hardly come to.
    #[test]
    fn carries_and_values_about_the_modulus_are_right() {
        let with = |first: u8, rest: u8| std::array::from_fn(|at| if at == 0 { first } else { rest });
        let words = |words: [u64; 2]| words.map(u64::to_be_bytes).as_flattened().try_into().unwrap();
        let (ones, one, far) = ([0xff; BLOCK_LEN], with(1, 0), words([0x0100_0000_0000_0000, 0x0400_0000_0000_0000]));
        let (a, b) = (words([0xe335_94d7_505e_43b9, 0]), words([0x3394_d750_5e43_79cd, 0x0100_0000_0000_0000]));
        let cases: [(Block, &[Block], Block); 6] = [
            (with(2, 0), &[ones], with(3, 0)),
            (one, &[ones, with(0xf0, 0xff), with(0x11, 0)], with(5, 0)),
            (one, &[ones, with(0xfb, 0xfe), [1; BLOCK_LEN]], [0; BLOCK_LEN]),
            (with(2, 0), &[with(0xfd, 0xff)], with(0xfa, 0xff)),
            (far, &[a, b, [0; BLOCK_LEN], one], words([0x1400_0000_0000_0000, 0x5500_0000_0000_0000])),
            (far, &[a, b, [0; BLOCK_LEN]], with(0x13, 0)),
        ];
        for (point, message, expected) in cases {
            assert_eq!(tag([point, [0; BLOCK_LEN]], message.as_flattened()), expected, "{message:x?}");
        }
    }

    proptest! {
        #[test]
        fn another_implementation_has_the_same_tag_however_the_message_is_cut(
            key: Key,
            message in proptest::collection::vec(prop_oneof![Just(0xff), Just(0), any::<u8>()], 0..200),
            cut in 0..200_usize,
        ) {
            let (head, tail) = message.split_at(cut.min(message.len()));
            let mut mac = Poly1305::new(&key);
            mac.update(head);
            mac.update(tail);
            prop_assert_eq!(mac.finish(), other(key, &message));
        }

        #[test]
        fn large_keys_and_messages_do_not_overflow(low: u8, message in proptest::collection::vec(0xf8_u8.., 0..200)) {
            let mut key = [[0xff; BLOCK_LEN]; 2];
            key[0][0] = low;
            prop_assert_eq!(tag(key, &message), other(key, &message));
        }
    }
}
