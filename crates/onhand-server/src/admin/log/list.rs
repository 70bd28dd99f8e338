//! The log, newest first, by type, object and who asked. A filter looks through a bounded part of
//! the log at a time: where it finds little, the next page goes on.

use maud::{Markup, html};
use onhand_core::Actor;
use onhand_core::events::TYPES;
use onhand_engine::query::{EventRow, LogFilter};

use super::super::fields::Fields;
use super::super::parts::{Align, choice, instant, live, nothing, pager, table};
use super::super::site::Page;
use super::super::users;
use super::super::visit::Visit;
use super::{PATH, about};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let filter = filter(visit.query())?;
    let found = visit.reader().log(filter, visit.after_row()?, ADMIN_ROWS).await?;
    let columns = [
        ("Event", Align::Number),
        ("When", Align::Text),
        ("What", Align::Text),
        ("About", Align::Text),
        ("By", Align::Text),
    ];
    let rows: Vec<_> = found.rows.iter().map(row).collect();
    let body = html! {
        (filters(visit.query()))
        (live("log", &html! {
            @if rows.is_empty() && found.next.is_some() {
                (nothing("Nothing is like that in this part of the log.",
                    "The next page looks through the part before it."))
            } @else if rows.is_empty() {
                (nothing("No event is like that.", "Leave out a filter to see all that happened."))
            } @else {
                (table("Events, newest first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Audit log".to_owned(), section: PATH, body })
}

fn filter(query: &Fields) -> Result<LogFilter, Problem> {
    let mut filter = LogFilter::default();
    if let Some(text) = query.get("type") {
        let known = TYPES.iter().find(|kind| **kind == text);
        let wrong = || Problem::field("?type", "expected a type out of the list", text.into());
        filter.kinds.push((*known.ok_or_else(wrong)?).to_owned());
    }
    if let Some(text) = query.get("about") {
        let expected = "expected an id like ord_42, prd_7, usr_5";
        let wrong = || Problem::field("?about", expected, text.into());
        filter.subject = Some(about::subject(text).ok_or_else(wrong)?);
    }
    filter.actor = query.get("actor").map(Actor::from_stored);
    Ok(filter)
}

fn filters(query: &Fields) -> Markup {
    let value = |name| query.get(name).unwrap_or_default();
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                (choice(("Type", "type"), "all", TYPES.iter().map(|kind| (*kind, *kind)),
                    value("type")))
                label { "About" input type="text" name="about" value=(value("about"))
                    placeholder="ord_42, prd_7, usr_5" size="14"; }
                label { "By" input type="text" name="actor" value=(value("actor"))
                    placeholder="usr_5, key_7, system" size="14"; }
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

/// Who asked for it.
pub(super) fn by(actor: &Actor) -> Markup {
    match actor {
        Actor::User(id) => users::link(*id),
        Actor::System | Actor::Local | Actor::Key(_) | Actor::Other(_) => html! { (actor) },
    }
}

fn row(event: &EventRow) -> Vec<Markup> {
    vec![
        html! { a href={ (PATH) "/" (event.seq) } { (event.seq) } },
        instant(event.recorded_at),
        html! { code { (event.kind) } },
        about::shown(&event.body),
        by(&event.actor),
    ]
}
