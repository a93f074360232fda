//! The heads of repair packets' bodies; the repair symbol follows.
//!
//! ```text
//! window  | first ESI u32 | form 4 bit, number of source symbols 12 bit |   (as RFC 8681 4.1.3)
//! block   | first ESI u32 | k u8 | m u8 | index u8 |
//! ```
//!
//! The repair key, which seeds the coefficients, is the low 16 bits of the packet's sequence
//! number and takes no bytes of its own.

use super::{WireError, take};
use crate::fec::{BlockId, Near, RepairId};

/// Above it the form: how many coefficients are nibbles, docs/PROTOCOL.md. RFC 8681 has a density threshold there.
const COUNT: u16 = 0x0fff;

/// Length of a window repair's head in bytes.
pub const WINDOW_LEN: usize = 6;
/// Length of a block repair's head in bytes.
pub const BLOCK_LEN: usize = 7;

/// Reads the head of a window repair with sequence number `sequence`; returns the repair symbol behind it.
///
/// # Errors
/// Too short, no symbol behind it, or of another form.
pub fn parse_window(sequence: u32, body: &[u8]) -> Result<(RepairId, &[u8]), WireError> {
    const HEADER: &str = "window repair";
    let ([e0, e1, e2, e3, c0, c1], symbol) = take::<WINDOW_LEN>(HEADER, body)?;
    let form_and_count = u16::from_be_bytes([*c0, *c1]);
    let form = form_and_count >> 12;
    let malformed = WireError::Malformed { header: HEADER, field: "form", found: u32::from(form) };
    let near = Near::from_form(form).ok_or(malformed)?;
    let [_, _, k0, k1] = sequence.to_be_bytes();
    let id = RepairId {
        key: u16::from_be_bytes([k0, k1]),
        first_esi: u32::from_be_bytes([*e0, *e1, *e2, *e3]),
        count: form_and_count & COUNT,
        near,
    };
    non_empty(HEADER, symbol).map(|symbol| (id, symbol))
}

/// The head of a window repair.
#[must_use]
pub fn emit_window(id: &RepairId) -> [u8; WINDOW_LEN] {
    let [e0, e1, e2, e3] = id.first_esi.to_be_bytes();
    let [c0, c1] = ((id.near.form() << 12) | (id.count & COUNT)).to_be_bytes();
    [e0, e1, e2, e3, c0, c1]
}

/// Reads the head of a block repair; returns the repair symbol behind it.
///
/// # Errors
/// Too short or no symbol behind it.
pub fn parse_block(body: &[u8]) -> Result<(BlockId, &[u8]), WireError> {
    const HEADER: &str = "block repair";
    let ([e0, e1, e2, e3, k, m, index], symbol) = take::<BLOCK_LEN>(HEADER, body)?;
    let id = BlockId { first_esi: u32::from_be_bytes([*e0, *e1, *e2, *e3]), k: *k, m: *m, index: *index };
    non_empty(HEADER, symbol).map(|symbol| (id, symbol))
}

/// The head of a block repair.
#[must_use]
pub fn emit_block(id: &BlockId) -> [u8; BLOCK_LEN] {
    let [e0, e1, e2, e3] = id.first_esi.to_be_bytes();
    [e0, e1, e2, e3, id.k, id.m, id.index]
}

fn non_empty<'a>(header: &'static str, symbol: &'a [u8]) -> Result<&'a [u8], WireError> {
    if symbol.is_empty() {
        return Err(WireError::Truncated { header, found: 0, expected: 1 });
    }
    Ok(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_head_is_these_bytes() {
        let id = RepairId { key: 0x5678, first_esi: 0x0a0b_0c0d, count: 0x123, near: Near::covering(60) };
        let mut body = emit_window(&id).to_vec();
        assert_eq!(body, [0x0a, 0x0b, 0x0c, 0x0d, 0x31, 0x23]);
        assert!(parse_window(0, &body).is_err(), "a repair without a symbol");
        body.push(9);
        assert_eq!(parse_window(0x1234_5678, &body), Ok((id, &[9][..])));
        for form in (0..16).filter(|form| !(1..=4).contains(form)) {
            body[4] = form << 4 | 1;
            let refused = WireError::Malformed { header: "window repair", field: "form", found: form.into() };
            assert_eq!(parse_window(0, &body), Err(refused));
        }
    }

    #[test]
    fn a_block_head_is_these_bytes() {
        let id = BlockId { first_esi: 1, k: 8, m: 4, index: 3 };
        let mut body = emit_block(&id).to_vec();
        assert_eq!(body, [0, 0, 0, 1, 8, 4, 3]);
        body.push(9);
        assert_eq!(parse_block(&body), Ok((id, &[9][..])));
    }

    #[test]
    fn every_truncation_is_refused() {
        for len in 0..=WINDOW_LEN {
            assert!(parse_window(0, &[0xff; WINDOW_LEN][..len]).is_err());
        }
        for len in 0..=BLOCK_LEN {
            assert!(parse_block(&[0xff; BLOCK_LEN][..len]).is_err());
        }
    }
}
