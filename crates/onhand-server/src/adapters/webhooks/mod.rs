//! Webhooks out: what onhand tells others, as Standard Webhooks 1.0 says. Here a message gets its
//! body ([`body`]) and its signature ([`signature`]), is sent to an address that may be reached
//! ([`guard`], [`send`]), and it is said what the answer means ([`schedule`]). What there is to
//! send, to whom and when is for the engine to remember and a worker to do.

pub mod body;
pub mod guard;
pub mod options;
pub mod schedule;
pub mod send;
pub mod signature;

use std::sync::Arc;

use bytes::Bytes;
use onhand_core::Timestamp;
use onhand_core::jobs::Attempt;
use onhand_core::webhooks::Endpoint;
use serde_json::json;
use tokio::sync::Notify;

use self::guard::Guard;
use self::schedule::{Next, next};
use self::send::{Answer, Sender};
use self::signature::SigningSecret;
use super::gateways::http::bounded;
use crate::auth::sealed::{SealError, Sealer};
use crate::auth::secrets::Secret;

/// Where the secrets of endpoints belong, so that nothing else is taken for one.
const PLACE: &str = "webhook endpoint";

/// The type of a message that tries an endpoint.
const TEST: &str = "webhook_endpoint.test";

/// What is needed to tell an endpoint something. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Whom may be told.
    pub guard: Guard,
    /// Told when endpoints have changed.
    pub changed: Arc<Notify>,
    sender: Sender,
    sealer: Sealer,
}

impl Webhooks {
    /// Sends with `sender` what `guard` lets through; secrets are sealed under the server's.
    pub fn new(guard: Guard, sender: Sender, secrets: &[Secret]) -> Self {
        let sealer = Sealer::new(secrets, "webhook secrets");
        Self { guard, changed: Arc::default(), sender, sealer }
    }

    /// Seals the secret of an endpoint, for the database.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn seal(&self, secret: &SigningSecret) -> Result<String, SealError> {
        self.sealer.seal(secret.expose().as_bytes(), PLACE)
    }

    /// Sends a message once; `id` is the same each time.
    ///
    /// # Errors
    /// When this server cannot open the endpoint's secrets; then nothing was sent.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        id: &str,
        now: Timestamp,
        body: Bytes,
    ) -> Result<Answer, SealError> {
        let signing =
            endpoint.secrets.iter().filter(|one| one.expires_at.is_none_or(|at| now < at));
        let secrets = signing.map(|one| self.open(&one.sealed)).collect::<Result<Vec<_>, _>>()?;
        let to = send::Endpoint { url: endpoint.url.as_str().to_owned(), secrets };
        Ok(self.sender.send(&to, id, now, body).await)
    }

    fn open(&self, sealed: &str) -> Result<SigningSecret, SealError> {
        let opened = self.sealer.open(sealed, PLACE)?;
        let text = std::str::from_utf8(opened.expose()).map_err(|_| SealError::Unopened)?;
        SigningSecret::parse(text).map_err(|_| SealError::Unopened)
    }

    /// Sends a message that only tries the endpoint, and says what came of it.
    pub async fn test(&self, endpoint: &Endpoint, now: Timestamp) -> Attempt {
        let data = json!({ "endpoint": endpoint.id.to_string() });
        let body = json!({ "type": TEST, "timestamp": now, "data": data }).to_string();
        let id = format!("test_{}", crate::random::uuid_v7());
        let answer = match self.send(endpoint, &id, now, body.into()).await {
            Ok(answer) => answer,
            Err(error) => {
                let reason = Some(bounded(&error.to_string()));
                return Attempt { at: now, reason, status: None, took_ms: 0 };
            }
        };
        let reason = match next(1, &answer, 0.0) {
            Next::Delivered => None,
            Next::Again { reason, .. } | Next::Disable(reason) | Next::Dead(reason) => Some(reason),
        };
        Attempt {
            at: now,
            reason: reason.map(|reason| bounded(&reason.to_string())),
            status: answer.status,
            took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
