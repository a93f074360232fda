//! The receiver of whichever dialect is spoken: what a link and relays ask is the same for both.

use std::time::Instant;

use super::wfb_ng::WfbNgReceiver;
use super::{Datagram, Known, Receiver};
use crate::stats::RxStats;

/// A receiver of one of the dialects, with the contract of [`Receiver`].
#[derive(Debug)]
pub enum DialectReceiver {
    /// Of our own.
    Skylark(Box<Receiver>),
    /// Of the field's.
    WfbNg(Box<WfbNgReceiver>),
}

impl DialectReceiver {
    /// See [`Receiver::handle_frame`].
    pub fn handle_frame(&mut self, card: usize, frame: &[u8], now: Instant) {
        match self {
            Self::Skylark(receiver) => receiver.handle_frame(card, frame, now),
            Self::WfbNg(receiver) => receiver.handle_frame(card, frame, now),
        }
    }

    /// See [`Receiver::add_card`].
    pub fn add_card(&mut self, card: usize, beside: Option<usize>) {
        match self {
            Self::Skylark(receiver) => receiver.add_card(card, beside),
            Self::WfbNg(receiver) => receiver.add_card(card, beside),
        }
    }

    /// See [`Receiver::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Skylark(receiver) => receiver.handle_timeout(now),
            Self::WfbNg(receiver) => receiver.handle_timeout(now),
        }
    }

    /// See [`Receiver::poll_datagram`].
    pub fn poll_datagram(&mut self) -> Option<Datagram<'_>> {
        match self {
            Self::Skylark(receiver) => receiver.poll_datagram(),
            Self::WfbNg(receiver) => receiver.poll_datagram(),
        }
    }

    /// See [`Receiver::poll_early`]; in WFB-NG nothing is early: the next block shows what will not come.
    pub fn poll_early(&mut self) -> Option<Datagram<'_>> {
        match self {
            Self::Skylark(receiver) => receiver.poll_early(),
            Self::WfbNg(_) => None,
        }
    }

    /// See [`Receiver::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Skylark(receiver) => receiver.poll_timeout(),
            Self::WfbNg(receiver) => receiver.poll_timeout(),
        }
    }

    /// See [`Receiver::stats`].
    #[must_use]
    pub fn stats(&self, now: Instant) -> RxStats {
        match self {
            Self::Skylark(receiver) => receiver.stats(now),
            Self::WfbNg(receiver) => receiver.stats(now),
        }
    }

    /// See [`Receiver::unsealed`].
    #[must_use]
    pub fn unsealed(&self, card: usize) -> u64 {
        match self {
            Self::Skylark(receiver) => receiver.unsealed(card),
            Self::WfbNg(receiver) => receiver.unsealed(card),
        }
    }

    /// See [`Receiver::known`]; of WFB-NG nothing is told: relays cannot tell the packets of two sessions apart.
    pub fn known(&self) -> impl Iterator<Item = Known> {
        let named = match self {
            Self::Skylark(receiver) => Some(receiver.known()),
            Self::WfbNg(_) => None,
        };
        named.into_iter().flatten()
    }
}
