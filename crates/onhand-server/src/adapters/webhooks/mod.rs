//! Webhooks out: what onhand tells others, as Standard Webhooks 1.0 says. Here a message gets its
//! body ([`body`]) and its signature ([`signature`]), is sent to an address that may be reached
//! ([`guard`], [`send`]), and it is said what the answer means ([`schedule`]). What there is to
//! send, to whom and when is for the engine to remember and a worker to do.

pub mod body;
pub mod guard;
pub mod options;
pub mod schedule;
pub mod send;
pub mod signature;
