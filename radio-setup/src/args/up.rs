//! The command lines of `skylark-setup up` and `down`.

use skylark_setup::channel::{self, ChannelError, Secondary};
use skylark_setup::machine::{Region, Width};

pub(crate) const UP_EXAMPLES: &str = "\
Examples:
  sudo skylark-setup up                                          the one card that can only be meant
  sudo skylark-setup up wlan1 wlan2 --channel 149 --region BO    two cards, where they may send in Bolivia
  skylark-setup up wlan1 --channel 36 --width 40 --dry-run       what would be done

skylark-setup down gives the cards back.";

/// What `up` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct UpCommand {
    /// The cards. Without a name: the only one that can be meant.
    #[arg(value_name = "CARD")]
    pub(crate) cards: Vec<String>,
    /// The channel, the same at both ends: 149, 5745MHz. Without it 149, or 6 if a card has no 5 GHz.
    #[arg(long, value_name = "CHANNEL", value_parser = channel::parse)]
    pub(crate) channel: Option<u32>,
    /// How wide the channel is, in MHz; 40+ and 40- say where the other half is at 2.4 GHz.
    #[arg(long, value_name = "MHZ", default_value = "20", value_parser = width)]
    pub(crate) width: ChannelWidth,
    /// Transmit power: 20dBm, 15.5. Without it what the driver takes by itself.
    #[arg(long, value_name = "DBM", value_parser = power_mbm, allow_hyphen_values = true)]
    pub(crate) power: Option<i32>,
    /// Where you are: the two letters of the country. Decides on which channels may be sent, and how strongly.
    /// Without it as it is; 00, the world, allows next to nothing at 5 GHz.
    #[arg(long, value_name = "COUNTRY")]
    pub(crate) region: Option<Region>,
    /// Say what would be done, and do nothing. Takes no root.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take the card even if this machine's network goes through it.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Make no key file if there is none.
    #[arg(long)]
    pub(crate) no_key: bool,
    /// Lines of JSON to stdout: one a step and one a card.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `down` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct DownCommand {
    /// The cards. Without a name: all that up has taken.
    #[arg(value_name = "CARD")]
    pub(crate) cards: Vec<String>,
    /// All that up has taken.
    #[arg(long, conflicts_with = "cards")]
    pub(crate) all: bool,
    /// Lines of JSON to stdout: one a step and one a card.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How wide a channel is, and on which side its other half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChannelWidth {
    pub(crate) width: Width,
    pub(crate) secondary: Option<Secondary>,
}

fn width(text: &str) -> Result<ChannelWidth, ChannelError> {
    channel::parse_width(text).map(|(width, secondary)| ChannelWidth { width, secondary })
}

/// dBm in hundredths.
fn power_mbm(text: &str) -> Result<i32, String> {
    let expected = || format!("`{text}` is no transmit power, expected -10 to 40, as in 20dBm or 15.5");
    let number = text.strip_suffix("dBm").unwrap_or(text).trim();
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i32 = whole.parse().map_err(|_| expected())?;
    let tenths: i32 = tenths.parse::<u8>().ok().filter(|tenths| *tenths < 10).map(i32::from).ok_or_else(expected)?;
    if !(-10..=40).contains(&whole) {
        return Err(expected());
    }
    Ok(whole * 100 + sign * tenths * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_dbm_with_or_without_the_unit() {
        for (text, mbm) in [("20dBm", 2000), ("20 dBm", 2000), ("15.5", 1550), ("0", 0), ("-3.5dBm", -350)] {
            assert_eq!(power_mbm(text), Ok(mbm), "{text}");
        }
        for text in ["", "dBm", "much", "20W", "1.25", "41", "-11", "99999999999", "1.-5", "1.", "NaN"] {
            assert!(power_mbm(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_width_may_say_on_which_side_its_other_half_is() {
        assert_eq!(width("20"), Ok(ChannelWidth { width: Width::Mhz20, secondary: None }));
        assert_eq!(width("40-").unwrap().secondary, Some(Secondary::Below));
        assert!(width("30").is_err());
    }
}
