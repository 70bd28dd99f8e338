//! API keys: what programs come in with. Newest first, those that were taken back too.

use jiff::Timestamp;
use maud::{Markup, html};
use onhand_core::accounts::ApiKey;

use super::super::form::Filling;
use super::super::parts::{
    Align, Tone, badge, instant, live, maybe_instant, nothing, pager, table,
};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{KEYS, PATH, forms, lists, scopes};
use crate::http::problem::Problem;
use crate::limits::ADMIN_FORM_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let found = visit.reader().api_keys(visit.after_row()?, ADMIN_FORM_ROWS).await?;
    let now = visit.app().clock.now();
    let columns = [
        ("Key", Align::Text),
        ("Begins with", Align::Text),
        ("State", Align::Text),
        ("Scopes", Align::Text),
        ("Made by", Align::Text),
        ("Made", Align::Text),
        ("Last used", Align::Text),
        ("Over", Align::Text),
        ("What can be done", Align::Text),
    ];
    let rows: Vec<_> = found.rows.iter().map(|key| row(&visit, key, now)).collect();
    let body = html! {
        (lists(KEYS))
        (live("keys", &html! {
            @if rows.is_empty() {
                (nothing("No program has a key.",
                    "Make one for each program: it is taken back alone."))
            } @else {
                (table("API keys, newest first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
        div class="actions" { (visit.form(&forms::CREATE_KEY, &Filling::default())) }
    };
    Ok(Page { title: "API keys".to_owned(), section: PATH, body })
}

fn row(visit: &Visit, key: &ApiKey, now: Timestamp) -> Vec<Markup> {
    let state = match key.revoked_at {
        Some(_) => badge("taken back", Tone::Plain),
        None if key.is_good(now) => badge("good", Tone::Good),
        None => badge("over", Tone::Plain),
    };
    let filling = Filling { hidden: vec![("id", key.id.to_string())], ..Filling::default() };
    vec![
        html! { strong { (key.name) } br; span class="small" { (key.id) } },
        html! { code { (key.prefix) } },
        state,
        scopes(key.scopes),
        html! { (key.created_by) },
        instant(key.created_at),
        maybe_instant(key.last_used_at),
        maybe_instant(key.revoked_at.or(key.expires_at)),
        html! { @if key.revoked_at.is_none() { (visit.form(&forms::REVOKE_KEY, &filling)) } },
    ]
}
