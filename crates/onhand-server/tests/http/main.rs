//! `/v1` in process, on a frozen clock: whole answers as snapshots, bad input as a table after
//! which nothing has changed, the description against the routes, and the live feed over a socket.
//! On the embedded store; `tests/postgres` asks the same of the other one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod answers;
mod bad_input;
mod bad_tokens;
mod belongings;
mod browsers;
mod contract;
mod description;
mod doors;
mod fields;
mod guessing;
mod hoarding;
mod imports;
mod installation;
mod kept;
mod payments;
mod payments_late;
mod payments_notices;
mod payments_races;
mod payments_refused;
mod payments_shown;
mod people;
mod rates;
mod sessions;
mod shelves;
mod till;
mod timing;
mod tour;
mod world;
