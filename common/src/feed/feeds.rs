//! The feeds a program serves its figures with, each in the form it was asked for in (`--wfb-stats`).

use std::str::FromStr;

use serde::Serialize;

use super::figures::SettingsMessage;
use super::{Feed, FeedError, msgpack};
use crate::options::ListenAddress;

/// A feed that is wanted: `[json:|msgpack:][ADDR:]PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedTarget {
    format: Format,
    address: ListenAddress,
}

/// What messages are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Lines of JSON.
    Json,
    /// MessagePack, each message behind its length.
    MessagePack,
}

/// All feeds of a program.
#[derive(Debug, Default)]
pub struct Feeds(Vec<(Format, Feed)>);

impl Feeds {
    /// Listens where these say.
    ///
    /// # Errors
    /// A port is in use, or an address is none of this machine's.
    pub fn listen(targets: &[FeedTarget]) -> Result<Self, FeedError> {
        let listen = |target: &FeedTarget| Ok((target.format, Feed::listen(&target.address)?));
        Ok(Self(targets.iter().map(listen).collect::<Result<_, _>>()?))
    }

    /// Lets in whoever has come since, and says first what is set, or what to write above the figures. Never waits.
    pub fn admit(&mut self, title: &str, settings: &SettingsMessage) {
        for (format, feed) in &mut self.0 {
            feed.admit(&match format {
                Format::Json => line(settings),
                Format::MessagePack => msgpack::title(title),
            });
        }
    }

    /// Sends everybody a message: a line of it, or what `packed` makes of it. Never waits.
    pub fn send(&self, message: &impl Serialize, packed: impl Fn() -> Vec<u8>) {
        for (format, feed) in &self.0 {
            feed.push(&match format {
                Format::Json => line(message),
                Format::MessagePack => packed(),
            });
        }
    }
}

/// A message of plain numbers and words, which JSON has for all of them, as a line.
fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

impl FromStr for FeedTarget {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, address) = match text.split_once(':') {
            Some(("json", address)) => (Format::Json, address),
            Some(("msgpack", address)) => (Format::MessagePack, address),
            _ => (Format::Json, text),
        };
        Ok(Self { format, address: address.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_a_format_and_an_address() {
        let feed = |text: &str| text.parse::<FeedTarget>().map(|feed| (feed.format, feed.address.to_string()));
        assert_eq!(feed("8103"), Ok((Format::Json, "127.0.0.1:8103".to_owned())));
        assert_eq!(feed("json:[::]:8103"), Ok((Format::Json, "[::]:8103".to_owned())));
        assert_eq!(feed("msgpack:8003"), Ok((Format::MessagePack, "127.0.0.1:8003".to_owned())));
        assert!(feed("xml:8103").is_ok_and(|(_, address)| address == "xml:8103"), "a host may be called so");
        assert!(feed("msgpack").is_err() && feed("msgpack:").is_err());
    }
}
