//! Payments on the server's side: which gateways there are, how they are configured, and how one is
//! asked. What a payment means is decided by the core; what is owed is done by `workers/effects`.

pub mod gateways;
pub mod options;
