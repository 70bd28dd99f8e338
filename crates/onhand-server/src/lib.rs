//! TALKS. The binary `onhand`: HTTP, workers and the command line around the engine. Wire formats
//! live in `http/`; no rule, no SQL and no transaction is in this crate. Start with `serve.rs` and
//! `http/mod.rs`.

pub mod accounts;
pub mod adapters;
mod admin;
pub mod app;
pub mod auth;
mod backup;
pub mod cli;
pub mod client;
pub mod config;
pub mod copy;
pub mod database;
pub mod demo;
mod doors;
pub mod edge;
pub mod environment;
mod exports;
mod health;
pub mod http;
mod imports;
pub mod limits;
pub mod load;
mod manual;
pub mod metrics;
pub mod notifications;
mod operator;
pub mod payments;
pub mod random;
pub mod request_log;
pub mod serve;
pub mod telemetry;
pub mod workers;
