//! Where the stream goes: datagrams and access units to every output that takes them.

pub(crate) mod annex_b;
pub(crate) mod png;
pub(crate) mod rtp;
pub(crate) mod sdp;
#[cfg(feature = "window")]
pub(crate) mod window;

use std::sync::Arc;

use skylark_common::queue::Queue;

use crate::unit::Unit;
use rtp::RtpOutput;
use sdp::SdpFile;

/// Units that may wait for the decoder. A repaired burst hands on five or so at once, which take it 2 to
/// 3 ms each; sixteen are a quarter of a second at 60 a second: one that far behind drops what is old.
pub(crate) const DECODER_UNITS: usize = 16;
/// Units that may wait for a disk: two seconds at 60 a second, some 2 MB at 8 Mbit/s. A disk that stalls for
/// longer loses what is oldest.
pub(crate) const RECORDING_UNITS: usize = 120;

/// Units on their way to one thread.
pub(crate) type UnitQueue = Arc<Queue<Arc<Unit>>>;

/// Everything the link thread hands on to.
#[derive(Debug, Default)]
pub(crate) struct Outlets {
    /// Take each datagram as it is.
    pub(crate) rtp: Vec<RtpOutput>,
    /// Says what the first of them sends.
    pub(crate) sdp: Option<SdpFile>,
    /// The decoder's queue, when pictures are wanted.
    pub(crate) decoder: Option<UnitQueue>,
    /// The recordings' queues.
    pub(crate) recordings: Vec<UnitQueue>,
}

/// Which units gave way because their takers were too slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GaveWay {
    /// Units the decoder did not get.
    pub(crate) decoder: u64,
    /// Units some recording did not get.
    pub(crate) recordings: u64,
}

impl Outlets {
    /// Sends a datagram to all that take them.
    pub(crate) fn send_datagram(&mut self, bytes: &[u8]) {
        self.rtp.iter_mut().for_each(|rtp| rtp.send(bytes));
        self.sdp.iter_mut().for_each(|sdp| sdp.handle_datagram(bytes));
    }

    /// Whether anybody takes access units.
    pub(crate) fn want_units(&self) -> bool {
        self.decoder.is_some() || !self.recordings.is_empty()
    }

    /// Hands a unit to all that take them, without waiting.
    pub(crate) fn push_unit(&self, unit: Unit) -> GaveWay {
        let unit = Arc::new(unit);
        let push = |queue: &UnitQueue| u64::from(!queue.is_closed() && queue.push(Arc::clone(&unit)).is_some());
        GaveWay { decoder: self.decoder.iter().map(push).sum(), recordings: self.recordings.iter().map(push).sum() }
    }

    /// Hands the decoder a unit that it gets again in its turn, without waiting; returns how many gave way.
    pub(crate) fn push_early(&self, unit: Unit) -> u64 {
        let unit = Arc::new(unit);
        let push = |queue: &UnitQueue| u64::from(!queue.is_closed() && queue.push(Arc::clone(&unit)).is_some());
        self.decoder.iter().map(push).sum()
    }

    /// Whether some queue is half full: whoever can wait should.
    pub(crate) fn are_busy(&self) -> bool {
        let busy = |queue: &UnitQueue, capacity: usize| !queue.is_closed() && queue.queued() > capacity / 2;
        self.decoder.iter().any(|queue| busy(queue, DECODER_UNITS))
            || self.recordings.iter().any(|queue| busy(queue, RECORDING_UNITS))
    }

    /// Datagrams sent and refused by the network, by all rtp outputs.
    pub(crate) fn datagrams(&self) -> (u64, u64) {
        self.rtp.iter().fold((0, 0), |(sent, refused), rtp| (sent + rtp.sent(), refused + rtp.refused()))
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.decoder.iter().chain(&self.recordings).for_each(|queue| queue.close());
        self.sdp.iter().for_each(SdpFile::close);
    }
}
