//! Where video comes from, as the command line names it.

use std::path::PathBuf;
use std::str::FromStr;

/// Where the video comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The moving pattern.
    Test,
    /// H.264 on stdin.
    Stdin,
    /// H.264 in a file.
    File(PathBuf),
    /// A command that writes H.264 to its stdout.
    Exec(String),
    /// A camera.
    V4l2(PathBuf),
    /// RTP over UDP, `[ADDR:]PORT`.
    Rtp(String),
    /// Datagrams of any kind over UDP, `[ADDR:]PORT`.
    Udp(String),
}

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "test" => Ok(Self::Test),
            None if text == "-" => Ok(Self::Stdin),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("exec", command)) if !command.trim().is_empty() => Ok(Self::Exec(command.to_owned())),
            Some(("v4l2", device)) if !device.is_empty() => Ok(Self::V4l2(device.into())),
            Some(("rtp", address)) if !address.is_empty() => Ok(Self::Rtp(address.to_owned())),
            Some(("udp", address)) if !address.is_empty() => Ok(Self::Udp(address.to_owned())),
            _ => {
                Err("expected test, -, file:PATH, exec:'COMMAND', v4l2:/dev/videoN, rtp:[ADDR:]PORT or udp:[ADDR:]PORT"
                    .to_owned())
            }
        }
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Test => f.write_str("test"),
            Self::Stdin => f.write_str("-"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Exec(command) => write!(f, "exec:{command}"),
            Self::V4l2(device) => write!(f, "v4l2:{}", device.display()),
            Self::Rtp(address) => write!(f, "rtp:{address}"),
            Self::Udp(address) => write!(f, "udp:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_read_and_shown_alike() {
        for text in [
            "test",
            "-",
            "file:a b.h264",
            "exec:rpicam-vid -o -",
            "v4l2:/dev/video0",
            "rtp:5600",
            "rtp:239.1.1.1:5600",
            "udp:14550",
        ] {
            assert_eq!(text.parse::<Input>().unwrap().to_string(), text);
        }
        for wrong in ["", "file:", "exec: ", "tests", "rtp:", "udp:", "/dev/video0"] {
            assert!(wrong.parse::<Input>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_command_keeps_its_colons() {
        assert_eq!("exec:a:b".parse(), Ok(Input::Exec("a:b".to_owned())));
    }
}
