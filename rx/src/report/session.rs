//! What a line says of the session.

use crate::stats::{SessionStats, Terms};
use serde::{Serialize, Serializer};
use skylark_common::fec::FecConfig;
use skylark_common::wire::announce::Payload;

/// The session that is followed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SessionReport {
    /// Its number on the air, as six hexadecimal digits.
    #[serde(serialize_with = "hexadecimal")]
    pub(crate) id: u32,
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
        Self { id: session.id, payload: session.payload(), fec: Fec::of(&session.terms), shared_clock }
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

fn hexadecimal<S: Serializer>(id: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{id:06x}"))
}
