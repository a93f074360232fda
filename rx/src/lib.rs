//! The receiver. [`Receiver`] is the pure core: frames from any number of cards and `now` in, datagrams
//! in order out. The rooms behind the `program` feature are the shell: airs, decoder, outputs, window.

pub mod receiver;
pub mod relay;
pub mod stats;

#[cfg(feature = "program")]
mod airs;
#[cfg(feature = "program")]
mod args;
#[cfg(feature = "program")]
mod board;
#[cfg(feature = "program")]
mod clock;
#[cfg(feature = "program")]
mod control;
#[cfg(feature = "program")]
mod decode;
#[cfg(feature = "program")]
pub mod decoder;
#[cfg(feature = "program")]
mod dialect;
#[cfg(feature = "relay")]
mod fabric;
#[cfg(feature = "program")]
mod glass;
#[cfg(feature = "program")]
pub mod healing;
#[cfg(feature = "program")]
mod link;
#[cfg(feature = "window")]
mod osd;
#[cfg(feature = "program")]
mod output;
#[cfg(feature = "program")]
pub mod picture;
#[cfg(feature = "program")]
pub mod program;
#[cfg(feature = "program")]
mod radio;
#[cfg(feature = "relay")]
mod relaying;
#[cfg(feature = "program")]
mod report;
#[cfg(feature = "program")]
mod reporter;
#[cfg(feature = "program")]
mod signal;
#[cfg(feature = "relay")]
mod stations;
#[cfg(feature = "program")]
mod stats_lines;
#[cfg(feature = "program")]
mod tell;
#[cfg(feature = "program")]
pub mod trust;
#[cfg(feature = "program")]
pub mod unit;
#[cfg(feature = "program")]
mod verdict;
#[cfg(feature = "program")]
mod wfb_stats;
#[cfg(feature = "program")]
mod worker;

pub use receiver::{Receiver, ReceiverConfig};
