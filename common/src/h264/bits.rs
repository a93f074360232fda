//! Bits and exp-Golomb numbers out of a NAL unit, emulation prevention bytes taken out on the way
//! (ITU-T H.264 7.2, 7.3.1, 9.1).

use thiserror::Error;

/// Reads the bits of a NAL unit behind its header. It cannot read past the end.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    rest: &'a [u8],
    byte: u8,
    bits_left: u8,
    zeros: u8,
}

/// Why bits could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BitError {
    /// The NAL unit ends inside a value.
    #[error("the NAL unit ends inside a value")]
    End,
    /// An exp-Golomb code has more leading zeros than a 32-bit number has.
    #[error("an exp-Golomb code with more than 31 leading zeros")]
    TooLong,
}

impl<'a> BitReader<'a> {
    /// A reader of the bytes behind the NAL unit header.
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, byte: 0, bits_left: 0, zeros: 0 }
    }

    /// One bit, `u(1)`.
    pub fn bit(&mut self) -> Result<bool, BitError> {
        if self.bits_left == 0 {
            self.load()?;
        }
        self.bits_left -= 1;
        Ok(self.byte >> self.bits_left & 1 == 1)
    }

    /// An unsigned number of `count` bits, `u(n)`; of more than 32 the last 32 are kept.
    pub fn unsigned(&mut self, count: u8) -> Result<u32, BitError> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Ok(value)
    }

    /// An unsigned exp-Golomb number, `ue(v)`.
    pub fn unsigned_exp_golomb(&mut self) -> Result<u32, BitError> {
        let mut leading_zeros = 0;
        while !self.bit()? {
            leading_zeros += 1;
            if leading_zeros > 31 {
                return Err(BitError::TooLong);
            }
        }
        let suffix = self.unsigned(leading_zeros)?;
        Ok(((1_u32 << leading_zeros) - 1).saturating_add(suffix))
    }

    /// A signed exp-Golomb number, `se(v)`.
    pub fn signed_exp_golomb(&mut self) -> Result<i32, BitError> {
        let code = self.unsigned_exp_golomb()?;
        let magnitude = i32::try_from(code.div_ceil(2)).unwrap_or(i32::MAX);
        Ok(if code % 2 == 1 { magnitude } else { -magnitude })
    }

    fn load(&mut self) -> Result<(), BitError> {
        let mut byte = self.take()?;
        if self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            byte = self.take()?;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        self.byte = byte;
        self.bits_left = 8;
        Ok(())
    }

    fn take(&mut self) -> Result<u8, BitError> {
        let (&byte, rest) = self.rest.split_first().ok_or(BitError::End)?;
        self.rest = rest;
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_numbers_follow_table_9_2() {
        // 1 010 011 00100 00101 00110 → 0 1 2 3 4 5
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1001_1000]);
        for expected in 0..6 {
            assert_eq!(reader.unsigned_exp_golomb(), Ok(expected));
        }
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1001_1000]);
        for expected in [0, 1, -1, 2, -2, 3] {
            assert_eq!(reader.signed_exp_golomb(), Ok(expected));
        }
    }

    #[test]
    fn an_emulation_prevention_byte_is_taken_out() {
        let mut reader = BitReader::new(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 2]);
        assert_eq!(reader.unsigned(24), Ok(1));
        assert_eq!(reader.unsigned(32), Ok(0));
        assert_eq!(reader.unsigned(8), Ok(2));
        assert_eq!(reader.bit(), Err(BitError::End));
    }

    #[test]
    fn the_largest_and_an_endless_code_are_told_apart() {
        let mut reader = BitReader::new(&[0, 0, 3, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(reader.unsigned_exp_golomb(), Ok(u32::MAX - 1));
        assert_eq!(BitReader::new(&[0, 0, 3, 0, 0, 3, 0]).unsigned_exp_golomb(), Err(BitError::TooLong));
        assert_eq!(BitReader::new(&[0]).unsigned_exp_golomb(), Err(BitError::End));
    }
}
