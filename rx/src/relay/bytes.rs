//! Reading big-endian fields off the front of bytes.

use skylark_common::wire::WireError;

/// What is left to read, and the name errors give it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    header: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(header: &'static str, bytes: &'a [u8]) -> Self {
        Self { header, rest: bytes }
    }

    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub(super) fn slice(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (found, header) = (self.rest.len(), self.header);
        let (slice, rest) =
            self.rest.split_at_checked(len).ok_or(WireError::Truncated { header, found, expected: len })?;
        self.rest = rest;
        Ok(slice)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (found, header) = (self.rest.len(), self.header);
        let (array, rest) =
            self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated { header, found, expected: N })?;
        self.rest = rest;
        Ok(*array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Magic and version, which begin everything relays and viewers say.
    pub(super) fn expect(&mut self, magic: [u8; 3], version: u8) -> Result<(), WireError> {
        let [m0, m1, m2, found] = self.array()?;
        if [m0, m1, m2] != magic {
            return Err(WireError::Foreign);
        }
        if found != version {
            return Err(WireError::Version { found, expected: version });
        }
        Ok(())
    }
}
