//! What a relay says to all viewers.
//!
//! ```text
//! | 53 4b 52 | version 1 | run u64 | sequence u32 | entry | entry | ...
//! entry  | kind u8 | length u16 of what follows | ...
//! frame  1 | card u8 | age µs u32 | number u32 | the frame as captured, radiotap header first |
//! copy   2 | card u8 | age µs u32 | number u32 | radiotap header |
//! heard  3 | card u8 | age µs u32 | radiotap header | packet header, 27 bytes |
//! echo   4 | viewer u64 | stamp µs u64 | held µs u32 |
//! ```
//!
//! Big-endian but for what is in frames. `run` is drawn at the relay's start; `sequence` counts its messages and
//! `number` its frame entries since then. Kinds nobody knows are skipped.

use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::wire::WireError;

use super::ViewerId;
use super::bytes::Reader;

/// Most bytes of a message: one frame more still fits a UDP datagram.
pub const MAX_MESSAGE_BYTES: usize = 60 * 1024;
/// Most bytes of an entry.
pub const MAX_ENTRY_BYTES: usize = MAX_FRAME_BYTES + Entry::FRAME_OVERHEAD;
/// How many frames back a copy may reach; a viewer keeps so many of each relay, at most 1 MiB.
pub const RECENT_FRAMES: u32 = 256;
/// Bytes before the first entry.
pub const HEADER_BYTES: usize = 16;

const MAGIC: [u8; 3] = *b"SKR";
const VERSION: u8 = 1;
const NAME: &str = "message";

const FRAME: u8 = 1;
const COPY: u8 = 2;
const HEARD: u8 = 3;
const ECHO: u8 = 4;

/// A message's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Which start of the relay it comes from.
    pub run: u64,
    /// Counts the messages of this run.
    pub sequence: u32,
}

/// One thing a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A card captured a frame.
    Frame {
        /// Which of the relay's cards.
        card: u8,
        /// From its capture to the message's making, in µs.
        age_us: u32,
        /// Its number in this run.
        number: u32,
        /// Its bytes, radiotap header first; at most [`MAX_FRAME_BYTES`].
        bytes: &'a [u8],
    },
    /// A card captured what is byte for byte a frame told before, but for what cards write into 802.11 headers.
    Copy {
        /// Which of the relay's cards.
        card: u8,
        /// From its capture to the message's making, in µs.
        age_us: u32,
        /// The number of the frame it repeats.
        number: u32,
        /// The radiotap header it came with.
        radiotap: &'a [u8],
    },
    /// A card captured a packet that every viewer has reported known.
    Heard {
        /// Which of the relay's cards.
        card: u8,
        /// From its capture to the message's making, in µs.
        age_us: u32,
        /// Radiotap header and packet header as captured, and the FCS if the frame had it.
        head: &'a [u8],
    },
    /// A viewer's report came.
    Echo {
        /// Whose.
        viewer: ViewerId,
        /// The stamp it came with.
        stamp_us: u64,
        /// From the report's arrival to the message's making, in µs.
        held_us: u32,
    },
}

impl Message {
    /// Reads the head and returns what reads the entries.
    ///
    /// # Errors
    /// Too short, too long, not a relay's message, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Entries<'_>), WireError> {
        let mut reader = Reader::new(NAME, bytes);
        reader.expect(MAGIC, VERSION)?;
        let message = Self { run: reader.u64()?, sequence: reader.u32()? };
        if bytes.len() > MAX_MESSAGE_BYTES {
            let found = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            return Err(WireError::Malformed { header: NAME, field: "length", found });
        }
        Ok((message, Entries(reader)))
    }

    /// Appends the head.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&self.run.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
    }
}

/// The entries of a message, one after the other; the first one that cannot be read is the last.
#[derive(Debug, Clone)]
pub struct Entries<'a>(Reader<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.rest().is_empty() {
            let entry = self.read().transpose();
            if matches!(entry, Some(Err(_))) {
                *self = Self::new(&[]);
            }
            if entry.is_some() {
                return entry;
            }
        }
        None
    }
}

impl<'a> Entries<'a> {
    /// Reads entries off these bytes.
    #[must_use]
    pub const fn new(entries: &'a [u8]) -> Self {
        Self(Reader::new(NAME, entries))
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }

    fn read(&mut self) -> Result<Option<Entry<'a>>, WireError> {
        let kind = self.0.u8()?;
        let length = self.0.u16()?;
        Entry::parse(kind, self.0.slice(usize::from(length))?)
    }
}

impl Entry<'_> {
    /// Bytes of a frame entry beside the frame.
    pub const FRAME_OVERHEAD: usize = 12;
    /// Bytes of an echo.
    pub const ECHO_BYTES: usize = 23;
}

impl<'a> Entry<'a> {
    /// Appends the entry.
    ///
    /// # Errors
    /// It is longer than an entry can be; nothing is appended.
    pub fn emit(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        let start = out.len();
        out.extend_from_slice(&[self.kind(), 0, 0]);
        match *self {
            Self::Frame { card, age_us, number, bytes: tail } | Self::Copy { card, age_us, number, radiotap: tail } => {
                emit_capture(out, card, age_us);
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(tail);
            }
            Self::Heard { card, age_us, head } => {
                emit_capture(out, card, age_us);
                out.extend_from_slice(head);
            }
            Self::Echo { viewer, stamp_us, held_us } => {
                out.extend_from_slice(&viewer.0.to_be_bytes());
                out.extend_from_slice(&stamp_us.to_be_bytes());
                out.extend_from_slice(&held_us.to_be_bytes());
            }
        }
        let body_bytes = out.len().saturating_sub(start).saturating_sub(3);
        match (u16::try_from(body_bytes), out.get_mut(start..).and_then(|entry| entry.get_mut(1..3))) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(&length.to_be_bytes());
                Ok(())
            }
            _ => {
                out.truncate(start);
                Err(too_long(body_bytes))
            }
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Frame { .. } => FRAME,
            Self::Copy { .. } => COPY,
            Self::Heard { .. } => HEARD,
            Self::Echo { .. } => ECHO,
        }
    }

    /// Reads what follows an entry's length; `None` if nobody knows its kind.
    fn parse(kind: u8, body: &'a [u8]) -> Result<Option<Self>, WireError> {
        let mut reader = Reader::new("entry", body);
        Ok(Some(match kind {
            FRAME => {
                let (card, age_us, number) = (reader.u8()?, reader.u32()?, reader.u32()?);
                Self::Frame { card, age_us, number, bytes: bounded(reader.rest())? }
            }
            COPY => {
                let (card, age_us, number) = (reader.u8()?, reader.u32()?, reader.u32()?);
                Self::Copy { card, age_us, number, radiotap: bounded(reader.rest())? }
            }
            HEARD => {
                let (card, age_us) = (reader.u8()?, reader.u32()?);
                Self::Heard { card, age_us, head: bounded(reader.rest())? }
            }
            ECHO => {
                let viewer = ViewerId(reader.u64()?);
                Self::Echo { viewer, stamp_us: reader.u64()?, held_us: reader.u32()? }
            }
            _ => return Ok(None),
        }))
    }
}

fn emit_capture(out: &mut Vec<u8>, card: u8, age_us: u32) {
    out.push(card);
    out.extend_from_slice(&age_us.to_be_bytes());
}

/// What cards capture is never longer than a frame nor shorter than nothing.
fn bounded(bytes: &[u8]) -> Result<&[u8], WireError> {
    if bytes.is_empty() || bytes.len() > MAX_FRAME_BYTES { Err(too_long(bytes.len())) } else { Ok(bytes) }
}

fn too_long(found_bytes: usize) -> WireError {
    let found = u32::try_from(found_bytes).unwrap_or(u32::MAX);
    WireError::Malformed { header: "entry", field: "length", found }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[rustfmt::skip]
    const BYTES: [u8; 83] = [
        0x53, 0x4b, 0x52, 1,                                    // magic, version
        0, 0, 0, 0, 0, 0, 0x12, 0x34,                           // run
        0, 0, 0, 7,                                             // sequence
        1, 0, 11, 2, 0, 0, 1, 0, 0, 0, 0, 9, 0xaa, 0xbb,        // frame 9 of card 2, 256 µs old
        2, 0, 10, 3, 0, 0, 0, 5, 0, 0, 0, 9, 0xcc,              // card 3 heard it as well
        9, 0, 2, 1, 1,                                          // a kind nobody knows
        3, 0, 7, 2, 0, 0, 0, 1, 0xdd, 0xee,                     // card 2 heard what all viewers know
        4, 0, 20, 0, 0, 0, 0, 0, 0, 0, 1,                       // echo to viewer 1
        0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0,
    ];
    /// Two bytes at its end are the beginning of nothing.
    const WHOLE: usize = BYTES.len() - 2;

    fn entries() -> Vec<Entry<'static>> {
        vec![
            Entry::Frame { card: 2, age_us: 256, number: 9, bytes: &[0xaa, 0xbb] },
            Entry::Copy { card: 3, age_us: 5, number: 9, radiotap: &[0xcc] },
            Entry::Heard { card: 2, age_us: 1, head: &[0xdd, 0xee] },
            Entry::Echo { viewer: ViewerId(1), stamp_us: 2, held_us: 3 },
        ]
    }

    #[test]
    fn a_message_is_these_bytes() {
        let (message, read) = Message::parse(&BYTES[..WHOLE]).unwrap();
        assert_eq!(message, Message { run: 0x1234, sequence: 7 });
        assert_eq!(read.collect::<Result<Vec<_>, _>>(), Ok(entries()));
        let mut out = Vec::new();
        message.emit(&mut out);
        assert_eq!(out, BYTES[..HEADER_BYTES]);
        entries().iter().for_each(|entry| entry.emit(&mut out).unwrap());
        assert_eq!([&out[..43], &[9, 0, 2, 1, 1], &out[43..]].concat(), BYTES[..WHOLE]);
    }

    #[test]
    fn every_truncation_ends_in_an_error_or_in_fewer_entries() {
        for len in 0..WHOLE {
            match Message::parse(&BYTES[..len]) {
                Err(error) => assert!(len < HEADER_BYTES && matches!(error, WireError::Truncated { .. })),
                Ok((_, read)) => assert!(read.flatten().count() < entries().len()),
            }
        }
        let (_, read) = Message::parse(&BYTES).unwrap();
        assert!(matches!(read.last(), Some(Err(WireError::Truncated { .. }))));
    }

    #[test]
    fn other_versions_strangers_and_giants_are_refused() {
        let mut bytes = BYTES;
        bytes[3] = 2;
        assert_eq!(Message::parse(&bytes).unwrap_err(), WireError::Version { found: 2, expected: 1 });
        bytes[0] = 0;
        assert_eq!(Message::parse(&bytes).unwrap_err(), WireError::Foreign);
        let giant = [&BYTES[..], &vec![0; MAX_MESSAGE_BYTES]].concat();
        assert!(matches!(Message::parse(&giant), Err(WireError::Malformed { field: "length", .. })));
        let frame = vec![0; MAX_FRAME_BYTES + 1];
        let mut out = Vec::new();
        Entry::Frame { card: 0, age_us: 0, number: 0, bytes: &frame }.emit(&mut out).unwrap();
        let (kind, body) = (out[0], &out[3..]);
        assert!(matches!(Entry::parse(kind, body), Err(WireError::Malformed { field: "length", .. })));
        let frame = vec![0; 70_000];
        assert!(Entry::Frame { card: 0, age_us: 0, number: 0, bytes: &frame }.emit(&mut out).is_err());
    }

    fn any_entry() -> impl Strategy<Value = (u8, u8, u32, u32, u64, Vec<u8>)> {
        (0..4_u8, any::<u8>(), any::<u32>(), any::<u32>(), any::<u64>(), proptest::collection::vec(any::<u8>(), 1..300))
    }

    fn entry((kind, card, age_us, number, stamp_us, bytes): &(u8, u8, u32, u32, u64, Vec<u8>)) -> Entry<'_> {
        let (card, age_us, number) = (*card, *age_us, *number);
        match kind {
            0 => Entry::Frame { card, age_us, number, bytes },
            1 => Entry::Copy { card, age_us, number, radiotap: bytes },
            2 => Entry::Heard { card, age_us, head: bytes },
            _ => Entry::Echo { viewer: ViewerId(stamp_us.rotate_left(9)), stamp_us: *stamp_us, held_us: age_us },
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((_, read)) = Message::parse(&bytes) {
                read.for_each(drop);
            }
            let led = [&BYTES[..HEADER_BYTES], &bytes].concat();
            Message::parse(&led).unwrap().1.for_each(drop);
        }

        #[test]
        fn what_is_emitted_comes_back(run: u64, sequence: u32, given in proptest::collection::vec(any_entry(), 0..8)) {
            let message = Message { run, sequence };
            let mut out = Vec::new();
            message.emit(&mut out);
            given.iter().for_each(|given| entry(given).emit(&mut out).unwrap());
            let (read, entries) = Message::parse(&out).unwrap();
            prop_assert_eq!(read, message);
            prop_assert_eq!(entries.collect::<Result<Vec<_>, _>>().unwrap(), given.iter().map(entry).collect::<Vec<_>>());
        }
    }
}
