//! Who reads the log, how far each is, and what died: the page on which somebody begins who was
//! told of a dead letter.

use maud::{Markup, html};
use onhand_core::jobs::{Consumer, JobState};
use onhand_engine::query::JobFilter;

use super::super::parts::{Align, card, instant, live, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, lists, queue, shown_dead};
use crate::http::problem::Problem;
use crate::limits::ADMIN_FORM_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let filter = JobFilter { state: Some(JobState::Dead), queue: None };
    let dead = visit.reader().jobs(filter, visit.after_row()?, ADMIN_FORM_ROWS).await?;
    let consumers = visit.reader().consumers().await?;
    let position = visit.reader().position().await?;
    let body = html! {
        (lists(PATH))
        (live("queues", &card("Queues", &queues(&consumers, position))))
        (live("dead", &card("Dead letters", &html! {
            @if dead.rows.is_empty() {
                (nothing("Nothing was given up.",
                    "A job that was tried too often waits here for somebody."))
            } @else {
                (shown_dead(&visit, &dead.rows))
            }
            (pager(&visit, dead.next))
        })))
    };
    Ok(Page { title: "Background work".to_owned(), section: PATH, body })
}

fn queues(consumers: &[Consumer], position: i64) -> Markup {
    if consumers.is_empty() {
        return nothing(
            "Nobody reads the log.",
            "Workers begin with `onhand serve`, unless they are switched off.",
        );
    }
    let columns = [
        ("Queue", Align::Text),
        ("Has read up to", Align::Number),
        ("Behind by", Align::Number),
        ("Jobs that wait", Align::Number),
        ("Replays", Align::Text),
        ("Moved", Align::Text),
    ];
    let row = |one: &Consumer| {
        vec![
            queue(one.queue),
            html! { (one.cursor) },
            html! { (position.saturating_sub(one.cursor).max(0)) },
            html! { (one.open) },
            html! { @if let Some((at, to)) = one.replay { "event " (at) " of up to " (to) } },
            instant(one.updated_at),
        ]
    };
    let rows: Vec<_> = consumers.iter().map(row).collect();
    html! {
        p class="hint" { "The newest event of the log is " (position) "." }
        (table("Who reads the log", &columns, &rows))
    }
}
