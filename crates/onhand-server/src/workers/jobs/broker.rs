//! Orders are taken up through a broker: what is confirmed is queued there, and whoever works
//! receives it again. A message is only a hint to look at an order; taking it up twice changes
//! nothing. What nobody can make anything of is buried there, and here, where operators look.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use onhand_core::ids::OrderId;
use onhand_core::jobs::{self, Queue as QueueName};
use onhand_core::orders::{self, Command};
use onhand_core::text::Reference;
use onhand_core::{Command as AnyCommand, Refusal};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::EventRow;
use tokio::time::sleep;

use super::follow::{Follower, follow};
use super::processing::{KINDS, confirmed_by};
use super::{Stop, Tools};
use crate::adapters::gateways::http::bounded;
use crate::adapters::queues::job::Job;
use crate::adapters::queues::relay::Relay;
use crate::adapters::queues::{Outgoing, Queue, QueueError, Received};
use crate::limits::{
    BROKER_MESSAGES_MAX, BROKER_WAIT, FOLLOW_AGAIN_MAX, JOBS_LOOK_EVERY, QUEUE_DELIVERIES_MAX,
};

/// Queues what is confirmed, until `stop` completes.
pub async fn publish(queue: Arc<dyn Queue>, tools: Tools, stop: Stop) {
    follow(Publisher(queue), tools, stop).await;
}

/// Hands every event on to whoever listens, until `stop` completes.
pub async fn relay(relay: Relay, tools: Tools, stop: Stop) {
    follow(Relayed(relay), tools, stop).await;
}

struct Publisher(Arc<dyn Queue>);

impl Follower for Publisher {
    fn queue(&self) -> QueueName {
        QueueName::Processing
    }

    fn kinds(&self) -> Vec<String> {
        KINDS.map(str::to_owned).into()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), QueueError>> {
        self.0.probe()
    }

    fn keep<'a>(&'a self, events: &'a [EventRow]) -> BoxFuture<'a, Result<(), QueueError>> {
        let of = |event| confirmed_by(event).map(|id| outgoing(event, id));
        let messages: Vec<Outgoing> = events.iter().filter_map(of).collect();
        async move {
            for some in messages.chunks(BROKER_MESSAGES_MAX) {
                self.0.publish(some).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// An order that was confirmed again is to be looked at again: the event is part of the name.
fn outgoing(event: &EventRow, id: OrderId) -> Outgoing {
    let job = Job::ProcessOrder(id);
    Outgoing {
        dedup_id: format!("{}-{}", job.dedup_id(), event.seq),
        group: id.to_string(),
        body: Bytes::from(job.body()),
    }
}

struct Relayed(Relay);

impl Follower for Relayed {
    fn queue(&self) -> QueueName {
        QueueName::Relay
    }

    fn kinds(&self) -> Vec<String> {
        Vec::new()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), QueueError>> {
        self.0.probe().boxed()
    }

    fn keep<'a>(&'a self, events: &'a [EventRow]) -> BoxFuture<'a, Result<(), QueueError>> {
        self.0.publish(events).boxed()
    }
}

/// Takes up what comes from a broker, until `stop` completes.
pub async fn receive(queue: Arc<dyn Queue>, tools: Tools, stop: Stop) {
    let mut failures = 0;
    loop {
        let received = tokio::select! {
            biased;
            () = stop.clone() => return,
            received = queue.receive(BROKER_MESSAGES_MAX, BROKER_WAIT) => received,
        };
        match received {
            Ok(messages) => {
                failures = 0;
                // What was received is brought to its end: it is nobody else's meanwhile.
                join_all(messages.into_iter().map(|message| handle(&*queue, &tools, message)))
                    .await;
            }
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(%error, "nothing comes from the broker; trying again");
                }
                failures += 1;
                let wait = JOBS_LOOK_EVERY.saturating_mul(failures).min(FOLLOW_AGAIN_MAX);
                tokio::select! {
                    () = stop.clone() => return,
                    () = sleep(wait) => {}
                }
            }
        }
    }
}

/// Brings a message to its end. Where the broker does not hear of that, it comes again.
async fn handle(queue: &dyn Queue, tools: &Tools, message: Received) {
    let told = match work_on(queue, tools, &message).await {
        Ending::Done => queue.done(std::slice::from_ref(&message)).await,
        Ending::Again => queue.again(&message, JOBS_LOOK_EVERY).await,
        Ending::Bury(reason) => {
            note(tools, &message, &reason).await;
            queue.bury(&message, &reason).await
        }
    };
    match told {
        Ok(()) | Err(QueueError::Lost) => {}
        Err(error) => tracing::warn!(%error, "a message will come again"),
    }
}

enum Ending {
    Done,
    Again,
    Bury(String),
}

async fn work_on(queue: &dyn Queue, tools: &Tools, message: &Received) -> Ending {
    if message.deliveries > QUEUE_DELIVERIES_MAX {
        return Ending::Bury(format!("it was delivered {} times", message.deliveries));
    }
    let id = match Job::read(&message.body) {
        Ok(Job::ProcessOrder(id)) => id,
        Err(error) => return Ending::Bury(error.to_string()),
    };
    let taken_up = take_up(tools, id);
    tokio::pin!(taken_up);
    loop {
        tokio::select! {
            ending = &mut taken_up => return ending,
            () = sleep(queue.lease() / 3) => {
                if let Err(error) = queue.extend(message).await {
                    tracing::debug!(%error, "a message may be given to somebody else");
                }
            }
        }
    }
}

async fn take_up(tools: &Tools, id: OrderId) -> Ending {
    match tools.submit(AnyCommand::Orders(Command::Process { id })).await {
        Ok(Answer { outcome: Ok(_), .. }) => Ending::Done,
        // It was taken up already, or has ended meanwhile.
        Ok(Answer {
            outcome: Err(Refusal::Orders(orders::Refusal::InvalidTransition { .. })),
            ..
        }) => Ending::Done,
        Ok(Answer { outcome: Err(refusal), .. }) => {
            Ending::Bury(format!("refused: {}", refusal.code()))
        }
        Err(SubmitError::Stopping) => Ending::Again,
        Err(error) => {
            tracing::warn!(%error, "an order is not taken up; trying again");
            Ending::Again
        }
    }
}

/// Notes a message that is given up where operators look.
async fn note(tools: &Tools, message: &Received, reason: &str) {
    let about = match Job::read(&message.body) {
        Ok(Job::ProcessOrder(id)) => id.to_string(),
        Err(_) => excerpt(&message.body),
    };
    let Ok(about) = Reference::new(about) else { return };
    let reason = bounded(reason);
    let bury = jobs::Command::Bury { queue: QueueName::Processing, about, reason };
    if let Err(error) = tools.submit(AnyCommand::Jobs(bury)).await {
        tracing::warn!(%error, "a message that is given up is only known to the broker");
    }
}

/// How a message begins, without what cannot be shown.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
    let shown = shown.trim();
    if shown.is_empty() { "an empty message".to_owned() } else { shown.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_left_out() {
        for (body, wanted) in [
            (&b"{\"action\":\"DANCE\"}\n"[..], "{\"action\":\"DANCE\"}"),
            (b"", "an empty message"),
            (b"\x00\x01", "an empty message"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(excerpt(body), wanted);
            assert!(Reference::new(excerpt(body)).is_ok());
        }
        assert_eq!(excerpt(&[b'x'; 1_000]).len(), 100);
    }
}
