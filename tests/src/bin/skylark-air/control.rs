//! What can be changed while the channel runs, by keys or by a script.

use std::time::Instant;

use skylark_common::air::sim::{Channel, Loss};

use crate::spec::{NamedLoss, ReceiverSpec};

/// The weakest and strongest signal that can be walked to, in dBm: beyond both nothing changes any more.
const WALK_DBM: std::ops::RangeInclusive<i8> = -105..=-20;

/// A change to one receiver.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// Its signal power becomes this.
    SignalDbm(i8),
    /// Its signal grows by so many dB.
    WalkDb(i8),
    /// It loses like this.
    Loss(NamedLoss),
    /// It hears nothing at all.
    Cut,
    /// It hears again as before it was cut off.
    Back,
    /// The one of `Cut` and `Back` that changes something.
    ToggleCut,
}

/// The settings of one receiver as they are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Control {
    /// Where its frames go.
    pub(crate) address: String,
    /// Its signal power.
    pub(crate) signal_dbm: i8,
    /// Its noise power.
    pub(crate) noise_dbm: i8,
    /// How it loses while it is not cut off.
    pub(crate) loss: NamedLoss,
    /// Whether it is cut off.
    pub(crate) cut: bool,
}

impl Control {
    pub(crate) fn new(spec: &ReceiverSpec) -> Self {
        Self {
            address: spec.address.clone(),
            signal_dbm: spec.config.signal_dbm,
            noise_dbm: spec.config.noise_dbm,
            loss: spec.loss.clone(),
            cut: false,
        }
    }

    /// Changes the settings, and the channel's card with them.
    pub(crate) fn apply(&mut self, change: Change, channel: &mut Channel, card: usize, now: Instant) {
        match change {
            Change::SignalDbm(dbm) => self.set_signal(dbm, channel, card, now),
            Change::WalkDb(db) => self.set_signal(walked(self.signal_dbm, db), channel, card, now),
            Change::Loss(loss) => self.set_loss(loss, self.cut, channel, card, now),
            Change::Cut => self.set_loss(self.loss.clone(), true, channel, card, now),
            Change::Back => self.set_loss(self.loss.clone(), false, channel, card, now),
            Change::ToggleCut => self.set_loss(self.loss.clone(), !self.cut, channel, card, now),
        }
    }

    fn set_signal(&mut self, dbm: i8, channel: &mut Channel, card: usize, now: Instant) {
        self.signal_dbm = dbm;
        channel.set_signal_dbm(card, dbm, now);
    }

    fn set_loss(&mut self, loss: NamedLoss, cut: bool, channel: &mut Channel, card: usize, now: Instant) {
        let effective = if cut { Loss::Independent { share: 1.0 } } else { loss.loss.clone() };
        channel.set_loss(card, effective, now);
        (self.loss, self.cut) = (loss, cut);
    }
}

fn walked(dbm: i8, db: i8) -> i8 {
    dbm.saturating_add(db).clamp(*WALK_DBM.start(), *WALK_DBM.end())
}

#[cfg(test)]
mod tests {
    use skylark_common::air::sim::Config;

    use super::*;

    #[test]
    fn what_was_cut_off_comes_back_as_it_was() {
        #[expect(clippy::disallowed_methods, reason = "the origin of virtual time")]
        let now = Instant::now();
        let spec: ReceiverSpec = "h:1,loss=random:10%".parse().unwrap();
        let mut control = Control::new(&spec);
        let mut channel = Channel::new(Config { receivers: vec![spec.config], ..Config::default() }, 1, now);
        control.apply(Change::Cut, &mut channel, 0, now);
        control.apply(Change::WalkDb(-5), &mut channel, 0, now);
        let config = |channel: &Channel| channel.receivers().next().unwrap().0.clone();
        assert_eq!(config(&channel).loss, Loss::Independent { share: 1.0 });
        control.apply(Change::ToggleCut, &mut channel, 0, now);
        assert_eq!(config(&channel).loss, Loss::Independent { share: 0.1 });
        assert_eq!(config(&channel).signal_dbm, -60);
    }

    #[test]
    fn nobody_walks_out_of_the_scale() {
        assert_eq!(walked(-104, -5), -105);
        assert_eq!(walked(-21, 5), -20);
        assert_eq!(walked(i8::MIN, -5), -105);
    }
}
