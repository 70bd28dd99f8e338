//! What the engine promises: every promise is one function over any store, and is tested here with
//! each of them; and the proof that `verify` sees what it says it sees.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod amounts;
mod backend;
mod behind;
mod embedded;
mod faults;
mod faulty;
mod history;
mod holding;
mod imports;
mod look;
mod outbox;
mod overview;
mod past;
mod paying;
mod payments;
mod promises;
mod references;
mod rounds;
mod suite;
mod verify_meta;
mod warehouse;
mod watched;
mod world;

mod sqlite {
    crate::promises::keeps_every_promise! { crate::backend::Sqlite }
}
