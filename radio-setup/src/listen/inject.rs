//! Whether what is sent leaves the card: injects a few frames nobody takes for their own, and counts the
//! reports the driver gives about them.

use std::io;
use std::time::Duration;

use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::TxRate;

use super::card::Card;

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
    /// Frames the card took.
    pub taken: u64,
    /// Frames it reported as sent.
    pub left: u64,
    /// Why it refused one, where it did.
    pub refused: Option<String>,
}

/// Injects [`PROBES`] frames at `rate` and waits for the reports.
///
/// # Errors
/// The card cannot be read any more.
pub fn inject(card: &mut Card, rate: TxRate) -> io::Result<Injected> {
    let before = card.ear().heard().probes_left;
    let probe = probe(rate);
    let mut injected = Injected { taken: 0, left: 0, refused: None };
    for _ in 0..PROBES {
        match card.send(&probe) {
            Ok(()) => injected.taken = injected.taken.saturating_add(1),
            Err(error) => injected.refused = Some(error.to_string()),
        }
    }
    card.listen_until(PATIENCE, |heard| heard.probes_left.saturating_sub(before) >= PROBES)?;
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
