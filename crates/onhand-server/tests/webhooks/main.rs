//! Webhooks as their receivers see them: real servers that behave well, badly and not at all, and
//! names that lead somewhere else the next time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod encrypted;
mod inward;
#[cfg(feature = "services")]
mod reference;
mod world;
