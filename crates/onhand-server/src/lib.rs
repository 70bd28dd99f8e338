//! TALKS. The binary `onhand`: HTTP, workers and the command line around the engine. Wire formats
//! live in `http/`; no rule, no SQL and no transaction is in this crate. Start with `serve.rs` and
//! `http/mod.rs`.

pub mod accounts;
pub mod adapters;
pub mod app;
pub mod auth;
mod backup;
pub mod cli;
pub mod client;
pub mod copy;
pub mod demo;
pub mod edge;
pub mod environment;
mod exports;
pub mod http;
mod imports;
pub mod limits;
pub mod load;
pub mod notifications;
mod operator;
pub mod payments;
pub mod random;
pub mod serve;
pub mod telemetry;
pub mod workers;
