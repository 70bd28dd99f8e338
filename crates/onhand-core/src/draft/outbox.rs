//! What a decision reads and leaves of what follows from the log: consumers, jobs, endpoints,
//! schedules.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Draft;
use super::rows::missing;
use crate::Version;
use crate::command::Stop;
use crate::ids::{EndpointId, JobId};
use crate::jobs::{self, Consumer, Job, Queue};
use crate::schedules::{Schedule, ScheduleName};
use crate::webhooks::{self, Endpoint};

/// Rows as a decision leaves them.
#[derive(Debug, Clone, Default)]
pub struct OutboxChanges {
    /// Who reads the log.
    pub consumers: BTreeMap<Queue, Consumer>,
    /// Jobs. Nothing where one is to be forgotten.
    pub jobs: BTreeMap<JobId, Option<Job>>,
    /// Webhook endpoints.
    pub endpoints: BTreeMap<EndpointId, Endpoint>,
    /// What is done from time to time.
    pub schedules: BTreeMap<ScheduleName, Schedule>,
}

impl Draft<'_> {
    pub(crate) fn find_consumer(&self, queue: Queue) -> Result<Option<Consumer>, Stop> {
        if let Some(consumer) = self.changes.outbox.consumers.get(&queue) {
            return Ok(Some(consumer.clone()));
        }
        match self.state.outbox.consumers.get(&queue) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.consumers.insert(queue);
            }),
        }
    }

    pub(crate) fn consumer(&self, queue: Queue) -> Result<Consumer, Stop> {
        let consumer = self.find_consumer(queue)?;
        Ok(consumer.ok_or(jobs::Refusal::UnknownQueue { queue })?)
    }

    pub(crate) fn save_consumer(&mut self, mut consumer: Consumer) -> Consumer {
        consumer.version += 1;
        consumer.updated_at = self.now();
        self.put(|changes| &mut changes.outbox.consumers, consumer.queue, consumer.clone());
        consumer
    }

    pub(crate) fn find_job(&self, id: JobId) -> Result<Option<Job>, Stop> {
        if let Some(row) = self.changes.outbox.jobs.get(&id) {
            return Ok(row.clone());
        }
        match self.state.outbox.jobs.get(&id) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.jobs.insert(id);
            }),
        }
    }

    pub(crate) fn save_job(&mut self, mut job: Job) -> Job {
        job.version += 1;
        self.put(|changes| &mut changes.outbox.jobs, job.id, Some(job.clone()));
        job
    }

    pub(crate) fn forget_job(&mut self, id: JobId) {
        self.put(|changes| &mut changes.outbox.jobs, id, None);
    }

    /// The jobs that were due when they were loaded, oldest first; some may have been settled
    /// since.
    pub(crate) fn due_jobs(&self, queue: Queue, most: usize) -> Result<Vec<JobId>, Stop> {
        match self.state.outbox.due_jobs.get(&queue) {
            Some(due) => Ok(due.iter().copied().take(most).collect()),
            None => missing(|needs| {
                needs.due_jobs.insert(queue, most);
            }),
        }
    }

    /// The jobs that had ended before an instant when they were loaded.
    pub(crate) fn ended_jobs(
        &self,
        before: crate::Timestamp,
        most: usize,
    ) -> Result<Vec<JobId>, Stop> {
        match &self.state.outbox.ended_jobs {
            Some(ended) => Ok(ended.iter().copied().take(most).collect()),
            None => missing(|needs| needs.ended_jobs = Some((before, most))),
        }
    }

    /// How many endpoints there are. A decision adds at most one, and asks before.
    pub(crate) fn endpoint_count(&self) -> Result<u64, Stop> {
        match self.state.outbox.endpoint_count() {
            Some(count) => Ok(count),
            None => missing(|needs| needs.endpoint_count = true),
        }
    }

    pub(crate) fn find_endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Stop> {
        if let Some(endpoint) = self.changes.outbox.endpoints.get(&id) {
            return Ok(Some(endpoint.clone()));
        }
        match self.state.outbox.endpoints.get(&id) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.endpoints.insert(id);
            }),
        }
    }

    /// An endpoint that is there, at the version that the caller names.
    pub(crate) fn endpoint_at(
        &self,
        id: EndpointId,
        expected_version: Option<Version>,
    ) -> Result<Endpoint, Stop> {
        let endpoint = self.find_endpoint(id)?.filter(|endpoint| endpoint.deleted_at.is_none());
        let endpoint = endpoint.ok_or(webhooks::Refusal::UnknownEndpoint { endpoint_id: id })?;
        self.expect_version(expected_version, endpoint.version)?;
        Ok(endpoint)
    }

    pub(crate) fn save_endpoint(&mut self, mut endpoint: Endpoint) -> Endpoint {
        endpoint.version += 1;
        endpoint.updated_at = self.now();
        self.put(|changes| &mut changes.outbox.endpoints, endpoint.id, endpoint.clone());
        endpoint
    }

    pub(crate) fn find_schedule(&self, name: ScheduleName) -> Result<Option<Schedule>, Stop> {
        if let Some(schedule) = self.changes.outbox.schedules.get(&name) {
            return Ok(Some(schedule.clone()));
        }
        match self.state.outbox.schedules.get(&name) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.schedules.insert(name);
            }),
        }
    }

    pub(crate) fn save_schedule(&mut self, mut schedule: Schedule) -> Schedule {
        schedule.version += 1;
        self.put(|changes| &mut changes.outbox.schedules, schedule.name, schedule.clone());
        schedule
    }
}
