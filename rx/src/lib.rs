//! The receiver. [`Receiver`] is the pure core: frames from any number of cards and `now` in, datagrams
//! in order out. The rooms behind the `program` feature are the shell: airs, decoder, outputs, window.

pub mod receiver;
pub mod relay;
pub mod stats;

pub use receiver::{Receiver, ReceiverConfig};
