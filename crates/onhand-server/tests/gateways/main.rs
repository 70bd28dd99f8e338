//! Gateways over real sockets: the adapter of Razorpay against the simulated gateway, whose own
//! ledger says what was really done, and against servers that say anything at all.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod calls;
mod command;
mod encrypted;
mod messages;
mod sums;
mod world;
