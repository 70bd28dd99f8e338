//! What follows from the log: a part of it is taken in once, a job is given to one worker at a time
//! and in the order of its lane, and all of it is there again after a restart.

use onhand_core::command::Reply;
use onhand_core::ids::EndpointId;
use onhand_core::jobs::{self, Attempt, Ending, Job, JobState, NewJob, Queue, Settlement};
use onhand_core::schedules::{self, ScheduleName};
use onhand_core::text::{Reference, Text, Url};
use onhand_core::warehouse::Status;
use onhand_core::webhooks::{self, EndpointState, EventFilter, NewEndpoint, SealedSecret};
use onhand_core::{Actor, Command};
use onhand_engine::Clock;
use onhand_engine::query::JobFilter;
use onhand_engine::reader::backlog::QueueBacklog;

use crate::backend::Backend;
use crate::paying::{captured, message, place_paid};
use crate::warehouse::with_warehouse;
use crate::world::{World, code, codes};

/// Life of a lease in seconds.
const LEASE_SECS: i64 = 60;

fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

/// A job of an event; even ones are about one object, odd ones about another.
fn job_of(event: i64) -> NewJob {
    let lane = Reference::new(format!("ord_{}", event % 2 + 1)).ok();
    NewJob { event, about: Reference::new("order.placed").unwrap(), lane }
}

pub(crate) fn take_in(queue: Queue, from: i64, to: i64) -> Command {
    let jobs = (from + 1..=to).map(job_of).collect();
    Command::Jobs(jobs::Command::TakeIn { queue, is_replay: false, from, to, jobs })
}

fn lease(queue: Queue, most: usize) -> Command {
    Command::Jobs(jobs::Command::Lease { queue, most, secs: LEASE_SECS })
}

fn settlement(job: &Job, ending: Ending, reason: Option<&str>) -> Settlement {
    let at = job.created_at;
    let attempt = Some(Attempt { at, reason: reason.map(text), status: Some(200), took_ms: 7 });
    Settlement { id: job.id, epoch: job.epoch, ending, attempt }
}

impl<B: Backend> World<B> {
    /// Begins to read the log for a queue, behind so many events.
    pub(crate) async fn reading(&self, queue: Queue) -> i64 {
        self.done(Command::Jobs(jobs::Command::Begin { queue })).await;
        self.reader.0.consumer(queue).await.unwrap().unwrap().cursor
    }

    pub(crate) async fn given(&self, queue: Queue, most: usize) -> Vec<Job> {
        match self.ask(lease(queue, most)).await.unwrap().outcome {
            Ok(Reply::Jobs(jobs)) => jobs,
            other => panic!("{other:?}"),
        }
    }

    async fn brought_back(&self, queue: Queue, settlements: Vec<Settlement>) -> u64 {
        let settle = Command::Jobs(jobs::Command::Settle { queue, settlements });
        match self.ask(settle).await.unwrap().outcome {
            Ok(Reply::Settled { effects }) => effects,
            other => panic!("{other:?}"),
        }
    }

    async fn endpoint(&self) -> EndpointId {
        let new = NewEndpoint {
            url: Url::new("https://example.com/hooks").unwrap(),
            description: text("a shop"),
            filter: EventFilter::new(vec![Reference::new("order.*").unwrap()]).unwrap(),
            secret: SealedSecret { sealed: "sealed".to_owned(), expires_at: None },
        };
        let create = Command::Webhooks(webhooks::Command::Create(new));
        match self.ask(create).await.unwrap().outcome {
            Ok(Reply::Endpoint(entry)) => entry.id,
            other => panic!("{other:?}"),
        }
    }

    async fn listed(&self, queue: Option<Queue>, state: Option<JobState>) -> Vec<i64> {
        let filter = JobFilter { queue, state };
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = self.reader.0.jobs(filter, before, 2).await.unwrap();
            found.extend(page.rows.iter().map(|job| job.id.number()));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    }
}

pub(crate) async fn a_part_of_the_log_is_taken_in_once_whoever_tries<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    let from = world.reading(Queue::Mail).await;
    for _ in 0..6 {
        world.placed(&[("tea", 1)], None).await;
    }
    let asked = vec![take_in(Queue::Mail, from, from + 6); 8];
    let mut answers = codes(&world.at_once(Actor::System, asked).await);
    answers.sort_unstable();
    assert_eq!(answers, [&["cursor_moved"; 7][..], &["ok"]].concat());
    let world = world.reopened().await;
    let consumer = world.reader.0.consumer(Queue::Mail).await.unwrap().unwrap();
    assert_eq!((consumer.cursor, consumer.open), (from + 6, 6));
    assert_eq!(world.listed(None, None).await, [6, 5, 4, 3, 2, 1]);
    // A whole batch of those that come one after the other.
    for _ in 0..4 {
        world.placed(&[("tea", 1)], None).await;
    }
    let steps = [(6, 7), (6, 8), (7, 9), (9, 10), (10, 12)];
    let steps = steps.map(|(a, b)| (take_in(Queue::Mail, from + a, from + b), None)).into();
    let answers = world.in_one_batch(|_| {}, steps).await;
    assert_eq!(codes(&answers), ["ok", "cursor_moved", "ok", "ok", "not_in_log"]);
    world.close().await;
}

pub(crate) async fn a_job_is_given_to_one_worker_and_after_those_of_its_lane<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    let queue = Queue::Mail;
    let from = world.reading(queue).await;
    for _ in 0..6 {
        world.placed(&[("tea", 1)], None).await;
    }
    world.done(take_in(queue, from, from + 6)).await;
    assert_eq!(world.reader.0.next_due(queue).await.unwrap(), Some(world.clock.now()));
    let numbers = |jobs: &[Job]| jobs.iter().map(|job| job.id.number()).collect::<Vec<_>>();
    let both = vec![(lease(queue, 10), None), (lease(queue, 10), None)];
    let answers = world.in_one_batch(|_| {}, both).await;
    let given: Vec<Vec<i64>> = answers
        .into_iter()
        .map(|answer| match answer.unwrap().outcome {
            Ok(Reply::Jobs(jobs)) => numbers(&jobs),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(given, [vec![1, 2], vec![]], "of each lane the first, and once");
    let end = world.clock.now().checked_add(jiff::SignedDuration::from_secs(LEASE_SECS)).unwrap();
    assert_eq!(world.reader.0.next_due(queue).await.unwrap(), Some(world.clock.now()), "the third");
    world.clock.advance_secs(LEASE_SECS);
    assert_eq!(world.clock.now(), end);
    let again = world.given(queue, 10).await;
    assert_eq!(numbers(&again), [1, 2], "nobody came back with them");
    let [one, two] = &again[..] else { panic!("{again:?}") };
    // Whoever had it before settles nothing.
    let mut late = settlement(one, Ending::Done, None);
    late.epoch -= 1;
    assert_eq!(world.brought_back(queue, vec![late]).await, 0);
    let later = world.clock.now().checked_add(jiff::SignedDuration::from_secs(5)).unwrap();
    let settled = vec![
        settlement(one, Ending::Done, None),
        settlement(two, Ending::Again(later), Some("not now")),
    ];
    assert_eq!(world.brought_back(queue, settled).await, 2);
    let world = world.reopened().await;
    assert_eq!(numbers(&world.given(queue, 10).await), [3], "the other lane waits for its first");
    world.clock.advance_secs(5);
    let again = world.given(queue, 10).await;
    assert_eq!(numbers(&again), [2]);
    assert_eq!((again[0].tries, again[0].attempts.len()), (2, 2), "once it was lost");
    // A dead one lets those behind it go on.
    let dead = vec![settlement(&again[0], Ending::Dead, Some("no"))];
    assert_eq!(world.brought_back(queue, dead).await, 1);
    assert_eq!(numbers(&world.given(queue, 10).await), [4]);
    assert_eq!(world.listed(None, Some(JobState::Dead)).await, [2]);
    let requeue = Command::Jobs(jobs::Command::Requeue { id: again[0].id });
    world.done(requeue.clone()).await;
    assert_eq!(code(&world.ask(requeue).await), "job_not_dead");
    assert_eq!(numbers(&world.given(queue, 10).await), [2], "it comes before those of its lane");
    let consumer = world.reader.0.consumer(queue).await.unwrap().unwrap();
    assert_eq!(consumer.open, 5);
    world.close().await;
}

pub(crate) async fn jobs_are_listed_as_the_filter_says_and_forgotten_in_time<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    for queue in [Queue::Mail, Queue::Processing] {
        world.reading(queue).await;
    }
    let from = world.reading(Queue::Mail).await;
    world.placed(&[("tea", 1)], None).await;
    world.placed(&[("tea", 1)], None).await;
    for queue in [Queue::Mail, Queue::Processing] {
        world.done(take_in(queue, from, from + 2)).await;
    }
    let bury = jobs::Command::Bury {
        queue: Queue::Processing,
        about: Reference::new("gibberish").unwrap(),
        reason: text("it is no message"),
    };
    world.done(Command::Jobs(bury.clone())).await;
    world.done(Command::Jobs(bury)).await;
    for queue in [Queue::Mail, Queue::Processing] {
        let jobs = world.given(queue, 10).await;
        let done = jobs.iter().map(|job| settlement(job, Ending::Done, None)).collect();
        assert_eq!(world.brought_back(queue, done).await, 2);
    }
    for (queue, state, wanted) in [
        (None, None, &[6, 5, 2, 1][..]),
        (Some(Queue::Mail), None, &[2, 1]),
        (Some(Queue::Processing), None, &[6, 5]),
        (None, Some(JobState::Done), &[2, 1]),
        (None, Some(JobState::Dead), &[6, 5]),
        (Some(Queue::Mail), Some(JobState::Dead), &[]),
        (Some(Queue::Processing), Some(JobState::Dead), &[6, 5]),
        (None, Some(JobState::Waiting), &[]),
    ] {
        assert_eq!(world.listed(queue, state).await, wanted, "{queue:?} {state:?}");
    }
    let forget = |before| Command::Jobs(jobs::Command::Forget { before, most: 1 });
    let now = world.clock.now();
    let forgotten = world.ask(forget(now)).await.unwrap().outcome;
    assert_eq!(forgotten, Ok(Reply::Forgotten { rows: 0 }));
    world.clock.advance_secs(1);
    let later = world.clock.now();
    for rows in [1, 1, 0] {
        let forgotten = world.ask(forget(later)).await.unwrap().outcome;
        assert_eq!(forgotten, Ok(Reply::Forgotten { rows }));
    }
    let skip = jobs::Command::Skip { id: "job_6".parse().unwrap() };
    world.done(Command::Jobs(skip)).await;
    assert_eq!(world.listed(None, None).await, [6, 5]);
    world.close().await;
}

pub(crate) async fn an_endpoint_lives_from_its_making_to_its_end<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    let (first, second) = (world.endpoint().await, world.endpoint().await);
    let world = world.reopened().await;
    let found = world.reader.0.endpoint(first).await.unwrap().unwrap();
    assert_eq!((found.url.as_str(), found.version), ("https://example.com/hooks", 1));
    assert_eq!(found.secrets[0].sealed, "sealed");
    let queue = Queue::Webhook(first);
    let from = world.reader.0.consumer(queue).await.unwrap().unwrap().cursor;
    world.placed(&[("tea", 1)], None).await;
    world.done(take_in(queue, from, from + 2)).await;
    for job in world.given(queue, 10).await {
        world.brought_back(queue, vec![settlement(&job, Ending::Done, None)]).await;
    }
    let found = world.reader.0.endpoint(first).await.unwrap().unwrap();
    assert_eq!((found.succeeded_at, found.version), (Some(world.clock.now()), 2));
    let replay = webhooks::Command::Replay { id: first, from: from + 1, to: from + 2 };
    world.done(Command::Webhooks(replay)).await;
    let jobs = vec![job_of(from + 1), job_of(from + 2)];
    let (to, is_replay) = (from + 2, true);
    let step = jobs::Command::TakeIn { queue, is_replay, from, to, jobs };
    world.done(Command::Jobs(step)).await;
    assert_eq!(world.listed(Some(queue), None).await.len(), 4, "each event once and once more");
    let reason = text("it is gone");
    for _ in 0..2 {
        let disable = webhooks::Command::Disable { id: first, reason: reason.clone() };
        world.done(Command::Webhooks(disable)).await;
    }
    let found = world.reader.0.endpoint(first).await.unwrap().unwrap();
    assert_eq!((found.state, found.disabled_reason), (EndpointState::Disabled, Some(reason)));
    let delete = webhooks::Command::Delete { id: first, expected_version: Some(found.version) };
    world.done(Command::Webhooks(delete.clone())).await;
    assert_eq!(code(&world.ask(Command::Webhooks(delete)).await), "unknown_webhook_endpoint");
    assert_eq!(world.reader.0.endpoint(first).await.unwrap(), None);
    let there = world.reader.0.endpoints().await.unwrap();
    assert_eq!(there.iter().map(|one| one.id).collect::<Vec<_>>(), [second]);
    world.close().await;
}

pub(crate) async fn what_is_scheduled_is_begun_once_also_after_a_restart<B: Backend>() {
    let world = World::<B>::with(&[("tea", 1)]).await;
    let name = ScheduleName::Retention;
    let next_at = world.clock.now().checked_add(jiff::SignedDuration::from_secs(10)).unwrap();
    let begin = schedules::Command::Begin { name, secs: 5, next_at, is_forced: false };
    let begin = Command::Schedules(begin);
    let two = vec![(begin.clone(), None), (begin.clone(), None)];
    let given: Vec<bool> = world
        .in_one_batch(|_| {}, two)
        .await
        .into_iter()
        .map(|answer| match answer.unwrap().outcome {
            Ok(Reply::Turn { is_given, .. }) => is_given,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(given, [true, false]);
    let world = world.reopened().await;
    let end = schedules::Command::End { name, run: 1, outcome: text("3 rows") };
    world.done(Command::Schedules(end)).await;
    let rows = world.reader.0.schedules().await.unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.runs, row.due_at, row.runs_until), (1, next_at, None));
    assert_eq!(row.outcome, Some(text("3 rows")));
    world.close().await;
}

/// Adds to a history: an endpoint that was told something, a mail that waits, one that is leased,
/// one that is dead, and a run that has ended.
pub(crate) async fn with_outbox<B: Backend>(world: &World<B>) {
    let mail = world.reading(Queue::Mail).await;
    let id = world.endpoint().await;
    let queue = Queue::Webhook(id);
    let from = world.reader.0.consumer(queue).await.unwrap().unwrap().cursor;
    world.placed(&[("tea", 1)], None).await;
    world.placed(&[("tea", 1)], None).await;
    world.done(take_in(queue, from, from + 2)).await;
    world.done(take_in(Queue::Mail, mail, mail + 3)).await;
    for job in world.given(queue, 1).await {
        world.brought_back(queue, vec![settlement(&job, Ending::Done, None)]).await;
    }
    let leased = world.given(Queue::Mail, 2).await;
    let dead = settlement(&leased[0], Ending::Dead, Some("no"));
    world.brought_back(Queue::Mail, vec![dead]).await;
    world.given(Queue::Mail, 1).await;
    let (name, next_at) = (ScheduleName::Retention, world.clock.now());
    let begin = schedules::Command::Begin { name, secs: 5, next_at, is_forced: false };
    world.done(Command::Schedules(begin)).await;
}

pub(crate) async fn what_waits_is_counted_for_operators<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100), ("cup", 9)]).await;
    let nothing = world.reader.0.backlog().await.unwrap();
    assert_eq!((nothing.effects_waiting, nothing.effects_due, nothing.last_sync), (0, None, None));
    assert_eq!((nothing.queues, nothing.notices_unmatched, nothing.shortfalls), (vec![], 0, 0));
    let queue = Queue::Mail;
    let from = world.reading(queue).await;
    for items in [("tea", 1), ("tea", 2), ("cup", 2)] {
        world.placed(&[items], None).await;
    }
    world.done(take_in(queue, from, from + 3)).await;
    let due = world.clock.now();
    let [first] = &world.given(queue, 1).await[..] else { panic!("nothing is due") };
    let dead = vec![settlement(first, Ending::Dead, Some("no"))];
    assert_eq!(world.brought_back(queue, dead).await, 1);
    world.done(place_paid(&[("tea", 1)], 600)).await;
    world.done(message("event", 1, captured("order_of_nobody", 100))).await;
    with_warehouse(&world).await;
    let world = world.reopened().await;
    let backlog = world.reader.0.backlog().await.unwrap();
    let waits = QueueBacklog { queue, cursor: from + 3, open: 2, due: Some(due), dead: 1 };
    assert_eq!(backlog.queues, [waits]);
    assert_eq!(backlog.position, world.reader.0.position().await.unwrap());
    assert_eq!((backlog.effects_waiting, backlog.effects_dead), (1, 0));
    assert!(backlog.effects_due.is_some_and(|at| at <= world.clock.now()), "{backlog:?}");
    assert_eq!((backlog.notices_unmatched, backlog.shortfalls, backlog.syncs_held), (1, 1, 1));
    assert_eq!(backlog.last_sync.map(|sync| sync.status), Some(Status::Held));
    assert!(backlog.bytes.iter().any(|(part, bytes)| *part == "database" && *bytes > 0));
    world.close().await;
}
