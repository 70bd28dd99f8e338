//! One category.

use maud::html;
use onhand_core::accounts::Scope;
use onhand_core::ids::CategoryId;

use super::super::form::Filling;
use super::super::parts::{card, facts, instant, live};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::{DELETE, EDIT};
use super::{SECTION, choices, link, offered};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: CategoryId = visit.id("id")?;
    let category = visit.reader().category(id).await?;
    let category = category.ok_or_else(|| Problem::not_found(&format!("the category {id}")))?;
    let known = offered(&visit, category.parent_id.as_slice()).await?;
    let parent = known.iter().find(|one| Some(one.id) == category.parent_id);
    let told = facts(&[
        ("Id", html! { code { (category.id) } }),
        (
            "Below",
            html! { @match parent {
                Some(parent) => (link(parent)),
                None => "nothing: it is a root",
            } },
        ),
        ("Products", html! { a href={ "/admin/products?category=" (id) } { "Those filed here" } }),
        ("Created", instant(category.created_at)),
        ("Changed", instant(category.updated_at)),
    ]);
    let parent = category.parent_id.map(|id| id.to_string()).unwrap_or_default();
    let filling = Filling {
        version: Some(category.version),
        values: vec![("name", category.name.to_string()), ("parent_id", parent)],
        choices: vec![("parent_id", choices(&known, Some(id)))],
        ..Filling::default()
    };
    let body = html! {
        (live("category", &told))
        @if visit.visitor().may(Scope::CatalogWrite) {
            (card("What can be done", &html! {
                div class="actions" {
                    (visit.form(&EDIT, &filling))
                    (visit.form(&DELETE, &Filling {
                        version: Some(category.version),
                        ..Filling::default()
                    }))
                }
            }))
        }
    };
    Ok(Page { title: category.name.to_string(), section: SECTION, body })
}
