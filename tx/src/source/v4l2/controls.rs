//! Orders to a camera that encodes by itself: bitrate and keyframes, where its driver takes them.

use std::io;

use v4l::Device;
use v4l::control::{Control, Value};

use crate::encoder::Keyframe;
use crate::sender::Allowance;
use crate::source::Obeys;

/// `V4L2_CID_MPEG_VIDEO_BITRATE`, in bits per second (linux/v4l2-controls.h).
const BITRATE: u32 = 0x0099_0900 + 207;
/// `V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME`, a button.
const FORCE_KEYFRAME: u32 = 0x0099_0900 + 229;
/// A bitrate that differs by less is not told: some drivers begin anew with each.
const WORTH_TELLING_PERCENT: u32 = 10;

/// Tells a camera what to make.
#[derive(Debug, Default)]
pub(super) struct Controls {
    told_bits_per_s: u32,
}

/// Which orders a camera takes. Asked for, it makes a keyframe.
pub(super) fn obeys(device: &Device) -> Obeys {
    Obeys { bitrate: device.control(BITRATE).is_ok(), keyframes: press(device, FORCE_KEYFRAME).is_ok() }
}

impl Controls {
    /// Tells what it is to make from the next picture on. A driver that refuses goes on as it did.
    pub(super) fn tell(&mut self, device: &Device, allowed: Option<Allowance>, keyframe: Keyframe) {
        if let Some(bits_per_s) = allowed.and_then(|allowed| self.news(allowed.bits_per_s)) {
            let control = Control { id: BITRATE, value: Value::Integer(bits_per_s.into()) };
            log_refusal("a bitrate", device.set_control(control));
        }
        if keyframe == Keyframe::Forced {
            log_refusal("a keyframe", press(device, FORCE_KEYFRAME));
        }
    }

    /// The bitrate, if it is worth telling.
    fn news(&mut self, bits_per_s: u32) -> Option<u32> {
        let least = self.told_bits_per_s / 100 * WORTH_TELLING_PERCENT;
        let is_news = bits_per_s.abs_diff(self.told_bits_per_s) > least;
        is_news.then(|| {
            self.told_bits_per_s = bits_per_s;
            bits_per_s
        })
    }
}

fn press(device: &Device, id: u32) -> io::Result<()> {
    device.set_control(Control { id, value: Value::None })
}

fn log_refusal(what: &str, answer: io::Result<()>) {
    if let Err(error) = answer {
        log::debug!("the camera refuses {what}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitrate_is_told_when_it_has_changed_by_much() {
        let mut controls = Controls::default();
        let told = [4_000_000, 3_800_000, 3_500_000, 3_300_000, 4_000_000].map(|bits_per_s| controls.news(bits_per_s));
        assert_eq!(told, [Some(4_000_000), None, Some(3_500_000), None, Some(4_000_000)]);
    }
}
