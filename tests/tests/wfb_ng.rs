//! The field's standard, from both sides.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "wfb_ng/model.rs"]
mod model;

#[path = "wfb_ng/beside.rs"]
mod beside;
