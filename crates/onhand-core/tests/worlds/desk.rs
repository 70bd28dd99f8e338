//! What follows from the log, in memory: a desk that keeps consumers, jobs, endpoints and
//! schedules, and carries out what is decided about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use onhand_core::accounts::Access;
use onhand_core::command::{Context, Numbering, Reply};
use onhand_core::events::EventBody;
use onhand_core::ids::{EndpointId, JobId};
use onhand_core::jobs::{Consumer, Job, JobState, Queue};
use onhand_core::schedules::{Schedule, ScheduleName};
use onhand_core::webhooks::Endpoint;
use onhand_core::{Actor, Command, Decision, Needs, Refusal, State, Stop, Timestamp, decide};

/// Everything that is remembered.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) now: Timestamp,
    pub(crate) numbering: Numbering,
    pub(crate) consumers: BTreeMap<Queue, Consumer>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) endpoints: BTreeMap<EndpointId, Endpoint>,
    pub(crate) schedules: BTreeMap<ScheduleName, Schedule>,
    /// What every event so far has said.
    pub(crate) kinds: Vec<&'static str>,
    /// Of each dead letter that was told, how many others were told with it.
    pub(crate) dead_told: Vec<u64>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            numbering: Numbering::FIRST,
            consumers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            schedules: BTreeMap::new(),
            kinds: Vec::new(),
            dead_told: Vec::new(),
        }
    }

    pub(crate) fn pass(&mut self, secs: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(secs)).unwrap();
    }

    /// Asks for a decision and carries it out.
    pub(crate) fn ask(&mut self, command: impl Into<Asked>) -> Result<Reply, Refusal> {
        let Asked(command) = command.into();
        let context = Context {
            now: self.now,
            actor: Actor::System,
            access: Access::WHOLE,
            numbering: self.numbering,
            policy: Arc::default(),
        };
        let mut state = State::default();
        let mut named = Needs::default();
        command.names(&state, &mut named);
        self.load(&mut state, &named);
        loop {
            match decide(&state, &command, &context) {
                Ok(decision) => return Ok(self.carry_out(decision, &state)),
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Missing(needs)) => {
                    assert!(!needs.is_empty(), "a rule misses nothing and yet does not decide");
                    self.load(&mut state, &needs);
                }
            }
        }
    }

    pub(crate) fn code(&mut self, command: impl Into<Asked>) -> &'static str {
        self.ask(command).map_or_else(|refusal| refusal.code(), |_| "ok")
    }

    fn load(&self, state: &mut State, needs: &Needs) {
        for queue in &needs.consumers {
            state.load_consumer(*queue, self.consumers.get(queue).cloned());
        }
        for id in &needs.jobs {
            state.load_job(*id, self.jobs.get(id).cloned());
        }
        for (queue, most) in &needs.due_jobs {
            state.load_due_jobs(*queue, self.due(*queue, *most));
        }
        if let Some((before, most)) = needs.ended_jobs {
            let ended = self.jobs.values().filter(|job| {
                matches!(job.state, JobState::Done | JobState::Skipped) && job.due_at < before
            });
            state.load_ended_jobs(ended.take(most).cloned().collect());
        }
        for id in &needs.endpoints {
            state.load_endpoint(*id, self.endpoints.get(id).cloned());
        }
        if needs.endpoint_count {
            let there = self.endpoints.values().filter(|one| one.deleted_at.is_none());
            state.load_endpoint_count(there.count() as u64);
        }
        for name in &needs.schedules {
            state.load_schedule(*name, self.schedules.get(name).cloned());
        }
    }

    /// As the stores say it: oldest first, of each lane the first that waits.
    fn due(&self, queue: Queue, most: usize) -> Vec<Job> {
        let waits = |job: &&Job| job.queue == queue && job.state == JobState::Waiting;
        let is_first = |job: &&Job| {
            let mut earlier = self.jobs.values().filter(waits).filter(|one| one.id < job.id);
            job.lane.is_none() || earlier.all(|one| one.lane != job.lane)
        };
        let due = self.jobs.values().filter(waits).filter(|job| job.due_at <= self.now);
        let mut due: Vec<Job> = due.filter(is_first).cloned().collect();
        due.sort_by_key(|job| (job.due_at, job.id));
        due.truncate(most);
        due
    }

    /// Versions say how often a row was changed: nothing else may have changed it.
    fn carry_out(&mut self, decision: Decision, state: &State) -> Reply {
        let changes = decision.changes.outbox;
        for (queue, row) in changes.consumers {
            assert!(row.version > state.consumer_version(queue));
            self.consumers.insert(queue, row);
        }
        for (id, row) in changes.jobs {
            match row {
                Some(row) => {
                    assert!(row.version > state.job_version(id));
                    self.jobs.insert(id, row);
                }
                None => assert!(self.jobs.remove(&id).is_some(), "{id} was not there"),
            }
        }
        self.endpoints.extend(changes.endpoints);
        self.schedules.extend(changes.schedules);
        self.kinds.extend(decision.events.iter().map(|event| event.kind));
        self.dead_told.extend(decision.events.iter().filter_map(|event| {
            let EventBody::DeadLetter(letter) = &event.body else { return None };
            Some(letter.others)
        }));
        self.numbering = decision.numbering;
        decision.reply
    }

    /// Something happens that is none of this desk's business.
    pub(crate) fn event(&mut self) -> i64 {
        self.numbering.event += 1;
        self.numbering.event - 1
    }
}

/// A command of whichever feature.
pub(crate) struct Asked(Command);

impl From<onhand_core::jobs::Command> for Asked {
    fn from(command: onhand_core::jobs::Command) -> Self {
        Self(Command::Jobs(command))
    }
}

impl From<onhand_core::webhooks::Command> for Asked {
    fn from(command: onhand_core::webhooks::Command) -> Self {
        Self(Command::Webhooks(command))
    }
}

impl From<onhand_core::schedules::Command> for Asked {
    fn from(command: onhand_core::schedules::Command) -> Self {
        Self(Command::Schedules(command))
    }
}
