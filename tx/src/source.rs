//! Where the video comes from. Each source runs in its own thread, blocks on its input and hands on what
//! exists the moment it exists.

#[cfg(feature = "program")]
mod annex_b;
#[cfg(feature = "program")]
mod cadence;
#[cfg(feature = "program")]
mod exec;
#[cfg(feature = "program")]
mod open;
#[cfg(feature = "program")]
mod rtp;
#[cfg(feature = "program")]
mod sniff;
#[cfg(feature = "program")]
pub mod test_pattern;
#[cfg(feature = "v4l2")]
mod v4l2;

#[cfg(feature = "program")]
pub(crate) use open::Source;
