//! Accounts as the server meets them: whose token or key it was shown, what its owner may do now,
//! and how somebody gets in. Secrets and their arithmetic are in `auth/`; the rules are in the
//! core's `accounts/`.

pub mod identity;
pub mod logins;

pub use identity::{Identities, Principal, Unauthenticated};
