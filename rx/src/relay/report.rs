//! What a viewer says to all relays: which of them are to be prompt, and which packets it knows.
//!
//! ```text
//! | 53 4b 56 | version 1 | viewer u64 | stamp µs u64 | prompt | known | known | ...
//! prompt | count u8, ff: all | relay u64 | relay u64 | ...
//! known  | 00 | session, 24 bit | stream u8 | kind u8 | next u32 | 4 words of 64 bits |
//! ```
//!
//! Big-endian. [`Known`] says what next and words mean. The stamp is the viewer's own clock: it comes back in echoes,
//! and grows from each report to the next.

use skylark_common::wire::WireError;
use skylark_common::wire::packet::Kind;

use super::bytes::Reader;
use super::{RelayId, ViewerId};
use crate::receiver::Known;

/// Relays a report can name: more than ever need be prompt at once. A viewer that wants more asks all.
pub const MAX_PROMPT: usize = 16;
/// Kinds of streams a report can tell of: as many as a receiver remembers.
pub const MAX_KNOWN: usize = 32;

const MAGIC: [u8; 3] = *b"SKV";
const VERSION: u8 = 1;
const NAME: &str = "report";
const ALL: u8 = 0xff;

/// A viewer's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose.
    pub viewer: ViewerId,
    /// When it was made, in µs by the viewer's clock.
    pub stamp_us: u64,
    /// Which relays are to forward at once.
    pub prompt: Prompt,
    /// What it knows, at most [`MAX_KNOWN`] entries.
    pub known: Vec<Known>,
}

/// Which relays are to forward at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Every one.
    All,
    /// These, at most [`MAX_PROMPT`].
    Only(Vec<RelayId>),
}

impl Prompt {
    /// Whether this relay is asked.
    #[must_use]
    pub fn asks(&self, relay: RelayId) -> bool {
        match self {
            Self::All => true,
            Self::Only(relays) => relays.contains(&relay),
        }
    }
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// Too short, not a viewer's report, of another version, or with more entries than there can be.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, bytes);
        reader.expect(MAGIC, VERSION)?;
        let (viewer, stamp_us) = (ViewerId(reader.u64()?), reader.u64()?);
        let prompt = parse_prompt(&mut reader)?;
        let mut known = Vec::new();
        while !reader.rest().is_empty() {
            if known.len() >= MAX_KNOWN {
                return Err(WireError::Malformed { header: NAME, field: "known", found: count(known.len() + 1) });
            }
            known.push(parse_known(&mut reader)?);
        }
        Ok(Self { viewer, stamp_us, prompt, known })
    }

    /// Appends the report; entries beyond the limits are left out, relays beyond them make it [`Prompt::All`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&self.viewer.0.to_be_bytes());
        out.extend_from_slice(&self.stamp_us.to_be_bytes());
        emit_prompt(&self.prompt, out);
        self.known.iter().take(MAX_KNOWN).for_each(|known| emit_known(known, out));
    }
}

fn parse_prompt(reader: &mut Reader<'_>) -> Result<Prompt, WireError> {
    let found = reader.u8()?;
    if found == ALL {
        return Ok(Prompt::All);
    }
    if usize::from(found) > MAX_PROMPT {
        return Err(WireError::Malformed { header: NAME, field: "prompt", found: u32::from(found) });
    }
    let relays = (0..found).map(|_| reader.u64().map(RelayId));
    relays.collect::<Result<_, _>>().map(Prompt::Only)
}

fn emit_prompt(prompt: &Prompt, out: &mut Vec<u8>) {
    match prompt {
        Prompt::Only(relays) if relays.len() <= MAX_PROMPT => {
            out.push(u8::try_from(relays.len()).unwrap_or(ALL));
            relays.iter().for_each(|relay| out.extend_from_slice(&relay.0.to_be_bytes()));
        }
        Prompt::Only(_) | Prompt::All => out.push(ALL),
    }
}

fn parse_known(reader: &mut Reader<'_>) -> Result<Known, WireError> {
    let session = reader.u32()? & 0x00ff_ffff;
    let stream = reader.u8()?;
    let kind = match reader.u8()? {
        1 => Kind::Source,
        2 => Kind::WindowRepair,
        3 => Kind::BlockRepair,
        4 => Kind::Announce,
        kind => return Err(WireError::Malformed { header: NAME, field: "kind", found: u32::from(kind) }),
    };
    let next = reader.u32()?;
    let mut bits = [0; Known::WORDS];
    for word in &mut bits {
        *word = reader.u64()?;
    }
    Ok(Known { session, stream, kind, next, bits })
}

fn emit_known(known: &Known, out: &mut Vec<u8>) {
    out.extend_from_slice(&known.session.to_be_bytes());
    out.extend_from_slice(&[known.stream, known.kind as u8]);
    out.extend_from_slice(&known.next.to_be_bytes());
    known.bits.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[rustfmt::skip]
    const BYTES: [u8; 71] = [
        0x53, 0x4b, 0x56, 1,                                    // magic, version
        0, 0, 0, 0, 0, 0, 0, 5,                                 // viewer
        0, 0, 0, 0, 0, 0, 1, 2,                                 // stamp
        1, 0, 0, 0, 0, 0, 0, 0, 6,                              // relay 6 alone is to be prompt
        0, 0x0a, 0x0b, 0x0c, 0, 1, 0, 0, 1, 0,                  // source packets of stream 0: 255 is known, and
        0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0,         // 253
        0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0,      // 0
    ];

    fn report() -> Report {
        let known = Known {
            session: 0x0a_0b_0c,
            stream: 0,
            kind: Kind::Source,
            next: 256,
            bits: [5, 0, 0, 0x8000_0000_0000_0000],
        };
        Report { viewer: ViewerId(5), stamp_us: 258, prompt: Prompt::Only(vec![RelayId(6)]), known: vec![known] }
    }

    #[test]
    fn a_report_is_these_bytes() {
        let mut out = Vec::new();
        report().emit(&mut out);
        assert_eq!(out, BYTES);
        assert_eq!(Report::parse(&BYTES), Ok(report()));
    }

    #[test]
    fn every_truncation_but_between_entries_is_refused() {
        for len in (0..BYTES.len()).filter(|len| *len != 29) {
            assert!(matches!(Report::parse(&BYTES[..len]), Err(WireError::Truncated { .. })), "{len} bytes");
        }
        assert!(Report::parse(&BYTES[..29]).unwrap().known.is_empty());
    }

    #[test]
    fn too_many_entries_and_kinds_that_cannot_be_are_refused() {
        let with = |at: usize, value: u8| {
            let mut bytes = BYTES;
            bytes[at] = value;
            Report::parse(&bytes)
        };
        assert_eq!(with(2, 0).unwrap_err(), WireError::Foreign);
        assert_eq!(with(3, 2).unwrap_err(), WireError::Version { found: 2, expected: 1 });
        assert_eq!(with(20, 17).unwrap_err(), WireError::Malformed { header: NAME, field: "prompt", found: 17 });
        assert_eq!(with(34, 5).unwrap_err(), WireError::Malformed { header: NAME, field: "kind", found: 5 });
        let many = [&BYTES[..29], &BYTES[29..].repeat(MAX_KNOWN + 1)].concat();
        assert_eq!(Report::parse(&many).unwrap_err(), WireError::Malformed { header: NAME, field: "known", found: 33 });
    }

    #[test]
    fn a_viewer_that_names_too_many_relays_asks_all() {
        let prompt = Prompt::Only((0..17).map(RelayId).collect());
        let mut out = Vec::new();
        Report { prompt, ..report() }.emit(&mut out);
        assert_eq!(Report::parse(&out).unwrap().prompt, Prompt::All);
    }

    prop_compose! {
        fn any_known()(session in 0..1_u32 << 24, stream: u8, kind in 0..4_usize, next: u32, bits: [u64; 4]) -> Known {
            let kinds = [Kind::Source, Kind::WindowRepair, Kind::BlockRepair, Kind::Announce];
            Known { session, stream, kind: kinds[kind], next, bits }
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Report::parse(&bytes);
            let _ = Report::parse(&[&BYTES[..20], &bytes].concat());
        }

        #[test]
        fn what_is_emitted_comes_back(
            viewer: u64,
            stamp_us: u64,
            relays in proptest::option::of(proptest::collection::vec(any::<u64>(), 0..=MAX_PROMPT)),
            known in proptest::collection::vec(any_known(), 0..=MAX_KNOWN),
        ) {
            let prompt = relays.map_or(Prompt::All, |relays| Prompt::Only(relays.into_iter().map(RelayId).collect()));
            let report = Report { viewer: ViewerId(viewer), stamp_us, prompt, known };
            let mut out = Vec::new();
            report.emit(&mut out);
            prop_assert_eq!(Report::parse(&out).unwrap(), report);
        }
    }
}
