//! Whether what is sent leaves the card: injects a few frames nobody takes for their own, and counts the
//! reports the driver gives about them.

use std::io;
use std::time::Duration;

use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::TxRate;

use super::card::Card;
use crate::machine::Width;

/// How many frames are injected: enough that a few lost reports do not matter.
pub const PROBES: u64 = 20;
/// How long reports are waited for: a card sends 20 frames of 44 bytes within 30 ms on any channel that is free.
const PATIENCE: Duration = Duration::from_millis(250);

/// Address 2 of a probe: locally administered, and no Skylark link's.
const TRANSMITTER: [u8; 6] = [0x56, 0x44, b'p', b'r', b'o', b'b'];
/// Address 3 of a probe.
const DESTINATION: [u8; 6] = [0x56, 0x44, b'n', b'o', b'n', b'e'];
/// What a probe says to whoever finds it in a capture.
const TEXT: &[u8; 20] = b"skylark-setup doctor";

/// What became of the probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// How wide they were.
    pub width: Width,
    /// Frames the card took.
    pub taken: u64,
    /// Frames it reported as sent.
    pub left: u64,
    /// Frames it refused.
    pub refused: u64,
    /// Why it refused the last of them.
    pub reason: Option<String>,
}

impl Injected {
    /// Whether the card sends: it reported at least three quarters of what it took. Some reports get lost.
    #[must_use]
    pub const fn leave(&self) -> bool {
        self.left > 0 && self.left.saturating_mul(4) >= self.taken.saturating_mul(3)
    }
}

/// Injects [`PROBES`] frames at `rate` and waits for the reports.
///
/// # Errors
/// The card cannot be read any more.
pub fn inject(card: &mut Card, rate: TxRate) -> io::Result<Injected> {
    let before = card.ear().heard().probes_left;
    let probe = probe(rate);
    let mut injected = Injected { width: rate.width.into(), taken: 0, left: 0, refused: 0, reason: None };
    for _ in 0..PROBES {
        match card.send(&probe) {
            Ok(()) => injected.taken = injected.taken.saturating_add(1),
            Err(error) => {
                injected.refused = injected.refused.saturating_add(1);
                injected.reason = Some(error.to_string());
            }
        }
    }
    card.listen_until(PATIENCE, |heard| heard.probes_left.saturating_sub(before) >= injected.taken)?;
    injected.left = card.ear().heard().probes_left.saturating_sub(before);
    Ok(injected)
}

/// One probe, TX radiotap header first.
pub(super) fn probe(rate: TxRate) -> Vec<u8> {
    let dot11 = Dot11 { transmitter: TRANSMITTER, destination: DESTINATION };
    [rate.emit().as_slice(), &dot11.emit(), TEXT].concat()
}

/// Whether an 802.11 frame is a probe.
pub(super) fn is_probe(frame: &[u8]) -> bool {
    Dot11::parse(frame).is_ok_and(|(dot11, _)| dot11.transmitter == TRANSMITTER)
}
