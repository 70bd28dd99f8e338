//! NATS JetStream: a stream from which a message goes when it is done, and one durable consumer
//! that all workers share. A stream that is missing is made, with bounds; one that is there is used
//! as it is, if it keeps what a queue of work has to keep.

mod link;
mod sender;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::Config as ConsumerConfig;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{
    Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType,
};
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;
use tokio::time::timeout;

pub use self::link::{NatsConfig, NatsLink, NatsLogin};
pub use self::sender::NatsSender;
use super::parcel::{Carrier, GROUP, Parcel};
use super::{Answer, Outgoing, Promises, Queue, QueueError, Received, check_count};
use crate::limits::{
    NATS_DEAD_BYTES_MAX, NATS_LEASED_MAX, NATS_MESSAGES_MAX, NATS_UNACKED_MAX, NATS_WAITING_MAX,
    NATS_WORK_BYTES_MAX, QUEUE_AGAIN_MAX, QUEUE_BATCH_MAX, QUEUE_BODY_BYTES_MAX,
    QUEUE_DEDUP_WINDOW, QUEUE_TIMEOUT, QUEUE_WAIT_MAX,
};

/// The name of the consumer that all workers share.
const CONSUMER: &str = "onhand";
/// Room for headers in a message beside its body.
const HEADERS_BYTES_MAX: usize = 8 << 10;

/// A queue of work in a stream of NATS.
#[derive(Debug)]
pub struct Nats {
    link: NatsLink,
    /// The name of the stream, and its subject.
    name: String,
    work: NatsSender,
    dead: NatsSender,
    lease: Duration,
    /// The consumer, once the streams are known to be there.
    consumer: Mutex<Option<PullConsumer>>,
}

impl Nats {
    /// A queue whose stream and subject have this name; `.dead` behind it is the subject of what
    /// was given up, and `-dead` its stream. Nothing is asked of NATS yet.
    pub fn new(link: NatsLink, name: String, lease: Duration) -> Self {
        let work = NatsSender::new(link.clone(), name.clone());
        let dead = NatsSender::new(link.clone(), format!("{name}.dead"));
        Self { link, name, work, dead, lease, consumer: Mutex::default() }
    }

    /// The consumer; makes it and the streams where they are missing.
    async fn consumer(&self) -> Result<PullConsumer, QueueError> {
        let context = self.link.reach().await?;
        let mut known = self.consumer.lock().await;
        if let Some(consumer) = &*known {
            return Ok(consumer.clone());
        }
        let (name, subject) = (self.name.clone(), self.name.clone());
        ensure(context, stream_config(name, subject, Keeps::Work)).await?;
        let (name, subject) = (format!("{}-dead", self.name), format!("{}.dead", self.name));
        ensure(context, stream_config(name, subject, Keeps::Dead)).await?;
        let config = ConsumerConfig {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.lease,
            // Whoever works through the queue decides when a message is given up.
            max_deliver: -1,
            max_ack_pending: NATS_LEASED_MAX,
            max_waiting: NATS_WAITING_MAX,
            ..ConsumerConfig::default()
        };
        let made = context.create_consumer_on_stream(config, &self.name).await;
        let consumer = made.map_err(|error| link::made(&error))?;
        Ok(known.insert(consumer).clone())
    }

    /// What was known of the streams may be wrong: next time they are looked for again.
    async fn forget(&self) {
        *self.consumer.lock().await = None;
    }

    async fn take(&self, most: usize, wait: Duration) -> Result<Vec<Received>, QueueError> {
        let consumer = self.consumer().await?;
        let mut all = Vec::new();
        let mut taken = fetch(&consumer, most, &mut all).await;
        if taken.is_ok() && all.is_empty() && !wait.is_zero() {
            taken = wait_for_one(&consumer, wait, &mut all).await;
            if taken.is_ok() && !all.is_empty() && most > 1 {
                // What came meanwhile comes along. Should it fail, there is one at least.
                fetch(&consumer, most - 1, &mut all).await.ok();
            }
        }
        if let Err(error) = taken {
            self.forget().await;
            if all.is_empty() {
                return Err(error);
            }
        }
        Ok(all)
    }

    /// Tells what is to become of a message, and waits until that is known.
    async fn tell(&self, message: &Received, word: String) -> Result<(), QueueError> {
        self.link.ask(message.handle.clone(), word).await
    }
}

/// Makes a stream, or looks whether the one that is there will do.
async fn ensure(context: &Context, config: StreamConfig) -> Result<(), QueueError> {
    let stream = context.get_or_create_stream(config.clone()).await;
    let stream = stream.map_err(|error| link::made(&error))?;
    let found = &stream.cached_info().config;
    let name = &config.name;
    let refuse = |why: &str| Err(QueueError::Refused(format!("the stream `{name}` {why}")));
    if found.subjects != config.subjects {
        return refuse("listens to other subjects");
    }
    if found.retention != config.retention {
        return refuse("keeps messages for another purpose (retention)");
    }
    if found.discard != DiscardPolicy::New || !found.max_age.is_zero() {
        return refuse("drops messages (discard, max age)");
    }
    if found.duplicate_window < QUEUE_DEDUP_WINDOW {
        return refuse("forgets too early what it has (duplicate window)");
    }
    Ok(())
}

/// Takes what is there.
async fn fetch(
    consumer: &PullConsumer,
    most: usize,
    all: &mut Vec<Received>,
) -> Result<(), QueueError> {
    let ask = consumer.fetch().max_messages(most).messages();
    collect(ask.await.map_err(|error| link::unavailable(&error))?, QUEUE_TIMEOUT, all).await
}

async fn wait_for_one(
    consumer: &PullConsumer,
    wait: Duration,
    all: &mut Vec<Received>,
) -> Result<(), QueueError> {
    let ask = consumer.batch().max_messages(1).expires(wait).messages();
    let messages = ask.await.map_err(|error| link::unavailable(&error))?;
    collect(messages, wait + QUEUE_TIMEOUT, all).await
}

/// What comes until its end.
async fn collect(
    mut messages: impl StreamExt<Item = Result<Message, async_nats::Error>> + Unpin,
    patience: Duration,
    all: &mut Vec<Received>,
) -> Result<(), QueueError> {
    let collecting = async {
        while let Some(message) = messages.next().await {
            let message = message.map_err(|error| link::unavailable(&*error))?;
            all.extend(received(&message));
        }
        Ok(())
    };
    let late = |_| QueueError::Unavailable("no answer in time".to_owned());
    timeout(patience, collecting).await.map_err(late)?
}

fn received(message: &Message) -> Option<Received> {
    let field = |name: &str| {
        let value = message.headers.as_ref().and_then(|headers: &HeaderMap| headers.get(name));
        value.map(|value| value.as_str().to_owned())
    };
    let deliveries = message.info().ok()?.delivered;
    Some(Received {
        handle: message.reply.as_ref()?.to_string(),
        body: message.payload.clone(),
        deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX),
        dedup_id: field(sender::DEDUP_ID),
        group: field(GROUP),
    })
}

impl Queue for Nats {
    fn publish<'a>(&'a self, messages: &'a [Outgoing]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.consumer().await?;
            let sent = self.work.send(messages.iter().cloned().map(Parcel::plain).collect()).await;
            if matches!(sent, Err(QueueError::Unavailable(_))) {
                self.forget().await;
            }
            sent
        })
    }

    fn receive(&self, most: usize, wait: Duration) -> Answer<'_, Vec<Received>> {
        Box::pin(async move {
            match most.min(QUEUE_BATCH_MAX) {
                0 => Ok(Vec::new()),
                most => self.take(most, wait.min(QUEUE_WAIT_MAX)).await,
            }
        })
    }

    fn extend<'a>(&'a self, message: &'a Received) -> Answer<'a, ()> {
        Box::pin(self.tell(message, "+WPI".to_owned()))
    }

    fn done<'a>(&'a self, messages: &'a [Received]) -> Answer<'a, ()> {
        let words = messages.iter().map(|message| self.tell(message, "+ACK".to_owned()));
        // Each is told, whatever came of the others.
        let telling = stream::iter(words.collect::<Vec<_>>()).buffer_unordered(NATS_UNACKED_MAX);
        Box::pin(async move {
            check_count(messages.len())?;
            let answers: Vec<_> = telling.collect().await;
            answers.into_iter().collect()
        })
    }

    fn again<'a>(&'a self, message: &'a Received, after: Duration) -> Answer<'a, ()> {
        let nanoseconds = after.min(QUEUE_AGAIN_MAX).as_nanos();
        Box::pin(self.tell(message, format!(r#"-NAK {{"delay":{nanoseconds}}}"#)))
    }

    fn bury<'a>(&'a self, message: &'a Received, reason: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.consumer().await?;
            let otherwise = position(&message.handle);
            self.dead.send(vec![Parcel::dead(message, reason, &otherwise)]).await?;
            self.tell(message, "+TERM".to_owned()).await
        })
    }

    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // What was known is not what is.
            self.forget().await;
            self.consumer().await.map(|_| ())
        })
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    fn promises(&self) -> Promises {
        Promises { dedups: true, keeps_order: false }
    }
}

/// The stream and the position of a message, out of its handle, which has the form
/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<position>....`, or with domain and account in front.
fn position(handle: &str) -> String {
    let parts: Vec<&str> = handle.split('.').collect();
    let first = if parts.len() > 9 { 4 } else { 2 };
    let part = |index: usize| parts.get(first + index).copied().unwrap_or_default();
    format!("{}-{}", part(0), part(3))
}

/// What a stream is for.
#[derive(Clone, Copy)]
enum Keeps {
    /// What is to be done, until it is.
    Work,
    /// What was given up, until an operator removes it.
    Dead,
}

fn stream_config(name: String, subject: String, keeps: Keeps) -> StreamConfig {
    let (retention, max_bytes) = match keeps {
        Keeps::Work => (RetentionPolicy::WorkQueue, NATS_WORK_BYTES_MAX),
        Keeps::Dead => (RetentionPolicy::Limits, NATS_DEAD_BYTES_MAX),
    };
    StreamConfig {
        name,
        subjects: vec![subject],
        retention,
        storage: StorageType::File,
        // A full stream takes nothing more, rather than dropping what it has.
        discard: DiscardPolicy::New,
        max_messages: NATS_MESSAGES_MAX,
        max_bytes,
        max_message_size: i32::try_from(QUEUE_BODY_BYTES_MAX + HEADERS_BYTES_MAX)
            .unwrap_or(i32::MAX),
        duplicate_window: QUEUE_DEDUP_WINDOW,
        num_replicas: 1,
        ..StreamConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_tells_the_position_in_both_of_its_forms() {
        for (handle, expected) in [
            ("$JS.ACK.orders.onhand.3.1042.7.1700000000000000000.0", "orders-1042"),
            ("$JS.ACK.hub.ACCOUNT.orders.onhand.3.1042.7.1700000000000000000.0.x", "orders-1042"),
            ("nonsense", "-"),
        ] {
            assert_eq!(position(handle), expected);
        }
    }
}
