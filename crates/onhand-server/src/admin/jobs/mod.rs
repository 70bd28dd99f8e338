//! Background work: who reads the log and what died (`queues.rs`), all jobs (`list.rs`), one of
//! them with its tries (`detail.rs`), and what is done from time to time (`schedules.rs`).

mod detail;
mod forms;
mod list;
mod queues;
mod schedules;

pub(super) use list::{state_in, states};

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::JobId;
use onhand_core::jobs::{Job, JobState, Queue};

use super::form::Filling;
use super::parts::{Align, Column, Tone, badge, instant, table};
use super::site::Site;
use super::tabs::tabs;
use super::visit::Visit;

pub(super) const PATH: &str = "/admin/jobs";
const LIST: &str = "/admin/jobs/list";
const SCHEDULES: &str = "/admin/jobs/schedules";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::EventsRead, forms::OF_JOB, queues::page)
        .page(LIST, Scope::EventsRead, &[], list::page)
        .page(SCHEDULES, Scope::EventsRead, forms::OF_SCHEDULES, schedules::page)
        .page("/admin/jobs/{id}", Scope::EventsRead, forms::OF_JOB, detail::page)
}

/// The lists of this section.
fn lists(here: &str) -> Markup {
    const LISTS: &[(&str, &str)] = &[(PATH, "Queues"), (LIST, "Jobs"), (SCHEDULES, "Schedules")];
    tabs("Background work", LISTS, here)
}

/// A link to a job.
pub(super) fn link(id: JobId) -> Markup {
    html! { a href={ (PATH) "/" (id) } { (id) } }
}

/// A queue; that of an endpoint leads to it.
pub(super) fn queue(queue: Queue) -> Markup {
    match queue {
        Queue::Webhook(id) => super::webhooks::link(id),
        Queue::Processing | Queue::Mail | Queue::Relay => html! { (queue) },
    }
}

/// Where a job is.
pub(super) fn state(state: JobState) -> Markup {
    let tone = match state {
        JobState::Waiting => Tone::Busy,
        JobState::Done => Tone::Good,
        JobState::Dead => Tone::Bad,
        JobState::Skipped => Tone::Plain,
    };
    badge(state.as_str(), tone)
}

/// What came of the newest try.
fn last_try(job: &Job) -> Markup {
    let Some(attempt) = job.attempts.last() else { return html! { "—" } };
    html! {
        @if let Some(status) = attempt.status { code { (status) } " " }
        @match &attempt.reason {
            Some(reason) => (reason),
            None => "done",
        }
    }
}

const COLUMNS: [Column; 8] = [
    ("Job", Align::Text),
    ("Queue", Align::Text),
    ("What", Align::Text),
    ("About", Align::Text),
    ("State", Align::Text),
    ("Tries", Align::Number),
    ("Due, or ended", Align::Text),
    ("The last time", Align::Text),
];

fn cells(job: &Job) -> Vec<Markup> {
    vec![
        link(job.id),
        queue(job.queue),
        html! { (job.about) },
        html! { @if let Some(lane) = &job.lane { (lane) } },
        state(job.state),
        html! { (job.tries) },
        instant(job.due_at),
        last_try(job),
    ]
}

/// Jobs in a table.
pub(super) fn shown(caption: &str, jobs: &[Job]) -> Markup {
    let rows: Vec<_> = jobs.iter().map(cells).collect();
    table(caption, &COLUMNS, &rows)
}

/// Dead letters in a table, with what can be done about each.
fn shown_dead(visit: &Visit, jobs: &[Job]) -> Markup {
    let mut columns = COLUMNS.to_vec();
    columns.push(("What can be done", Align::Text));
    let row = |job: &Job| {
        let mut row = cells(job);
        row.push(actions(visit, job));
        row
    };
    let rows: Vec<_> = jobs.iter().map(row).collect();
    table("Dead letters, newest first", &columns, &rows)
}

/// What can be done about a job: something, when it is dead.
fn actions(visit: &Visit, job: &Job) -> Markup {
    let can = job.state == JobState::Dead && visit.visitor().may(Scope::WebhooksWrite);
    let hidden = || vec![("job", job.id.to_string())];
    html! {
        @if can {
            div class="actions" {
                @for form in forms::OF_JOB {
                    (visit.form(form, &Filling { hidden: hidden(), ..Filling::default() }))
                }
            }
        }
    }
}
