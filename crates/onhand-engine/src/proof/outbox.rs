//! What follows from the log, held against it: no consumer is beyond its end, each counts the jobs
//! that it has, and endpoints are what their events left. Who goes through the log for those is in
//! `follow.rs`.

use std::collections::{BTreeMap, HashMap};

use onhand_core::EventBody;
use onhand_core::jobs::Consumer;
use onhand_core::webhooks::{Endpoint, EndpointEntry};

use super::{Evidence, Offenders, Span};
use crate::report::Check;

/// All of a table at once: they are few.
const ONCE: Span = Span { after: 0, to: 1 };
// A server that is not told otherwise takes these numbers for shorter ones.
const CONSUMERS: &str = "SELECT CAST(1 AS bigint), name, document FROM consumers \
     WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint)";
const ENDPOINTS: &str = "SELECT CAST(1 AS bigint), name, document FROM webhook_endpoints \
     WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint)";
const OPEN_JOBS: &str = "SELECT count(*), queue, '' FROM jobs WHERE state = 'waiting' \
     AND CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint) GROUP BY queue";
const NEWEST_EVENT: &str = "SELECT coalesce(max(event) - 1, 0) FROM numbering";

/// Holds consumers against the log.
pub(super) async fn prove_consumers<E: Evidence>(
    evidence: &mut E,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let newest = evidence.number(NEWEST_EVENT).await?;
    let mut found = Offenders::default();
    let mut open: HashMap<String, i64> = HashMap::new();
    let mut count = |jobs: i64, queue: &str, _: &str| {
        open.insert(queue.to_owned(), jobs);
    };
    evidence.told(OPEN_JOBS, ONCE, &mut count).await?;
    let mut consumers = 0;
    let mut consumer = |_: i64, name: &str, document: &str| {
        consumers += 1;
        let jobs = open.get(name).copied().unwrap_or(0);
        if let Some(fault) = fault_of_consumer(name, document, newest, jobs) {
            found.add(format!("{name} {fault}"));
        }
    };
    evidence.told(CONSUMERS, ONCE, &mut consumer).await?;
    let promise = "whoever reads the log is not beyond its end, and counts the jobs that wait";
    checks.push(found.into_check("I14", promise, consumers));
    Ok(())
}

/// Endpoints as the log has left them so far, by their ids.
#[derive(Debug, Default)]
pub(super) struct Endpoints(BTreeMap<String, Result<EndpointEntry, String>>);

impl Endpoints {
    /// Goes over an event.
    pub(super) fn event(&mut self, seq: i64, kind: &str, body: &str) {
        let told = entry(body).map_err(|fault| format!("event {seq}: {fault}"));
        let name = told.as_ref().map_or_else(|_| format!("{kind} {seq}"), |one| one.id.to_string());
        self.0.insert(name, told);
    }

    /// Holds the endpoints against their events.
    pub(super) async fn compare<E: Evidence>(
        self,
        evidence: &mut E,
        checks: &mut Vec<Check>,
    ) -> Result<(), E::Error> {
        let (mut found, mut endpoints, mut left) = (Offenders::default(), 0, self.0);
        let mut endpoint = |_: i64, name: &str, document: &str| {
            endpoints += 1;
            if let Some(fault) = fault_of_endpoint(document, left.remove(name)) {
                found.add(format!("{name} {fault}"));
            }
        };
        evidence.told(ENDPOINTS, ONCE, &mut endpoint).await?;
        for (name, told) in left {
            let fault = told.err().unwrap_or_else(|| "has events and is not there".to_owned());
            found.add(format!("{name} {fault}"));
        }
        let promise = "webhook endpoints are what their events left";
        checks.push(found.into_check("I26", promise, endpoints));
        Ok(())
    }
}

fn fault_of_consumer(name: &str, document: &str, newest: i64, open: i64) -> Option<String> {
    let consumer: Consumer = match serde_json::from_str(document) {
        Ok(consumer) => consumer,
        Err(error) => return Some(error.to_string()),
    };
    if consumer.queue.to_string() != name {
        return Some(format!("is that of {}", consumer.queue));
    }
    if consumer.cursor < 0 || consumer.cursor > newest {
        return Some(format!("is at {}, and the log ends at {newest}", consumer.cursor));
    }
    if consumer.replay.is_some_and(|(from, to)| from < 0 || to <= from || to > consumer.cursor) {
        return Some("takes in once more what it has not taken in".to_owned());
    }
    let counted = i64::try_from(consumer.open).unwrap_or(i64::MAX);
    (counted != open).then(|| format!("counts {counted} jobs, and {open} wait"))
}

fn entry(body: &str) -> Result<EndpointEntry, String> {
    match serde_json::from_str(body).map_err(|error| error.to_string())? {
        EventBody::Endpoint(entry) => Ok(entry),
        EventBody::Product(_)
        | EventBody::Sync(_)
        | EventBody::Shortfall(_)
        | EventBody::Category(_)
        | EventBody::Location(_)
        | EventBody::Stock(_)
        | EventBody::Level { .. }
        | EventBody::Reservations(_)
        | EventBody::Order(_)
        | EventBody::User(_)
        | EventBody::Session(_)
        | EventBody::ApiKey(_)
        | EventBody::Import(_) => Err("it is about something else".to_owned()),
        EventBody::DeadLetter(_) | EventBody::Proof(_) => {
            Err("it is about something else".to_owned())
        }
    }
}

/// Successes are noted without an event: when, and the version that this makes.
fn fault_of_endpoint(
    document: &str,
    told: Option<Result<EndpointEntry, String>>,
) -> Option<String> {
    let endpoint: Endpoint = match serde_json::from_str(document) {
        Ok(endpoint) => endpoint,
        Err(error) => return Some(error.to_string()),
    };
    let told = match told {
        Some(Ok(told)) => told,
        Some(Err(fault)) => return Some(fault),
        None => return Some("has no event".to_owned()),
    };
    let row = EndpointEntry::of(&endpoint);
    let (succeeded_at, version, updated_at) = (row.succeeded_at, row.version, row.updated_at);
    let is_left = row == EndpointEntry { succeeded_at, version, updated_at, ..told.clone() };
    (!is_left || version < told.version).then(|| "is not what its last event left".to_owned())
}
