//! The running binary as its operator sees it: started, stopped, killed, overloaded, and on a disk
//! that fails. What can be tested in process is tested there (`tests/http`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(target_os = "linux")]
mod backup;
mod bulk;
mod canary;
mod crash;
mod dialects;
#[cfg(target_os = "linux")]
mod disk;
mod documents;
#[path = "../documents/mod.rs"]
#[expect(dead_code, reason = "some of it is for documents that need a service")]
mod documents_read;
mod edges;
mod encrypted;
mod installation;
mod lifecycle;
mod metrics;
mod network;
mod pages;
mod payments;
mod production;
mod proof;
mod receiver;
mod request_log;
mod scrape;
#[expect(dead_code, reason = "some of it is for PostgreSQL")]
mod server;
mod settings;
#[cfg(target_os = "linux")]
mod shim;
mod status;
mod tours;
mod verify;
mod work;
