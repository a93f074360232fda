//! Skylark's radios: what cards there are, how to set one up for the link and give it back, and what is
//! wrong when there is no picture.
//!
//! ```text
//! probe ─▸ Machine ─┬▸ plan ─▸ steps ─▸ apply ─▸ probe again
//!                   └▸ diagnose ─▸ findings, each with its fix
//! ```
//!
//! [`machine`], [`plan`](crate), [`diagnose`](crate) are pure; the rest asks the kernel over netlink and sysfs.

pub mod apply;
pub mod channel;
pub mod diagnose;
pub mod drivers;
pub mod keep;
pub mod legible;
pub mod listen;
pub mod machine;
pub mod netlink;
pub mod plan;
pub mod probe;
pub mod restore;
pub mod state;
