//! What the fuzz targets share: cutting the fuzzer's bytes into pieces.

/// Cuts bytes into pieces: a big-endian u16 says how long the next one is, and the last is what is left.
#[derive(Debug, Clone)]
pub struct Pieces<'a>(pub &'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let ([high, low], rest) = self.0.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        self.0 = rest;
        Some(piece)
    }
}
