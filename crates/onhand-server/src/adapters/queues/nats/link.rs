//! The connection to NATS. It is made and kept in the background, and again after it is lost;
//! whoever asks while there is none waits a little and is told.

use std::error::Error;
use std::fmt;

use async_nats::connection::State;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::{Client, ConnectOptions, RequestErrorKind, ServerAddr, jetstream};
use tokio::time::timeout;

use crate::adapters::queues::{QueueError, reason_line};
use crate::limits::{NATS_UNACKED_MAX, QUEUE_CONNECT_TIMEOUT, QUEUE_TIMEOUT};

/// How NATS is reached.
#[derive(Clone)]
pub struct NatsConfig {
    /// Addresses of one cluster, separated by commas: `nats://host:4222`, or `tls://`. They may
    /// have a user and a password.
    pub url: String,
    /// The text of a file of credentials: a token and the key that goes with it.
    pub credentials: Option<String>,
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig").finish_non_exhaustive()
    }
}

/// A connection to NATS. Clones share it.
#[derive(Clone)]
pub struct NatsLink {
    client: Client,
    context: jetstream::Context,
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
    pub async fn open(config: &NatsConfig) -> Result<Self, QueueError> {
        let refuse = |why: &str| QueueError::Refused(why.to_owned());
        let address = |text: &str| text.trim().parse::<ServerAddr>();
        let addresses: Result<Vec<ServerAddr>, _> = config.url.split(',').map(address).collect();
        // The error would repeat the address, and with it a password.
        let addresses = addresses.map_err(|_| refuse("not the address of a server of NATS"))?;
        let mut options = ConnectOptions::new()
            .name("onhand")
            .retry_on_initial_connect()
            .connection_timeout(QUEUE_CONNECT_TIMEOUT)
            .request_timeout(Some(QUEUE_TIMEOUT));
        if let Some(text) = &config.credentials {
            let read = options.credentials(text);
            options = read.map_err(|_| refuse("the credentials for NATS cannot be read"))?;
        }
        let client = options.connect(addresses).await;
        let client = client.map_err(|_| refuse("the connection to NATS cannot be set up"))?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(QUEUE_TIMEOUT)
            .ack_timeout(QUEUE_TIMEOUT)
            .max_ack_inflight(NATS_UNACKED_MAX)
            .build(client.clone());
        Ok(Self { client, context })
    }

    pub(super) fn context(&self) -> &jetstream::Context {
        &self.context
    }

    /// Waits a little for a connection. Without one, what is sent would lie here and go out long
    /// after its sender was told that it failed.
    pub(super) async fn reach(&self) -> Result<(), QueueError> {
        if self.client.connection_state() == State::Connected {
            return Ok(());
        }
        let none = || QueueError::Unavailable("no connection".to_owned());
        let flushed = timeout(QUEUE_CONNECT_TIMEOUT, self.client.flush()).await;
        flushed.map_err(|_| none())?.map_err(|_| none())
    }

    /// Asks somebody and waits for the answer, whatever it says.
    pub(super) async fn ask(&self, subject: String, word: String) -> Result<(), QueueError> {
        self.reach().await?;
        let asked = self.client.request(subject, word.into()).await;
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
