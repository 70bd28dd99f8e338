//! Amazon SQS, standard and FIFO, over the SDK of AWS: its credentials, its signatures, and its
//! repetitions within a bound. A queue is FIFO if its name says so, as SQS itself has it.

mod failure;
mod sender;

use std::time::Duration;

use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName as Attribute,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use self::failure::{judge, judge_entries};
pub use self::sender::SqsSender;
use super::parcel::{Carrier, DEDUP_ID, GROUP, Parcel};
use super::{Answer, Outgoing, Promises, Queue, QueueError, Received, check_count};
use crate::limits::{
    QUEUE_AGAIN_MAX, QUEUE_BATCH_MAX, QUEUE_CONNECT_TIMEOUT, QUEUE_TIMEOUT, QUEUE_WAIT_MAX,
    SQS_AT_ONCE_MAX, SQS_BATCH_MAX, SQS_CALL_TIMEOUT, SQS_TRIES_MAX,
};

/// Where the queue is, and how it is used.
#[derive(Debug, Clone)]
pub struct SqsConfig {
    /// The queue of work.
    pub url: String,
    /// The queue of what was given up.
    pub dead_letter_url: String,
    /// For how long what was received is nobody else's; at least a second.
    pub lease: Duration,
}

/// How AWS is reached. What is not given comes from the environment, as the SDK finds it:
/// variables, its files, the role of the machine.
#[derive(Debug, Clone, Default)]
pub struct AwsConfig {
    /// Another address than that of the region.
    pub endpoint_url: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// A client for SQS. It connects when it is first used.
///
/// # Errors
/// [`QueueError::Refused`] when there is no region: without one nothing can be signed.
pub async fn client(config: AwsConfig) -> Result<Client, QueueError> {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(SQS_TRIES_MAX))
        .timeout_config(timeouts(Duration::ZERO).build());
    if let Some(url) = config.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(region) = config.region {
        loader = loader.region(Region::new(region));
    }
    let loaded = loader.load().await;
    if loaded.region().is_none() {
        return Err(QueueError::Refused("no region is configured: set AWS_REGION".to_owned()));
    }
    Ok(Client::new(&loaded))
}

/// Bounds of a call that may wait so long for a message.
fn timeouts(wait: Duration) -> TimeoutConfigBuilder {
    TimeoutConfig::builder()
        .connect_timeout(QUEUE_CONNECT_TIMEOUT)
        .operation_attempt_timeout(QUEUE_TIMEOUT + wait)
        .operation_timeout(SQS_CALL_TIMEOUT + wait)
}

/// A queue of SQS.
pub struct Sqs {
    client: Client,
    work: SqsSender,
    dead: SqsSender,
    lease: Duration,
}

impl std::fmt::Debug for Sqs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqs").field("work", &self.work).finish_non_exhaustive()
    }
}

impl Sqs {
    /// A queue that exists. Nothing is asked of it yet.
    pub fn new(client: Client, config: SqsConfig) -> Self {
        let work = SqsSender::new(client.clone(), config.url);
        let dead = SqsSender::new(client.clone(), config.dead_letter_url);
        Self { client, work, dead, lease: config.lease }
    }

    async fn take(&self, most: usize, wait: Duration) -> Result<Vec<Received>, QueueError> {
        let request = self.client.receive_message().queue_url(&self.work.url);
        let request = request
            .max_number_of_messages(i32::try_from(most.min(SQS_BATCH_MAX)).unwrap_or(1))
            .wait_time_seconds(whole_seconds(wait))
            .visibility_timeout(whole_seconds(self.lease))
            .message_attribute_names(DEDUP_ID)
            .message_attribute_names(GROUP)
            .message_system_attribute_names(Attribute::ApproximateReceiveCount)
            .message_system_attribute_names(Attribute::MessageDeduplicationId)
            .message_system_attribute_names(Attribute::MessageGroupId);
        let patience = aws_sdk_sqs::config::Builder::new().timeout_config(timeouts(wait).build());
        let answer = request.customize().config_override(patience).send().await;
        let messages = answer.map_err(|error| judge(&error))?.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(received).collect())
    }

    async fn lease_for(&self, message: &Received, time: Duration) -> Result<(), QueueError> {
        let request = self.client.change_message_visibility().queue_url(&self.work.url);
        let request = request.receipt_handle(receipt_of(message));
        let sent = request.visibility_timeout(whole_seconds(time)).send().await;
        sent.map(|_| ()).map_err(|error| judge(&error))
    }

    async fn delete(&self, messages: &[Received]) -> Result<(), QueueError> {
        let mut request = self.client.delete_message_batch().queue_url(&self.work.url);
        for (index, message) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt_of(message))
                .build();
            let entry = entry.map_err(|_| QueueError::Refused("a message has no handle".into()))?;
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(|error| judge(&error))?;
        judge_entries(answer.failed())
    }
}

impl Queue for Sqs {
    fn publish<'a>(&'a self, messages: &'a [Outgoing]) -> Answer<'a, ()> {
        self.work.send(messages.iter().cloned().map(Parcel::plain).collect())
    }

    fn receive(&self, most: usize, wait: Duration) -> Answer<'_, Vec<Received>> {
        Box::pin(async move {
            let most = most.min(QUEUE_BATCH_MAX);
            let mut all: Vec<Received> = Vec::new();
            let mut wait = wait.min(QUEUE_WAIT_MAX);
            while all.len() < most {
                match self.take(most - all.len(), wait).await {
                    Ok(more) if more.is_empty() => break,
                    Ok(more) => all.extend(more),
                    // What has come would be lost until its lease ends.
                    Err(_) if !all.is_empty() => break,
                    Err(error) => return Err(error),
                }
                wait = Duration::ZERO;
            }
            Ok(all)
        })
    }

    fn extend<'a>(&'a self, message: &'a Received) -> Answer<'a, ()> {
        Box::pin(self.lease_for(message, self.lease))
    }

    fn done<'a>(&'a self, messages: &'a [Received]) -> Answer<'a, ()> {
        let batches = messages.chunks(SQS_BATCH_MAX).map(|batch| self.delete(batch));
        // Each is tried, whatever came of the others.
        let requests = stream::iter(batches.collect::<Vec<_>>()).buffer_unordered(SQS_AT_ONCE_MAX);
        Box::pin(async move {
            check_count(messages.len())?;
            let answers: Vec<_> = requests.collect().await;
            answers.into_iter().collect()
        })
    }

    fn again<'a>(&'a self, message: &'a Received, after: Duration) -> Answer<'a, ()> {
        Box::pin(self.lease_for(message, after.min(QUEUE_AGAIN_MAX)))
    }

    fn bury<'a>(&'a self, message: &'a Received, reason: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.dead.send(vec![Parcel::dead(message, reason, id_of(message))]).await?;
            self.delete(std::slice::from_ref(message)).await
        })
    }

    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.work.probe().await?;
            self.dead.probe().await
        })
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    fn promises(&self) -> Promises {
        Promises { dedups: self.work.is_fifo, keeps_order: self.work.is_fifo }
    }
}

/// SQS counts in whole seconds: rounded up, so that nothing comes too early.
fn whole_seconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(i32::MAX)
}

/// A handle is the id that SQS has given the message, and the receipt of this delivery.
fn id_of(message: &Received) -> &str {
    message.handle.split_once(' ').unwrap_or_default().0
}

fn receipt_of(message: &Received) -> &str {
    message.handle.split_once(' ').unwrap_or_default().1
}

fn received(message: Message) -> Option<Received> {
    let attribute = |name: Attribute| {
        message.attributes.as_ref().and_then(|attributes| attributes.get(&name)).cloned()
    };
    let field = |name: &str| {
        let fields = message.message_attributes.as_ref()?;
        fields.get(name)?.string_value.clone()
    };
    let count = attribute(Attribute::ApproximateReceiveCount);
    Some(Received {
        deliveries: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        dedup_id: field(DEDUP_ID).or_else(|| attribute(Attribute::MessageDeduplicationId)),
        group: field(GROUP).or_else(|| attribute(Attribute::MessageGroupId)),
        handle: format!("{} {}", message.message_id?, message.receipt_handle?),
        body: Bytes::from(message.body?),
    })
}
