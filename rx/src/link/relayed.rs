//! What relays bring, in the link's turn; in a build without relays, nothing.

#[cfg(feature = "relay")]
pub(crate) use crate::stations::{RelaySeen, Relays};
#[cfg(not(feature = "relay"))]
pub(crate) use none::{RelaySeen, Relays};

use std::time::Instant;

use super::Running;

/// Messages taken from relays before cards and deadlines have their turn.
const MESSAGES_A_TURN: usize = 64;

impl Running {
    /// Takes what relays brought, and tells them what is known; returns whether there may be more.
    pub(super) fn take_relayed(&mut self, now: Instant) -> bool {
        let Some(mut relays) = self.link.relays.take() else { return false };
        relays.take_statuses(&mut self.cards, &mut self.link.receiver, now);
        let mut taken = 0;
        while taken < MESSAGES_A_TURN && relays.take_message(now) {
            while relays.deliver(&mut self.link.receiver, now) {
                self.drain(now);
            }
            self.drain(now);
            taken += 1;
        }
        relays.report(&self.link.receiver, now);
        self.link.relays = Some(relays);
        taken == MESSAGES_A_TURN
    }

    /// Hands a frame of one of this machine's cards to the receiver.
    pub(super) fn hear(&mut self, card: usize, frame: &[u8], now: Instant) {
        let receiver = &mut self.link.receiver;
        match &mut self.link.relays {
            Some(relays) => relays.deliver_local(receiver, card, frame, now),
            None => receiver.handle_frame(card, frame, now),
        }
    }
}

#[cfg(not(feature = "relay"))]
mod none {
    use std::os::fd::BorrowedFd;
    use std::time::Instant;

    use anyhow::{Result, bail};
    use serde::Serialize;
    use skylark_common::ledger::Summary;

    use crate::board::{CardSeen, Network};
    use crate::link::cards::Cards;
    use crate::receiver::DialectReceiver;
    use crate::relay::RelayedLink;

    /// There are none.
    #[derive(Debug)]
    pub(crate) enum Relays {}

    /// Of none.
    #[derive(Debug, Clone, Serialize)]
    pub(crate) struct RelaySeen {
        #[serde(skip)]
        pub(crate) cards: Vec<CardSeen>,
        #[serde(skip)]
        pub(crate) hears_others: bool,
    }

    impl RelaySeen {
        pub(crate) fn relayed(&self) -> Option<Summary> {
            None
        }
    }

    impl Relays {
        pub(crate) fn listen(_: RelayedLink, _: &[String], _: Instant) -> Result<Self> {
            bail!("this build hears no relays: build with --features relay, or give airs of this machine")
        }

        pub(crate) fn as_fds(&self) -> [BorrowedFd<'_>; 0] {
            match *self {}
        }

        pub(crate) fn take_statuses(&mut self, _: &mut Cards, _: &mut DialectReceiver, _: Instant) {
            match *self {}
        }

        pub(crate) fn take_message(&mut self, _: Instant) -> bool {
            match *self {}
        }

        pub(crate) fn deliver(&mut self, _: &mut DialectReceiver, _: Instant) -> bool {
            match *self {}
        }

        pub(crate) fn deliver_local(&mut self, _: &mut DialectReceiver, _: usize, _: &[u8], _: Instant) {
            match *self {}
        }

        pub(crate) fn report(&mut self, _: &DialectReceiver, _: Instant) {
            match *self {}
        }

        pub(crate) fn poll_timeout(&self) -> Instant {
            match *self {}
        }

        pub(crate) fn network(&self) -> Network {
            match *self {}
        }

        pub(crate) fn dropped(&self) -> u64 {
            match *self {}
        }

        pub(crate) fn crowded_out(&self) -> u64 {
            match *self {}
        }

        pub(crate) fn seen(&mut self, _: Instant) -> Vec<RelaySeen> {
            match *self {}
        }
    }
}
