//! All jobs that are kept, newest first, by queue and state.

use maud::{Markup, html};
use onhand_core::jobs::{JobState, Queue};
use onhand_engine::query::JobFilter;

use super::super::parts::{choice, live, nothing, pager};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{LIST, PATH, lists, shown};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let filter = filter(&visit)?;
    let found = visit.reader().jobs(filter, visit.after_row()?, ADMIN_ROWS).await?;
    let body = html! {
        (lists(LIST))
        (filters(filter))
        (live("jobs", &html! {
            @if found.rows.is_empty() {
                (nothing("No job is like that.",
                    "Jobs follow from events, and are forgotten some days after they ended."))
            } @else {
                (shown("Jobs, newest first", &found.rows))
            }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Jobs".to_owned(), section: PATH, body })
}

fn filter(visit: &Visit) -> Result<JobFilter, Problem> {
    let queue = match visit.query().get("queue") {
        None => None,
        Some(text) => {
            let wrong = |error| Problem::field("?queue", format!("{error}"), text.into());
            Some(text.parse::<Queue>().map_err(wrong)?)
        }
    };
    Ok(JobFilter { queue, state: state_in(visit)? })
}

/// The state that the address names.
pub(in super::super) fn state_in(visit: &Visit) -> Result<Option<JobState>, Problem> {
    let Some(text) = visit.query().get("status") else { return Ok(None) };
    let wrong = || Problem::field("?status", "expected a state out of the list", text.into());
    Ok(Some(JobState::from_name(text).ok_or_else(wrong)?))
}

/// To choose a state from.
pub(in super::super) fn states(chosen: Option<JobState>) -> Markup {
    html! {
        @let states = JobState::ALL.iter().map(|one| (one.as_str(), one.as_str()));
        (choice(("State", "status"), "all", states, chosen.map_or("", JobState::as_str)))
    }
}

fn filters(filter: JobFilter) -> Markup {
    let queue = filter.queue.map(|queue| queue.to_string()).unwrap_or_default();
    html! {
        search {
            form class="filters" method="get" action=(LIST) {
                label { "Queue" input type="text" name="queue" value=(queue)
                    placeholder="mail, processing, whe_7"; }
                (states(filter.state))
                button type="submit" { "Show" }
                a class="button quiet" href=(LIST) { "All" }
            }
        }
    }
}
