//! The whole link in virtual time: a real [`Sender`](skylark_tx::Sender), the modelled air, a real
//! [`Receiver`](skylark_rx::Receiver), and no clock, thread or socket.
//!
//! | room | what lives there |
//! |---|---|
//! | [`link`] | sender → channel → receiver, stepped from event to event |
//! | [`frames`] | frames taken apart, and frames only a holder of the key could make |
//! | [`traffic`] | video-like units whose datagrams say which they are |
//! | [`outcome`] | which units arrived, and how late |
//! | [`mod@reference`] | a model of the field's block code across units, on the same air |
//! | [`schema`] | whether a line of figures is what its JSON Schema says |
//! | [`tables`] | results that are numbers, compared exactly |
//! | [`figure`] | curves into the SVG files of `docs/figures` |
//! | [`squeeze`] | an air that is cut down and comes back, under an encoder |
//! | [`wfb_ng`] | the field's standard from the other side: recordings and models |
//! | [`tap`] | cards without a radio for the real programs, and an air between them in real time |

pub mod figure;
pub mod frames;
pub mod link;
pub mod outcome;
pub mod reference;
pub mod schema;
pub mod squeeze;
pub mod tables;
pub mod tap;
pub mod traffic;
pub mod wfb_ng;

pub use link::{Link, LinkConfig};
pub use outcome::Outcome;
pub use traffic::Traffic;
