//! WFB-NG from the other side: recordings of the reference, and what its receiver and transmitter do, written down
//! from the standard and those recordings, apart from the programs' own rooms but for wire formats and the code.
//!
//! | room | what lives there |
//! |---|---|
//! | [`recording`] | `tests/vectors/wfb-ng`: frames, keys, what was sent and what the reference receiver handed on |
//! | [`receiver`] | the reference receiver's rule for blocks |
//! | [`flight`] | our receiver beside the model of the reference's, on the same air |
//! | [`sender`] | a transmitter as the standard has it |

pub mod flight;
pub mod receiver;
pub mod recording;
pub mod sender;

pub use receiver::ModelReceiver;
pub use recording::Recording;
pub use sender::ModelSender;
