//! One product: what it is called, what it costs, where it is filed, and what of it is there.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::catalog::{Category, Product};

use super::super::form::Filling;
use super::super::parts::{card, decimal, facts, instant, live, money};
use super::super::site::Page;
use super::super::visit::Visit;
use super::super::{categories, stock};
use super::forms::{DELETE, EDIT, boxes};
use super::{PATH, state};
use crate::http::catalog::product_ref;
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let reference = product_ref(visit.param("product"))?;
    let product = visit.reader().product(reference.clone()).await?;
    let product = product.ok_or_else(|| Problem::unknown(&reference))?;
    let known = categories::offered(&visit, &product.category_ids).await?;
    let body = html! {
        (live("product", &overview(&visit, &product, &known)))
        @if visit.visitor().may(Scope::CatalogWrite) {
            (card("What can be done", &html! {
                div class="actions" {
                    (visit.form(&EDIT, &filling(&visit, &product, &known)))
                    (visit.form(&DELETE, &Filling {
                        version: Some(product.version),
                        ..Filling::default()
                    }))
                }
            }))
        }
    };
    Ok(Page { title: product.name.to_string(), section: PATH, body })
}

fn overview(visit: &Visit, product: &Product, known: &[Category]) -> Markup {
    let filed = known.iter().filter(|category| product.category_ids.contains(&category.id));
    let mut told = vec![
        ("State", state(product)),
        ("Price", money(product.price)),
        ("SKU", html! { code { (product.sku) } }),
        ("Id", html! { code { (product.id) } }),
    ];
    if visit.visitor().may(Scope::StockRead) {
        told.push(("Stock", stock::link(&product.sku)));
    }
    if visit.visitor().may(Scope::OrdersRead) {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("sku", product.sku.as_str())
            .finish();
        told.push((
            "Orders",
            html! { a href={ "/admin/orders?" (query) } { "With this product" } },
        ));
    }
    told.push(("Created", instant(product.created_at)));
    told.push(("Changed", instant(product.updated_at)));
    if !product.category_ids.is_empty() {
        told.push((
            "Categories",
            html! {
                @for category in filed { (categories::link(category)) " " }
            },
        ));
    }
    if !product.description.as_str().is_empty() {
        told.push(("Description", html! { (product.description) }));
    }
    facts(&told)
}

fn filling<'a>(visit: &Visit, product: &Product, known: &[Category]) -> Filling<'a> {
    let mut values = vec![
        ("name", product.name.to_string()),
        ("description", product.description.to_string()),
        ("price", decimal(product.price)),
        ("price/currency", product.price.currency.to_string()),
    ];
    if product.active {
        values.push(("active", "yes".to_owned()));
    }
    Filling {
        version: Some(product.version),
        values,
        more: Some(boxes(visit, &EDIT, known, &product.category_ids)),
        ..Filling::default()
    }
}
