//! The rows at hand of what follows from the log. They live as long as a batch.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::State;
use crate::Version;
use crate::draft::OutboxChanges;
use crate::ids::{EndpointId, JobId};
use crate::jobs::{Consumer, Job, Queue};
use crate::needs::Needs;
use crate::schedules::{Schedule, ScheduleName};
use crate::webhooks::Endpoint;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) consumers: BTreeMap<Queue, Option<Consumer>>,
    pub(crate) jobs: BTreeMap<JobId, Option<Job>>,
    pub(crate) due_jobs: BTreeMap<Queue, Vec<JobId>>,
    pub(crate) ended_jobs: Option<Vec<JobId>>,
    pub(crate) endpoints: BTreeMap<EndpointId, Option<Endpoint>>,
    /// As they are stored.
    endpoint_count: Option<u64>,
    /// What this batch has changed of them, whether they are known yet or not.
    more_endpoints: i64,
    pub(crate) schedules: BTreeMap<ScheduleName, Option<Schedule>>,
}

impl Outbox {
    pub(super) fn subtract_known(&self, needs: &mut Needs) {
        needs.consumers.retain(|queue| !self.consumers.contains_key(queue));
        needs.jobs.retain(|id| !self.jobs.contains_key(id));
        needs.due_jobs.retain(|queue, _| !self.due_jobs.contains_key(queue));
        needs.ended_jobs = needs.ended_jobs.filter(|_| self.ended_jobs.is_none());
        needs.endpoints.retain(|id| !self.endpoints.contains_key(id));
        needs.endpoint_count &= self.endpoint_count.is_none();
        needs.schedules.retain(|name| !self.schedules.contains_key(name));
    }

    pub(super) fn apply(&mut self, changes: OutboxChanges) {
        self.consumers.extend(changes.consumers.into_iter().map(|(key, row)| (key, Some(row))));
        self.schedules.extend(changes.schedules.into_iter().map(|(key, row)| (key, Some(row))));
        self.jobs.extend(changes.jobs);
        for (id, endpoint) in changes.endpoints {
            let before = self.endpoints.get(&id).and_then(Option::as_ref);
            let was_there = before.is_some_and(|before| before.deleted_at.is_none());
            let is_there = endpoint.deleted_at.is_none();
            self.more_endpoints += i64::from(is_there) - i64::from(was_there);
            self.endpoints.insert(id, Some(endpoint));
        }
    }

    /// How many endpoints there are, when that is known.
    pub(crate) fn endpoint_count(&self) -> Option<u64> {
        self.endpoint_count.map(|stored| stored.saturating_add_signed(self.more_endpoints))
    }
}

impl State {
    /// Takes in who reads the log for a queue.
    pub fn load_consumer(&mut self, queue: Queue, row: Option<Consumer>) {
        self.outbox.consumers.insert(queue, row);
    }

    /// Takes in a job.
    pub fn load_job(&mut self, id: JobId, row: Option<Job>) {
        self.outbox.jobs.insert(id, row);
    }

    /// Takes in the oldest jobs of a queue that are due, as they are stored: what the batch has
    /// changed of one stays.
    pub fn load_due_jobs(&mut self, queue: Queue, rows: Vec<Job>) {
        let due = self.keep_jobs(rows);
        self.outbox.due_jobs.insert(queue, due);
    }

    /// Takes in the jobs that ended long ago, as they are stored.
    pub fn load_ended_jobs(&mut self, rows: Vec<Job>) {
        let ended = self.keep_jobs(rows);
        self.outbox.ended_jobs = Some(ended);
    }

    fn keep_jobs(&mut self, rows: Vec<Job>) -> Vec<JobId> {
        let ids = rows.iter().map(|row| row.id).collect();
        for row in rows {
            self.outbox.jobs.entry(row.id).or_insert(Some(row));
        }
        ids
    }

    /// Takes in a webhook endpoint.
    pub fn load_endpoint(&mut self, id: EndpointId, row: Option<Endpoint>) {
        self.outbox.endpoints.insert(id, row);
    }

    /// Takes in how many webhook endpoints are stored.
    pub fn load_endpoint_count(&mut self, count: u64) {
        self.outbox.endpoint_count = Some(count);
    }

    /// Takes in what is done from time to time.
    pub fn load_schedule(&mut self, name: ScheduleName, row: Option<Schedule>) {
        self.outbox.schedules.insert(name, row);
    }

    /// The stored version of a consumer; 0 when there is none.
    pub fn consumer_version(&self, queue: Queue) -> Version {
        self.outbox.consumers.get(&queue).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a job; 0 when there is none.
    pub fn job_version(&self, id: JobId) -> Version {
        self.outbox.jobs.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of an endpoint; 0 when there is none.
    pub fn endpoint_version(&self, id: EndpointId) -> Version {
        self.outbox.endpoints.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a schedule; 0 when there is none.
    pub fn schedule_version(&self, name: ScheduleName) -> Version {
        self.outbox.schedules.get(&name).and_then(Option::as_ref).map_or(0, |row| row.version)
    }
}
