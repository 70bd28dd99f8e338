//! Accounts over HTTP: getting in (`auth.rs`), one's own account (`me.rs`), everybody's
//! (`users.rs`), and keys for programs (`keys.rs`). The rules are in the core's `accounts/`.

mod auth;
mod keys;
mod me;
mod users;

use axum::http::StatusCode;
use onhand_core::accounts::Email;
use serde::{Deserialize, Deserializer, de};
use utoipa_axum::router::OpenApiRouter;
use zeroize::Zeroizing;

use super::gate::rate_limited;
use super::problem::Problem;
use crate::accounts::logins::{Desk, LoginError, Password};
use crate::app::{App, Parts};

/// The routes of accounts.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(auth::routes())
        .merge(me::routes())
        .merge(users::routes())
        .merge(keys::routes())
}

/// A password, token or code as it is sent: wiped when it is dropped, and never shown.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct SentSecret(#[serde(deserialize_with = "wiped")] pub(super) Password);

impl std::fmt::Debug for SentSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SentSecret(..)")
    }
}

fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Password, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// An e-mail address as it is sent.
#[derive(Debug)]
pub(super) struct SentEmail(pub(super) Email);

impl<'de> Deserialize<'de> for SentEmail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Email::new(&text).map(Self).map_err(|error| de::Error::custom(format!("`{text}`: {error}")))
    }
}

/// What a login works on.
pub(crate) fn desk(app: &App) -> Desk<'_> {
    let Parts { submit, reader, identities, clock, .. } = &**app;
    Desk { submit, reader, identities, now: clock.now() }
}

/// What is answered to who did not get in, or could not change an account.
pub(crate) fn not_in(error: LoginError, wrong: fn() -> Problem) -> Problem {
    match error {
        LoginError::Wrong => wrong(),
        LoginError::Wait { secs } => rate_limited(secs),
        LoginError::Busy { secs } => {
            let detail = "too many logins at once: come back in a moment";
            let mut busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail);
            busy.retry_after_ms = Some(secs.saturating_mul(1_000));
            busy
        }
        LoginError::Password(refusal) => {
            Problem::field("/password", refusal.to_string(), serde_json::Value::Null)
        }
        LoginError::Refused(refusal) => refusal.into(),
        LoginError::Submit(error) => error.into(),
        LoginError::Read(error) => error.into(),
        LoginError::Internal(reason) => {
            tracing::error!(reason, "accounts failed");
            Problem::internal()
        }
    }
}

/// The same words whatever was wrong: the address, the password, or a disabled account.
pub(crate) fn invalid_credentials() -> Problem {
    let detail = "there is no account with this e-mail address and password";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
}

/// For who is logged in and has to say the password once more.
fn wrong_password() -> Problem {
    let detail = "the current password is not right";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
}

/// The same words whatever was wrong: whoever guesses learns nothing.
pub(crate) fn invalid_refresh_token() -> Problem {
    not_good("the refresh token is not good, or no longer: log in again")
}

pub(crate) fn invalid_code() -> Problem {
    not_good("this is not the code that the server printed at its start, or it was used")
}

fn not_good(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
}
