//! What people are told of the encoder's bitrate.

use crate::events::EncoderRate;
use crate::report::note;
use crate::sender::RateReason;

/// A change by less than this is not worth a sentence.
const WORTH_TELLING_PERCENT: u64 = 25;

/// What may help where nothing more is lowered by itself.
const AT_THE_FLOOR: &str = "the air gives no more than --bitrate-min; lower that or --size, or raise --mcs";

/// The bitrate people know of.
#[derive(Debug, Default)]
pub(crate) struct ToldRate {
    /// `None` while it is what was asked for.
    bits_per_s: Option<u32>,
}

impl ToldRate {
    /// Tells that it has changed by much; about once a second.
    pub(super) fn tell(&mut self, encoder: &EncoderRate, least_bits_per_s: u32) {
        if let Some(sentence) = self.news(encoder, least_bits_per_s) {
            note(sentence);
        }
    }

    fn news(&mut self, encoder: &EncoderRate, least_bits_per_s: u32) -> Option<String> {
        let asked = mbit_per_s(encoder.asked_bits_per_s);
        if encoder.reason == RateReason::Asked {
            let restored = || format!("the air carries the {asked} Mbit/s asked for again: encoder raised");
            return self.bits_per_s.take().map(|_| restored());
        }
        let known = u64::from(self.bits_per_s.unwrap_or(encoder.asked_bits_per_s));
        let differs = u64::from(encoder.target_bits_per_s).abs_diff(known);
        let is_least = encoder.target_bits_per_s <= least_bits_per_s;
        let is_news = is_least && differs > 0;
        if self.bits_per_s.is_some() && !is_news && differs * 100 < known * WORTH_TELLING_PERCENT {
            return None;
        }
        let verb = if u64::from(encoder.target_bits_per_s) < known { "lowered" } else { "raised" };
        self.bits_per_s = Some(encoder.target_bits_per_s);
        let target = mbit_per_s(encoder.target_bits_per_s);
        let why = match encoder.reason {
            _ if is_least => AT_THE_FLOOR,
            RateReason::Modulation => "the modulation carries less",
            RateReason::Air | RateReason::Asked => "the air gives less",
        };
        Some(format!("encoder {verb} to {target} of the {asked} Mbit/s asked for: {why}"))
    }
}

fn mbit_per_s(bits_per_s: u32) -> String {
    format!("{:.1}", f64::from(bits_per_s) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_when_the_bitrate_changes_by_much_and_when_it_is_back() {
        let mut told = ToldRate::default();
        let mut news = |target_bits_per_s, reason| {
            let asked_bits_per_s = 4_000_000;
            let encoder = EncoderRate { asked_bits_per_s, target_bits_per_s, reason, unit_bytes: 0, queue_us: 0 };
            told.news(&encoder, 500_000).unwrap_or_default()
        };
        assert_eq!(news(4_000_000, RateReason::Asked), "");
        assert_eq!(
            news(1_900_000, RateReason::Air),
            "encoder lowered to 1.9 of the 4.0 Mbit/s asked for: the air gives less"
        );
        assert_eq!(news(2_100_000, RateReason::Air), "");
        assert_eq!(
            news(3_000_000, RateReason::Air),
            "encoder raised to 3.0 of the 4.0 Mbit/s asked for: the air gives less"
        );
        assert_eq!(
            news(4_000_000, RateReason::Asked),
            "the air carries the 4.0 Mbit/s asked for again: encoder raised"
        );
        assert_eq!(news(4_000_000, RateReason::Asked), "");
        let lowered = "encoder lowered to 2.8 of the 4.0 Mbit/s asked for: the modulation carries less";
        assert_eq!(news(2_800_000, RateReason::Modulation), lowered);
        assert!(news(600_000, RateReason::Air).ends_with("the air gives less"));
        let least = format!("encoder lowered to 0.5 of the 4.0 Mbit/s asked for: {AT_THE_FLOOR}");
        assert_eq!([news(500_000, RateReason::Air), news(500_000, RateReason::Air)], [least, String::new()]);
    }
}
