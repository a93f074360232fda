//! What is spoken on the air, and how it is protected there.

use std::str::FromStr;

use clap::Args as ClapArgs;
use skylark_common::fec::{Code, FecConfig};
use skylark_common::options::{Dialect, duration};
use skylark_common::wfb_ng::channel::{ChannelId, link_id_of_domain};
use skylark_common::wfb_ng::session::BlockCode;
use skylark_common::wire::announce::Payload;

use super::values::permille;
use crate::sender::{Closing, Filling, WfbNgConfig};

/// A second of pictures at 60 a second: repairs that cover more come too late for any picture they repair.
const MOST_WINDOW_UNITS: i64 = 63;

/// Options of the dialects. What one has and the other has not is `None` where it was not given.
#[derive(Debug, ClapArgs)]
pub(crate) struct DialectArgs {
    /// What is spoken on the air: skylark or wfb-ng.
    ///
    /// `wfb-ng` is the standard of OpenIPC, PixelPilot and wfb-ng itself: their ground stations receive it.
    #[arg(long, default_value = "skylark", value_name = "DIALECT")]
    pub(crate) dialect: Dialect,
    /// The name of the link; both ends give the same.
    ///
    /// With --dialect wfb-ng the link domain, from which the link id follows: 7669206 for "default", which most ground
    /// stations use.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) link: String,
    /// The link id of WFB-NG, where it follows from no name: 0 to 16777215.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(..1 << 24), conflicts_with = "link")]
    link_id: Option<u32>,
    /// The radio port of WFB-NG: 0, the default, is video, 16 MAVLink.
    ///
    /// From 128 on it is what goes up to the aircraft, and the key is gs.key.
    #[arg(long, value_name = "PORT")]
    radio_port: Option<u8>,
    /// The epoch of WFB-NG sessions, by default 0, as the field has it.
    ///
    /// A receiver refuses sessions of a lower epoch than it has heard since it was started, and with it what was
    /// recorded before. Give the time ($(date +%s)) only where the clock is right after every start: else nothing is
    /// received until receivers are started again.
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,

    /// What makes repairs: window, block or none; with --dialect wfb-ng K/N, such as 8/12.
    ///
    /// Without it window, and 8/12.
    #[arg(long, value_name = "CODE")]
    fec: Option<Fec>,
    /// Repair packets for each source packet, 0% to 300%. More survives more loss and costs air. Without it 50%.
    #[arg(long, value_name = "PERCENT", value_parser = permille)]
    redundancy: Option<u16>,
    /// How many pictures before the one just sent its repairs cover as well, 0 to 63. More survives longer
    /// fades; with 0 repairs cover their own picture only. Without it 8.
    #[arg(long, value_name = "PICTURES", value_parser = clap::value_parser!(u8).range(0..=MOST_WINDOW_UNITS))]
    window: Option<u8>,
    /// When a block of WFB-NG ends before it is full: unit, with its picture where the air has room, or never.
    ///
    /// With `never` repairs of a picture's last packets wait for the next picture. Without it unit; never with
    /// --no-pacing, where nobody knows whether the air has room. Datagrams that are no pictures end no block.
    #[arg(long, value_name = "WHEN", value_parser = closing)]
    close_blocks: Option<Closing>,
    /// How long after its last packet a block of WFB-NG is filled all the same, or never.
    ///
    /// The repairs of what comes last before a pause wait for it. Without it twice the time between pictures or
    /// datagrams, 20ms to 100ms; 100ms with --close-blocks never. A single packet is filled up with 11 others at 8/12:
    /// for a trickle of datagrams, such as MAVLink, --fec 1/2 is better, which repairs each at once.
    #[arg(long, value_name = "TIME", value_parser = filling)]
    fec_timeout: Option<Filling>,
}

/// What makes repairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fec {
    Skylark(Code),
    WfbNg(BlockCode),
}

impl DialectArgs {
    /// What one dialect has and the other has not, in words that say what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.dialect {
            Dialect::Skylark => self.check_skylark(),
            Dialect::WfbNg => self.check_wfb_ng(),
        }
    }

    fn check_skylark(&self) -> Result<(), String> {
        let theirs = [
            ("--link-id", self.link_id.is_some()),
            ("--radio-port", self.radio_port.is_some()),
            ("--epoch", self.epoch.is_some()),
            ("--close-blocks", self.close_blocks.is_some()),
            ("--fec-timeout", self.fec_timeout.is_some()),
        ];
        if let Some((option, _)) = theirs.into_iter().find(|(_, given)| *given) {
            return Err(format!("{option} is of WFB-NG: add --dialect wfb-ng, or leave it out"));
        }
        match self.fec {
            Some(Fec::WfbNg(code)) => {
                Err(format!("--fec {code} is of WFB-NG: add --dialect wfb-ng, or give --redundancy"))
            }
            Some(Fec::Skylark(_)) | None => Ok(()),
        }
    }

    fn check_wfb_ng(&self) -> Result<(), String> {
        let ours = [("--redundancy", self.redundancy.is_some()), ("--window", self.window.is_some())];
        if let Some((option, _)) = ours.into_iter().find(|(_, given)| *given) {
            return Err(format!("{option} does nothing with --dialect wfb-ng: give --fec K/N, such as 8/12 for 50 %"));
        }
        match self.fec {
            Some(Fec::Skylark(code)) => {
                Err(format!("--fec {code} is not of WFB-NG: give K/N, such as 8/12, or 1/1 for no repairs"))
            }
            Some(Fec::WfbNg(_)) | None => Ok(()),
        }
    }

    /// How our own dialect protects video.
    pub(crate) fn skylark(&self) -> FecConfig {
        let default = FecConfig::default();
        let code = match self.fec {
            Some(Fec::Skylark(code)) => code,
            Some(Fec::WfbNg(_)) | None => default.code,
        };
        FecConfig {
            code,
            redundancy_permille: self.redundancy.unwrap_or(default.redundancy_permille),
            window_units: self.window.unwrap_or(default.window_units),
        }
    }

    /// What a WFB-NG session that carries this is told.
    pub(crate) fn wfb_ng(&self, payload: Payload) -> WfbNgConfig {
        let default = WfbNgConfig::new(self.channel());
        let code = match self.fec {
            Some(Fec::WfbNg(code)) => code,
            Some(Fec::Skylark(_)) | None => default.code,
        };
        WfbNgConfig {
            payload,
            code,
            epoch: self.epoch.unwrap_or(default.epoch),
            closing: self.close_blocks.unwrap_or(default.closing),
            filling: self.fec_timeout.unwrap_or(default.filling),
            ..default
        }
    }

    /// The longest datagram a packet carries, in bytes.
    pub(crate) const fn max_datagram_bytes(&self) -> usize {
        match self.dialect {
            Dialect::Skylark => skylark_common::MAX_DATAGRAM_BYTES,
            Dialect::WfbNg => skylark_common::wfb_ng::MAX_DATAGRAM_BYTES,
        }
    }

    /// The stream of WFB-NG.
    pub(crate) fn channel(&self) -> ChannelId {
        let link_id = self.link_id.unwrap_or_else(|| link_id_of_domain(&self.link));
        ChannelId::new(link_id, self.radio_port.unwrap_or(ChannelId::VIDEO))
    }

    /// The link as it was given.
    pub(crate) fn link_name(&self) -> String {
        self.link_id.map_or_else(|| self.link.clone(), |link_id| link_id.to_string())
    }
}

impl FromStr for Fec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((k, n)) = text.split_once('/') else {
            let code = text.parse().map_err(|_| "expected window, block or none, or K/N, such as 8/12".to_owned())?;
            return Ok(Self::Skylark(code));
        };
        let code = k.parse().ok().zip(n.parse().ok()).and_then(|(k, n)| BlockCode::new(k, n));
        code.map(Self::WfbNg).ok_or_else(|| "expected K/N with 1 ≤ K ≤ N ≤ 255, such as 8/12".to_owned())
    }
}

fn closing(text: &str) -> Result<Closing, String> {
    match text {
        "unit" => Ok(Closing::UnitEnds),
        "never" => Ok(Closing::Never),
        _ => Err("expected unit or never".to_owned()),
    }
}

fn filling(text: &str) -> Result<Filling, String> {
    if text == "never" { Ok(Filling::Never) } else { Ok(Filling::After(duration(text)?)) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        dialect: DialectArgs,
    }

    fn parse(line: &str) -> DialectArgs {
        Line::try_parse_from(["skylark-tx"].into_iter().chain(line.split_whitespace())).unwrap().dialect
    }

    #[test]
    fn the_fields_dialect_has_the_fields_defaults() {
        let args = parse("--dialect wfb-ng");
        assert_eq!(args.check(), Ok(()));
        assert_eq!(args.wfb_ng(Payload::H264), WfbNgConfig::new(ChannelId::new(7_669_206, 0)));
        assert_eq!(args.skylark(), FecConfig::default());
    }

    #[test]
    fn everything_of_it_can_be_given() {
        let args = parse(
            "--dialect wfb-ng --link-id 5 --radio-port 16 --fec 1/2 --epoch 9 --close-blocks never --fec-timeout 5ms",
        );
        assert_eq!(args.check(), Ok(()));
        let expected = WfbNgConfig {
            channel: ChannelId::new(5, 16),
            payload: Payload::Opaque,
            code: BlockCode::new(1, 2).unwrap(),
            epoch: 9,
            closing: Closing::Never,
            filling: Filling::After(Duration::from_millis(5)),
        };
        assert_eq!(args.wfb_ng(Payload::Opaque), expected);
        assert_eq!(parse("--dialect wfb-ng --fec-timeout never").wfb_ng(Payload::H264).filling, Filling::Never);
    }

    #[test]
    fn what_one_dialect_does_not_have_is_refused_with_what_to_do() {
        for (line, words) in [
            ("--link-id 5", "--link-id is of WFB-NG: add --dialect wfb-ng"),
            ("--radio-port 0", "add --dialect wfb-ng"),
            ("--epoch 1", "add --dialect wfb-ng"),
            ("--close-blocks unit", "add --dialect wfb-ng"),
            ("--fec-timeout 5ms", "add --dialect wfb-ng"),
            ("--fec 8/12", "--fec 8/12 is of WFB-NG"),
            ("--dialect wfb-ng --redundancy 50%", "--redundancy does nothing with --dialect wfb-ng: give --fec K/N"),
            ("--dialect wfb-ng --window 3", "give --fec K/N"),
            ("--dialect wfb-ng --fec window", "--fec window is not of WFB-NG: give K/N"),
            ("--dialect wfb-ng --fec none", "or 1/1 for no repairs"),
        ] {
            let refusal = parse(line).check().unwrap_err();
            assert!(refusal.contains(words), "{line}: {refusal}");
        }
    }

    #[test]
    fn codes_that_do_not_exist_are_refused() {
        for fec in ["0/1", "9/8", "8/256", "8/", "/12", "8-12", "raptor"] {
            assert!(fec.parse::<Fec>().is_err(), "{fec}");
        }
        assert_eq!("255/255".parse(), Ok(Fec::WfbNg(BlockCode::new(255, 255).unwrap())));
    }
}
