//! Work that nobody asked for over HTTP.

pub mod effects;
pub mod key_uses;
pub mod sweeper;
