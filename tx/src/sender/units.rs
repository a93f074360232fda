//! The units of one stream: which one is under way, and whether what comes is worth its airtime.

use skylark_common::rtp::is_referred_to;
use skylark_common::wire::announce::Payload;

use super::config::Outgoing;
use super::queue::Unit;
use super::wish::Wish;

/// The units of one stream.
#[derive(Debug)]
pub struct Units {
    stream: u8,
    payload: Payload,
    under_way: Option<Unit>,
    begun: u64,
    wish: Wish,
    /// Whether the unit under way was dropped, and the rest of it is to come.
    rest_is_to_come: bool,
}

impl Units {
    /// A stream of which none has begun.
    pub(super) fn new(stream: u8, payload: Payload) -> Self {
        Self { stream, payload, under_way: None, begun: 0, wish: Wish::default(), rest_is_to_come: false }
    }

    pub(super) const fn stream(&self) -> u8 {
        self.stream
    }

    /// From here on it carries this.
    pub(super) const fn carry(&mut self, payload: Payload) {
        self.payload = payload;
    }

    pub(super) const fn payload(&self) -> Payload {
        self.payload
    }

    /// Whether the next datagram starts a unit.
    pub(super) const fn is_between(&self) -> bool {
        self.under_way.is_none()
    }

    /// Whether this unit is under way.
    pub(super) fn is_under_way(&self, unit: Unit) -> bool {
        self.under_way.is_some_and(|under_way| under_way.number == unit.number)
    }

    /// The unit this datagram belongs to, the one under way or the next, which is handed to `begun`.
    pub(super) fn take(&mut self, outgoing: &Outgoing<'_>, begun: impl FnOnce(Unit)) -> Unit {
        let unit = self.under_way.unwrap_or_else(|| {
            let replaces_dropped = outgoing.keyframe && self.wish.grant();
            let unit = self.next(outgoing.keyframe, replaces_dropped);
            begun(unit);
            unit
        });
        self.under_way = (!outgoing.end_of_unit).then_some(unit);
        unit
    }

    /// Begins another part of a unit that is very large: what is queued, dropped and covered as one.
    pub(super) fn divide(&mut self, unit: Unit) -> Unit {
        let part = self.next(unit.keyframe, unit.replaces_dropped);
        self.under_way = Some(part);
        part
    }

    const fn next(&mut self, keyframe: bool, replaces_dropped: bool) -> Unit {
        self.begun += 1;
        Unit { stream: self.stream, number: self.begun, keyframe, replaces_dropped }
    }

    /// Whether this datagram shows that other units refer to its own.
    pub(super) fn is_referred_to(&self, datagram: &[u8]) -> bool {
        is_referred_to(self.payload, datagram)
    }

    /// A unit was dropped, and the encoder makes a keyframe when asked: what comes before that is not taken. Whether
    /// that is so, and nothing is under way any more.
    pub(super) fn wish_for_keyframe(&mut self) -> bool {
        self.wish.begin();
        let holds_back = self.wish.holds_back();
        if holds_back {
            self.rest_is_to_come |= self.under_way.take().is_some();
        }
        holds_back
    }

    /// The keyframe that is wished for, if one is.
    pub(super) const fn wish(&mut self) -> &mut Wish {
        &mut self.wish
    }

    /// Whether this datagram is to be pushed.
    pub(super) const fn takes(&self, outgoing: &Outgoing<'_>) -> bool {
        outgoing.keyframe || !self.wish.holds_back()
    }

    /// Whether a datagram that was not taken ends a unit that is not counted as dropped yet.
    pub(super) fn ends_another(&mut self, outgoing: &Outgoing<'_>) -> bool {
        outgoing.end_of_unit && !std::mem::take(&mut self.rest_is_to_come)
    }
}
