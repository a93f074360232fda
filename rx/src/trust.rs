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

/// Follows the chain of references from keyframe to keyframe, or from recovery point to recovery point.
#[derive(Debug, Default)]
pub struct Trust {
    chain: Chain,
    last: Option<(u32, u64)>,
    /// Whether others refer to the picture judged last.
    is_reference: bool,
}

/// What is known of all that the next picture refers to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Chain {
    /// Something is missing.
    #[default]
    Broken,
    /// Everything since a recovery point arrived.
    Recovering {
        /// Pictures that others refer to until nothing from before the recovery point is left; 0 from then on.
        left: u32,
        /// Whether the picture judged last is the recovery point itself.
        begins: bool,
    },
    /// Everything arrived.
    Intact,
}

impl Trust {
    /// How far the picture of this unit can be trusted. Takes every unit that is decoded, in order.
    pub fn judge(&mut self, unit: &Unit) -> Quality {
        let follows = self.last.is_some_and(|(session, number)| (session, number + 1) == (unit.session, unit.number));
        self.last = Some((unit.session, unit.number));
        let chain = if follows && !unit.gap_before { self.chain } else { Chain::Broken };
        // Nothing refers to a disposable picture: its damage ends with it. Of one that is lost nobody knows.
        self.is_reference = unit.access_unit.is_reference() != Some(false);
        if !unit.complete {
            self.chain = if self.is_reference { Chain::Broken } else { chain.passed_by() };
            return Quality::Concealed;
        }
        let chain = if unit.access_unit.keyframe { Chain::Intact } else { chain.joined_at(unit) };
        self.chain = chain.after(self.is_reference);
        if chain.is_whole() { Quality::Good } else { Quality::Concealed }
    }

    /// The decoder found fault with what arrived: nothing is good until the next keyframe, or until a recovery point
    /// has done its work. Returns whether that is news: at a recovery point itself it is none.
    pub fn distrust(&mut self) -> bool {
        let is_news = !matches!(self.chain, Chain::Recovering { begins: true, .. });
        if is_news {
            self.chain = Chain::Broken;
        }
        is_news
    }

    /// The decoder has filled something in, in this picture or in one that it descends from. Returns whether that is
    /// news: behind a recovery point the decoder says so until the next keyframe, whatever has become of it.
    pub fn doubt(&mut self) -> bool {
        let is_news = self.chain == Chain::Intact;
        if is_news && self.is_reference {
            self.chain = Chain::Broken;
        }
        is_news
    }
}

impl Chain {
    /// What a recovery point makes of it, if this unit is one and there is something to recover.
    fn joined_at(self, unit: &Unit) -> Self {
        match (self, unit.access_unit.recovery_point()) {
            (Self::Broken, Some(point)) => Self::Recovering { left: point.frames, begins: true },
            (chain, _) => chain.passed_by(),
        }
    }

    fn passed_by(self) -> Self {
        match self {
            Self::Recovering { left, .. } => Self::Recovering { left, begins: false },
            Self::Broken | Self::Intact => self,
        }
    }

    /// What it is behind a whole picture.
    fn after(self, is_reference: bool) -> Self {
        match self {
            Self::Recovering { left, begins } => {
                Self::Recovering { left: left.saturating_sub(u32::from(is_reference)), begins }
            }
            Self::Broken | Self::Intact => self,
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Intact | Self::Recovering { left: 0, .. })
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

    /// A picture of a stream that says at some that all is well after two more; of NAL unit type 1.
    fn refreshed(number: u64, recovery_point: bool, header: u8) -> Unit {
        let mut access_unit = AccessUnit::default();
        if recovery_point {
            // ue(v) of 2 frames, exact match.
            access_unit.push_nal(&[0x06, 0x06, 0x01, 0b0111_0010, 0x80]);
        }
        access_unit.push_nal(&[header, 0x9a]);
        unit(number, access_unit)
    }

    fn refresh() -> Vec<Unit> {
        (1..=9).map(|number| refreshed(number, [2, 6].contains(&number), 0x41)).collect()
    }

    #[test]
    fn a_recovery_point_is_good_after_as_many_pictures_as_it_says() {
        assert_eq!(judge(&refresh()), "cccgggggg");
    }

    #[test]
    fn a_hole_while_recovering_needs_another_recovery_point() {
        let mut units = refresh();
        units[2].complete = false;
        assert_eq!(judge(&units), "cccccccgg");
        let mut units = refresh();
        units[2].gap_before = true;
        assert_eq!(judge(&units), "cccccccgg");
    }

    #[test]
    fn only_pictures_that_others_refer_to_bring_recovery_nearer() {
        let mut units = refresh();
        units[2] = refreshed(3, false, 0x01);
        assert_eq!(judge(&units), "ccccggggg");
    }

    #[test]
    fn damage_in_a_picture_nothing_refers_to_ends_with_it() {
        let disposable = |number| Unit { complete: false, ..refreshed(number, false, 0x01) };
        assert_eq!(judge(&[picture(1, true), disposable(2), picture(3, false)]), "gcg");
        // Nothing of it came: what it was is not known.
        let mut empty = disposable(2);
        empty.access_unit = AccessUnit::default();
        assert_eq!(judge(&[picture(1, true), empty, picture(3, false)]), "gcc");
        // What is missing before it may have been one that others refer to.
        let gap = Unit { gap_before: true, ..disposable(2) };
        assert_eq!(judge(&[picture(1, true), gap, picture(3, false)]), "gcc");
    }

    #[test]
    fn the_decoder_misses_what_stood_before_a_recovery_point_and_that_is_no_news() {
        let mut trust = Trust::default();
        let mut judged = String::new();
        for unit in refresh() {
            judged.push(if trust.judge(&unit) == Quality::Good { 'g' } else { 'c' });
            trust.doubt();
            if [2, 7].contains(&unit.number) {
                assert_eq!(trust.distrust(), unit.number == 7);
            }
        }
        assert_eq!(judged, "cccggggcc");
    }

    #[test]
    fn the_decoder_may_object() {
        let mut trust = Trust::default();
        assert_eq!(trust.judge(&picture(1, true)), Quality::Good);
        assert!(trust.distrust());
        assert_eq!(trust.judge(&picture(2, false)), Quality::Concealed);
        assert_eq!(trust.judge(&picture(3, true)), Quality::Good);
        assert!(trust.doubt());
        assert_eq!(trust.judge(&picture(4, false)), Quality::Concealed);
    }

    #[test]
    fn what_is_filled_in_where_nothing_refers_to_it_spoils_nothing() {
        let mut trust = Trust::default();
        trust.judge(&picture(1, true));
        trust.judge(&refreshed(2, false, 0x01));
        assert!(trust.doubt(), "that picture itself is spoilt");
        assert_eq!(trust.judge(&picture(3, false)), Quality::Good);
    }
}
