//! One import: what came of its rows, those that were not taken over and why, and, of a dry run,
//! what the first rows would change.

use maud::{Markup, html};
use onhand_core::ids::ImportId;
use onhand_core::imports::{Difference, Fault, Import, ImportRow};

use super::super::locations::Places;
use super::super::parts::{Align, Tone, badge, card, facts, instant, live, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{SECTION, state};
use crate::http::problem::Problem;
use crate::http::wire::imports::RowErrorView;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: ImportId = visit.id("id")?;
    let found = visit.reader().import(id).await?;
    let found = found.ok_or_else(|| Problem::not_found(&format!("the import {id}")))?;
    let places = Places::read(&visit).await?;
    let ImportRow { import, faults, differences } = &found;
    let body = live(
        "import",
        &html! {
            (overview(import, &places))
            @if !faults.is_empty() {
                (card("Rows that were not taken over", &wrong(import, faults)))
            }
            @if !differences.is_empty() {
                (card("What the rows would change", &changes(differences)))
            }
        },
    );
    Ok(Page { title: format!("Import {id}"), section: SECTION, body })
}

fn overview(import: &Import, places: &Places) -> Markup {
    let mut told = vec![
        (
            "State",
            html! { (state(import))
            @if import.plan.dry_run { " " (badge("dry run: nothing is kept", Tone::Plain)) } },
        ),
        ("Of", html! { (import.plan.kind.as_str()) ", " (import.plan.format) }),
        ("Begun", html! { (instant(import.created_at)) " by " (import.actor) }),
        ("Changed", instant(import.updated_at)),
        ("Rows taken", html! { (import.position.rows) " (" (import.position.bytes) " bytes)" }),
        ("Created", html! { (import.tally.created) }),
        ("Updated", html! { (import.tally.updated) }),
        ("Unchanged", html! { (import.tally.unchanged) }),
        ("Not taken over", html! { (import.tally.failed) }),
        ("Movements", html! { (import.tally.counted) }),
    ];
    if let Some(currency) = import.plan.currency {
        told.push(("Prices without a currency", html! { (currency) }));
    }
    if let Some(id) = import.plan.location_id {
        told.push(("Rows without a location", places.link(id)));
    }
    if !import.plan.ignored.is_empty() {
        told.push(("Columns not read", html! { (import.plan.ignored.join(", ")) }));
    }
    if let Some(failure) = &import.failure {
        told.push(("Given up because", html! { (failure) }));
    }
    facts(&told)
}

fn wrong(import: &Import, faults: &[Fault]) -> Markup {
    let columns = [
        ("Line", Align::Number),
        ("SKU", Align::Text),
        ("Column", Align::Text),
        ("What is there", Align::Text),
        ("What is wrong", Align::Text),
        ("Code", Align::Text),
    ];
    let row = |fault: &Fault| {
        let told = RowErrorView::of(fault);
        let text = |text: Option<&str>| html! { @if let Some(text) = text { (text) } };
        vec![
            html! { (told.line) },
            text(told.sku),
            text(told.column),
            html! { @if let Some(value) = told.value { code { (value) } } },
            html! { (told.detail) },
            html! { code { (told.code) } },
        ]
    };
    let rows: Vec<_> = faults.iter().map(row).collect();
    html! {
        (table("Rows that were not taken over", &columns, &rows))
        @if import.tally.failed > faults.len() as u64 {
            p class="small" { "These are the first of " (import.tally.failed) "." }
        }
    }
}

fn changes(differences: &[Difference]) -> Markup {
    let columns = [
        ("Line", Align::Number),
        ("SKU", Align::Text),
        ("What", Align::Text),
        ("Fields", Align::Text),
    ];
    let row = |one: &Difference| {
        vec![
            html! { (one.line) },
            html! { (one.sku) },
            html! { @if one.is_new { "create" } @else { "update" } },
            html! {
                @for field in &one.fields {
                    div {
                        (field.field) ": "
                        @if let Some(from) = &field.from { (from) " → " }
                        (field.to)
                    }
                }
            },
        ]
    };
    let rows: Vec<_> = differences.iter().map(row).collect();
    table("What the first rows would change", &columns, &rows)
}
