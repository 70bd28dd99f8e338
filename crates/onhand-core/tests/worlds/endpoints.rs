//! Endpoints that are told what happens: from when on, until when, once more, and with which
//! secrets. What holds of any queue is in `jobs.rs`.

use onhand_core::command::Reply;
use onhand_core::ids::EndpointId;
use onhand_core::jobs::{Attempt, Command, Ending, Job, Queue, Settlement};
use onhand_core::text::{Text, Url};
use onhand_core::webhooks::{
    self, EndpointPatch, EndpointState, EventFilter, NewEndpoint, SealedSecret,
};

use crate::desk::Desk;
use crate::jobs::{LEASE_SECS, job_of, text};

fn endpoint(desk: &mut Desk) -> EndpointId {
    let new = NewEndpoint {
        url: Url::new("https://example.com/hooks").unwrap(),
        description: Text::default(),
        filter: EventFilter::default(),
        secret: SealedSecret { sealed: "sealed".to_owned(), expires_at: None },
    };
    let Ok(Reply::Endpoint(entry)) = desk.ask(webhooks::Command::Create(new)) else { panic!() };
    entry.id
}

fn deliver(desk: &mut Desk, id: EndpointId, ending: Ending) {
    let queue = Queue::Webhook(id);
    let lease = Command::Lease { queue, most: 1, secs: LEASE_SECS };
    let Ok(Reply::Jobs(jobs)) = desk.ask(lease) else { panic!() };
    let reason = (ending != Ending::Done).then(|| text("no"));
    let attempt = Some(Attempt { at: desk.now, reason, status: None, took_ms: 0 });
    let settlement = |job: &Job| Settlement {
        id: job.id,
        epoch: job.epoch,
        ending: ending.clone(),
        attempt: attempt.clone(),
    };
    let settlements = jobs.iter().map(settlement).collect();
    assert_eq!(desk.code(Command::Settle { queue, settlements }), "ok");
}

fn take_in(desk: &mut Desk, id: EndpointId) {
    let queue = Queue::Webhook(id);
    let from = desk.consumers[&queue].cursor;
    let to = desk.event();
    let jobs = vec![job_of(to)];
    assert_eq!(desk.code(Command::TakeIn { queue, is_replay: false, from, to, jobs }), "ok");
}

#[test]
fn an_endpoint_is_told_what_happens_from_its_own_creation_on() {
    let mut desk = Desk::new();
    desk.event();
    let id = endpoint(&mut desk);
    // Whoever makes it knows that already.
    assert_eq!(desk.consumers[&Queue::Webhook(id)].cursor, 1);
    assert_eq!(desk.kinds, ["webhook_endpoint.created"]);
}

#[test]
fn an_endpoint_that_nothing_has_reached_is_disabled_and_says_so() {
    let mut desk = Desk::new();
    let id = endpoint(&mut desk);
    take_in(&mut desk, id);
    deliver(&mut desk, id, Ending::Dead);
    assert_eq!(desk.endpoints[&id].state, EndpointState::Enabled, "given up at once");
    take_in(&mut desk, id);
    let again = Ending::Again(desk.now);
    deliver(&mut desk, id, again);
    desk.pass(3_600);
    deliver(&mut desk, id, Ending::Dead);
    assert_eq!(desk.endpoints[&id].state, EndpointState::Disabled);
    assert_eq!(desk.kinds.last(), Some(&"webhook_endpoint.disabled"));
    let state = Some(EndpointState::Enabled);
    let patch = EndpointPatch { state, ..EndpointPatch::default() };
    let enable = webhooks::Command::Update { id, expected_version: None, patch };
    assert_eq!(desk.code(enable), "ok");
    assert_eq!(desk.endpoints[&id].disabled_reason, None);
    // One that something else has reached meanwhile goes on.
    take_in(&mut desk, id);
    desk.pass(3_600);
    take_in(&mut desk, id);
    let queue = Queue::Webhook(id);
    let lease = Command::Lease { queue, most: 2, secs: LEASE_SECS };
    let Ok(Reply::Jobs(jobs)) = desk.ask(lease) else { panic!() };
    let endings = [Ending::Again(desk.now), Ending::Done];
    let settlements = jobs.iter().zip(endings).map(|(job, ending)| {
        let attempt = Some(Attempt { at: desk.now, reason: None, status: None, took_ms: 0 });
        Settlement { id: job.id, epoch: job.epoch, ending, attempt }
    });
    let settlements = settlements.collect();
    assert_eq!(desk.code(Command::Settle { queue, settlements }), "ok");
    deliver(&mut desk, id, Ending::Dead);
    assert_eq!(desk.endpoints[&id].state, EndpointState::Enabled);
}

#[test]
fn a_replay_makes_the_jobs_once_more_and_runs_alone() {
    let mut desk = Desk::new();
    let id = endpoint(&mut desk);
    for _ in 0..3 {
        take_in(&mut desk, id);
        deliver(&mut desk, id, Ending::Done);
    }
    let queue = Queue::Webhook(id);
    let newest = desk.consumers[&queue].cursor;
    for (from, to) in [(0, 1), (2, 1), (1, newest + 1)] {
        assert_eq!(desk.code(webhooks::Command::Replay { id, from, to }), "not_in_log");
    }
    assert_eq!(desk.code(webhooks::Command::Replay { id, from: 2, to: 3 }), "ok");
    assert_eq!(desk.code(webhooks::Command::Replay { id, from: 2, to: 3 }), "replay_running");
    let step = |from, to, events: &[i64]| {
        let jobs = events.iter().map(|event| job_of(*event)).collect();
        Command::TakeIn { queue, is_replay: true, from, to, jobs }
    };
    for (from, to, events, wanted) in [
        (0, 2, &[2][..], "cursor_moved"),
        (1, 4, &[2], "not_in_log"),
        (1, 2, &[2], "ok"),
        (1, 2, &[2], "cursor_moved"),
        (2, 3, &[3], "ok"),
        (3, 4, &[4], "cursor_moved"),
    ] {
        assert_eq!(desk.code(step(from, to, events)), wanted, "{from} {to}");
    }
    assert_eq!(desk.consumers[&queue].replay, None);
    assert_eq!(desk.consumers[&queue].cursor, newest);
    let replayed = desk.jobs.values().filter(|job| job.replay == 1).map(|job| job.event);
    assert_eq!(replayed.collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn old_secrets_sign_for_a_while() {
    let mut desk = Desk::new();
    let id = endpoint(&mut desk);
    let rotate = |desk: &mut Desk, name: &str, keep_secs: i64| {
        let secret = SealedSecret { sealed: name.to_owned(), expires_at: None };
        let command = webhooks::Command::Rotate { id, expected_version: None, secret, keep_secs };
        assert_eq!(desk.code(command), "ok");
        let secrets = &desk.endpoints[&id].secrets;
        secrets.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>()
    };
    assert_eq!(rotate(&mut desk, "b", 60), ["b", "sealed"]);
    desk.pass(30);
    assert_eq!(rotate(&mut desk, "c", 60), ["c", "b", "sealed"]);
    desk.pass(30);
    assert_eq!(rotate(&mut desk, "d", 60), ["d", "c", "b"], "the first has had its minute");
    assert_eq!(rotate(&mut desk, "e", 0), ["e"], "those before are worth nothing at once");
}
