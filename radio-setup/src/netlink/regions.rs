//! The regulatory domains in force, from `NL80211_CMD_GET_REG` messages.

use super::attributes::Attributes;
use super::codes::attribute;
use super::request::wireless;
use crate::machine::Region;

/// Regulatory domains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Regions {
    /// Of every radio that has none of its own.
    pub(crate) common: Region,
    /// Of radios that manage their own, by number.
    pub(crate) own: Vec<(u32, Region)>,
}

pub(super) fn parse(messages: &[Vec<u8>]) -> Regions {
    let mut regions = Regions::default();
    for attributes in messages.iter().filter_map(|message| wireless::body(message)) {
        let Some(region) = region(attributes) else { continue };
        match attributes.number(attribute::WIPHY) {
            None => regions.common = region,
            Some(radio) if attributes.has(attribute::SELF_MANAGED_REG) => regions.own.push((radio, region)),
            // A driver's wish; what comes of it shows in the channels.
            Some(_) => {}
        }
    }
    regions
}

fn region(attributes: Attributes<'_>) -> Option<Region> {
    attributes.find(attribute::REG_ALPHA2)?.first_chunk().copied().map(Region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attributes::{emit, flag, number, text};

    #[test]
    fn only_radios_that_manage_their_own_region_have_one() {
        let messages = [
            emit(&[31, 1, 0, 0], &[text(attribute::REG_ALPHA2, "DE")]),
            emit(&[31, 1, 0, 0], &[text(attribute::REG_ALPHA2, "US"), number(attribute::WIPHY, 1)]),
            emit(
                &[31, 1, 0, 0],
                &[text(attribute::REG_ALPHA2, "GB"), number(attribute::WIPHY, 2), flag(attribute::SELF_MANAGED_REG)],
            ),
        ];
        assert_eq!(parse(&messages), Regions { common: Region(*b"DE"), own: vec![(2, Region(*b"GB"))] });
    }

    #[test]
    fn without_an_answer_the_world_domain_is_in_force() {
        assert_eq!(parse(&[]).common, Region::WORLD);
    }
}
