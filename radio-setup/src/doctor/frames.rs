//! What the transmitter's frames are like, as far as a channel has to fit them.

use clap::ValueEnum as _;
use skylark_common::wire::radiotap::{Format, TxRate, Width};
use skylark_setup::machine::Machine;

use crate::args::{DoctorCommand, FrameWidth};

/// The rate to try: as wide as the user says, else as the transmitter that runs here sends, else usual.
pub(super) fn rate(command: &DoctorCommand, machine: &Machine) -> TxRate {
    let transmitter = machine.link_programs.iter().find(|program| program.name == "skylark-tx");
    let sent = transmitter.map_or(TxRate::default(), |program| of_arguments(&program.arguments));
    match command.width.map(Width::from) {
        Some(width) if width != sent.width => of_width(width, sent.format),
        Some(_) | None => sent,
    }
}

/// What `skylark-tx` sends that was started with these arguments: its own reading of `--width` and `--vht`.
fn of_arguments(arguments: &[String]) -> TxRate {
    let width = arguments.iter().enumerate().rev().find_map(|(index, argument)| {
        let beside = argument.strip_prefix("--width=");
        let behind = || arguments.get(index + 1).filter(|_| argument == "--width").map(String::as_str);
        FrameWidth::from_str(beside.or_else(behind)?, false).ok()
    });
    let has_vht = arguments.iter().any(|argument| argument == "--vht");
    let format = if has_vht { Format::Vht { streams: 1 } } else { Format::Ht };
    of_width(width.map_or(Width::Mhz20, Into::into), format)
}

/// 80 MHz is of VHT only.
fn of_width(width: Width, format: Format) -> TxRate {
    let format = if width == Width::Mhz80 { Format::Vht { streams: 1 } } else { format };
    TxRate { width, format, ..TxRate::default() }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use skylark_setup::machine::LinkProgram;

    use super::*;
    use crate::args::{Args, Command};

    fn tried(transmitter: Option<&str>, options: &str) -> (Width, Format) {
        let words = format!("skylark-setup doctor {options}");
        let Command::Doctor(command) = Args::try_parse_from(words.split_ascii_whitespace()).unwrap().command else {
            panic!("{options}")
        };
        let program = |line: &str| LinkProgram {
            name: "skylark-tx".to_owned(),
            arguments: line.split_ascii_whitespace().map(str::to_owned).collect(),
        };
        let machine = Machine { link_programs: transmitter.map(program).into_iter().collect(), ..Machine::default() };
        let rate = rate(&command, &machine);
        (rate.width, rate.format)
    }

    #[test]
    fn frames_are_tried_as_the_transmitter_sends_them() {
        let vht = Format::Vht { streams: 1 };
        assert_eq!(tried(None, ""), (Width::Mhz20, Format::Ht));
        assert_eq!(tried(Some("--input test --width 40"), ""), (Width::Mhz40, Format::Ht));
        assert_eq!(tried(Some("--width=40 --vht --air wlan1"), ""), (Width::Mhz40, vht));
        assert_eq!(tried(Some("--vht --width 80"), "--transmit"), (Width::Mhz80, vht));
        assert_eq!(tried(Some("--width"), ""), (Width::Mhz20, Format::Ht));
        assert_eq!(tried(Some(""), ""), (Width::Mhz20, Format::Ht), "cannot be read");
    }

    #[test]
    fn what_the_user_says_goes_first_and_80_mhz_is_vht() {
        assert_eq!(tried(Some("--width 40"), "--transmit --width 20"), (Width::Mhz20, Format::Ht));
        assert_eq!(tried(None, "--transmit --width 80"), (Width::Mhz80, Format::Vht { streams: 1 }));
    }
}
