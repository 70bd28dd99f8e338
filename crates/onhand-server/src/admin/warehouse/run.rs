//! One run: what it was allowed, what came of it, and what is held for somebody to decide about.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::SyncId;
use onhand_core::warehouse::{Action, Policy, Status, Sync};
use onhand_engine::query::SyncRowFilter;

use super::super::form::Filling;
use super::super::locations::Places;
use super::super::parts::{Tone, badge, card, facts, instant, live, maybe_instant, pager};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::{APPROVE, REJECT};
use super::{PATH, action, rows, status};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let sync_id: SyncId = visit.id("id")?;
    let run = visit.reader().sync(sync_id).await?;
    let run = run.ok_or_else(|| Problem::not_found(&format!("the run {sync_id}")))?;
    let wanted = wanted(&visit)?;
    let filter = SyncRowFilter { sync_id, action: wanted };
    let found = visit.reader().sync_rows(filter, after(&visit)?, ADMIN_ROWS).await?;
    let places = Places::read(&visit).await?;
    let may = visit.visitor().may(Scope::StockWrite);
    let may_decide = may && run.status == Status::Held && !run.is_guarded();
    let body = html! {
        (live("run", &html! { (held(&run)) (overview(&run, &places)) }))
        @if may && run.status == Status::Held {
            (card("What can be done", &html! {
                div class="actions" {
                    (visit.form(&APPROVE, &Filling::default()))
                    (visit.form(&REJECT, &Filling::default()))
                }
            }))
        }
        (live("rows", &html! {
            (by_action(&visit, &run, wanted))
            (rows::shown(&visit, &run, &found.rows, &places, may_decide))
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: format!("Run {sync_id}"), section: PATH, body })
}

/// What came of the rows that the query names.
fn wanted(visit: &Visit) -> Result<Option<Action>, Problem> {
    let Some(text) = visit.query().get("action") else { return Ok(None) };
    let wrong = || Problem::field("?action", "expected what a link of this page says", text.into());
    Action::from_name(text).map(Some).ok_or_else(wrong)
}

/// The row behind which the page begins.
fn after(visit: &Visit) -> Result<Option<u32>, Problem> {
    let Some(row) = visit.after_row()? else { return Ok(None) };
    let expected = "expected what a link of this list says";
    u32::try_from(row).map(Some).map_err(|_| Problem::field("?after", expected, row.into()))
}

/// Why somebody has to look at it.
fn held(run: &Sync) -> Markup {
    let Some(guard) = &run.guard else { return html! {} };
    html! {
        @if run.is_guarded() {
            div class="alert bad" role="status" {
                p { strong { "All of this run is held." } }
                p { "It would empty " (guard.emptied) " of the " (guard.stocked)
                    " rows of which we have stock. Nothing of it was counted. Approve it only if \
                     the warehouse is right." }
            }
        }
    }
}

fn overview(run: &Sync, places: &Places) -> Markup {
    let mut told = vec![
        (
            "State",
            html! {
                (status(run)) @if run.only_reports() { " " (badge("only tells", Tone::Plain)) }
            },
        ),
        ("Began", instant(run.created_at)),
        ("Figures of", instant(run.as_of)),
        ("Ended", maybe_instant(run.ended_at)),
        ("Begun by", html! { (run.begun_by) " (" (run.trigger.as_str()) ")" }),
        ("Rows received", html! { (run.rows) }),
        ("Drift", html! { (run.drift_units) " units" }),
        ("Where, unless a row says", places.link(run.location_id)),
        ("May do", policy(&run.policy)),
    ];
    if let Some(source) = &run.source {
        told.push(("Asked at", html! { (source) }));
    }
    if let Some(actor) = &run.decided_by {
        told.push(("Decided by", html! { (actor) }));
    }
    if let Some(outcome) = &run.outcome {
        told.push(("What came of it", html! { (outcome) }));
    }
    facts(&told)
}

fn policy(policy: &Policy) -> Markup {
    html! {
        (policy.mode.as_str().replace('_', " "))
        @if let Some(units) = policy.hold_units {
            "; holds rows that differ by more than " (units) " units"
        }
        @if let Some(percent) = policy.hold_percent { "; or by more than " (percent) " %" }
        "; shortfalls: " (policy.shortfall.as_str().replace('_', " "))
    }
}

/// How many rows there are of each kind, and the way to those.
fn by_action(visit: &Visit, run: &Sync, wanted: Option<Action>) -> Markup {
    let counts = run.counts.iter().filter(|(_, rows)| **rows > 0);
    html! {
        nav aria-label="Rows by what came of them" class="pager" {
            a href=(visit.path()) aria-current=[wanted.is_none().then_some("true")] { "All rows" }
            @for (one, rows) in counts {
                a href={ (visit.path()) "?action=" (one.as_str()) }
                    aria-current=[(wanted == Some(*one)).then_some("true")] {
                    (action(*one)) " " (rows)
                }
            }
        }
    }
}
