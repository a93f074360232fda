//! The receiver of the field's standard, WFB-NG: captured frames in, datagrams in order out.
//!
//! ```text
//! handle_frame ─▸ radiotap ─▸ 802.11 ─▸ our channel? ─▸ session packet ─▸ key
//!                              foreign ◂──┘           └▸ data packet ─▸ heard before? ─▸ open ─▸ block ─▸ poll_datagram
//! ```

use std::time::{Duration, Instant};

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::EndKey;

use super::Datagram;
use crate::stats::RxStats;

/// What a receiver of WFB-NG is told once, at its start.
#[derive(Debug, Clone, Copy)]
pub struct WfbNgConfig {
    /// Which stream to listen to.
    pub channel: ChannelId,
    /// How long a missing datagram holds back those that follow it where nothing else shows that it will not come, 0 to
    /// 5 s, default 150 ms.
    pub latency_budget: Duration,
}

/// The state machine of a WFB-NG receiver, with the contract of [`super::Receiver`].
#[derive(Debug)]
pub struct WfbNgReceiver {
    config: WfbNgConfig,
    key: EndKey,
}

impl WfbNgReceiver {
    /// A receiver that has heard nothing. `key` is what `gs.key` holds for what comes from the aircraft.
    #[must_use]
    pub fn new(config: WfbNgConfig, key: EndKey, _now: Instant) -> Self {
        Self { config, key }
    }

    /// Takes a frame as a card captured it, radiotap header first.
    pub fn handle_frame(&mut self, _card: usize, _frame: &[u8], _now: Instant) {}

    /// See [`super::Receiver::add_card`].
    pub fn add_card(&mut self, _card: usize, _beside: Option<usize>) {}

    /// Gives up what has been waited for long enough.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next datagram in order, if it is there.
    pub fn poll_datagram(&mut self) -> Option<Datagram<'_>> {
        None
    }

    /// When to call `handle_timeout` if no frame comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Everything that was counted.
    #[must_use]
    pub fn stats(&self, _now: Instant) -> RxStats {
        let _ = (&self.config, &self.key);
        RxStats::default()
    }

    /// See [`super::Receiver::unsealed`].
    #[must_use]
    pub fn unsealed(&self, _card: usize) -> u64 {
        0
    }
}
