//! The rules in worlds of memory: every short sequence of happenings, and long random ones compared
//! with the rules written down a second time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod amounts;
mod desk;
mod endpoints;
mod gateway;
mod graph;
mod holding;
mod imports;
mod jobs;
mod members;
mod model;
mod own;
mod payment_effects;
mod payment_rules;
mod payments;
mod random;
mod rights;
mod sessions;
mod shelf;
mod shelves;
mod shortfalls;
mod small;
mod step;
mod syncs;
mod world;
