//! Customers and operators are written to. What mails there are is data (`notifications/`); whether
//! one is owed follows from the event, and is the same whenever it is asked. Of whoever gets it a
//! job has no address: that is looked up when it is sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use onhand_core::ids::{CustomerId, UserId};
use onhand_core::jobs::{Attempt, DeadLetter, Ending, Job, NewJob, Queue};
use onhand_core::text::{Reference, Text};
use onhand_core::warehouse::{Action, NewShortfalls, Status};
use onhand_engine::query::EventRow;
use tokio::time::Instant;

use super::{Done, Tools, Work};
use crate::adapters::gateways::http::bounded;
use crate::adapters::mail::address::{Address, Mailbox};
use crate::adapters::mail::{Sent, Trouble};
use crate::limits::{
    MAIL_AGAIN_FIRST, MAIL_AGAIN_MAX, MAIL_LEASE_BEYOND, MAIL_PAUSE, MAIL_TRIES_MAX,
    MAILS_AT_ONCE_MAX, MAILS_NEARBY_AT_ONCE_MAX,
};
use crate::notifications::options::Mailing;
use crate::notifications::{Audience, Facts, Notice, TEMPLATES, Template, write};
use crate::random;

/// Stands for the log, which is told of low stock, dead jobs and what the warehouse misses whether
/// anybody is written to or not.
const LOG: &str = "log";

/// Writes mails.
#[derive(Debug, Clone)]
pub struct Mails {
    tools: Tools,
    mailing: Arc<Mailing>,
}

impl Mails {
    /// Writes with these means.
    pub fn new(tools: Tools, mailing: Mailing) -> Self {
        Self { tools, mailing: Arc::new(mailing) }
    }

    /// Who gets a mail, by names that stay when addresses change.
    fn recipients(&self, template: &Template, event: &EventRow) -> Vec<String> {
        match (template.audience, Facts::of(&event.body)) {
            (Audience::Customer, Some(Facts::Order(order))) => {
                order.customer_id.iter().map(CustomerId::to_string).collect()
            }
            (Audience::Operators, Some(facts)) if template.render(&facts).is_some() => {
                let numbers = 1..=self.mailing.operators.len();
                let is_logged = match facts {
                    Facts::Level { .. } | Facts::DeadLetter(_) | Facts::Sync(_) => true,
                    Facts::Order(_) | Facts::Endpoint(_) | Facts::Proof(_) => false,
                };
                let log = is_logged.then(|| LOG.to_owned());
                numbers.map(|number| format!("operator_{number}")).chain(log).collect()
            }
            (Audience::Customer | Audience::Operators, _) => Vec::new(),
        }
    }

    /// The address behind a name; none where there is nobody any more.
    async fn address(&self, recipient: &str) -> Result<Option<Mailbox>, String> {
        if let Some(number) = recipient.strip_prefix("operator_") {
            let number: usize = number.parse().unwrap_or(0);
            return Ok(self.mailing.operators.get(number.wrapping_sub(1)).cloned());
        }
        let Ok(customer) = recipient.parse::<CustomerId>() else { return Ok(None) };
        // A customer with an account has the number of its user.
        let Some(id) = UserId::new(customer.number()) else { return Ok(None) };
        let user = self.tools.reader.user(id).await.map_err(|error| error.to_string())?;
        let Some(user) = user.filter(|user| !user.disabled) else { return Ok(None) };
        let address = Address::new(user.email.as_str()).map_err(|error| error.to_string())?;
        let name = user.name.as_ref().map_or("", |name| name.as_str());
        Ok(Some(Mailbox::named(name, address.clone()).unwrap_or_else(|_| address.into())))
    }

    async fn deliver(self, job: Job) -> Done {
        let started = Instant::now();
        let came = self.send(&job).await;
        let attempt = |reason: Option<Text>| Attempt {
            at: self.tools.clock.now(),
            reason,
            status: None,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let tries = job.tries + 1;
        match came {
            Came::Sent(Sent::Done) => {
                Done { ending: Ending::Done, attempt: Some(attempt(None)), pause: None }
            }
            Came::Sent(Sent::Declined(reason)) => {
                Done { ending: Ending::Dead, attempt: Some(attempt(Some(reason))), pause: None }
            }
            Came::Sent(Sent::Retry { reason, after, trouble }) => {
                // Where nobody's mail gets through, it is no fault of this one.
                if trouble == Trouble::Server {
                    tracing::warn!("the mail server takes nothing; trying again");
                    let wait = after.unwrap_or(MAIL_PAUSE);
                    let ending = Ending::Untried(self.tools.after(wait));
                    return Done { ending, attempt: None, pause: Some(MAIL_PAUSE) };
                }
                let wait = again_after(tries).max(after.unwrap_or_default());
                Done { pause: None, ..self.again(tries, wait, attempt(Some(reason))) }
            }
            Came::Sent(Sent::Unknown(reason)) => {
                self.again(tries, again_after(tries), attempt(Some(reason)))
            }
            Came::Nobody => Done { ending: Ending::Skipped, attempt: None, pause: None },
            Came::Unreadable(reason) => {
                tracing::warn!(reason, job = %job.id, "a mail cannot be written; trying again");
                let ending = Ending::Untried(self.tools.after(MAIL_PAUSE));
                Done { ending, attempt: None, pause: None }
            }
            Came::Unwritable(reason) => Done {
                ending: Ending::Dead,
                attempt: Some(attempt(Some(bounded(&reason)))),
                pause: None,
            },
        }
    }

    fn again(&self, tries: u32, wait: Duration, attempt: Attempt) -> Done {
        let is_over = tries >= MAIL_TRIES_MAX;
        let ending = if is_over { Ending::Dead } else { Ending::Again(self.tools.after(wait)) };
        Done { ending, attempt: Some(attempt), pause: None }
    }

    async fn send(&self, job: &Job) -> Came {
        let (name, recipient) = job.about.as_str().split_once(' ').unwrap_or_default();
        let Some(template) = Template::named(name) else {
            return Came::Unwritable(format!("there is no template `{name}`"));
        };
        let Some(event) = self.tools.event(job.event).await else {
            return Came::Unreadable("the event is not to be had".to_owned());
        };
        let Some(facts) = Facts::of(&event.body) else { return Came::Nobody };
        if recipient == LOG {
            log(&facts);
            return Came::Sent(Sent::Done);
        }
        let to = match self.address(recipient).await {
            Ok(Some(to)) => to,
            Ok(None) => return Came::Nobody,
            Err(error) => return Came::Unreadable(error),
        };
        let notice = Notice {
            event_seq: event.seq,
            at: event.recorded_at,
            recipient_key: recipient,
            to: &to,
        };
        match write(&self.mailing.sender, template, &facts, &notice) {
            Ok(Some(mail)) => Came::Sent(self.mailing.mailer.send(&mail).await),
            Ok(None) => Came::Nobody,
            Err(error) => Came::Unwritable(error.to_string()),
        }
    }
}

/// Says what operators look for in the log.
fn log(facts: &Facts<'_>) {
    match facts {
        Facts::Level { sku, level } => {
            let (available, location) = (level.available(), level.location_id);
            tracing::warn!(%sku, %location, available, "stock is low");
        }
        Facts::DeadLetter(DeadLetter { job_id, queue, others, .. }) => {
            tracing::warn!(%job_id, %queue, others, "a job is dead: onhand jobs list --dead");
        }
        Facts::Sync(sync) => {
            let (run, found) = (sync.id, sync.new_shortfalls);
            let held = sync.count(Action::Held);
            if sync.status == Status::Held {
                tracing::warn!(%run, held, "a run of the warehouse waits for approval");
            }
            if !found.is_none() {
                let NewShortfalls { rows, units, .. } = found;
                tracing::warn!(%run, rows, units, "less is there than is promised");
            }
        }
        // Whoever has found it has said it.
        Facts::Order(_) | Facts::Endpoint(_) | Facts::Proof(_) => {}
    }
}

/// What came of a mail.
enum Came {
    Sent(Sent),
    /// Nobody is there to get it, or it has been said often enough.
    Nobody,
    /// What it takes to write it is not to be had now.
    Unreadable(String),
    /// It will never be a mail.
    Unwritable(String),
}

/// How long to wait after so many tries: twice as long each time, and somewhat longer by chance.
fn again_after(tries: u32) -> Duration {
    let doubled = MAIL_AGAIN_FIRST.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    let wait = doubled.min(MAIL_AGAIN_MAX);
    wait + random::up_to(wait / 5)
}

impl Work for Mails {
    fn queue(&self) -> Queue {
        Queue::Mail
    }

    fn at_once(&self) -> usize {
        let is_nearby = self.mailing.longest.is_zero();
        if is_nearby { MAILS_NEARBY_AT_ONCE_MAX } else { MAILS_AT_ONCE_MAX }
    }

    fn kinds(&self) -> Option<Vec<String>> {
        let kinds = TEMPLATES.iter().flat_map(|template| template.kinds);
        Some(kinds.map(|kind| (*kind).to_owned()).collect())
    }

    fn jobs_of(&self, event: &EventRow) -> Vec<NewJob> {
        let lane = event.body.subject().and_then(|_| {
            let subject = crate::http::wire::events::EventView::of(event).subject;
            Reference::new(subject).ok()
        });
        let of = |template: &'static Template| {
            let recipients = self.recipients(template, event);
            recipients.into_iter().map(move |recipient| format!("{} {recipient}", template.name))
        };
        let about = Template::for_event(&event.kind).flat_map(of);
        about
            .filter_map(|about| Reference::new(about).ok())
            .map(|about| NewJob { event: event.seq, about, lane: lane.clone() })
            .collect()
    }

    fn lease(&self) -> Duration {
        self.mailing.longest + MAIL_LEASE_BEYOND
    }

    fn work_on(&self, job: Job) -> BoxFuture<'static, Done> {
        self.clone().deliver(job).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        for tries in [1, 2, 8, 40, u32::MAX] {
            let wait = again_after(tries);
            assert!(wait >= MAIL_AGAIN_FIRST && wait <= MAIL_AGAIN_MAX * 6 / 5, "{tries} {wait:?}");
        }
        assert!(again_after(2) >= MAIL_AGAIN_FIRST * 2);
    }
}
