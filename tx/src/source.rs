//! Where the video comes from. Each source runs in its own thread, blocks on its input and hands on what
//! exists the moment it exists.

#[cfg(feature = "program")]
mod annex_b;
#[cfg(feature = "program")]
mod cadence;
#[cfg(feature = "program")]
mod datagrams;
#[cfg(feature = "program")]
mod exec;
#[cfg(feature = "program")]
mod open;
#[cfg(feature = "program")]
mod sniff;
#[cfg(feature = "program")]
pub mod test_pattern;
#[cfg(feature = "v4l2")]
mod v4l2;

#[cfg(feature = "program")]
pub(crate) use open::Source;

/// Which orders the encoder of a source takes.
#[cfg(feature = "program")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Obeys {
    /// What to make.
    pub(crate) bitrate: bool,
    /// To make the next picture a keyframe.
    pub(crate) keyframes: bool,
}

#[cfg(feature = "program")]
impl Obeys {
    /// One of ours.
    pub(crate) const ALL: Self = Self { bitrate: true, keyframes: true };
}
