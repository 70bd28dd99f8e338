//! The running binary on PostgreSQL as its operator sees it: the database crashes and is replaced
//! under load, several processes share it and are restarted one after another. `cargo xtask test`
//! starts what these tests need; `cargo xtask services` does for a run by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod buyers;
#[path = "../../../onhand-engine/tests/postgres/cluster.rs"]
mod cluster;
mod failures;
#[path = "../process/server.rs"]
#[expect(dead_code, reason = "some of it is for the embedded store")]
mod server;
mod together;
