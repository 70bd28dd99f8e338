//! From the log to what was done: every short sequence of what two workers, an operator and time
//! can do, checked after each step; and the rules one by one.

use std::collections::BTreeMap;

use onhand_core::command::Reply;
use onhand_core::ids::JobId;
use onhand_core::jobs::{Attempt, Command, Ending, Job, JobState, NewJob, Queue, Settlement};
use onhand_core::limits::{
    DEAD_LETTERS_TOLD_EVERY_SECS, JOB_LEASES_LOST_MAX, JOBS_OPEN_MAX, JOBS_TAKEN_MAX,
};
use onhand_core::schedules::{self, Broken, Progress, ScheduleName};
use onhand_core::text::{Name, Reference, Text};

use crate::desk::Desk;

pub(crate) const LEASE_SECS: i64 = 60;

pub(crate) fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

fn about(words: &str) -> Reference {
    Reference::new(words).unwrap()
}

/// What follows from an event: even ones are about one object, odd ones about another.
pub(crate) fn job_of(event: i64) -> NewJob {
    NewJob { event, about: about("a mail"), lane: Some(about(&format!("ord_{}", event % 2 + 1))) }
}

/// What can happen. There are two workers, who hold what they were given and may lose it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happening {
    Event,
    TakeIn,
    /// By somebody who read the log before the other one moved the cursor.
    TakeInLate,
    Lease(usize),
    Settle(usize, usize),
    TimePasses,
    Requeue,
    Skip,
}

/// Ways in which a job may end.
const ENDINGS: usize = 3;

const HAPPENINGS: [Happening; 13] = [
    Happening::Event,
    Happening::TakeIn,
    Happening::TakeInLate,
    Happening::Lease(0),
    Happening::Lease(1),
    Happening::Settle(0, 0),
    Happening::Settle(0, 1),
    Happening::Settle(0, 2),
    Happening::Settle(1, 0),
    Happening::Settle(1, 1),
    Happening::TimePasses,
    Happening::Requeue,
    Happening::Skip,
];

#[derive(Clone)]
struct Office {
    desk: Desk,
    /// What each worker holds, as it was leased.
    held: [Vec<Job>; 2],
    /// Where the cursor was when the log was last read.
    read_at: i64,
    /// How often each job was done, and in which order those of one lane were first tried.
    done: BTreeMap<JobId, u32>,
}

impl Office {
    fn new() -> Self {
        let mut desk = Desk::new();
        assert_eq!(desk.code(Command::Begin { queue: Queue::Mail }), "ok");
        desk.event();
        desk.event();
        Self { desk, held: [Vec::new(), Vec::new()], read_at: 0, done: BTreeMap::new() }
    }

    fn cursor(&self) -> i64 {
        self.desk.consumers[&Queue::Mail].cursor
    }

    fn take_in(&mut self, from: i64) -> &'static str {
        let to = self.desk.numbering.event - 1;
        let jobs = (from + 1..=to).map(job_of).collect();
        let queue = Queue::Mail;
        self.desk.code(Command::TakeIn { queue, is_replay: false, from, to, jobs })
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Event => {
                self.desk.event();
            }
            Happening::TakeIn => {
                self.read_at = self.cursor();
                let is_new = self.read_at < self.desk.numbering.event - 1;
                let code = self.take_in(self.read_at);
                assert_eq!(code, if is_new { "ok" } else { "not_in_log" });
            }
            Happening::TakeInLate => {
                let is_stale = self.read_at != self.cursor();
                let code = self.take_in(self.read_at);
                assert!(!is_stale || code == "cursor_moved", "{code}");
            }
            Happening::Lease(worker) => self.lease(worker),
            Happening::Settle(worker, ending) => self.settle(worker, ending),
            Happening::TimePasses => self.desk.pass(LEASE_SECS),
            Happening::Requeue | Happening::Skip => {
                let dead = self.desk.jobs.values().find(|job| job.state == JobState::Dead);
                let id = dead.map_or(JobId::new(1).unwrap(), |job| job.id);
                let requeue = happening == Happening::Requeue;
                let command = if requeue { Command::Requeue { id } } else { Command::Skip { id } };
                let was_dead = dead.is_some();
                assert_eq!(self.desk.code(command) == "ok", was_dead);
            }
        }
        self.check();
    }

    fn lease(&mut self, worker: usize) {
        let lease = Command::Lease { queue: Queue::Mail, most: 2, secs: LEASE_SECS };
        let Ok(Reply::Jobs(jobs)) = self.desk.ask(lease) else { panic!() };
        for job in &jobs {
            let at_it = self
                .desk
                .jobs
                .values()
                .filter(|one| one.lane == job.lane && one.leased && one.due_at > self.desk.now);
            assert_eq!(at_it.count(), 1, "two of one lane at once");
        }
        self.held[worker].extend(jobs);
    }

    /// Brings back all that a worker holds, also what was given to somebody else meanwhile.
    fn settle(&mut self, worker: usize, ending: usize) {
        let held = std::mem::take(&mut self.held[worker]);
        let at = self.desk.now;
        let settlements = held.iter().map(|job| {
            let reason = (ending > 0).then(|| text("no"));
            let ending = match ending {
                0 => Ending::Done,
                1 => Ending::Again(at),
                _ => Ending::Dead,
            };
            let attempt = Some(Attempt { at, reason, status: None, took_ms: 1 });
            Settlement { id: job.id, epoch: job.epoch, ending, attempt }
        });
        let before = self.desk.jobs.clone();
        let (queue, settlements) = (Queue::Mail, settlements.collect());
        assert_eq!(self.desk.code(Command::Settle { queue, settlements }), "ok");
        let counts = |job: &Job| {
            let was = &before[&job.id];
            was.leased && was.epoch == job.epoch && was.state == JobState::Waiting
        };
        for job in &held {
            // A worker may hold a job twice: it had lost it, and was given it again.
            let counts = held.iter().any(|one| one.id == job.id && counts(one));
            let (was, is) = (&before[&job.id], &self.desk.jobs[&job.id]);
            assert_eq!(was != is, counts, "who was overtaken settles nothing");
        }
        for (id, job) in &self.desk.jobs {
            if before[id].state != job.state && job.state == JobState::Done {
                *self.done.entry(*id).or_default() += 1;
            }
        }
    }

    fn check(&self) {
        let (desk, consumer) = (&self.desk, &self.desk.consumers[&Queue::Mail]);
        // I14: each event behind the cursor has made its job once.
        let events: Vec<i64> = desk.jobs.values().map(|job| job.event).collect();
        assert_eq!(events, (1..=consumer.cursor).collect::<Vec<_>>());
        let waiting = desk.jobs.values().filter(|job| job.state == JobState::Waiting).count();
        assert_eq!(consumer.open, waiting as u64);
        for job in desk.jobs.values() {
            // I15
            assert!(job.state == JobState::Waiting || !job.attempts.is_empty(), "{job:?}");
            assert!(!job.leased || job.state == JobState::Waiting, "{job:?}");
            // I16: nobody is tried before those that came before, unless they were given up once.
            let is_tried = |job: &Job| job.epoch > 0;
            let earlier = desk.jobs.values().filter(|one| one.lane == job.lane && one.id < job.id);
            assert!(!is_tried(job) || earlier.clone().all(is_tried), "{job:?}");
        }
        assert!(self.done.values().all(|times| *times == 1), "{:?}", self.done);
    }
}

#[test]
fn every_event_makes_its_jobs_once_and_each_ends_once_in_every_order() {
    fn explore(office: &Office, depth: u32, ended: &mut u64) {
        for happening in HAPPENINGS {
            let mut next = office.clone();
            next.happen(happening);
            *ended += u64::from(next.done.len() > 1);
            if depth > 1 {
                explore(&next, depth - 1, ended);
            }
        }
    }
    assert_eq!(
        HAPPENINGS.iter().filter(|one| matches!(one, Happening::Settle(0, _))).count(),
        ENDINGS
    );
    let mut ended = 0;
    explore(&Office::new(), 5, &mut ended);
    assert!(ended > 0, "nothing was ever done");
}

#[test]
fn who_does_not_come_back_time_and_again_leaves_a_dead_job() {
    let mut office = Office::new();
    office.happen(Happening::TakeIn);
    for lost in 0..=JOB_LEASES_LOST_MAX {
        let dead = office.desk.jobs.values().filter(|job| job.state == JobState::Dead).count();
        assert_eq!(dead, 0, "{lost}");
        office.happen(Happening::Lease(0));
        office.desk.pass(LEASE_SECS);
    }
    for job in office.desk.jobs.values() {
        assert_eq!(job.state, JobState::Dead);
        assert_eq!(job.reason(), Some(&text("nobody who was given it came back")));
    }
    office.check();
    // Whoever comes back now is too late.
    office.happen(Happening::Settle(0, 0));
    office.happen(Happening::Requeue);
    office.happen(Happening::Lease(1));
    office.happen(Happening::Settle(1, 0));
    assert_eq!(office.done.len(), 1);
}

#[test]
fn a_queue_takes_in_no_more_than_it_has_room_for() {
    let mut desk = Desk::new();
    let queue = Queue::Processing;
    assert_eq!(desk.code(Command::Begin { queue }), "ok");
    let step = i64::try_from(JOBS_TAKEN_MAX).unwrap();
    let mut from = 0;
    let take = |desk: &mut Desk, from: i64, jobs: i64| {
        let to = from + jobs;
        let jobs = (from + 1..=to).map(|event| NewJob { lane: None, ..job_of(event) }).collect();
        desk.code(Command::TakeIn { queue, is_replay: false, from, to, jobs })
    };
    desk.numbering.event += 100_000;
    assert_eq!(take(&mut desk, 0, step + 1), "queue_full");
    while u64::try_from(from).unwrap() < JOBS_OPEN_MAX {
        assert_eq!(take(&mut desk, from, step), "ok");
        from += step;
    }
    assert_eq!(take(&mut desk, from, 1), "queue_full");
    // The cursor still moves over what makes no job, and a job that is done leaves room.
    let none = Command::TakeIn { queue, is_replay: false, from, to: from + 1, jobs: Vec::new() };
    assert_eq!(desk.code(none), "ok");
    let lease = Command::Lease { queue, most: 1, secs: LEASE_SECS };
    let Ok(Reply::Jobs(jobs)) = desk.ask(lease) else { panic!() };
    let attempt = Some(Attempt { at: desk.now, reason: None, status: None, took_ms: 0 });
    let (id, epoch) = (jobs[0].id, jobs[0].epoch);
    let settlements = vec![Settlement { id, epoch, ending: Ending::Done, attempt }];
    assert_eq!(desk.code(Command::Settle { queue, settlements }), "ok");
    assert!(!desk.jobs.contains_key(&id), "an order that was taken up says so itself");
    assert_eq!(take(&mut desk, from + 1, 1), "ok");
}

#[test]
fn jobs_follow_from_events_that_are_there_and_were_not_taken_in() {
    let mut office = Office::new();
    office.happen(Happening::TakeIn);
    let queue = Queue::Mail;
    let take = |from, to, events: &[i64]| {
        let jobs = events.iter().map(|event| job_of(*event)).collect();
        Command::TakeIn { queue, is_replay: false, from, to, jobs }
    };
    office.desk.event();
    for (from, to, events, wanted) in [
        (0, 3, &[3][..], "cursor_moved"),
        (3, 4, &[], "cursor_moved"),
        (2, 2, &[], "not_in_log"),
        (2, 1, &[], "not_in_log"),
        (2, 4, &[], "not_in_log"),
        (2, 3, &[2], "not_in_log"),
        (2, 3, &[4], "not_in_log"),
        (2, 3, &[3], "ok"),
    ] {
        assert_eq!(office.desk.code(take(from, to, events)), wanted, "{from} {to} {events:?}");
    }
    let unknown =
        Command::TakeIn { queue: Queue::Relay, is_replay: false, from: 0, to: 1, jobs: vec![] };
    assert_eq!(office.desk.code(unknown), "unknown_queue");
    office.check();
}

#[test]
fn what_ended_long_ago_is_forgotten_and_what_is_dead_is_not() {
    let mut office = Office::new();
    office.happen(Happening::Event);
    office.happen(Happening::TakeIn);
    office.happen(Happening::Lease(0));
    office.happen(Happening::Settle(0, 0));
    office.happen(Happening::Lease(0));
    office.happen(Happening::Settle(0, 2));
    let forget = |desk: &mut Desk| {
        let before = desk.now;
        desk.ask(Command::Forget { before, most: 100 }).unwrap()
    };
    assert_eq!(forget(&mut office.desk), Reply::Forgotten { rows: 0 }, "it ended just now");
    office.desk.pass(1);
    assert_eq!(forget(&mut office.desk), Reply::Forgotten { rows: 2 });
    let left: Vec<_> = office.desk.jobs.values().map(|job| job.state).collect();
    assert_eq!(left, [JobState::Dead]);
}

#[test]
fn one_of_many_processes_begins_a_run() {
    let mut desk = Desk::new();
    let (name, mut next_at) = (ScheduleName::Retention, desk.now);
    let mut begin = |desk: &mut Desk, is_forced: bool| {
        next_at = desk.now.checked_add(jiff::SignedDuration::from_secs(3_600)).unwrap();
        let begin = schedules::Command::Begin { name, secs: 60, next_at, is_forced };
        let Ok(Reply::Turn { is_given, schedule }) = desk.ask(begin) else { panic!() };
        is_given.then_some(schedule.runs)
    };
    let end = |desk: &mut Desk, run: u64| {
        let end = schedules::Command::End { name, run, outcome: text("done") };
        desk.ask(end).unwrap() == Reply::Settled { effects: 1 }
    };
    assert_eq!(begin(&mut desk, false), Some(1));
    assert_eq!((begin(&mut desk, false), begin(&mut desk, true)), (None, None), "one is on");
    assert!(end(&mut desk, 1));
    assert_eq!(begin(&mut desk, false), None, "it is not due");
    assert_eq!(begin(&mut desk, true), Some(2), "somebody asks for it");
    desk.pass(60);
    assert_eq!(begin(&mut desk, false), None, "its time is up, and the next one is not due");
    desk.pass(3_600);
    assert_eq!(begin(&mut desk, false), Some(3));
    assert!(!end(&mut desk, 2), "it was overtaken");
    assert!(end(&mut desk, 3));
}

/// How far a round is, which has found these promises broken.
fn progress(step: u32, checks: &[&str]) -> Box<Progress> {
    let broken = |check: &&str| Broken {
        check: Name::new(*check).unwrap(),
        promise: text("a promise"),
        violations: 2,
        offenders: Vec::new(),
    };
    let broken = checks.iter().map(broken).collect();
    Box::new(Progress { step, after: 7, steps: 9, broken, ..Progress::default() })
}

#[test]
fn a_round_of_the_proof_is_taken_up_where_it_was_and_told_of_once() {
    let mut desk = Desk::new();
    let begin = |desk: &mut Desk, is_forced: bool| {
        let next_at = desk.now.checked_add(jiff::SignedDuration::from_secs(3_600)).unwrap();
        let name = ScheduleName::Verify;
        let begin = schedules::Command::Begin { name, secs: 60, next_at, is_forced };
        let Ok(Reply::Turn { is_given, schedule }) = desk.ask(begin) else { panic!() };
        is_given.then(|| (schedule.runs, schedule.proof.unwrap().open))
    };
    let prove = |desk: &mut Desk, run: u64, progress: Box<Progress>, outcome: Option<&str>| {
        let outcome = outcome.map(text);
        let prove = schedules::Command::Prove { run, secs: 60, progress, outcome };
        desk.ask(prove).unwrap() == Reply::Settled { effects: 1 }
    };
    let tells = |desk: &mut Desk| {
        let told = desk.kinds.iter().filter(|kind| **kind == "verify.failed").count();
        desk.kinds.clear();
        told
    };
    assert_eq!(begin(&mut desk, false), Some((1, None)));
    let began_at = desk.now;
    assert!(prove(&mut desk, 1, progress(3, &[]), None));
    desk.pass(50);
    assert_eq!(begin(&mut desk, true), None, "it was kept");
    desk.pass(10);
    // Its process is dead.
    assert_eq!(begin(&mut desk, true), Some((2, Some(*progress(3, &[])))));
    assert!(!prove(&mut desk, 1, progress(4, &["I6"]), None), "it was overtaken");
    assert_eq!(tells(&mut desk), 0);
    assert!(prove(&mut desk, 2, progress(4, &["I6"]), None));
    assert_eq!(tells(&mut desk), 1, "the first at once");
    assert!(prove(&mut desk, 2, progress(5, &["I6", "I25"]), None));
    assert_eq!(tells(&mut desk), 0, "what comes soon after it waits");
    assert!(prove(&mut desk, 2, progress(8, &["I6", "I25"]), Some("broken")));
    assert_eq!(tells(&mut desk), 1, "for the end at the latest");
    assert!(!prove(&mut desk, 2, progress(8, &[]), Some("clean")), "it has ended");
    let proof = desk.schedules[&ScheduleName::Verify].proof.clone().unwrap();
    let last = proof.last.unwrap();
    assert_eq!((last.began_at, last.ended_at), (began_at, desk.now));
    assert_eq!((last.progress.broken.len(), proof.open, proof.began_at), (2, None, None));
    desk.pass(3_600);
    assert_eq!(begin(&mut desk, false), Some((3, None)), "a new round");
    assert!(prove(&mut desk, 3, progress(1, &["I6"]), None));
    assert_eq!(tells(&mut desk), 1, "what is still broken is told of again");
}

#[test]
fn many_dead_letters_are_told_together_and_what_tells_of_them_is_not() {
    let mut desk = Desk::new();
    let queue = Queue::Mail;
    assert_eq!(desk.code(Command::Begin { queue }), "ok");
    let bury = |words: &str| {
        let (about, reason) = (about(words), text("no"));
        Command::Bury { queue, about, reason }
    };
    let others = |desk: &mut Desk, command: Command| {
        assert_eq!(desk.code(command), "ok");
        std::mem::take(&mut desk.dead_told)
    };
    let tell = || Command::TellDead { queue };
    // What tells of the dead is no news, also when it is the first to die.
    assert_eq!(others(&mut desk, bury("dead_letter operator_1")), []);
    assert_eq!(others(&mut desk, bury("job.dead")), []);
    assert_eq!(others(&mut desk, tell()), []);
    assert_eq!(others(&mut desk, bury("order_placed cus_7")), [0]);
    for _ in 0..3 {
        assert_eq!(others(&mut desk, bury("order_placed cus_7")), []);
    }
    desk.pass(DEAD_LETTERS_TOLD_EVERY_SECS - 1);
    assert_eq!(others(&mut desk, tell()), [], "not yet");
    desk.pass(1);
    assert_eq!(others(&mut desk, tell()), [2], "three have died since");
    assert_eq!(others(&mut desk, tell()), [], "once");
    // The next one tells of those that nobody has told of.
    assert_eq!(others(&mut desk, bury("order_placed cus_7")), []);
    desk.pass(DEAD_LETTERS_TOLD_EVERY_SECS);
    assert_eq!(others(&mut desk, bury("order_placed cus_7")), [1]);
    desk.pass(DEAD_LETTERS_TOLD_EVERY_SECS);
    assert_eq!(others(&mut desk, tell()), []);
}
