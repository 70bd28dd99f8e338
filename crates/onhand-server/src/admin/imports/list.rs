//! The list of imports, the newest first.

use maud::{Markup, html};
use onhand_core::imports::Import;

use super::super::parts::{Align, Tone, badge, instant, live, nothing, pager, table};
use super::super::site::Page;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::super::warehouse;
use super::{PATH, SECTION, state};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

/// How one comes here.
const HINT: &str = "Send one to POST /v1/imports, or run onhand import.";

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let found = visit.reader().imports(visit.after_row()?, ADMIN_ROWS).await?;
    let body = html! { (tabs("Warehouse", warehouse::TABS, PATH)) (live("imports", &html! {
        @if found.rows.is_empty() {
            (nothing("No file was ever imported.", HINT))
        } @else { (list(&found.rows)) }
        (pager(&visit, found.next))
    })) };
    Ok(Page { title: "Imports".to_owned(), section: SECTION, body })
}

fn list(imports: &[Import]) -> Markup {
    let columns = [
        ("Import", Align::Text),
        ("State", Align::Text),
        ("Of", Align::Text),
        ("Begun", Align::Text),
        ("By", Align::Text),
        ("Rows", Align::Number),
        ("Created", Align::Number),
        ("Updated", Align::Number),
        ("Unchanged", Align::Number),
        ("Not taken over", Align::Number),
    ];
    let row = |import: &Import| {
        vec![
            html! { a href={ (PATH) "/" (import.id) } { (import.id) } },
            html! { (state(import))
            @if import.plan.dry_run { " " (badge("dry", Tone::Plain)) } },
            html! { (import.plan.kind.as_str()) ", " (import.plan.format) },
            instant(import.created_at),
            html! { (import.actor) },
            html! { (import.position.rows) },
            html! { (import.tally.created) },
            html! { (import.tally.updated) },
            html! { (import.tally.unchanged) },
            html! { (import.tally.failed) },
        ]
    };
    let rows: Vec<_> = imports.iter().map(row).collect();
    table("Imports, newest first", &columns, &rows)
}
