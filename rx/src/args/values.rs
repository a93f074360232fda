//! Values of options: where the stream goes, how long something may take.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use skylark_common::options::duration_or_zero;

/// Where the stream goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputArg {
    /// The SDL window.
    Window,
    /// The datagrams over UDP to this host and port.
    Rtp(String),
    /// Annex B to standard output.
    Stdout,
    /// Annex B to a file.
    File(PathBuf),
    /// The last picture as a file.
    Png(PathBuf),
    /// Nowhere: received and counted only.
    None,
}

impl FromStr for OutputArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once(':')) {
            ("window", _) => Ok(Self::Window),
            ("-", _) => Ok(Self::Stdout),
            ("none", _) => Ok(Self::None),
            (_, Some(("rtp" | "udp", address))) if address.contains(':') => Ok(Self::Rtp(address.to_owned())),
            (_, Some(("file", path))) if !path.is_empty() => Ok(Self::File(path.into())),
            (_, Some(("png", path))) if !path.is_empty() => Ok(Self::Png(path.into())),
            _ => Err("expected window, rtp:HOST:PORT, udp:HOST:PORT, -, file:PATH, png:PATH or none".to_owned()),
        }
    }
}

/// How long the picture may stand; none means for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShowDamageAfter(pub(crate) Option<Duration>);

impl Default for ShowDamageAfter {
    fn default() -> Self {
        Self(Some(Duration::from_millis(85)))
    }
}

impl ShowDamageAfter {
    /// A time, or never.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let after = if text == "never" { None } else { Some(latency_budget(text)?) };
        Ok(Self(after))
    }
}

/// A time from zero to the longest anybody can fly with.
pub(super) fn latency_budget(text: &str) -> Result<Duration, &'static str> {
    let budget = duration_or_zero(text)?;
    if budget > LONGEST_BUDGET { Err("expected a time from 0ms to 5s") } else { Ok(budget) }
}

const LONGEST_BUDGET: Duration = Duration::from_secs(5);
