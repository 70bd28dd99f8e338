//! The neighbours: whoever is outside, each in its own words. An adapter translates between those
//! and the core's, with a bound on time, size and depth of whatever comes back, and decides
//! nothing.

pub mod cache;
pub(crate) mod files;
pub mod gateways;
pub mod mail;
pub mod outgoing;
pub mod queues;
pub mod warehouse;
pub mod webhooks;
