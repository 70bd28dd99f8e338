//! Accounts as the server meets them: whose token or key it was shown, what its owner may do now,
//! and how somebody gets in. Secrets and their arithmetic are in `auth/`; the rules are in the
//! core's `accounts/`.

pub mod cli;
pub mod identity;
pub mod logins;
pub mod options;

pub use identity::{Identities, Principal, Unauthenticated};
