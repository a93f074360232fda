//! Products in GF(2^8), computed at compile time, and single-byte arithmetic on them.

/// The field's polynomial without its highest term.
pub(super) const POLYNOMIAL: u8 = 0x1d;

/// The products of one constant with every low and every high nibble.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Products {
    /// `constant · x` for x = 0x00 to 0x0f.
    pub(super) low: [u8; 16],
    /// `constant · x` for x = 0x00, 0x10, to 0xf0.
    pub(super) high: [u8; 16],
}

impl Products {
    /// Those of the constant 0.
    pub(super) const ZERO: Self = Self { low: [0; 16], high: [0; 16] };
}

/// [`Products`] of each of the 256 constants: 8 KiB.
pub(super) static PRODUCTS: [Products; 256] = {
    let mut tables = [Products::ZERO; 256];
    let mut constant = 0;
    while constant < 256 {
        tables[constant] = products(POWERS[constant]);
        constant += 1;
    }
    tables
};

/// `c · x^0` to `c · x^7` of every constant c.
pub(super) const POWERS: [[u8; 8]; 256] = {
    let mut powers = [[0; 8]; 256];
    let mut constant: u8 = 255;
    while constant > 0 {
        let mut power = constant;
        let mut exponent = 0;
        while exponent < 8 {
            powers[constant as usize][exponent] = power;
            power = (power << 1) ^ ((power >> 7) * POLYNOMIAL);
            exponent += 1;
        }
        constant -= 1;
    }
    powers
};

const fn products(powers: [u8; 8]) -> Products {
    let mut products = Products::ZERO;
    let mut nibble: usize = 1;
    while nibble < 16 {
        let rest = nibble & (nibble - 1);
        let lowest = nibble.trailing_zeros() as usize;
        products.low[nibble] = products.low[rest] ^ powers[lowest];
        products.high[nibble] = products.high[rest] ^ powers[lowest + 4];
        nibble += 1;
    }
    products
}

/// `a · b`.
pub fn multiply(a: u8, b: u8) -> u8 {
    let products = &PRODUCTS[usize::from(a)];
    products.low[usize::from(b & 0x0f)] ^ products.high[usize::from(b >> 4)]
}

/// The number whose product with `a` is 1, or 0 for 0.
pub fn invert(a: u8) -> u8 {
    INVERSES[usize::from(a)]
}

/// Every number but 0 is a power of x, and x^255 = 1.
static INVERSES: [u8; 256] = {
    let mut powers_of_x = [1; 256];
    let mut exponent = 1;
    while exponent < 256 {
        powers_of_x[exponent] = POWERS[powers_of_x[exponent - 1] as usize][1];
        exponent += 1;
    }
    let mut inverses = [0; 256];
    while exponent > 0 {
        exponent -= 1;
        inverses[powers_of_x[exponent] as usize] = powers_of_x[255 - exponent];
    }
    inverses
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The product of two polynomials over GF(2), reduced by long division.
    fn schoolbook(a: u8, b: u8) -> u8 {
        let mut product = (0..8).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ u16::from(a) << bit);
        for bit in (8..16).rev() {
            if product >> bit & 1 == 1 {
                product ^= 0x11d << (bit - 8);
            }
        }
        u8::try_from(product).unwrap()
    }

    #[test]
    fn products_are_those_of_polynomials() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), schoolbook(a, b), "{a} · {b}");
            }
        }
    }

    #[test]
    fn a_number_times_its_inverse_is_one() {
        assert_eq!(invert(0), 0);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1, "{a}");
        }
    }
}
