//! Which link a frame belongs to: 24 bits made from a name two people can say to each other.

use std::fmt;

use ring::digest;

/// A link's number on the air, 24 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u32);

impl LinkId {
    /// The link of this name: the first three bytes of SHA-256 over it.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        Self(hash.as_ref().iter().take(3).fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
    }

    /// The link of this number; only the low 24 bits count.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number & 0x00ff_ffff)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_the_same_link_everywhere() {
        // printf default | sha256sum
        assert_eq!(LinkId::from_name("default").to_string(), "37a8ee");
        assert_ne!(LinkId::from_name("default"), LinkId::from_name("Default"));
        assert_eq!(LinkId::from_number(0xff12_3456).number(), 0x12_3456);
    }
}
