//! What the engine promises, on PostgreSQL: the suite of the store with and without the lock on the
//! head of the logs, and what only a server can do: go away in the middle, be shared, be replaced.
//! `cargo xtask test` starts the servers; `cargo xtask services` does for a run by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../store/accounts.rs"]
mod accounts;
#[path = "../store/amounts.rs"]
mod amounts;
#[path = "../store/backend.rs"]
mod backend;
#[path = "../store/behind.rs"]
mod behind;
#[expect(dead_code, reason = "a promotion is for the tests of the server")]
mod cluster;
#[path = "../store/faults.rs"]
mod faults;
#[path = "../store/faulty.rs"]
#[expect(dead_code, reason = "a flush is only held where commits are flushed later")]
mod faulty;
#[path = "../store/history.rs"]
mod history;
#[path = "../store/holding.rs"]
mod holding;
#[path = "../store/imports.rs"]
mod imports;
#[path = "../store/look.rs"]
mod look;
mod migrating;
mod moving;
mod opening;
mod others;
#[path = "../store/outbox.rs"]
mod outbox;
#[path = "../store/overview.rs"]
mod overview;
#[path = "../store/past.rs"]
mod past;
#[path = "../store/paying.rs"]
mod paying;
#[path = "../store/payments.rs"]
mod payments;
#[path = "../store/promises.rs"]
mod promises;
mod proxy;
#[path = "../store/references.rs"]
mod references;
mod replica;
#[path = "../store/rounds.rs"]
mod rounds;
mod server;
#[path = "../store/suite.rs"]
mod suite;
mod verify_meta;
#[path = "../store/warehouse.rs"]
mod warehouse;
#[path = "../store/watched.rs"]
mod watched;
#[path = "../store/world.rs"]
mod world;

mod away;
mod batches;
mod beside;
mod filling;
mod gathering;
mod together;
mod turns;

mod locked {
    crate::promises::keeps_every_promise! { crate::server::Postgres<true> }
}

mod unlocked {
    crate::promises::keeps_every_promise! { crate::server::Postgres<false> }
}
