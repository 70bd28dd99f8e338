//! The rows of a run: what the warehouse said of one product each, what we had, what came of it.

use maud::{Markup, html};
use onhand_core::warehouse::{Action, RowsKept, Sync, SyncRow};

use super::super::form::Filling;
use super::super::locations::Places;
use super::super::parts::{Align, instant, nothing, table};
use super::super::stock;
use super::super::visit::Visit;
use super::action;
use super::forms::{APPROVE_ROW, REJECT_ROW};

pub(super) fn shown(
    visit: &Visit,
    run: &Sync,
    rows: &[SyncRow],
    places: &Places,
    may_decide: bool,
) -> Markup {
    html! {
        @if rows.is_empty() { (none(run)) }
        @else { (list(visit, rows, places, may_decide)) }
    }
}

fn none(run: &Sync) -> Markup {
    match run.rows_kept {
        RowsKept::All => {
            nothing("No row is like that.", "The warehouse has said nothing of this kind.")
        }
        RowsKept::Some | RowsKept::None => {
            nothing("The rows are forgotten.", "They are kept for a while after the end of a run.")
        }
    }
}

fn list(visit: &Visit, rows: &[SyncRow], places: &Places, may_decide: bool) -> Markup {
    let columns = [
        ("Row", Align::Number),
        ("Sent", Align::Text),
        ("Product", Align::Text),
        ("Where", Align::Text),
        ("Theirs", Align::Number),
        ("Ours", Align::Number),
        ("Difference", Align::Number),
        ("Reserved", Align::Number),
        ("What came of it", Align::Text),
        ("Why", Align::Text),
        ("Decision", Align::Text),
    ];
    let rows: Vec<_> = rows.iter().map(|row| cells(visit, row, places, may_decide)).collect();
    table("Rows of the run", &columns, &rows)
}

fn cells(visit: &Visit, row: &SyncRow, places: &Places, may_decide: bool) -> Vec<Markup> {
    let units = |units: Option<i64>| html! { @if let Some(units) = units { (units) } };
    let difference = row.difference().filter(|units| *units != 0);
    vec![
        html! { (row.row) },
        html! { (row.sent) },
        html! { @if let Some(sku) = &row.sku { (stock::link(sku)) } },
        html! { @if let Some(id) = row.location_id { (places.link(id)) } },
        units(row.theirs),
        units(row.ours),
        html! { @if let Some(difference) = difference { strong { (format!("{difference:+}")) } } },
        units(row.reserved),
        html! { (action(row.action))
        @if let Some(missing) = row.missing { " " (missing) " missing" } },
        html! { @if let Some(reason) = &row.reason { (reason) } },
        decision(visit, row, may_decide),
    ]
}

fn decision(visit: &Visit, row: &SyncRow, may_decide: bool) -> Markup {
    if may_decide && row.action == Action::Held {
        let hidden = || vec![("row", row.row.to_string())];
        let filling = || Filling { hidden: hidden(), ..Filling::default() };
        return html! {
            (visit.button(&APPROVE_ROW, &filling()))
            (visit.button(&REJECT_ROW, &filling()))
        };
    }
    html! {
        @if let Some(actor) = &row.decided_by { (actor) " " }
        @if let Some(at) = row.decided_at { (instant(at)) }
    }
}
