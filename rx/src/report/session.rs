//! What a line says of the session.

use crate::stats::SessionStats;
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
    pub(crate) fec: FecConfig,
    /// Whether the transmitter's clock is ours.
    pub(crate) shared_clock: bool,
}

impl SessionReport {
    /// What a line says of this session.
    pub(super) fn of(session: &SessionStats, shared_clock: bool) -> Self {
        Self { id: session.id, payload: session.announce.payload, fec: session.announce.fec, shared_clock }
    }
}

fn hexadecimal<S: Serializer>(id: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{id:06x}"))
}
