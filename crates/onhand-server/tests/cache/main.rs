//! The cache that processes share, against a real server: Redis or Valkey. `cargo xtask test`
//! starts one; for a run by hand, `cargo xtask services` does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod entries;
mod gone;
mod races;
mod world;
