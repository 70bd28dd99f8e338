//! Stripe's adapter against localstripe, which stands in for Stripe as a process of its own and has
//! the last word on how much was charged and given back. `cargo xtask test` starts it; for a run by
//! hand, `cargo xtask services` does. What localstripe lacks, `front.rs` adds in front of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod front;
mod held;
mod lost;
mod mail;
mod refusals;
mod shop;
mod taken;
