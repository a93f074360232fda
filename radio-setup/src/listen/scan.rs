//! Looks for the link on the other channels of a card, and puts the card back whatever happens.
#![expect(clippy::disallowed_methods, reason = "listens on each channel for a time")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::card::Card;
use super::{Ear, Heard};
use crate::channel::{self, Band};
use crate::machine::{Channel, Interface, Radio, Tuned, Width};
use crate::netlink::Kernel;

/// How long one channel is listened to: a transmitter announces itself every 90 ms, and sends much more often
/// while it has video.
const DWELL: Duration = Duration::from_millis(105);
/// The longest a card may take to be tuned and to be listened to.
const LONGEST_STEP: Duration = Duration::from_millis(180);

/// What a scan came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Where the link is heard, and what of it.
    pub found: Option<(Tuned, Heard)>,
    /// Channels that were listened to.
    pub listened: usize,
    /// Channels there was no time for, or that the card refused.
    pub left_out: usize,
    /// Why the card could not be put back on its channel, where it could not.
    pub not_restored: Option<String>,
}

/// Channels worth a look for a card that is set to `tuned`: those links use first, and among them those of the
/// band it is in. As wide as 40 MHz where possible, because such a card hears 20 MHz frames too.
#[must_use]
pub fn channels(radio: &Radio, tuned: Tuned) -> Vec<Tuned> {
    let mut usable: Vec<&Channel> = radio.channels.iter().filter(|channel| !channel.disabled).collect();
    let band = |mhz| Band::of(mhz) != Band::of(tuned.frequency_mhz);
    usable.sort_by_key(|channel| (is_rare(channel), band(channel.frequency_mhz), channel.frequency_mhz));
    let channels = usable.into_iter().map(|channel| channel.frequency_mhz);
    let wide = |mhz| widened(radio, mhz).unwrap_or(Tuned { frequency_mhz: mhz, center_mhz: mhz, width: Width::Mhz20 });
    channels.map(wide).filter(|channel| *channel != tuned && !is_within(*channel, tuned)).collect()
}

/// What to look through, and for how long.
#[derive(Debug)]
pub struct Search<'a> {
    /// The card's interface: it is put back on its channel.
    pub interface: &'a Interface,
    /// The channels, in this order.
    pub channels: &'a [Tuned],
    /// When to be back.
    pub end: Instant,
    /// Set by who wants it ended before.
    pub stop: &'a AtomicBool,
}

impl Search<'_> {
    /// Listens on one channel after another until the link is heard or the time is up.
    pub fn run(&self, card: &mut Card, kernel: &mut Kernel, ear: impl Fn() -> Ear) -> Scan {
        let mut scan = Scan::default();
        let mut channels = self.channels.iter();
        while scan.found.is_none() && Instant::now() + LONGEST_STEP < self.end && !self.stop.load(Ordering::Relaxed) {
            let Some(channel) = channels.next() else { break };
            if kernel.set_channel(self.interface.index, *channel).is_err() {
                scan.left_out = scan.left_out.saturating_add(1);
                continue;
            }
            card.replace_ear(ear());
            if card.listen_until(DWELL, Heard::has_link).is_err() {
                break;
            }
            scan.listened = scan.listened.saturating_add(1);
            let heard = card.ear().heard();
            scan.found = heard.has_link().then(|| (place(*channel, heard), heard.clone()));
        }
        scan.left_out = scan.left_out.saturating_add(channels.count());
        let restored = self.interface.tuned.map(|tuned| kernel.set_channel(self.interface.index, tuned));
        scan.not_restored = restored.and_then(Result::err).map(|error| error.to_string());
        scan
    }
}

/// The channel the transmitter uses: a card that listens wide hears narrow frames too.
fn place(listened: Tuned, heard: &Heard) -> Tuned {
    let width = match heard.width_mhz {
        Some(40) => Width::Mhz40,
        Some(80..) => Width::Mhz80,
        _ => Width::Mhz20,
    };
    channel::tune(listened.frequency_mhz, width, None).unwrap_or(listened)
}

/// The 40 MHz channel a 5 GHz channel belongs to, if the radio can be as wide and has both halves. At 2.4 GHz
/// it could be either of two.
fn widened(radio: &Radio, mhz: u32) -> Option<Tuned> {
    let can = radio.widest >= Width::Mhz40 && Band::of(mhz) == Some(Band::Ghz5);
    let wide = can.then(|| channel::tune(mhz, Width::Mhz40, None).ok()).flatten()?;
    let other = wide.center_mhz.saturating_mul(2).checked_sub(mhz)?;
    radio.channel(other).is_some_and(|channel| !channel.disabled).then_some(wide)
}

fn is_within(channel: Tuned, tuned: Tuned) -> bool {
    channel.frequency_mhz == tuned.frequency_mhz && channel.width <= tuned.width
}

/// Channels few links use: where radar has priority, beyond the usual bands, and at 2.4 GHz those that overlap
/// with 1, 6 or 11, which hear a strong neighbour too.
fn is_rare(channel: &Channel) -> bool {
    match channel.frequency_mhz {
        2412 | 2437 | 2462 => false,
        5180..=5825 => channel.radar,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn radio(widest: Width) -> Radio {
        let channel =
            |frequency_mhz| Channel { frequency_mhz, disabled: false, no_ir: false, radar: false, max_power_mbm: 2000 };
        let mut channels = [2412, 2417, 2437, 5180, 5200, 5720, 5745, 5765, 5785, 5825].map(channel).to_vec();
        channels[5].radar = true;
        Radio { channels, widest, ..Radio::default() }
    }

    fn tuned(frequency_mhz: u32) -> Tuned {
        Tuned { frequency_mhz, center_mhz: frequency_mhz, width: Width::Mhz20 }
    }

    #[test]
    fn what_links_use_comes_first_and_what_is_listened_to_already_is_left_out() {
        let order: Vec<u32> = channels(&radio(Width::Mhz20), tuned(5745)).iter().map(|t| t.frequency_mhz).collect();
        assert_eq!(order, [5180, 5200, 5765, 5785, 5825, 2412, 2437, 5720, 2417]);
        let order: Vec<u32> = channels(&radio(Width::Mhz20), tuned(2417)).iter().map(|t| t.frequency_mhz).collect();
        assert_eq!(order[..3], [2412, 2437, 5180]);
    }

    #[test]
    fn the_width_is_that_of_the_frames_not_of_the_search() {
        let wide = Tuned { frequency_mhz: 5745, center_mhz: 5755, width: Width::Mhz40 };
        let heard = |width_mhz| place(wide, &Heard { width_mhz, ..Heard::default() });
        assert_eq!(heard(None), tuned(5745));
        assert_eq!(heard(Some(20)), tuned(5745));
        assert_eq!(heard(Some(40)), wide);
        assert_eq!(heard(Some(80)).center_mhz, 5775);
    }

    #[test]
    fn a_wide_card_listens_to_both_widths_at_once() {
        let found = channels(&radio(Width::Mhz80), tuned(5745));
        let center = |mhz| found.iter().find(|t| t.frequency_mhz == mhz).map(|t| (t.center_mhz, t.width));
        assert_eq!(center(5745), Some((5755, Width::Mhz40)), "40 MHz frames on the channel it has");
        assert_eq!(center(5200), Some((5190, Width::Mhz40)));
        assert_eq!(center(5825), Some((5825, Width::Mhz20)), "165 has no neighbour");
        assert_eq!(center(2412), Some((2412, Width::Mhz20)));
        let wide = Tuned { frequency_mhz: 5745, center_mhz: 5755, width: Width::Mhz40 };
        assert!(!channels(&radio(Width::Mhz80), wide).iter().any(|t| t.frequency_mhz == 5745));
    }
}
