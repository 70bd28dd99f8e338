//! The list of locations, in the order in which orders are sourced from them.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::LocationId;
use onhand_core::inventory::Location;

use super::super::form::Filling;
use super::super::parts::{Align, Tone, badge, card, instant, nothing, pager, table};
use super::super::site::Page;
use super::super::stock;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::forms::CREATE;
use super::{PATH, Places, SECTION};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let places = Places::read(&visit).await?;
    let shown = behind(&visit, places.all())?;
    let next = (shown.len() > ADMIN_ROWS).then(|| shown.get(ADMIN_ROWS - 1)).flatten();
    let next = next.map(|location| location.id);
    let shown = shown.get(..ADMIN_ROWS).unwrap_or(shown);
    let body = html! {
        (tabs("Stock", stock::TABS, PATH))
        @if shown.is_empty() {
            (nothing("There is no location.", "Stock lies at one: make the first below."))
        } @else { (list(shown)) }
        (pager(&visit, next))
        @if visit.visitor().may(Scope::StockWrite) {
            @let values = vec![("priority", "0".to_owned()), ("active", "yes".to_owned())];
            @let filling = Filling { values, ..Filling::default() };
            (card("What can be done", &visit.form(&CREATE, &filling)))
        }
    };
    Ok(Page { title: "Locations".to_owned(), section: SECTION, body })
}

/// The locations behind the one that the address names.
fn behind<'a>(visit: &Visit, all: &'a [Location]) -> Result<&'a [Location], Problem> {
    let Some(text) = visit.query().get("after") else { return Ok(all) };
    let id = text.parse::<LocationId>().ok();
    let at = all.iter().position(|location| Some(location.id) == id);
    let expected = "expected what a link of this list says";
    let at = at.ok_or_else(|| Problem::field("?after", expected, text.into()))?;
    Ok(all.get(at + 1..).unwrap_or_default())
}

fn list(locations: &[Location]) -> Markup {
    let columns = [
        ("Location", Align::Text),
        ("Code", Align::Text),
        ("Id", Align::Text),
        ("Priority", Align::Number),
        ("State", Align::Text),
        ("Changed", Align::Text),
    ];
    let row = |location: &Location| {
        vec![
            html! { a href={ (PATH) "/" (location.id) } { (location.name) } },
            html! { (location.code) },
            html! { code { (location.id) } },
            html! { (location.priority) },
            state(location),
            instant(location.updated_at),
        ]
    };
    let rows: Vec<_> = locations.iter().map(row).collect();
    table("Locations, in the order in which they are asked", &columns, &rows)
}

/// Whether stock is sold from a location.
pub(super) fn state(location: &Location) -> Markup {
    match location.active {
        true => badge("sells", Tone::Good),
        false => badge("does not sell", Tone::Plain),
    }
}
