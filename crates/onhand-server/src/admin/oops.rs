//! Pages that say that there is nothing to show, and why. One that passes by itself tries again by
//! itself.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use maud::{Markup, html};

use super::shell;
use super::trouble::{Trouble, sentence};
use super::visit::{Frame, Visitor};
use crate::http::problem::Problem;
use crate::limits::ADMIN_RETRY_SECS;

/// For somebody who is inside.
pub(super) fn page(visitor: &Visitor, frame: &Frame, trouble: &Trouble) -> Response {
    let page =
        super::site::Page { title: title(trouble).to_owned(), section: "", body: words(trouble) };
    finish(shell::page(visitor, frame, &page), trouble)
}

/// For somebody of whom nothing is known.
pub(super) fn outside(problem: &Problem) -> Response {
    let trouble = Trouble::from(problem.clone());
    finish(shell::bare(title(&trouble), &words(&trouble)), &trouble)
}

fn finish(page: Response, trouble: &Trouble) -> Response {
    let mut page = trouble.told_by(page);
    if passes(trouble) {
        let headers = page.headers_mut();
        headers.insert(header::REFRESH, HeaderValue::from(ADMIN_RETRY_SECS));
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ADMIN_RETRY_SECS));
    }
    page
}

/// Whether it may be different in a moment.
fn passes(trouble: &Trouble) -> bool {
    matches!(trouble.status.as_u16(), 429 | 503)
}

fn title(trouble: &Trouble) -> &'static str {
    match trouble.status.as_u16() {
        401 => "You are not logged in",
        403 => "You may not see this",
        404 => "There is no such page",
        413 => "That is too much",
        429 => "Too many requests",
        503 if trouble.code == "store_unavailable" => "The database cannot be reached",
        503 => "The server is busy",
        400..500 => "This cannot be shown",
        _ => "The server made a mistake",
    }
}

fn words(trouble: &Trouble) -> Markup {
    html! {
        div class="alert bad" role="alert" {
            p { (sentence(&trouble.detail)) }
            @if let Some(advice) = trouble.advice() { p { (advice) } }
            @if passes(trouble) {
                p { "This page tries again by itself every " (ADMIN_RETRY_SECS) " seconds." }
            }
            p class="small" { code { (trouble.code) } }
        }
        p { a href="/admin" { "To the dashboard" } }
    }
}
