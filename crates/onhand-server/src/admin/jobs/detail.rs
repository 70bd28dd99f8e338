//! One job: what it follows from, every try that is kept, and what can be done when it is dead.

use maud::{Markup, html};
use onhand_core::ids::JobId;
use onhand_core::jobs::{Attempt, Job, JobState};

use super::super::parts::{Align, card, facts, instant, live, nothing, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, actions, queue, state};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: JobId = visit.id("id")?;
    let job = visit.reader().job(id).await?;
    let job = job.ok_or_else(|| Problem::not_found(&format!("the job {id}")))?;
    let body = html! {
        (live("job", &html! {
            (overview(&job))
            (card("Tries", &tries(&job.attempts)))
        }))
        @if job.state == JobState::Dead { (card("What can be done", &actions(&visit, &job))) }
    };
    Ok(Page { title: format!("Job {id}"), section: PATH, body })
}

fn overview(job: &Job) -> Markup {
    let when = match (job.state, job.leased) {
        (JobState::Waiting, true) => "Somebody is at it until",
        (JobState::Waiting, false) => "Due",
        (JobState::Done | JobState::Dead | JobState::Skipped, _) => "Ended",
    };
    let mut known = vec![
        ("State", state(job.state)),
        ("Queue", queue(job.queue)),
        ("What", html! { (job.about) }),
        ("Tries", html! { (job.tries) }),
        (when, instant(job.due_at)),
        ("Made", instant(job.created_at)),
    ];
    if let Some(lane) = &job.lane {
        known.push(("About", html! { (lane) }));
    }
    if job.event > 0 {
        known.push((
            "Follows from",
            html! { a href={ "/admin/log/" (job.event) } { "event " (job.event) } },
        ));
    }
    if job.replay > 0 {
        known.push(("Replay", html! { "number " (job.replay) }));
    }
    facts(&known)
}

fn tries(attempts: &[Attempt]) -> Markup {
    if attempts.is_empty() {
        return nothing("It was not tried yet.", "It is tried when it is due.");
    }
    let columns = [
        ("Ended", Align::Text),
        ("Answer", Align::Number),
        ("Took (ms)", Align::Number),
        ("Why it did not succeed", Align::Text),
    ];
    let row = |attempt: &Attempt| {
        vec![
            instant(attempt.at),
            html! { @if let Some(status) = attempt.status { (status) } },
            html! { (attempt.took_ms) },
            html! { @match &attempt.reason { Some(reason) => (reason), None => "it did" } },
        ]
    };
    let rows: Vec<_> = attempts.iter().map(row).collect();
    table("Tries, oldest first", &columns, &rows)
}
