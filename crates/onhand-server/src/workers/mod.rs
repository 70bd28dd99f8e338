//! Work that nobody asked for over HTTP.

pub mod sweeper;
