//! Which pictures may be shown as good: those whose whole ancestry arrived.

use super::unit::Unit;

/// How far a picture can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// It is what the camera's encoder made: its unit and all it refers to arrived whole.
    Good,
    /// Something is missing, in it or in what it refers to; the decoder has filled it in.
    Concealed,
}

/// Follows the chain of references from keyframe to keyframe.
#[derive(Debug, Default)]
pub struct Trust {
    /// Everything since the last keyframe arrived.
    intact: bool,
    last: Option<(u32, u64)>,
}

impl Trust {
    /// How far the picture of this unit can be trusted. Takes every unit that is decoded, in order.
    pub fn judge(&mut self, unit: &Unit) -> Quality {
        let follows = self.last.is_some_and(|(session, number)| (session, number + 1) == (unit.session, unit.number));
        self.last = Some((unit.session, unit.number));
        let chain = self.intact && follows && !unit.gap_before;
        self.intact = unit.complete && (unit.access_unit.keyframe || chain);
        if self.intact { Quality::Good } else { Quality::Concealed }
    }

    /// The decoder found fault with what arrived: nothing is good until the next keyframe.
    pub fn distrust(&mut self) {
        self.intact = false;
    }
}

#[cfg(test)]
mod tests {
    use skylark_common::h264::AccessUnit;

    use super::*;
    use crate::unit::tests::unit;

    fn picture(number: u64, keyframe: bool) -> Unit {
        unit(number, AccessUnit { bytes: vec![0, 0, 0, 1, 0x41], keyframe })
    }

    fn judge(units: &[Unit]) -> String {
        let mut trust = Trust::default();
        units.iter().map(|unit| if trust.judge(unit) == Quality::Good { 'g' } else { 'c' }).collect()
    }

    #[test]
    fn nothing_is_good_before_the_first_keyframe() {
        assert_eq!(judge(&[picture(1, false), picture(2, true), picture(3, false)]), "cgg");
    }

    #[test]
    fn a_hole_marks_everything_up_to_the_next_whole_keyframe() {
        let mut units: Vec<_> = (1..8).map(|number| picture(number, [1, 4, 6].contains(&number))).collect();
        units[1].complete = false;
        units[3].complete = false;
        assert_eq!(judge(&units), "gccccgg");
    }

    #[test]
    fn a_unit_that_is_missing_altogether_is_a_hole() {
        let mut units: Vec<_> = (1..5).map(|number| picture(number, number == 1)).collect();
        units[2].gap_before = true;
        assert_eq!(judge(&units), "ggcc");
        assert_eq!(judge(&[picture(1, true), picture(2, false), picture(4, false), picture(5, true)]), "ggcg");
    }

    #[test]
    fn another_session_needs_a_keyframe_of_its_own() {
        let mut units = [picture(1, true), picture(2, false), picture(3, true)];
        units[1].session = 2;
        units[2].session = 2;
        assert_eq!(judge(&units), "gcg");
    }

    #[test]
    fn the_decoder_may_object() {
        let mut trust = Trust::default();
        assert_eq!(trust.judge(&picture(1, true)), Quality::Good);
        trust.distrust();
        assert_eq!(trust.judge(&picture(2, false)), Quality::Concealed);
        assert_eq!(trust.judge(&picture(3, true)), Quality::Good);
    }
}
