//! One location.

use maud::html;
use onhand_core::accounts::Scope;
use onhand_core::ids::LocationId;

use super::super::form::Filling;
use super::super::parts::{card, facts, instant, live};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::EDIT;
use super::{Places, SECTION, list};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: LocationId = visit.id("id")?;
    let places = Places::read(&visit).await?;
    let location = places.get(id);
    let location = location.ok_or_else(|| Problem::not_found(&format!("the location {id}")))?;
    let known = facts(&[
        ("State", list::state(location)),
        ("Code", html! { (location.code) }),
        ("Id", html! { code { (location.id) } }),
        ("Priority", html! { (location.priority) }),
        ("Created", instant(location.created_at)),
        ("Changed", instant(location.updated_at)),
        ("Stock", html! { a href={ "/admin/stock?location=" (id) } { "What lies here" } }),
    ]);
    let mut values =
        vec![("name", location.name.to_string()), ("priority", location.priority.to_string())];
    if location.active {
        values.push(("active", "yes".to_owned()));
    }
    let filling = Filling { version: Some(location.version), values, ..Filling::default() };
    let body = html! {
        (live("location", &known))
        @if visit.visitor().may(Scope::StockWrite) {
            (card("What can be done", &visit.form(&EDIT, &filling)))
        }
    };
    Ok(Page { title: location.name.to_string(), section: SECTION, body })
}
