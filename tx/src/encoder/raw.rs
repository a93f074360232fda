//! What the safe interface of openh264 does not offer. The only unsafe code of the transmitter.
#![expect(unsafe_code, reason = "calls the C interface of openh264")]

use std::ffi::c_int;
use std::ptr::from_mut;

use openh264::encoder::Encoder;
use openh264_sys2::{
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_TRACE_LEVEL, SBitrateInfo, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};

/// Keeps openh264 from writing to stderr while it is initialized: the safe interface does so afterwards only.
pub(super) fn silence(encoder: &mut Encoder) {
    let mut level: c_int = WELS_LOG_QUIET;
    // SAFETY: only the trace level is set, which nothing in the safe interface relies on.
    let raw = unsafe { encoder.raw_api() };
    // SAFETY: the trace level may be set before initialization; it is read as one `int` during the call.
    let refused = unsafe { raw.set_option(ENCODER_OPTION_TRACE_LEVEL, from_mut(&mut level).cast()) };
    if refused != 0 {
        log::debug!("openh264 refuses a trace level: {refused}");
    }
}

/// The bitrate from the next picture on, at most that which the encoder was made with. Refused before its first picture.
pub(super) fn set_bits_per_s(encoder: &mut Encoder, bits_per_s: u32) {
    let bitrate = c_int::try_from(bits_per_s).unwrap_or(c_int::MAX);
    let mut info = SBitrateInfo { iLayer: SPATIAL_LAYER_ALL, iBitrate: bitrate };
    // SAFETY: only the bitrate is set, which the safe interface reads when the size changes and never relies on.
    let raw = unsafe { encoder.raw_api() };
    // SAFETY: this option is read as one `SBitrateInfo` during the call.
    let refused = unsafe { raw.set_option(ENCODER_OPTION_BITRATE, from_mut(&mut info).cast()) };
    if refused != 0 {
        log::debug!("openh264 refuses a bitrate of {bits_per_s}: {refused}");
    }
}
