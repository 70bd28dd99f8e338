//! The connection to NATS. It is made and kept in the background, and again after it is lost;
//! whoever asks while there is none waits a little and is told.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_nats::connection::State;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::{ClientError, ConnectOptions, Event, RequestErrorKind, ServerAddr, jetstream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::adapters::queues::{QueueError, reason_line};
use crate::auth::secrets::Secret;
use crate::limits::{NATS_UNACKED_MAX, QUEUE_CONNECT_TIMEOUT, QUEUE_TIMEOUT};

/// How NATS is reached.
#[derive(Debug, Clone)]
pub struct NatsConfig {
    /// Addresses of one cluster, separated by commas: `nats://host:4222`, or `tls://`.
    pub url: String,
    /// How we say who we are.
    pub login: NatsLogin,
}

/// How we say to NATS who we are.
#[derive(Debug, Clone, Default)]
pub enum NatsLogin {
    /// Not at all.
    #[default]
    Nobody,
    /// A user and their password.
    User(String, Secret),
    /// A token.
    Token(Secret),
    /// The text of a file of credentials: a token and the key that goes with it.
    Credentials(Secret),
}

/// A connection to NATS. Clones share it.
#[derive(Clone)]
pub struct NatsLink {
    context: jetstream::Context,
    /// Why there was no connection, the last time that one was tried.
    trouble: watch::Receiver<String>,
}

impl fmt::Debug for NatsLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsLink").finish_non_exhaustive()
    }
}

impl NatsLink {
    /// Begins to connect; there need not be anybody yet.
    ///
    /// # Errors
    /// [`QueueError::Refused`] when it is not configured so that it could be.
    pub async fn open(config: NatsConfig) -> Result<Self, QueueError> {
        let addresses: Result<Vec<_>, _> = config.url.split(',').map(address).collect();
        let (note, trouble) = watch::channel("nobody has answered yet".to_owned());
        let note = Arc::new(note);
        let options = ConnectOptions::new()
            .name("onhand")
            .retry_on_initial_connect()
            .connection_timeout(QUEUE_CONNECT_TIMEOUT)
            .request_timeout(Some(QUEUE_TIMEOUT))
            .event_callback(move |event| {
                let note = note.clone();
                async move {
                    match event {
                        Event::Connected => tracing::info!("connected to NATS"),
                        Event::Disconnected => tracing::warn!("the connection to NATS is lost"),
                        Event::ClientError(ClientError::Other(why)) => {
                            note.send_replace(why);
                        }
                        Event::ClientError(_)
                        | Event::ServerError(_)
                        | Event::LameDuckMode
                        | Event::Draining
                        | Event::Closed
                        | Event::SlowConsumer(_) => {}
                    }
                }
            });
        let client = log_in(options, config.login)?.connect(addresses?).await;
        let client = client.map_err(|_| refuse("the connection to NATS cannot be set up"))?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(QUEUE_TIMEOUT)
            .ack_timeout(QUEUE_TIMEOUT)
            .max_ack_inflight(NATS_UNACKED_MAX)
            .build(client);
        Ok(Self { context, trouble })
    }

    /// Waits a little for a connection. Without one, what is sent would lie here and go out long
    /// after its sender was told that it failed.
    pub(super) async fn reach(&self) -> Result<&jetstream::Context, QueueError> {
        let client = self.context.client();
        if client.connection_state() == State::Connected {
            return Ok(&self.context);
        }
        match timeout(QUEUE_CONNECT_TIMEOUT, client.flush()).await {
            Ok(Ok(())) => Ok(&self.context),
            Ok(Err(_)) | Err(_) => {
                let why = format!("no connection ({})", *self.trouble.borrow());
                Err(QueueError::Unavailable(reason_line(&why)))
            }
        }
    }

    /// Asks somebody and waits for the answer, whatever it says.
    pub(super) async fn ask(&self, subject: String, word: String) -> Result<(), QueueError> {
        let asked = self.reach().await?.client().request(subject, word.into()).await;
        asked.map(|_| ()).map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => QueueError::Lost,
            RequestErrorKind::InvalidSubject => {
                QueueError::Refused("the handle of a message is damaged".to_owned())
            }
            RequestErrorKind::TimedOut
            | RequestErrorKind::MaxPayloadExceeded
            | RequestErrorKind::Other => unavailable(&error),
        })
    }
}

fn log_in(options: ConnectOptions, login: NatsLogin) -> Result<ConnectOptions, QueueError> {
    let text = |secret: Secret| {
        let text = String::from_utf8(secret.expose().to_vec());
        text.map_err(|_| refuse("a secret for NATS is not text"))
    };
    match login {
        NatsLogin::Nobody => Ok(options),
        NatsLogin::User(user, password) => Ok(options.user_and_password(user, text(password)?)),
        NatsLogin::Token(token) => Ok(options.token(text(token)?)),
        NatsLogin::Credentials(file) => {
            let read = options.credentials(&text(file)?);
            read.map_err(|_| refuse("the credentials for NATS cannot be read"))
        }
    }
}

/// One address. What is wrong with it is said without repeating it: it may have a password, which
/// it should not, because the client writes addresses into its log.
fn address(text: &str) -> Result<ServerAddr, QueueError> {
    let address: ServerAddr =
        text.trim().parse().map_err(|_| refuse("not the address of a server of NATS"))?;
    if address.has_user_pass() || address.password().is_some() {
        return Err(refuse("user and password are configured apart from the address of NATS"));
    }
    if address.is_websocket() || address.host().is_empty() {
        return Err(refuse("the address of NATS begins with `nats://` or `tls://`"));
    }
    Ok(address)
}

fn refuse(why: &str) -> QueueError {
    QueueError::Refused(why.to_owned())
}

/// Asking again may help.
pub(super) fn unavailable(error: &(impl Error + ?Sized)) -> QueueError {
    QueueError::Unavailable(reason_line(&error.to_string()))
}

/// Why a stream or a consumer could not be made: what NATS says about it stands as it is.
pub(super) trait Made: Error {
    /// Whether NATS itself said no.
    fn is_refusal(&self) -> bool;
}

impl Made for CreateStreamError {
    fn is_refusal(&self) -> bool {
        match self.kind() {
            CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::JetStreamUnavailable => false,
            CreateStreamErrorKind::JetStream(error) => is_refusal(&error),
            CreateStreamErrorKind::EmptyStreamName
            | CreateStreamErrorKind::InvalidStreamName
            | CreateStreamErrorKind::DomainAndExternalSet
            | CreateStreamErrorKind::NotFound
            | CreateStreamErrorKind::Response
            | CreateStreamErrorKind::ResponseParse => true,
        }
    }
}

impl Made for ConsumerError {
    fn is_refusal(&self) -> bool {
        match self.kind() {
            ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request => false,
            ConsumerErrorKind::JetStream(error) => is_refusal(&error),
            ConsumerErrorKind::InvalidConsumerType
            | ConsumerErrorKind::InvalidName
            | ConsumerErrorKind::Other => true,
        }
    }
}

/// Codes from 500 on say that the server, or its cluster, is not well at the moment.
fn is_refusal(error: &jetstream::Error) -> bool {
    error.code() < 500
}

/// What it means that a stream or a consumer could not be made.
pub(super) fn made(error: &impl Made) -> QueueError {
    if error.is_refusal() {
        QueueError::Refused(reason_line(&error.to_string()))
    } else {
        unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_no_secret() {
        for (text, passes) in [
            ("nats://127.0.0.1:4222", true),
            ("tls://nats.example", true),
            ("nats.example", true),
            (" nats://[::1]:4222 ", true),
            ("", false),
            ("nats://", false),
            ("http://nats.example", false),
            ("ws://nats.example", false),
            ("nats://me:hunter2@nats.example", false),
            ("nats://hunter2@nats.example", false),
            ("nats://:hunter2@nats.example", false),
            ("nats://me:hunter2@[oops", false),
        ] {
            let read = address(text);
            assert_eq!(read.is_ok(), passes, "{text}");
            assert!(!format!("{:?}", read.err()).contains("hunter2"), "{text}");
        }
    }
}
