//! What the engine promises, on a real store: the suite that every store must pass, and the proof
//! that `verify` sees what it says it sees.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod suite;
mod verify_meta;
mod world;
