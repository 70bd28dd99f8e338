//! The whole of `/v1` on PostgreSQL, answer by answer as on the embedded store; and the running
//! binary on PostgreSQL as its operator sees it: the database crashes and is replaced
//! under load, several processes share it and are restarted one after another. `cargo xtask test`
//! starts what these tests need; `cargo xtask services` does for a run by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../http/answers.rs"]
mod answers;
#[path = "../http/bad_input.rs"]
mod bad_input;
mod buyers;
#[cfg(target_os = "linux")]
#[path = "../process/canary.rs"]
mod canary;
#[path = "../../../onhand-engine/tests/postgres/cluster.rs"]
mod cluster;
#[path = "../http/contract.rs"]
mod contract;
#[path = "../process/crash.rs"]
mod crash;
#[path = "../http/description.rs"]
mod description;
mod documents;
#[path = "../documents/mod.rs"]
mod documents_read;
#[cfg(target_os = "linux")]
#[path = "../process/encrypted.rs"]
mod encrypted;
mod failures;
#[path = "../warehouse/fake.rs"]
#[expect(dead_code, reason = "some of it is for answers that are none")]
mod fake;
#[path = "../queues/flow.rs"]
mod flow;
#[path = "../http/imports.rs"]
mod imports;
mod installation;
#[path = "../process/pages.rs"]
mod pages;
#[path = "../http/payments_races.rs"]
mod payments_races;
#[path = "../http/payments_shown.rs"]
mod payments_shown;
#[path = "../process/proof.rs"]
mod proof;
mod runs;
#[path = "../process/scrape.rs"]
mod scrape;
#[path = "../process/server.rs"]
#[expect(dead_code, reason = "some of it is for the embedded store")]
mod server;
mod shared_proof;
#[path = "../http/shelves.rs"]
mod shelves;
#[path = "../warehouse/shop.rs"]
#[expect(dead_code, reason = "some of it is for the embedded store")]
mod shop;
#[path = "../http/till.rs"]
mod till;
mod together;
#[path = "../http/tour.rs"]
mod tour;
#[path = "../http/world.rs"]
#[expect(dead_code, reason = "some of it is for what does not depend on the store")]
mod world;

mod kept {
    crate::flow::keeps! { in_database: crate::flow::InDatabase }
}
