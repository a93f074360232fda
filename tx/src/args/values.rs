//! Values with units, as people write them.

use skylark_common::wire::radiotap::Width;

/// openh264 encodes no larger pictures than 3840 × 2160.
const LONGEST_SIDE: u32 = 3840;
const SHORTEST_SIDE: u32 = 64;
/// More than three repairs a source packet help no link that works at all.
const MOST_REDUNDANCY_PERMILLE: f64 = 3000.0;
/// Above what most cards carry; keeps the arithmetic of encoders in range.
const MOST_BITS_PER_S: f64 = 1e9;

/// `4M`, `800k`, `2500000` → bits per second.
pub(super) fn bits_per_s(text: &str) -> Result<u32, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        _ => return Err("expected bits per second such as 4M or 800k".to_owned()),
    };
    whole(number, factor, 1e4..=MOST_BITS_PER_S).ok_or("expected 10k to 1000M bits per second, such as 4M".to_owned())
}

/// `50%`, `12.5%` → per mille.
pub(super) fn permille(text: &str) -> Result<u16, String> {
    let expected = || "expected a percentage from 0% to 300%, such as 50%".to_owned();
    let (number, "%") = split(text) else { return Err(expected()) };
    let permille = whole(number, 10.0, 0.0..=MOST_REDUNDANCY_PERMILLE).ok_or_else(expected)?;
    u16::try_from(permille).map_err(|_| expected())
}

/// `1280x720` → width and height in pixels.
pub(super) fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let in_range = |side: u32| side.is_multiple_of(2) && (SHORTEST_SIDE..=LONGEST_SIDE).contains(&side);
    sides.filter(|&(width, height)| in_range(width) && in_range(height)).ok_or_else(|| {
        format!("expected WIDTHxHEIGHT, both even and from {SHORTEST_SIDE} to {LONGEST_SIDE}, such as 1280x720")
    })
}

/// `20`, `40`, `80` → channel width.
pub(super) fn width(text: &str) -> Result<Width, String> {
    match text {
        "20" => Ok(Width::Mhz20),
        "40" => Ok(Width::Mhz40),
        "80" => Ok(Width::Mhz80),
        _ => Err("expected 20, 40 or 80".to_owned()),
    }
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked, the value rounded")]
fn whole(number: &str, factor: f64, range: std::ops::RangeInclusive<f64>) -> Option<u32> {
    let value = (number.parse::<f64>().ok()? * factor).round();
    range.contains(&value).then_some(value as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        assert_eq!(bits_per_s("800k"), Ok(800_000));
        assert_eq!(bits_per_s("2500000"), Ok(2_500_000));
        assert_eq!(permille("100%"), Ok(1000));
        assert_eq!(permille("0%"), Ok(0));
        assert_eq!(size("640x480"), Ok((640, 480)));
    }

    #[test]
    fn what_has_no_unit_or_no_sense_is_refused() {
        for wrong in ["", "M", "4G", "4MM", "-4M", "1", "4.4.4M"] {
            assert!(bits_per_s(wrong).is_err(), "{wrong}");
        }
        for wrong in ["50", "%", "301%", "-1%", "50%%"] {
            assert!(permille(wrong).is_err(), "{wrong}");
        }
        for wrong in ["1280", "1280x", "1281x720", "8x8", "4096x2160", "1280x720x2"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
