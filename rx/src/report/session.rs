//! What a line says of the session.

use crate::stats::{SessionStats, Terms};
use serde::{Serialize, Serializer};
use skylark_common::fec::FecConfig;
use skylark_common::wire::announce::Payload;

/// The session that is followed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SessionReport {
    /// Its number on the air, hexadecimal.
    pub(crate) id: Name,
    /// What the datagrams are.
    pub(crate) payload: Payload,
    /// How the stream is protected.
    pub(crate) fec: Fec,
    /// Whether the transmitter's clock is ours.
    pub(crate) shared_clock: bool,
}

impl SessionReport {
    /// What a line says of this session.
    pub(super) fn of(session: &SessionStats, shared_clock: bool) -> Self {
        Self { id: Name::of(session), payload: session.payload(), fec: Fec::of(&session.terms), shared_clock }
    }
}

/// How a stream is protected.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum Fec {
    /// By our own code.
    Skylark(FecConfig),
    /// By blocks of the field's standard.
    WfbNg {
        /// Its name.
        code: &'static str,
        /// Source fragments in a block.
        k: u8,
        /// Fragments in a block.
        n: u8,
        /// The session's place among sessions.
        epoch: u64,
    },
}

impl Fec {
    const fn of(terms: &Terms) -> Self {
        match *terms {
            Terms::Skylark(announce) => Self::Skylark(announce.fec),
            Terms::WfbNg { epoch, code, .. } => Self::WfbNg { code: "reed-solomon", k: code.k(), n: code.n(), epoch },
        }
    }
}

/// What a session is called: six hexadecimal digits in our own dialect, eight in the other, as its transmitter says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    id: u32,
    digits: usize,
}

impl Name {
    const fn of(session: &SessionStats) -> Self {
        let digits = match session.terms {
            Terms::Skylark(_) => 6,
            Terms::WfbNg { .. } => 8,
        };
        Self { id: session.id, digits }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:0digits$x}", self.id, digits = self.digits))
    }
}
