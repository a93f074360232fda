//! What the safe interface of openh264 does not offer. The only unsafe code of the transmitter.
#![expect(unsafe_code, reason = "calls the C interface of openh264")]

use std::ffi::c_int;
use std::ptr::from_mut;

use openh264::encoder::Encoder;
use openh264_sys2::{ENCODER_OPTION_TRACE_LEVEL, WELS_LOG_QUIET};

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
