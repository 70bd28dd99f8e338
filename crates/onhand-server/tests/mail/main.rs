//! Mail against a real mail server, a process of its own that behaves as the recipient's address
//! says (`xtask/src/services/smtp.py`). `cargo xtask test` starts it; for a run by hand,
//! `cargo xtask services` does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod encrypted;
mod lost;
mod office;
mod received;
mod refused;
#[cfg(feature = "aws")]
mod ses;
