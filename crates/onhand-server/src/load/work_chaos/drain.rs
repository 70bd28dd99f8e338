//! Waits until all that follows from the log is done, and tells for each queue when that was.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Deserialize;
use tokio::time::sleep;

use super::log::Log;
use super::{PLACED, PROCESSING};
use crate::load::api::{Api, PAGE_ORDERS};
use crate::load::payments_chaos::settle::{all, read};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// For how long nothing may move: longer than somebody who was killed is waited for.
const STANDSTILL_MAX: Duration = Duration::from_secs(150);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Queue {
    Processing,
    Mail,
    Webhook,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Consumer {
    queue: String,
    cursor: i64,
    open: u64,
}

impl Consumer {
    fn is(&self, queue: Queue) -> bool {
        match queue {
            Queue::Processing => self.queue == "processing",
            Queue::Mail => self.queue == "mail",
            Queue::Webhook => self.queue.starts_with("whe_"),
        }
    }
}

/// How the orders and whoever reads the log stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    placed: usize,
    taken_up: usize,
    last: i64,
    consumers: Vec<Consumer>,
}

impl Standing {
    /// Whether nothing is left to do in a queue. Of the events that follow from orders which are
    /// taken up, who takes them up need not know.
    fn is_done(&self, queue: Queue) -> bool {
        let of_queue = self.consumers.iter().find(|consumer| consumer.is(queue));
        let Some(Consumer { cursor, open: 0, .. }) = of_queue else { return false };
        match queue {
            Queue::Processing => self.placed == self.taken_up,
            Queue::Mail | Queue::Webhook => *cursor >= self.last,
        }
    }
}

/// How long it was, from now on, until each of these was done and all were.
pub(super) async fn drain(
    api: &mut Api,
    log: &mut Log,
    queues: &[Queue],
) -> Result<BTreeMap<Queue, Duration>> {
    #[derive(Deserialize)]
    struct Consumers {
        data: Vec<Consumer>,
    }
    let (started, mut moved) = (Instant::now(), Instant::now());
    let mut before = None;
    let mut done = BTreeMap::new();
    loop {
        log.catch_up(api).await?;
        let Consumers { data: consumers } = read(api, "/v1/consumers").await?;
        let (placed, taken_up) = (log.count(PLACED), log.count(PROCESSING));
        let standing = Standing { placed, taken_up, last: log.last(), consumers };
        for queue in queues {
            if standing.is_done(*queue) {
                done.entry(*queue).or_insert_with(|| started.elapsed());
            } else {
                done.remove(queue);
            }
        }
        if done.len() == queues.len() {
            return Ok(done);
        }
        if before.as_ref() != Some(&standing) {
            moved = Instant::now();
        } else if moved.elapsed() > STANDSTILL_MAX {
            bail!("nothing moves any more: {standing:?}");
        }
        before = Some(standing);
        sleep(LOOK_EVERY).await;
    }
}

/// What of the jobs people have to look at, and how many mails were tried more than once.
pub(super) async fn look_at_jobs(api: &mut Api) -> Result<(Vec<String>, usize)> {
    #[derive(Deserialize)]
    struct Job {
        id: String,
        status: String,
        about: String,
        attempts: Vec<serde_json::Value>,
    }
    let dead: Vec<Job> = all(api, &format!("/v1/jobs?status=dead&limit={PAGE_ORDERS}")).await?;
    let mails: Vec<Job> = all(api, &format!("/v1/jobs?queue=mail&limit={PAGE_ORDERS}")).await?;
    let left = mails.iter().filter(|job| job.status != "done");
    let told = left.chain(&dead).map(|job| format!("{} ({}) is {}", job.id, job.about, job.status));
    Ok((told.collect(), mails.iter().filter(|job| job.attempts.len() > 1).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_done_when_nothing_is_open_and_all_is_taken_in() {
        let consumer =
            |queue: &str, cursor, open| Consumer { queue: queue.to_owned(), cursor, open };
        let standing =
            |placed, taken_up, consumers| Standing { placed, taken_up, last: 9, consumers };
        let check = |standing: Standing, wanted: &[Queue]| {
            let all = [Queue::Processing, Queue::Mail, Queue::Webhook];
            let done: Vec<_> = all.into_iter().filter(|queue| standing.is_done(*queue)).collect();
            assert_eq!(done, wanted, "{standing:?}");
        };
        let all = |open| {
            vec![
                consumer("mail", 9, open),
                consumer("processing", 7, open),
                consumer("whe_1", 10, open),
            ]
        };
        check(standing(2, 2, all(0)), &[Queue::Processing, Queue::Mail, Queue::Webhook]);
        check(standing(2, 2, all(1)), &[]);
        check(standing(2, 1, all(0)), &[Queue::Mail, Queue::Webhook]);
        check(standing(2, 2, vec![consumer("mail", 8, 0)]), &[]);
        check(standing(0, 0, Vec::new()), &[]);
    }
}
