//! What people are told of units that are dropped.

use crate::args::Args;
use crate::report::note;
use crate::source::Obeys;

/// Units that were dropped for want of air or time, and what was said of them.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// Up to the last report.
    units: u64,
    told: bool,
    /// Whether it was said that the encoder takes no orders.
    deaf_told: bool,
}

/// What was dropped since the start, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) by_the_sender: u64,
    pub(super) before_it: u64,
    /// Whether any air takes frames: what none takes is not dropped here, and is lost all the same.
    pub(super) is_any_taken: bool,
}

impl Dropped {
    /// Tells when units begin to be dropped, with what may help, and when that is over.
    pub(super) fn tell(&mut self, counted: Counted, advice: &str) {
        let more = counted.by_the_sender + counted.before_it - self.units;
        self.units += more;
        if (more > 0) == self.told || (more == 0 && !counted.is_any_taken) {
            return;
        }
        self.told = more > 0;
        if more == 0 {
            note(format_args!("nothing is dropped any more ({} units were)", self.units));
        } else if counted.by_the_sender > 0 {
            note(format_args!("units are dropped, the air carries less than comes: {advice}"));
        } else {
            note(
                "units are dropped, they come faster than this machine sends them: give it less to do beside, or for a recorded file use file:PATH, which is paced",
            );
        }
    }

    /// Tells once, when units are dropped, what only the user can change.
    pub(super) fn tell_of_deaf(&mut self, obeys: Obeys) {
        if !self.told || obeys.keyframes || std::mem::replace(&mut self.deaf_told, true) {
            return;
        }
        note(
            "this input cannot be told to make less, nor asked for a keyframe: after a dropped unit pictures are damaged until its next one",
        );
    }
}

/// What helps when the air carries less than this input makes.
pub(super) fn advice(obeys: Obeys, args: &Args) -> &'static str {
    match (obeys.bitrate, args.bitrate_limits()) {
        (true, Some(_)) => "lower --size or what is spent on repairs, or raise --mcs",
        (true, None) => {
            "lower --bitrate or what is spent on repairs, raise --mcs, or leave out --fixed-bitrate and --no-pacing"
        }
        (false, _) => "lower the bitrate of the input or what is spent on repairs, or raise --mcs",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const DEAF: Obeys = Obeys { bitrate: false, keyframes: false };

    fn counted(by_the_sender: u64, before_it: u64, is_any_taken: bool) -> Counted {
        Counted { by_the_sender, before_it, is_any_taken }
    }

    #[test]
    fn dropped_units_are_told_when_they_begin_and_when_they_end() {
        let mut dropped = Dropped::default();
        let told = [(0, 0), (3, 0), (5, 1), (5, 1), (5, 2)].map(|(sender, before)| {
            dropped.tell(counted(sender, before, true), "");
            (dropped.told, dropped.units)
        });
        assert_eq!(told, [(false, 0), (true, 3), (true, 6), (false, 6), (true, 7)]);
    }

    #[test]
    fn it_is_not_over_while_no_air_takes_a_frame() {
        let mut dropped = Dropped::default();
        let told = [(3, true), (3, false), (3, false), (3, true)].map(|(units, is_any_taken)| {
            dropped.tell(counted(units, 0, is_any_taken), "");
            dropped.told
        });
        assert_eq!(told, [true, true, true, false]);
    }

    #[test]
    fn that_an_encoder_takes_no_orders_is_told_once_and_only_when_it_matters() {
        let mut dropped = Dropped::default();
        let told = [(0, DEAF), (1, Obeys::ALL), (2, DEAF), (3, DEAF)].map(|(units, obeys)| {
            dropped.tell(counted(units, 0, true), "");
            dropped.tell_of_deaf(obeys);
            dropped.deaf_told
        });
        assert_eq!(told, [false, false, true, true]);
    }

    #[test]
    fn only_of_an_input_that_is_not_ours_the_user_is_to_lower_the_bitrate() {
        let args = |more| Args::try_parse_from(["skylark-tx", "--input", "test"].into_iter().chain(more)).unwrap();
        assert!(!advice(Obeys::ALL, &args(None)).contains("bitrate"));
        assert!(advice(Obeys::ALL, &args(Some("--fixed-bitrate"))).contains("leave out --fixed-bitrate"));
        assert!(advice(DEAF, &args(None)).contains("bitrate of the input"));
    }
}
