//! The field's standard, from both sides.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

#[path = "wfb_ng/against_reference.rs"]
mod against_reference;
#[path = "wfb_ng/beside.rs"]
mod beside;
#[path = "wfb_ng/ground.rs"]
mod ground;
#[path = "wfb_ng/hostile.rs"]
mod hostile;
#[path = "wfb_ng/model.rs"]
mod model;
#[path = "wfb_ng/pauses.rs"]
mod pauses;
#[path = "wfb_ng/recordings.rs"]
mod recordings;
#[path = "wfb_ng/sessions.rs"]
mod sessions;
