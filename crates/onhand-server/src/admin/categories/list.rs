//! The list of categories, the newest first.

use std::collections::BTreeMap;

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::catalog::Category;
use onhand_core::ids::CategoryId;

use super::super::form::Filling;
use super::super::parts::{Align, card, instant, nothing, pager, table};
use super::super::products;
use super::super::site::Page;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::forms::CREATE;
use super::{PATH, SECTION, choices, link, offered};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let found = visit.reader().categories(visit.after_row()?, ADMIN_ROWS).await?;
    let parents: Vec<_> = found.rows.iter().filter_map(|category| category.parent_id).collect();
    let known = offered(&visit, &parents).await?;
    let filling =
        Filling { choices: vec![("parent_id", choices(&known, None))], ..Filling::default() };
    let body = html! {
        (tabs("Products", products::TABS, PATH))
        @if found.rows.is_empty() {
            (nothing("There is no category.", "Products need none. Make one below."))
        } @else { (list(&found.rows, &known)) }
        (pager(&visit, found.next))
        @if visit.visitor().may(Scope::CatalogWrite) {
            (card("What can be done", &visit.form(&CREATE, &filling)))
        }
    };
    Ok(Page { title: "Categories".to_owned(), section: SECTION, body })
}

fn list(categories: &[Category], known: &[Category]) -> Markup {
    let columns = [
        ("Category", Align::Text),
        ("Id", Align::Text),
        ("Below", Align::Text),
        ("Products", Align::Text),
        ("Changed", Align::Text),
    ];
    let names: BTreeMap<CategoryId, &Category> = known.iter().map(|one| (one.id, one)).collect();
    let row = |category: &Category| {
        let parent = category.parent_id.and_then(|id| names.get(&id));
        vec![
            link(category),
            html! { code { (category.id) } },
            html! { @if let Some(parent) = parent { (link(parent)) } },
            html! { a href={ "/admin/products?category=" (category.id) } { "Show" } },
            instant(category.updated_at),
        ]
    };
    let rows: Vec<_> = categories.iter().map(row).collect();
    table("Categories, newest first", &columns, &rows)
}
