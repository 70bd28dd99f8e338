//! REMEMBERS. One committer takes commands, lets the core decide, and writes a batch of decisions
//! durably before anybody is answered; readers read snapshots beside it. Only this crate knows SQL
//! or opens a transaction, and it knows nothing of HTTP. Start with `committer.rs`, then
//! `store.rs`.

mod batch;
mod chain;
pub mod clock;
mod columns;
pub mod committer;
pub mod copy;
pub mod database;
mod flush;
pub mod idempotency;
pub mod limits;
pub mod migration;
mod paging;
mod past;
pub mod postgres;
mod proof;
pub mod prover;
pub mod query;
pub mod reader;
pub mod report;
pub mod sqlite;
pub mod stats;
pub mod store;
mod stored;
mod turns;
pub mod watch;

pub use clock::{Clock, ManualClock, SystemClock};
pub use committer::{Answer, CommitterStats, Submission, Submit, SubmitError};
pub use database::{Database, Location};
pub use idempotency::{IdempotencyKey, Outcome};
pub use reader::Reader;
pub use store::{Batch, DurableAlready, Flush, Store, StoreError};
pub use watch::Watch;
