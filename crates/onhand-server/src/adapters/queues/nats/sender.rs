//! Sends to one subject of NATS, and waits until a stream has what was sent.

use async_nats::HeaderMap;
use async_nats::jetstream::context::{
    Context, GetStreamByNameErrorKind, PublishError, PublishErrorKind,
};

use super::link::{NatsLink, unavailable};
use crate::adapters::queues::parcel::{self, Carrier, GROUP, Parcel};
use crate::adapters::queues::{Answer, QueueError};
use crate::limits::NATS_UNACKED_MAX;

/// The header by which a stream knows what it has already.
pub(super) const DEDUP_ID: &str = "Nats-Msg-Id";

/// One subject of NATS, to send to.
#[derive(Debug, Clone)]
pub struct NatsSender {
    link: NatsLink,
    subject: String,
}

impl NatsSender {
    /// A subject that a stream listens to.
    pub fn new(link: NatsLink, subject: String) -> Self {
        Self { link, subject }
    }

    /// Sends all of them in order, and waits for all receipts.
    async fn send_some(&self, context: &Context, parcels: &[Parcel]) -> Result<(), QueueError> {
        let mut receipts = Vec::new();
        for parcel in parcels {
            let message = &parcel.message;
            let mut headers = HeaderMap::new();
            headers.insert(DEDUP_ID, message.dedup_id.as_str());
            headers.insert(GROUP, message.group.as_str());
            for (name, value) in &parcel.fields {
                headers.insert(*name, value.as_str());
            }
            let subject = self.subject.clone();
            let sent = context.publish_with_headers(subject, headers, message.body.clone()).await;
            receipts.push(sent.map_err(|error| judge(&error))?);
        }
        for receipt in receipts {
            receipt.await.map_err(|error| judge(&error))?;
        }
        Ok(())
    }
}

impl Carrier for NatsSender {
    fn send(&self, parcels: Vec<Parcel>) -> Answer<'_, ()> {
        Box::pin(async move {
            parcel::check(&parcels)?;
            let context = self.link.reach().await?;
            for some in parcels.chunks(NATS_UNACKED_MAX) {
                self.send_some(context, some).await?;
            }
            Ok(())
        })
    }

    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let context = self.link.reach().await?;
            let listening = context.stream_by_subject(self.subject.clone()).await;
            listening.map(|_| ()).map_err(|error| match error.kind() {
                GetStreamByNameErrorKind::NotFound => {
                    QueueError::Refused("no stream listens to the subject".to_owned())
                }
                GetStreamByNameErrorKind::Request
                | GetStreamByNameErrorKind::InvalidSubject
                | GetStreamByNameErrorKind::JetStream(_) => unavailable(&error),
            })
        })
    }
}

fn judge(error: &PublishError) -> QueueError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            QueueError::Refused("the message is longer than the server allows".to_owned())
        }
        PublishErrorKind::StreamNotFound => {
            QueueError::Unavailable("no stream listens to the subject".to_owned())
        }
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::Other => unavailable(error),
    }
}
