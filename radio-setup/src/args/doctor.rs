//! The command line of `skylark-setup doctor`.

use std::path::PathBuf;

use clap::ValueEnum;
use skylark_common::options::{AirTarget, Dialect};
use skylark_common::wire::radiotap::Width;

/// What `doctor` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorCommand {
    /// A card to look at (wlan1, monitor:wlan1), or cards in monitor mode ('wlx*'); may be given several times.
    /// Without it all cards in monitor mode, or all there are.
    #[arg(long = "air", value_name = "CARD", value_parser = card)]
    pub(crate) airs: Vec<String>,
    /// What the transmitter speaks: skylark or wfb-ng.
    #[arg(long, default_value_t, value_name = "DIALECT")]
    pub(crate) dialect: Dialect,
    /// The link id of WFB-NG, 24 bits. Without it that of the link's name: 7669206 for `default`.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(..1 << 24), conflicts_with = "link")]
    pub(crate) link_id: Option<u32>,
    /// The radio port of WFB-NG: 0, the default, is video from the aircraft.
    #[arg(long, value_name = "PORT")]
    pub(crate) radio_port: Option<u8>,
    /// The key file to try on what is heard. Without it the key that skylark-tx and skylark-rx take.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The name of the link to listen for.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) link: String,
    /// This machine transmits: also sends 20 short frames on each card, and sees whether they leave it.
    #[arg(long, conflicts_with = "receive")]
    pub(crate) transmit: bool,
    /// This machine receives: sends nothing, and silence is a fault.
    #[arg(long)]
    pub(crate) receive: bool,
    /// How wide the frames are that are sent, in MHz. Without it as wide as those of a skylark-tx that runs here, or 20.
    #[arg(long, value_name = "MHZ", requires = "transmit")]
    pub(crate) width: Option<FrameWidth>,
    /// Look for the link on other channels even with a card that another program uses, which then hears
    /// nothing for some seconds.
    #[arg(long)]
    pub(crate) scan: bool,
    /// Lines of JSON: one for each check, and the verdict.
    #[arg(long)]
    pub(crate) json: bool,
}

impl DoctorCommand {
    /// What one dialect has and the other has not, in words that say what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        let theirs = [("--link-id", self.link_id.is_some()), ("--radio-port", self.radio_port.is_some())];
        match theirs.into_iter().find(|(_, given)| *given && self.dialect == Dialect::Skylark) {
            Some((option, _)) => Err(format!("{option} is of WFB-NG: add --dialect wfb-ng, or leave it out")),
            None => Ok(()),
        }
    }
}

/// A card or pattern, as `--air` of the other programs takes it.
fn card(text: &str) -> Result<String, &'static str> {
    match text.parse()? {
        AirTarget::Monitor(card) => Ok(card),
        AirTarget::Udp(_) | AirTarget::Pcap(_) => Err("doctor looks at cards: expected wlan1, monitor:wlan1 or 'wlx*'"),
    }
}

/// Widths a frame can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrameWidth {
    /// 20 MHz.
    #[value(name = "20")]
    Mhz20,
    /// 40 MHz.
    #[value(name = "40")]
    Mhz40,
    /// 80 MHz.
    #[value(name = "80")]
    Mhz80,
}

impl From<FrameWidth> for Width {
    fn from(width: FrameWidth) -> Self {
        match width {
            FrameWidth::Mhz20 => Self::Mhz20,
            FrameWidth::Mhz40 => Self::Mhz40,
            FrameWidth::Mhz80 => Self::Mhz80,
        }
    }
}
