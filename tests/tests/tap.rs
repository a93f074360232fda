//! The real programs on TAP cards: what a pilot does with cards in monitor mode, without a radio.
//!
//! Each test has a network of its own ([`in_own_network`](skylark_tests::tap::in_own_network)) and is skipped
//! loudly where that is not allowed.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that drives real programs in real time")]

#[path = "tap/airs.rs"]
mod airs;
#[path = "tap/churn.rs"]
mod churn;
#[path = "programs/desk.rs"]
#[expect(dead_code, reason = "shared with the tests over udp")]
mod desk;
#[path = "tap/doctor.rs"]
mod doctor;
#[path = "tap/joining.rs"]
mod joining;
#[path = "tap/limits.rs"]
mod limits;
#[path = "tap/outages.rs"]
mod outages;
#[path = "tap/player.rs"]
mod player;
#[path = "tap/reception.rs"]
mod reception;
#[path = "tap/refusals.rs"]
mod refusals;
#[path = "tap/rig.rs"]
mod rig;
#[path = "tap/squeeze.rs"]
mod squeeze;
#[path = "tap/transmitters.rs"]
mod transmitters;
#[path = "tap/wfb_ng.rs"]
mod wfb_ng;
