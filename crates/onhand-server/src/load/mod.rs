//! The load generator behind `onhand bench`, `onhand torture`, `onhand payments-chaos` and `onhand
//! work-chaos`. It speaks HTTP like any client and starts servers as child processes; it must not
//! reach into the engine, or it would measure and trust something that no client sees. Start with
//! `bench.rs` or `torture.rs`.

pub mod bench;
pub mod payments_chaos;
pub mod torture;
pub mod work_chaos;
pub mod workload;

mod api;
mod bench_check;
mod crowd;
mod files;
mod fleet;
mod logins;
mod paid;
mod probe;
mod process;
pub(crate) mod progress;
mod round;
mod shelves;
mod shopper;
mod stage;
mod suite;
mod through;
mod torture_check;
mod trial;

#[cfg(test)]
mod toy;
