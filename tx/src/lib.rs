//! The transmitter. [`Sender`] is the pure core: datagrams and `now` in, frames out. The rooms behind the
//! `program` feature are the shell around it: sources, encoder, the loop that owns the airs.
//!
//! ```text
//!  source ─▸ outlet: queue(2), oldest gives way ─▸ link: Sender ─▸ airs
//! ```

pub mod sender;
pub mod source;
pub mod stats;

#[cfg(feature = "program")]
mod args;
#[cfg(feature = "program")]
mod clock;
#[cfg(feature = "program")]
pub mod encoder;
#[cfg(feature = "program")]
mod events;
#[cfg(feature = "program")]
mod link;
#[cfg(feature = "program")]
mod outlet;
#[cfg(feature = "program")]
pub mod picture;
#[cfg(feature = "program")]
pub mod program;
#[cfg(feature = "program")]
mod radio;
#[cfg(feature = "program")]
mod report;
#[cfg(feature = "program")]
mod session;
#[cfg(feature = "program")]
mod stop;
#[cfg(feature = "program")]
mod wfb_stats;

pub use sender::{Closing, WfbNg, WfbNgConfig};
pub use sender::{Entropy, Outgoing, PushError, Sender, SenderConfig, Skylark, SkylarkConfig, StreamConfig};
pub use stats::TxStats;
