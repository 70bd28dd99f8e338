//! The external warehouse over real sockets: one that answers well, late, half, endlessly, in other
//! words or as somebody else, and what comes of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod commands;
mod encrypted;
mod fake;
#[path = "../process/server.rs"]
#[expect(dead_code, reason = "some of it is for other tests")]
mod server;
mod shop;
mod syncs;
