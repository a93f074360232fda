//! Timed commands, for a flight without a hand at the keys.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::control::Change;
use crate::spec::dbm;

/// Commands in order of time.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Script(VecDeque<Command>);

/// A change at a time after the start, to one receiver or to all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command {
    at: Duration,
    /// The receiver, from 0; `None` is all of them.
    pub(crate) receiver: Option<usize>,
    pub(crate) change: Change,
}

impl Script {
    /// Reads lines of `SECONDS rxN|all rssi DBM|loss LOSS|cut|back`; `#` begins a comment. Receivers count
    /// from 1.
    ///
    /// # Errors
    /// A line is none of these, or names a receiver that is not among the `receivers`.
    pub(crate) fn parse(text: &str, receivers: usize) -> Result<Self> {
        let mut commands = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
            if !line.is_empty() {
                commands.push(command(line, receivers).with_context(|| format!("line {}: {line:?}", number + 1))?);
            }
        }
        commands.sort_by_key(|command| command.at);
        Ok(Self(commands.into()))
    }

    /// The next command whose time has come.
    pub(crate) fn due(&mut self, since_start: Duration) -> Option<Command> {
        self.0.pop_front_if(|command| command.at <= since_start)
    }

    /// When the next command is due, after the start.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.0.front().map(|command| command.at)
    }
}

fn command(line: &str, receivers: usize) -> Result<Command> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [at, receiver, change @ ..] = words.as_slice() else {
        bail!("expected a time in seconds, a receiver and a command");
    };
    let seconds = at.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let at = seconds.with_context(|| format!("{at:?} is no time, expected seconds since the start"))?;
    Ok(Command { at, receiver: receiver_index(receiver, receivers)?, change: parse_change(change)? })
}

fn receiver_index(word: &str, receivers: usize) -> Result<Option<usize>> {
    if word == "all" {
        return Ok(None);
    }
    let number = word.strip_prefix("rx").and_then(|number| number.parse::<usize>().ok());
    let index = number.and_then(|number| number.checked_sub(1)).filter(|index| *index < receivers);
    ensure!(index.is_some(), "{word:?} is no receiver, expected rx1 to rx{receivers}, or all");
    Ok(index)
}

fn parse_change(words: &[&str]) -> Result<Change> {
    match words {
        ["rssi", value] => Ok(Change::SignalDbm(dbm(value).map_err(anyhow::Error::msg)?)),
        ["loss", value] => Ok(Change::Loss(value.parse().map_err(anyhow::Error::msg)?)),
        ["cut"] => Ok(Change::Cut),
        ["back"] => Ok(Change::Back),
        _ => bail!("expected rssi DBM, loss LOSS, cut or back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_in_order_of_time() {
        let text = "# walk away\n3.5 rx2 loss random:30%  # and worse\n\n2.0 rx1 rssi -85\n4 all cut\n5 rx1 back\n";
        let mut script = Script::parse(text, 2).unwrap();
        assert_eq!(script.next_at(), Some(Duration::from_secs(2)));
        assert_eq!(script.due(Duration::from_millis(1999)), None);
        let end = Duration::from_secs(9);
        let commands: Vec<_> = std::iter::from_fn(|| script.due(end)).map(|due| (due.receiver, due.change)).collect();
        let loss = "random:30%".parse().unwrap();
        let expected = [
            (Some(0), Change::SignalDbm(-85)),
            (Some(1), Change::Loss(loss)),
            (None, Change::Cut),
            (Some(0), Change::Back),
        ];
        assert_eq!(commands, expected);
        assert_eq!(script.next_at(), None);
    }

    #[test]
    fn a_wrong_line_is_named_with_what_was_expected() {
        let refused = |text| format!("{:#}", Script::parse(text, 2).unwrap_err());
        let expected = "line 2: \"1 rx3 cut\": \"rx3\" is no receiver, expected rx1 to rx2, or all";
        assert_eq!(refused("# a\n1 rx3 cut"), expected);
        assert!(refused("1 rx0 cut").contains("is no receiver"));
        assert!(refused("x rx1 cut").contains("\"x\" is no time"));
        assert!(refused("-1 rx1 cut").contains("is no time"));
        assert!(refused("1 rx1").contains("expected rssi DBM"));
        assert!(refused("1").contains("expected a time in seconds"));
        assert!(refused("1 rx1 rssi loud").contains("is no power in dBm"));
        assert!(refused("1 rx1 loss random:9").contains("is no share"));
    }
}
