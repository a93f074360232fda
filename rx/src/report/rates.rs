//! How much comes in: rates over the last second.

use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::VIDEO_STREAM;

use crate::board::Seen;
use crate::stats::{RxStats, StreamStats};

/// Rates over the last second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Rates {
    /// Video handed on.
    pub(crate) bits_per_s: u64,
    /// Units heard of, per 1000 s.
    pub(crate) units_per_1000_s: u64,
    /// Pictures decoded, per 1000 s.
    pub(crate) pictures_per_1000_s: u64,
}

impl Rates {
    /// What came between what was seen `before` and what is seen at `now`; nothing if nothing was seen before.
    pub(super) fn since(before: Option<&(Instant, Seen)>, seen: &Seen, now: Instant) -> Self {
        let Some((then, before)) = before else { return Self::default() };
        let passed = now.saturating_duration_since(*then);
        let (video, video_before) = (video(&seen.rx), video(&before.rx));
        let units = |stream: &StreamStats| stream.units + stream.units_damaged;
        Self {
            bits_per_s: rate(8 * video.datagram_bytes, 8 * video_before.datagram_bytes, passed) / 1000,
            units_per_1000_s: rate(units(&video), units(&video_before), passed),
            pictures_per_1000_s: rate(seen.pictures.decoded, before.pictures.decoded, passed),
        }
    }
}

/// The video stream's counts.
fn video(rx: &RxStats) -> StreamStats {
    rx.streams.iter().find(|stream| stream.stream == VIDEO_STREAM).copied().unwrap_or_default()
}

/// Events per 1000 s.
fn rate(count: u64, before: u64, passed: Duration) -> u64 {
    let passed_us = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
    count.saturating_sub(before).saturating_mul(1_000_000_000).checked_div(passed_us).unwrap_or(0)
}
