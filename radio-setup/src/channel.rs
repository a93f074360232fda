//! Channels by number and by frequency, and what a wide one is made of (IEEE 802.11-2020 Annex E,
//! IEEE 802.11ax-2021 27.3.23).
//!
//! ```text
//!  36  40  44  48  52  56  60  64   primary channels of 20 MHz
//!  └38─┘   └46─┘   └54─┘   └62─┘    pairs of 40 MHz: 36 and 40 are centered on 38
//!  └────42─────┘   └────58─────┘    80 MHz
//!  └────────────50─────────────┘    160 MHz
//! ```

use std::fmt;

use skylark_common::wire::radiotap;
use thiserror::Error;

use crate::machine::{Tuned, Width};

/// A band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// 2.4 GHz: channels 1 to 14.
    Ghz2,
    /// 5 GHz: channels 36 to 177.
    Ghz5,
    /// 6 GHz: channels 1 to 233.
    Ghz6,
}

/// On which side of its primary channel a 40 MHz channel at 2.4 GHz has its other half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secondary {
    /// Higher: HT40+.
    Above,
    /// Lower: HT40-.
    Below,
}

/// What is no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChannelError {
    /// Neither a number nor a frequency.
    #[error("not a channel: expected a number such as 149, a frequency such as 5745MHz, or 6g37 at 6 GHz")]
    NotOne,
    /// No channel has this number.
    #[error("{band} has no channel {number}{}", nearest(*below, *above))]
    NoNumber {
        /// Where it was looked for.
        band: Band,
        /// What was found.
        number: u32,
        /// The channel below it.
        below: Option<u32>,
        /// The channel above it.
        above: Option<u32>,
    },
    /// WiFi does not reach there.
    #[error("{0} MHz is no WiFi frequency: expected 2412 to 2484, 5180 to 5885, or 5935 to 7115 MHz")]
    NoBand(u32),
    /// Not a width.
    #[error("not a width: expected 20, 40, 80 or 160 MHz (5, 10: few cards), or 40+ and 40- at 2.4 GHz")]
    NotAWidth,
    /// This channel is part of none so wide.
    #[error("channel {number} ({frequency_mhz} MHz) is part of no {width} channel; it can be up to {widest} wide")]
    TooWide {
        /// The primary channel.
        number: u32,
        /// Its frequency in MHz.
        frequency_mhz: u32,
        /// What was asked for.
        width: Width,
        /// What there is.
        widest: Width,
    },
    /// The other half would lie outside of the band.
    #[error("channel {number} has no room {side} it for 40 MHz; take 40{}", sign(*other))]
    NoRoom {
        /// The primary channel.
        number: u32,
        /// Where the other half was wanted.
        side: Secondary,
        /// Where it fits.
        other: Secondary,
    },
    /// A frequency beside the channels is 20 MHz wide at most.
    #[error("{0} MHz is the center of no channel, therefore 20 MHz wide at most")]
    BesideChannels(u32),
}

impl Band {
    /// The band of a frequency in MHz, channels of modified drivers beside the usual ones included.
    #[must_use]
    pub const fn of(frequency_mhz: u32) -> Option<Self> {
        match frequency_mhz {
            2300..=2732 => Some(Self::Ghz2),
            4900..=5924 => Some(Self::Ghz5),
            5925..=7125 => Some(Self::Ghz6),
            _ => None,
        }
    }

    /// The center of a channel of 20 MHz, in MHz.
    #[must_use]
    pub fn frequency_mhz(self, number: u32) -> Option<u32> {
        let known = self.numbers().contains(&number) || (self, number) == (Self::Ghz6, 2);
        known.then(|| self.raw_frequency_mhz(number))
    }

    /// Its channels of 20 MHz, except for the one at 5935 MHz, which stands alone.
    #[must_use]
    pub const fn numbers(self) -> &'static [u32] {
        match self {
            Self::Ghz2 => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
            Self::Ghz5 => &[
                36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 124, 128, 132, 136, 140, 144, 149, 153,
                157, 161, 165, 169, 173, 177,
            ],
            Self::Ghz6 => &GHZ6,
        }
    }

    /// Of any number that lies in the band, centers of wide channels too.
    const fn raw_frequency_mhz(self, number: u32) -> u32 {
        match (self, number) {
            (Self::Ghz2, 14) => 2484,
            (Self::Ghz2, _) => 2407 + 5 * number,
            (Self::Ghz5, _) => 5000 + 5 * number,
            (Self::Ghz6, 2) => 5935,
            (Self::Ghz6, _) => 5950 + 5 * number,
        }
    }
}

/// 1, 5, 9 … 233.
const GHZ6: [u32; 59] = {
    let mut numbers = [1; 59];
    let mut index = 1;
    while index < numbers.len() {
        numbers[index] = numbers[index - 1] + 4;
        index += 1;
    }
    numbers
};

/// The number of the channel of 20 MHz with this center.
#[must_use]
pub fn number(frequency_mhz: u32) -> Option<u32> {
    let band = Band::of(frequency_mhz)?;
    let numbers = band.numbers().iter().copied().chain((band == Band::Ghz6).then_some(2));
    numbers.into_iter().find(|&number| band.raw_frequency_mhz(number) == frequency_mhz)
}

/// A channel as people write it: `149`, `5745`, `5745MHz`, `6g37`. Returns its center in MHz.
///
/// # Errors
/// It is none; the error names the nearest.
pub fn parse(text: &str) -> Result<u32, ChannelError> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(number) = text.strip_prefix("6g") {
        return by_number(Band::Ghz6, number.parse().map_err(|_| ChannelError::NotOne)?);
    }
    let (digits, is_frequency) = match text.strip_suffix("mhz") {
        Some(digits) => (digits.trim_end(), true),
        None => (text.as_str(), false),
    };
    let value: u32 = digits.parse().map_err(|_| ChannelError::NotOne)?;
    match value {
        _ if is_frequency || value >= 1000 => Band::of(value).map(|_| value).ok_or(ChannelError::NoBand(value)),
        0..=24 => by_number(Band::Ghz2, value),
        _ => by_number(Band::Ghz5, value),
    }
}

fn by_number(band: Band, number: u32) -> Result<u32, ChannelError> {
    let numbers = band.numbers();
    band.frequency_mhz(number).ok_or_else(|| ChannelError::NoNumber {
        band,
        number,
        below: numbers.iter().rev().find(|&&known| known < number).copied(),
        above: numbers.iter().find(|&&known| known > number).copied(),
    })
}

/// A width as people write it: `20`, `40`, `80MHz`, and `40+`, `40-` at 2.4 GHz.
///
/// # Errors
/// It is none.
pub fn parse_width(text: &str) -> Result<(Width, Option<Secondary>), ChannelError> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix("mhz").map_or(text.as_str(), str::trim_end) {
        "5" => Ok((Width::Mhz5, None)),
        "10" => Ok((Width::Mhz10, None)),
        "20" => Ok((Width::Mhz20, None)),
        "40" => Ok((Width::Mhz40, None)),
        "40+" => Ok((Width::Mhz40, Some(Secondary::Above))),
        "40-" => Ok((Width::Mhz40, Some(Secondary::Below))),
        "80" => Ok((Width::Mhz80, None)),
        "160" => Ok((Width::Mhz160, None)),
        _ => Err(ChannelError::NotAWidth),
    }
}

/// What to tune to for a primary channel and a width. Which channels go together is fixed but for 40 MHz at
/// 2.4 GHz, where the other half is `secondary`, or else on the side that has more room.
///
/// # Errors
/// The channel is part of none so wide.
pub fn tune(frequency_mhz: u32, width: Width, secondary: Option<Secondary>) -> Result<Tuned, ChannelError> {
    let band = Band::of(frequency_mhz).ok_or(ChannelError::NoBand(frequency_mhz))?;
    if width <= Width::Mhz20 {
        return Ok(Tuned { frequency_mhz, center_mhz: frequency_mhz, width });
    }
    let number = number(frequency_mhz).ok_or(ChannelError::BesideChannels(frequency_mhz))?;
    let too_wide = |widest| ChannelError::TooWide { number, frequency_mhz, width, widest };
    let center = match (band, width) {
        (Band::Ghz2, Width::Mhz40) => beside(number, secondary)?.ok_or(too_wide(Width::Mhz20))?,
        (Band::Ghz2, _) => return Err(too_wide(if number == 14 { Width::Mhz20 } else { Width::Mhz40 })),
        (Band::Ghz5 | Band::Ghz6, _) => group(band, number, width).ok_or_else(|| too_wide(widest(band, number)))?,
    };
    Ok(Tuned { frequency_mhz, center_mhz: band.raw_frequency_mhz(center), width })
}

/// The center of the 40 MHz channel at 2.4 GHz: the other half is four channels away, and both within 1 to 13.
fn beside(number: u32, secondary: Option<Secondary>) -> Result<Option<u32>, ChannelError> {
    let (above, below) = (number <= 9, (5..=13).contains(&number));
    match secondary {
        Some(side @ Secondary::Above) if below && !above => {
            Err(ChannelError::NoRoom { number, side, other: Secondary::Below })
        }
        Some(side @ Secondary::Below) if above && !below => {
            Err(ChannelError::NoRoom { number, side, other: Secondary::Above })
        }
        Some(Secondary::Above) if above => Ok(Some(number + 2)),
        Some(Secondary::Below) if below => Ok(number.checked_sub(2)),
        // Most regions end at channel 11, whose middle is 6.
        None if number <= 6 => Ok(Some(number + 2)),
        None if below => Ok(number.checked_sub(2)),
        _ => Ok(None),
    }
}

/// The center of the wide channel of which this one is part. Wide channels tile each run of channels without gap.
fn group(band: Band, number: u32, width: Width) -> Option<u32> {
    let first = match (band, number) {
        (Band::Ghz6, 2) => return None,
        (Band::Ghz6, _) => 1,
        // 100, too, lies on a multiple of 160 MHz above 36.
        (_, ..149) => 36,
        (_, _) => 149,
    };
    // Channel numbers count in 5 MHz.
    let span = width.mhz() / 5;
    let lowest = first + number.checked_sub(first)? / span * span;
    let highest = lowest + span - 4;
    let whole = (lowest..=highest).step_by(4).all(|part| band.numbers().contains(&part));
    whole.then_some(lowest + (span - 4) / 2)
}

fn widest(band: Band, number: u32) -> Width {
    let wide = [Width::Mhz160, Width::Mhz80, Width::Mhz40];
    wide.into_iter().find(|&width| group(band, number, width).is_some()).unwrap_or(Width::Mhz20)
}

fn nearest(below: Option<u32>, above: Option<u32>) -> String {
    match (below, above) {
        (Some(below), Some(above)) => format!(" (nearest: {below} and {above})"),
        (Some(only), None) | (None, Some(only)) => format!(" (nearest: {only})"),
        (None, None) => String::new(),
    }
}

const fn sign(side: Secondary) -> char {
    match side {
        Secondary::Above => '+',
        Secondary::Below => '-',
    }
}

/// A frame is as wide as a channel of that width.
impl From<radiotap::Width> for Width {
    fn from(width: radiotap::Width) -> Self {
        match width {
            radiotap::Width::Mhz20 => Self::Mhz20,
            radiotap::Width::Mhz40 => Self::Mhz40,
            radiotap::Width::Mhz80 => Self::Mhz80,
        }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ghz2 => "2.4 GHz",
            Self::Ghz5 => "5 GHz",
            Self::Ghz6 => "6 GHz",
        })
    }
}

impl fmt::Display for Secondary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Above => "above",
            Self::Below => "below",
        })
    }
}

#[cfg(test)]
mod tests;
