//! Background work: dead letters are found, tried again and given up; what is scheduled is asked
//! for.

use onhand_core::jobs::{Command, Queue};
use onhand_core::text::{Reference, Text};
use onhand_core::{Actor, Command as AnyCommand};

use super::office::{Clerk, HOSTILE};
use crate::world::World;

/// A world in which so many messages were given up.
async fn with_dead(count: usize) -> World {
    let world = World::new().await;
    let ask = async |command| {
        let answer = world.app.submit.submit(AnyCommand::Jobs(command), Actor::System, None).await;
        answer.unwrap().outcome.unwrap();
    };
    ask(Command::Begin { queue: Queue::Mail }).await;
    for number in 0..count {
        let about = Reference::new(format!("{number} {HOSTILE}")).unwrap();
        let reason = Text::new(format!("refused {HOSTILE}")).unwrap();
        ask(Command::Bury { queue: Queue::Mail, about, reason }).await;
    }
    world
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_or_given_up() {
    let world = with_dead(2).await;
    let clerk = Clerk::admin(&world).await;
    let shown = clerk.get("/admin/jobs").await;
    shown.is(200).has(&["Dead letters", "/admin/jobs/job_1\"", "/admin/jobs/job_2\"", "refused "]);
    clerk.get("/admin/jobs/list?status=dead&queue=mail").await.has(&["job_1", "job_2"]);
    clerk.get("/admin/jobs/list?queue=processing").await.has(&["No job is like that."]);
    let done = clerk.did("/admin/jobs/job_1", "requeue", &[("job", "job_1")]).await;
    done.has(&["It is tried again.", "waiting"]).lacks(&["What can be done"]);
    clerk.did("/admin/jobs", "skip", &[("job", "job_2")]).await.has(&["It is given up."]);
    clerk.get("/admin/jobs").await.has(&["Nothing was given up."]);
    for (id, wanted) in [("job_1", "waiting"), ("job_2", "skipped")] {
        let job = world.get(&format!("/v1/jobs/{id}")).await;
        assert_eq!(job.body["status"], wanted, "{id}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_where_it_was_tried() {
    let world = with_dead(1).await;
    let clerk = Clerk::admin(&world).await;
    let page = "/admin/jobs/job_1";
    let shown = clerk.get(page).await;
    let first = clerk.send_from(&shown, page, "requeue", &[("job", "job_1")]).await;
    first.is(303);
    // The same form once more is the same request; a new one finds that it is not dead any more.
    clerk.send_from(&shown, page, "requeue", &[("job", "job_1")]).await.is(303);
    let skipped = clerk.send_from(&shown, page, "skip", &[("job", "job_1")]).await;
    skipped.is(409).has(&["job_not_dead"]);
    clerk.get("/admin/jobs/job_9").await.is(404);
    clerk.get("/admin/jobs/nonsense").await.is(404);
    for (query, wanted) in
        [("status=ended", "expected a state"), ("queue=x", "expected `processing`")]
    {
        clerk.get(&format!("/admin/jobs/list?{query}")).await.is(422).has(&[wanted]);
    }
}

#[tokio::test]
async fn who_may_only_look_has_nothing_to_press() {
    let world = with_dead(1).await;
    let clerk = Clerk::operator(&world, &["events:read"]).await;
    clerk.get("/admin/jobs").await.is(200).has(&["job_1"]).lacks(&["requeue", "/skip"]);
    clerk.get("/admin/jobs/schedules").await.is(200).lacks(&["schedules/run"]);
    let other = Clerk::operator(&world, &["orders:read"]).await;
    for path in ["/admin/jobs", "/admin/jobs/list", "/admin/jobs/schedules", "/admin/jobs/job_1"] {
        other.get(path).await.is(403).has(&["events:read"]);
    }
}

#[tokio::test]
async fn dead_letters_come_page_by_page_and_stay_small() {
    let world = with_dead(25).await;
    let clerk = Clerk::admin(&world).await;
    let first = clerk.get("/admin/jobs").await;
    first.is(200).has(&["job_25", "job_6\"", "rel=\"next\""]).lacks(&["job_5\""]);
    clerk.get("/admin/jobs?after=6").await.has(&["job_5\"", "job_1\"", "First page"]);
}

#[tokio::test]
async fn what_is_scheduled_is_asked_for() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    clerk.get("/admin/jobs/schedules").await.is(200).has(&["never begun", "retention"]);
    let sent = [("schedule", "retention")];
    let done = clerk.did("/admin/jobs/schedules", "run", &sent).await;
    done.has(&["It will be done."]);
    let unknown = clerk.send("/admin/jobs/schedules", "run", &[("schedule", "x")]).await;
    unknown.is(404);
}
