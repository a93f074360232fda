//! Transmitter, air and receivers, with everything a test may take away from them.

use std::process::Command;

use skylark_common::air::sim::{Config, Loss, ReceiverConfig};
use skylark_tests::tap::{Medium, TapCard};

use crate::desk::{CLIP, Desk, Program, binary};
use crate::player::Player;

/// The usual MTU of interfaces in monitor mode.
pub(crate) const MTU_BYTES: usize = 1500;

/// The transmitter's card is `tapt`, the receivers' are `tapr0`, `tapr1` …
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) desk: Desk,
    pub(crate) player: Player,
    pub(crate) medium: Medium,
}

impl Rig {
    /// An air where the receivers lose so much.
    pub(crate) fn new(losses: &[Loss]) -> Self {
        let card = |name: &str| TapCard::create(name, MTU_BYTES).unwrap();
        let hear = |loss: &Loss| ReceiverConfig { loss: loss.clone(), ..ReceiverConfig::default() };
        let config = Config { receivers: losses.iter().map(hear).collect(), ..Config::default() };
        let receivers = (0..losses.len()).map(|number| card(&format!("tapr{number}"))).collect();
        let medium = Medium::start(config, 1, vec![card("tapt")], receivers);
        Self { desk: Desk::new(), player: Player::new(), medium }
    }

    /// One receiver that hears everything.
    pub(crate) fn clean() -> Self {
        Self::new(&[Loss::None])
    }

    /// A transmitter of the clip, again and again.
    pub(crate) fn tx(&self, more: &str) -> Program {
        self.tx_from(&format!("file:{CLIP} --loop"), more)
    }

    /// A transmitter with another input.
    pub(crate) fn tx_from(&self, input: &str, more: &str) -> Program {
        self.desk.start("skylark-tx", "tx", &format!("--input {input} --key link.key {more}"))
    }

    /// A receiver that hands on to the player.
    pub(crate) fn rx(&self, more: &str) -> Program {
        self.desk.start("skylark-rx", "rx", &format!("--key link.key --output {} {more}", self.player.output()))
    }

    /// What `name` has said to people, line by line, where it mentions `word`.
    pub(crate) fn said(&self, name: &str, word: &str) -> Vec<String> {
        let log = String::from_utf8(self.desk.read(&format!("{name}.log"))).unwrap();
        log.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }
}

/// Starts a program that refuses to run, with the words of `wrapper` in front; its exit code, and what it says.
pub(crate) fn refusal(wrapper: &[&str], program: &str, arguments: &str) -> (i32, String) {
    let [first, others @ ..] = wrapper else { return refusal(&["env"], program, arguments) };
    let mut command = Command::new(first);
    command.args(others).arg(binary(program)).args(arguments.split(' '));
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}
