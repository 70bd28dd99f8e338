//! How things stand with the warehouse, and the list of runs, the newest first.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::warehouse::{Action, Status, Sync};
use onhand_engine::query::SyncFilter;

use super::super::form::Filling;
use super::super::parts::{
    Align, Tone, badge, card, choice, facts, instant, live, maybe_instant, nothing, pager, table,
};
use super::super::site::Page;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::forms::START;
use super::{PATH, SHORTFALLS, TABS, link, status};
use crate::http::problem::Problem;
use crate::http::warehouse::{Standing, how_it_stands};
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let wanted = wanted(&visit)?;
    let standing = how_it_stands(visit.app()).await?;
    let filter = SyncFilter { status: wanted };
    let found = visit.reader().syncs(filter, visit.after_row()?, ADMIN_ROWS).await?;
    let is_missing = !visit.reader().shortfalls(None, 1).await?.is_empty();
    let is_configured = visit.app().warehouse.is_some();
    let body = html! {
        (tabs("Warehouse", TABS, PATH))
        (live("standing", &stands(&visit, &standing, is_missing)))
        @if visit.visitor().may(Scope::StockWrite) && is_configured {
            (card("What can be done", &visit.form(&START, &Filling::default())))
        }
        (filters(wanted))
        (live("runs", &html! {
            @if found.rows.is_empty() {
                (nothing("There is no such run.", hint(is_configured)))
            } @else { (list(&found.rows)) }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Warehouse".to_owned(), section: PATH, body })
}

fn hint(is_configured: bool) -> &'static str {
    match is_configured {
        true => "The warehouse is asked when its time has come, or now with the form above.",
        false => "Start the server with --warehouse-url to have a warehouse asked.",
    }
}

/// The state that the query names.
fn wanted(visit: &Visit) -> Result<Option<Status>, Problem> {
    let Some(text) = visit.query().get("status") else { return Ok(None) };
    let wrong = || Problem::field("?status", "expected a state out of the list", text.into());
    Status::from_name(text).map(Some).ok_or_else(wrong)
}

fn stands(visit: &Visit, standing: &Standing, is_missing: bool) -> Markup {
    let source = visit.app().warehouse.as_ref().map(|plan| plan.warehouse.shown());
    facts(&[
        (
            "Asked at",
            html! { @match source {
                Some(source) => (source),
                None => (badge("nobody is asked", Tone::Plain)),
            } },
        ),
        ("Asked next", maybe_instant(standing.due_at)),
        (
            "Last answer",
            html! { @match standing.answered_at {
                Some(at) => { (instant(at)) span class="small" { " " (age(standing.age_s)) } },
                None => "none yet",
            } },
        ),
        (
            "Newest run",
            html! { @match &standing.newest {
                Some(run) => { (link(run.id)) " " (status(run)) },
                None => "none yet",
            } },
        ),
        (
            "Promised and not there",
            html! { @match is_missing {
                true => {
                    (badge("there is something", Tone::Bad)) " "
                    a href=(SHORTFALLS) { "Show" }
                },
                false => (badge("nothing", Tone::Good)),
            } },
        ),
    ])
}

/// How old an answer is, in words.
fn age(secs: Option<i64>) -> String {
    match secs.unwrap_or_default() {
        secs @ ..120 => format!("{secs} seconds ago"),
        secs @ 120..7_200 => format!("{} minutes ago", secs / 60),
        secs => format!("{} hours ago", secs / 3_600),
    }
}

fn filters(wanted: Option<Status>) -> Markup {
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                @let states = Status::ALL.iter().map(|status| (status.as_str(), status.as_str()));
                (choice(("State", "status"), "all", states, wanted.map_or("", Status::as_str)))
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

fn list(runs: &[Sync]) -> Markup {
    let columns = [
        ("Run", Align::Text),
        ("State", Align::Text),
        ("Began", Align::Text),
        ("By", Align::Text),
        ("Rows", Align::Number),
        ("Counted", Align::Number),
        ("Held", Align::Number),
        ("Short", Align::Number),
        ("Drift in units", Align::Number),
        ("What came of it", Align::Text),
    ];
    let rows: Vec<_> = runs.iter().map(row).collect();
    table("Runs, newest first", &columns, &rows)
}

fn row(run: &Sync) -> Vec<Markup> {
    let count = |action| html! { (run.count(action)) };
    vec![
        link(run.id),
        html! { (status(run)) @if run.only_reports() { " " (badge("dry", Tone::Plain)) } },
        instant(run.created_at),
        html! { (run.begun_by) },
        html! { (run.rows) },
        html! { (run.count(Action::Counted) + run.count(Action::Approved)) },
        count(Action::Held),
        count(Action::Shortfall),
        html! { (run.drift_units) },
        html! { @if let Some(outcome) = &run.outcome { (outcome) } },
    ]
}
