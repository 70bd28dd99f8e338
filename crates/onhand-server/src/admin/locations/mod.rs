//! Locations: the places where stock is kept, in the order in which orders are sourced from them.
//! Other pages ask here what a location is called.

mod detail;
mod forms;
mod list;

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::LocationId;
use onhand_core::inventory::Location;

use super::site::Site;
use super::visit::Visit;
use crate::http::problem::Problem;
use crate::limits::ADMIN_CHOICES_MAX;

/// Where they are.
pub(super) const PATH: &str = "/admin/locations";
/// The section of the navigation that they are a part of.
const SECTION: &str = "/admin/stock";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::StockRead, forms::OF_LIST, list::page).page(
        "/admin/locations/{id}",
        Scope::StockRead,
        forms::OF_ONE,
        detail::page,
    )
}

/// All locations.
#[derive(Debug)]
pub(super) struct Places(Vec<Location>);

impl Places {
    pub(super) async fn read(visit: &Visit) -> Result<Self, Problem> {
        Ok(Self(visit.reader().locations().await?))
    }

    /// All, in the order in which orders are sourced.
    pub(super) fn all(&self) -> &[Location] {
        &self.0
    }

    pub(super) fn get(&self, id: LocationId) -> Option<&Location> {
        self.0.iter().find(|location| location.id == id)
    }

    /// What a location is called.
    pub(super) fn name(&self, id: LocationId) -> String {
        self.get(id).map_or_else(|| id.to_string(), |location| location.name.to_string())
    }

    /// A link to a location.
    pub(super) fn link(&self, id: LocationId) -> Markup {
        html! { a href={ (PATH) "/" (id) } { (self.name(id)) } }
    }

    /// The location that the query names, by id or code; none where it names none.
    ///
    /// # Errors
    /// 422 where there is no such location.
    pub(super) fn asked(&self, visit: &Visit) -> Result<Option<&Location>, Problem> {
        let Some(text) = visit.query().get("location") else { return Ok(None) };
        let id = text.parse::<LocationId>().ok();
        let found = match id {
            Some(id) => self.get(id),
            None => self.0.iter().find(|location| location.code.as_str() == text),
        };
        let wrong = || Problem::field("?location", "expected the id or code of one", text.into());
        found.map(Some).ok_or_else(wrong)
    }

    /// Locations to choose from: ids and what they are called, as many as are offered.
    pub(super) fn choices(&self) -> Vec<(String, String)> {
        let of = |location: &Location| (location.id.to_string(), location.name.to_string());
        self.0.iter().take(ADMIN_CHOICES_MAX).map(of).collect()
    }

    /// Whether there are more than are offered.
    pub(super) fn are_many(&self) -> bool {
        self.0.len() > ADMIN_CHOICES_MAX
    }

    /// A field of a filter in which one is chosen. Where there are many it is named.
    pub(super) fn field(&self, chosen: Option<LocationId>, none: Option<&str>) -> Markup {
        let chosen = chosen.map(|id| id.to_string()).unwrap_or_default();
        html! {
            label { "Location"
                @if self.are_many() {
                    input type="text" name="location" value=(chosen) size="12"
                        placeholder="loc_1, its code";
                } @else {
                    select name="location" {
                        @if let Some(none) = none { option value="" { (none) } }
                        @for (id, name) in self.choices() {
                            option value=(id) selected[id == chosen] { (name) }
                        }
                    }
                }
            }
        }
    }
}
