//! The list of products, the newest first: all of them, those of a category, or the one of a SKU.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::catalog::{Category, Product};
use onhand_core::ids::CategoryId;
use onhand_engine::query::Page as Rows;

use super::super::form::Filling;
use super::super::parts::{Align, card, instant, money, nothing, pager, table};
use super::super::site::Page;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::super::{categories, stock};
use super::forms::{CREATE, boxes};
use super::{PATH, TABS, state};
use crate::http::catalog::product_ref;
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

/// What to do where nothing is listed.
const HINT: &str = "Make one below, import a file, or leave out a filter.";

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let known = categories::offered(&visit, &[]).await?;
    let category = category(&visit)?;
    let found = match visit.query().get("sku") {
        Some(text) => find(&visit, text).await?,
        None => visit.reader().products(category, visit.after_row()?, ADMIN_ROWS).await?,
    };
    let body = html! {
        (tabs("Products", TABS, PATH))
        (filters(&visit, &known, category))
        @if found.rows.is_empty() {
            (nothing("No product is like that.", HINT))
        } @else { (list(&found.rows)) }
        (pager(&visit, found.next))
        @if visit.visitor().may(Scope::CatalogWrite) {
            (card("What can be done", &visit.form(&CREATE, &Filling {
                values: vec![("active", "yes".to_owned())],
                more: Some(boxes(&visit, &CREATE, &known, &[])),
                ..Filling::default()
            })))
        }
    };
    Ok(Page { title: "Products".to_owned(), section: PATH, body })
}

/// The category that the query names.
fn category(visit: &Visit) -> Result<Option<CategoryId>, Problem> {
    let Some(text) = visit.query().get("category") else { return Ok(None) };
    let expected = "expected a category's id, like cat_3";
    let id = text.parse().map_err(|_| Problem::field("?category", expected, text.into()))?;
    Ok(Some(id))
}

/// The product of a SKU or an id.
async fn find(visit: &Visit, text: &str) -> Result<Rows<Product>, Problem> {
    let found = match product_ref(text) {
        Ok(reference) => visit.reader().product(reference).await?,
        Err(_) => None,
    };
    Ok(Rows { rows: found.into_iter().collect(), next: None })
}

fn filters(visit: &Visit, known: &[Category], chosen: Option<CategoryId>) -> Markup {
    let is_named = known.iter().any(|category| Some(category.id) == chosen);
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                label { "SKU" input type="search" name="sku"
                    value=(visit.query().get("sku").unwrap_or_default())
                    placeholder="TEA-1, prd_7"; }
                label { "Category" select name="category" {
                    option value="" { "all" }
                    @if let Some(id) = chosen.filter(|_| !is_named) {
                        option value=(id) selected { (id) }
                    }
                    @for category in known {
                        option value=(category.id) selected[chosen == Some(category.id)] {
                            (category.name)
                        }
                    }
                } }
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

fn list(products: &[Product]) -> Markup {
    let columns = [
        ("Product", Align::Text),
        ("SKU and stock", Align::Text),
        ("Price", Align::Number),
        ("State", Align::Text),
        ("Categories", Align::Number),
        ("Changed", Align::Text),
    ];
    let row = |product: &Product| {
        vec![
            html! { a href={ (PATH) "/" (product.id) } { (product.name) } },
            stock::link(&product.sku),
            money(product.price),
            state(product),
            html! { (product.category_ids.len()) },
            instant(product.updated_at),
        ]
    };
    let rows: Vec<_> = products.iter().map(row).collect();
    table("Products, newest first", &columns, &rows)
}
