//! DECIDES. The rules of orders and inventory as pure functions: given the rows a command names,
//! the time and fresh numbers, [`decide`] answers with a [`Decision`] or a lawful no ([`Refusal`]).
//!
//! This crate is `no_std`: it has no clock, no files, no sockets, no threads and no randomly
//! ordered maps, and it uses no floats, so every rule can be enumerated and replayed. It knows
//! nothing of SQL, HTTP or JSON. Start with [`command`], then read `orders/` and `inventory/`; who
//! may ask is in `accounts/`.
#![no_std]
#![warn(clippy::float_arithmetic)]

extern crate alloc;

mod named;

pub mod accounts;
pub mod actor;
pub mod catalog;
pub mod command;
pub mod draft;
pub mod effects;
pub mod events;
pub mod ids;
pub mod inventory;
pub mod jobs;
pub mod limits;
pub mod money;
pub mod needs;
pub mod orders;
pub mod payments;
pub mod quantity;
pub mod refusal;
pub mod schedules;
pub mod state;
pub mod text;
pub mod warehouse;
pub mod webhooks;

pub use actor::Actor;
pub use command::{Command, Context, Decision, Numbering, Reply, Stop, decide};
pub use events::{Event, EventBody, Subject};
pub use money::{Currency, Money};
pub use needs::Needs;
pub use quantity::Quantity;
pub use refusal::Refusal;
pub use state::State;

/// The number of times a row has been changed; the first stored form is version 1.
pub type Version = u64;
/// An instant with microsecond precision, handed in by the caller and never read here.
pub type Timestamp = jiff::Timestamp;
