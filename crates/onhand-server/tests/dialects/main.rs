//! The dialects in process, on a frozen clock: each row of their contracts with success, every
//! failure and odd input, in both forms of the status codes; the faults that the originals have;
//! and buyers of the last units who come through several contracts at once, and pay.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod everywhere;
mod flow;
mod gate;
mod oms;
mod oms_orders;
mod oms_states;
mod paying;
mod people;
mod processing;
mod processing_orders;
mod stock;
mod storefront;
mod till;
mod together;
mod world;
