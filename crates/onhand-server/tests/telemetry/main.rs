//! What the server tells those who watch it: its traces to a collector that reads OTLP, its errors
//! to a receiver that reads Sentry's envelopes. Both are decoded as their protocols say; that the
//! work goes on without them is seen where they are away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collector;
mod errors;
#[expect(dead_code, reason = "it is for the tests of the binary")]
#[path = "../process/server.rs"]
mod server;
mod traces;
