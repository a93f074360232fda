//! The coefficients of a repair (RFC 8681 3.6), for m = 8 and the highest density, DT = 15.

use super::tinymt32::TinyMt32;

/// The endless coefficients of one repair key, the oldest symbol's first. None is zero: with DT = 15
/// every symbol of the window takes part.
#[derive(Clone, Debug)]
pub(super) struct Coefficients(TinyMt32);

impl Coefficients {
    /// Those of `key`.
    pub(super) fn new(key: u16) -> Self {
        Self(TinyMt32::new(u32::from(key)))
    }

    /// The next symbol's.
    #[inline]
    pub(super) fn draw(&mut self) -> u8 {
        loop {
            let [.., byte] = self.0.next_u32().to_be_bytes();
            if byte != 0 {
                return byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cu_fec::{DensityThreshold, Field, generate_coding_coefficients};

    use super::*;

    #[test]
    fn an_independent_implementation_draws_the_same() {
        for key in (0..=u16::MAX).step_by(257) {
            let mut expected = [0; 1024];
            generate_coding_coefficients(Field::Gf256, key, DensityThreshold::FULL, &mut expected);
            let mut coefficients = Coefficients::new(key);
            assert_eq!(expected.map(|_| coefficients.draw()), expected, "key {key}");
        }
    }
}
