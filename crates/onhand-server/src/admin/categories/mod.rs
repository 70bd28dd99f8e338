//! Categories: what products are filed under. They form a tree.

mod detail;
mod forms;
mod list;

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::catalog::Category;
use onhand_core::ids::CategoryId;

use super::site::Site;
use super::visit::Visit;
use crate::http::problem::Problem;
use crate::limits::ADMIN_CHOICES_MAX;

/// Where they are.
pub(super) const PATH: &str = "/admin/categories";
/// The section of the navigation that they are a part of.
const SECTION: &str = "/admin/products";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::CatalogRead, forms::OF_LIST, list::page).page(
        "/admin/categories/{id}",
        Scope::CatalogRead,
        forms::OF_ONE,
        detail::page,
    )
}

/// A link to a category.
pub(super) fn link(category: &Category) -> Markup {
    html! { a href={ (PATH) "/" (category.id) } { (category.name) } }
}

/// Categories to choose from: the newest, as many as are offered, and those that are chosen.
pub(super) async fn offered(
    visit: &Visit,
    chosen: &[CategoryId],
) -> Result<Vec<Category>, Problem> {
    let mut known = visit.reader().categories(None, ADMIN_CHOICES_MAX).await?.rows;
    for id in chosen {
        if known.iter().all(|category| category.id != *id) {
            known.extend(visit.reader().category(*id).await?);
        }
    }
    Ok(known)
}

/// The same as choices of a field, without one of them.
fn choices(known: &[Category], without: Option<CategoryId>) -> Vec<(String, String)> {
    let others = known.iter().filter(|category| Some(category.id) != without);
    others.map(|category| (category.id.to_string(), category.name.to_string())).collect()
}
