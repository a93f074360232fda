//! Session packets: which code and which key a transmitter uses, in a box only the other end can open or make.
//!
//! ```text
//! | type 2 u8 | nonce 24 bytes | tag 16 bytes | boxed |
//! boxed: | epoch u64 | channel id u32 | code u8 | k u8 | n u8 | key 32 bytes | TLVs: id u8, length u16, value |
//! ```
//!
//! The box is X25519 with XSalsa20-Poly1305 (NaCl's `crypto_box`). Sent once a second, and again whenever the code
//! changes. TLVs of ids that are not known are skipped.

use crypto_box::aead::AeadInPlace as _;
use ring::digest::{SHA256, digest};
use thiserror::Error;

use super::channel::ChannelId;
use super::keys::EndKey;
use super::packet::{KEY_LEN, PacketKey};
use crate::seal::session::TAG_LEN;

/// The first byte of a session packet.
pub const SESSION_PACKET: u8 = 2;
/// Length of the nonce, in bytes.
pub const NONCE_LEN: usize = 24;
/// Length of what every session packet boxes, without TLVs.
const FIXED_LEN: usize = 8 + 4 + 3 + KEY_LEN;
/// The longest session packet: what a frame at the dialect's largest carries.
const MAX_PACKET_BYTES: usize = 4096;
/// The code of the standard: Vandermonde Reed-Solomon, as zfec has it.
const VANDERMONDE: u8 = 1;

/// What a session packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Orders sessions: one of an older epoch is refused. 0 where nobody sets it.
    pub epoch: u64,
    /// The stream it is for.
    pub channel: ChannelId,
    /// How blocks are made.
    pub code: BlockCode,
    /// What data packets are sealed with.
    pub key: PacketKey,
}

/// Source fragments in a block, and fragments in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockCode {
    k: u8,
    n: u8,
}

/// Why a session packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionError {
    /// Too short or too long for one.
    #[error("a session packet of {found} bytes, expected {} to {MAX_PACKET_BYTES}", 1 + NONCE_LEN + TAG_LEN + FIXED_LEN)]
    Length {
        /// Bytes that were there.
        found: usize,
    },
    /// The box does not open: another link's key, or no session packet at all.
    #[error("the key does not open it")]
    Key,
    /// It is of another stream than the frame it came in.
    #[error("it is for {found}, and came as {expected}")]
    Channel {
        /// What it says.
        found: ChannelId,
        /// What the frame's addresses say.
        expected: ChannelId,
    },
    /// A code this receiver does not know.
    #[error("it uses FEC type {0}, expected {VANDERMONDE}: the transmitter is newer")]
    Code(u8),
    /// Numbers no block can have.
    #[error("it says k {k} and n {n}, expected 1 ≤ k ≤ n")]
    Shape {
        /// Source fragments.
        k: u8,
        /// Fragments in all.
        n: u8,
    },
    /// A TLV's length goes past the end.
    #[error("a field of {said} bytes where {found} are left")]
    Field {
        /// What its length says.
        said: usize,
        /// Bytes behind it.
        found: usize,
    },
}

impl BlockCode {
    /// What the field uses: 8 of 12.
    pub const DEFAULT: Self = Self { k: 8, n: 12 };

    /// A code of k source fragments in blocks of n; `None` unless 1 ≤ k ≤ n.
    #[must_use]
    pub const fn new(k: u8, n: u8) -> Option<Self> {
        if k >= 1 && k <= n { Some(Self { k, n }) } else { None }
    }

    /// Source fragments in a block.
    #[must_use]
    pub const fn k(self) -> u8 {
        self.k
    }

    /// Fragments in a block, parities included.
    #[must_use]
    pub const fn n(self) -> u8 {
        self.n
    }
}

impl std::fmt::Display for BlockCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

impl Session {
    /// What it is called where people read it: of its key, and nothing that tells its key.
    #[must_use]
    pub fn short_name(&self) -> u32 {
        let hash = digest(&SHA256, self.key.as_bytes());
        hash.as_ref().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The session packet for the other end. `nonce` must be random and never used before.
    ///
    /// # Panics
    /// Never: what is boxed is short.
    #[must_use]
    pub fn seal(&self, key: &EndKey, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let mut boxed = Vec::with_capacity(FIXED_LEN);
        boxed.extend_from_slice(&self.epoch.to_be_bytes());
        boxed.extend_from_slice(&self.channel.number().to_be_bytes());
        boxed.extend_from_slice(&[VANDERMONDE, self.code.k, self.code.n]);
        boxed.extend_from_slice(self.key.as_bytes());
        let tag = key.salsa_box().encrypt_in_place_detached(&nonce.into(), &[], &mut boxed).expect("it is short");
        [&[SESSION_PACKET][..], &nonce, &tag, &boxed].concat()
    }

    /// Opens a session packet that came on `channel`, its type byte included.
    ///
    /// # Errors
    /// It is not for this key or this stream, or says what cannot be.
    pub fn open(packet: &[u8], key: &EndKey, channel: ChannelId) -> Result<Self, SessionError> {
        let length = SessionError::Length { found: packet.len() };
        if packet.len() > MAX_PACKET_BYTES {
            return Err(length);
        }
        let rest = packet.strip_prefix(&[SESSION_PACKET]).ok_or(length)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(length)?;
        let (tag, boxed) = rest.split_first_chunk::<TAG_LEN>().ok_or(length)?;
        if boxed.len() < FIXED_LEN {
            return Err(length);
        }
        let mut opened = boxed.to_vec();
        let salsa = key.salsa_box();
        let is_open = salsa.decrypt_in_place_detached(&(*nonce).into(), &[], &mut opened, &(*tag).into());
        is_open.map_err(|_| SessionError::Key)?;
        Self::parse(&opened, channel).unwrap_or(Err(length))
    }

    /// What was in the box; `None` if it is too short.
    fn parse(opened: &[u8], channel: ChannelId) -> Option<Result<Self, SessionError>> {
        let (epoch, rest) = opened.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let ([code, k, n], rest) = rest.split_first_chunk()?;
        let (session_key, fields) = rest.split_first_chunk()?;
        let found = ChannelId::from_number(u32::from_be_bytes(*number));
        let shape = BlockCode::new(*k, *n);
        Some(match (shape, skip_fields(fields)) {
            _ if found != channel => Err(SessionError::Channel { found, expected: channel }),
            _ if *code != VANDERMONDE => Err(SessionError::Code(*code)),
            (None, _) => Err(SessionError::Shape { k: *k, n: *n }),
            (_, Err(error)) => Err(error),
            (Some(code), Ok(())) => {
                Ok(Self { epoch: u64::from_be_bytes(*epoch), channel, code, key: PacketKey::from_bytes(*session_key) })
            }
        })
    }
}

/// Walks over TLVs, none of which is known.
fn skip_fields(mut fields: &[u8]) -> Result<(), SessionError> {
    while let Some(([_, l0, l1], rest)) = fields.split_first_chunk() {
        let said = usize::from(u16::from_be_bytes([*l0, *l1]));
        fields = rest.get(said..).ok_or(SessionError::Field { said, found: rest.len() })?;
    }
    if fields.is_empty() { Ok(()) } else { Err(SessionError::Field { said: 3, found: fields.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wfb_ng::keys::KeyPair;

    const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);

    fn session() -> Session {
        Session { epoch: 3, channel: CHANNEL, code: BlockCode::DEFAULT, key: PacketKey::from_bytes([5; 32]) }
    }

    fn keys() -> KeyPair {
        KeyPair::from_secrets([1; 32], [2; 32])
    }

    #[test]
    fn what_one_end_boxes_the_other_opens() {
        let packet = session().seal(&keys().drone, [9; 24]);
        assert_eq!(packet.len(), 1 + 24 + 16 + 47);
        assert_eq!(Session::open(&packet, &keys().ground, CHANNEL), Ok(session()));
    }

    #[test]
    fn another_key_opens_nothing() {
        let packet = session().seal(&keys().drone, [9; 24]);
        let other = KeyPair::from_secrets([3; 32], [4; 32]);
        assert_eq!(Session::open(&packet, &other.ground, CHANNEL), Err(SessionError::Key));
        for at in [1, 30, 60] {
            let mut damaged = packet.clone();
            damaged[at] ^= 1;
            assert_eq!(Session::open(&damaged, &keys().ground, CHANNEL), Err(SessionError::Key));
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let packet = session().seal(&keys().drone, [9; 24]);
        for len in 0..packet.len() {
            assert_eq!(
                Session::open(&packet[..len], &keys().ground, CHANNEL),
                Err(SessionError::Length { found: len })
            );
        }
        assert!(matches!(Session::open(&[2; 5000], &keys().ground, CHANNEL), Err(SessionError::Length { .. })));
    }

    #[test]
    fn what_is_boxed_must_make_sense() {
        let other = ChannelId::new(1, 0);
        let packet = session().seal(&keys().drone, [9; 24]);
        let refused = SessionError::Channel { found: CHANNEL, expected: other };
        assert_eq!(Session::open(&packet, &keys().ground, other), Err(refused));
        let mut opened = [&3_u64.to_be_bytes()[..], &CHANNEL.number().to_be_bytes(), &[1, 8, 12], &[5; 32]].concat();
        let parse = |bytes: &[u8]| Session::parse(bytes, CHANNEL).unwrap();
        opened.extend([77, 0, 2, 1, 1, 78, 0, 0]);
        assert_eq!(parse(&opened), Ok(session()), "unknown fields are skipped");
        opened.extend([79, 0, 9, 1]);
        assert_eq!(parse(&opened), Err(SessionError::Field { said: 9, found: 1 }));
        opened.truncate(FIXED_LEN);
        for (at, value, refused) in [
            (12, 2, SessionError::Code(2)),
            (13, 0, SessionError::Shape { k: 0, n: 12 }),
            (13, 13, SessionError::Shape { k: 13, n: 12 }),
        ] {
            let mut wrong = opened.clone();
            wrong[at] = value;
            assert_eq!(parse(&wrong), Err(refused));
        }
    }
}
