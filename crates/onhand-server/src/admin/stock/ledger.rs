//! The ledger of a product: every movement, newest first, with its reason, who asked for it, when
//! it happened and when it was written down.

use maud::{Markup, html};
use onhand_core::ids::OrderId;
use onhand_core::inventory::{Movement, MovementKind};

use super::super::locations::Places;
use super::super::orders;
use super::super::parts::{Align, Tone, badge, encoded, instant, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::PATH;
use crate::http::catalog::product_ref;
use crate::http::problem::Problem;
use crate::http::stock::{cursor_of, heads};
use crate::limits::ADMIN_ROWS;

/// What begins a ledger.
const HINT: &str = "An adjustment or a count on the page of the stock begins it.";

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let reference = product_ref(visit.param("sku"))?;
    let places = Places::read(&visit).await?;
    let after = visit.query().get("after").map(|text| heads("?after", text)).transpose()?;
    let found = visit.reader().movements(reference.clone(), after, ADMIN_ROWS).await?;
    let (rows, heads) = found.ok_or_else(|| Problem::unknown(&reference))?;
    let sku = visit.param("sku");
    let stock = format!("{PATH}/{}", encoded(sku));
    let body = html! {
        p { a href=(stock) { "Back to the stock of " (sku) } }
        @if rows.is_empty() {
            (nothing("Nothing has moved.", HINT))
        } @else { (list(&rows, &places, &stock)) }
        (pager(&visit, cursor_of(&heads)))
    };
    Ok(Page { title: format!("Ledger of {sku}"), section: PATH, body })
}

/// Movements; `stock` is the path of the page on which the stock of their product is shown, now and
/// in the past.
pub(super) fn list(movements: &[Movement], places: &Places, stock: &str) -> Markup {
    let columns = [
        ("No.", Align::Number),
        ("Written down", Align::Text),
        ("Happened", Align::Text),
        ("What", Align::Text),
        ("Units", Align::Number),
        ("Promised", Align::Number),
        ("On hand then", Align::Number),
        ("Reserved then", Align::Number),
        ("Where", Align::Text),
        ("Reason", Align::Text),
        ("Reference", Align::Text),
        ("By", Align::Text),
    ];
    let row = |movement: &Movement| {
        let then = format!("{stock}?as_of={}&clock=recorded", movement.recorded_at);
        vec![
            html! { (movement.seq) },
            html! {
                a href=(then) title="The stock as it was then" { (instant(movement.recorded_at)) }
            },
            html! { @if movement.occurred_at == movement.recorded_at { "then" }
            @else { (instant(movement.occurred_at)) } },
            badge(movement.kind.as_str(), tone(movement.kind)),
            signed(movement.delta_on_hand),
            signed(movement.delta_reserved),
            html! { (movement.on_hand_after) },
            html! { (movement.reserved_after) },
            places.link(movement.location_id),
            html! { (movement.reason) },
            html! { @if let Some(reference) = &movement.reference {
                (shown_reference(reference.as_str()))
            } },
            html! { (movement.actor) },
        ]
    };
    let rows: Vec<_> = movements.iter().map(row).collect();
    table("The ledger, newest first", &columns, &rows)
}

/// What something belongs to: an order of ours is a link.
pub(super) fn shown_reference(text: &str) -> Markup {
    match text.parse::<OrderId>() {
        Ok(id) => orders::link(id),
        Err(_) => html! { (text) },
    }
}

/// A change with its sign; nothing where nothing has changed.
fn signed(units: i64) -> Markup {
    html! { @if units != 0 { (format!("{units:+}")) } }
}

fn tone(kind: MovementKind) -> Tone {
    match kind {
        MovementKind::Received | MovementKind::Returned => Tone::Good,
        MovementKind::Reserved => Tone::Busy,
        MovementKind::Sold
        | MovementKind::Adjusted
        | MovementKind::Counted
        | MovementKind::Transferred
        | MovementKind::Released
        | MovementKind::Expired => Tone::Plain,
    }
}
