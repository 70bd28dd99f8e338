//! What is around every page: head, navigation, who is logged in, what was just done. It loads its
//! own style sheet and one small script, and nothing from anywhere else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use onhand_core::accounts::Scope;

use super::site::Page;
use super::visit::{Frame, Visitor};
use super::{assets, csrf};

/// The sections of the navigation: path, name, and the scope that it takes to see them, if any.
const SECTIONS: &[(&str, &str, Option<Scope>)] = &[
    ("/admin", "Dashboard", None),
    ("/admin/orders", "Orders", Some(Scope::OrdersRead)),
    ("/admin/payments", "Payments", Some(Scope::PaymentsRead)),
    ("/admin/stock", "Stock", Some(Scope::StockRead)),
    ("/admin/products", "Products", Some(Scope::CatalogRead)),
    ("/admin/warehouse", "Warehouse", Some(Scope::StockRead)),
    ("/admin/webhooks", "Webhooks", Some(Scope::WebhooksWrite)),
    ("/admin/jobs", "Background work", Some(Scope::EventsRead)),
    ("/admin/users", "Users and keys", Some(Scope::Admin)),
    ("/admin/log", "Audit log", Some(Scope::EventsRead)),
];

/// A page for somebody who is logged in.
pub(super) fn page(visitor: &Visitor, frame: &Frame, page: &Page) -> Response {
    let sections =
        SECTIONS.iter().filter(|(.., scope)| scope.is_none_or(|scope| visitor.may(scope)));
    let body = html! {
        a class="skip" href="#main" { "Skip to the content" }
        header class="top" {
            a class="brand" href="/admin" { "onhand" }
            nav aria-label="Sections" {
                ul {
                    @for (path, name, _) in sections {
                        @let is_here = page.section == *path;
                        li { a href=(path) aria-current=[is_here.then_some("page")] { (name) } }
                    }
                }
            }
            form class="who" method="post" action="/admin/logout" {
                input type="hidden" name=(csrf::FIELD) value=(visitor.csrf);
                a href="/admin/me" { (visitor.name) }
                button type="submit" class="quiet" { "Log out" }
            }
        }
        main id="main" tabindex="-1" {
            h1 { (page.title) }
            @if let Some(done) = frame.done { p class="alert good" role="status" { (done) } }
            @if let Some(alert) = &frame.alert { (alert) }
            (page.body)
        }
    };
    answer(&page.title, &body)
}

/// A page for whoever is not.
pub(super) fn bare(title: &str, content: &Markup) -> Response {
    let body = html! {
        main id="main" class="bare" {
            p class="brand" { "onhand" }
            h1 { (title) }
            (content)
        }
    };
    answer(title, &body)
}

fn answer(title: &str, body: &Markup) -> Response {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · onhand" }
                link rel="stylesheet" href=(assets::style_path());
                link rel="icon" href=(assets::icon_path()) type="image/svg+xml";
                script src=(assets::script_path()) defer {}
            }
            body { (body) }
        }
    };
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], whole.into_string()).into_response()
}
