//! Webhook endpoints: the list (`list.rs`), one of them with what was delivered to it
//! (`detail.rs`), and what can be done (`forms.rs`). A secret is shown once, on the page that
//! answers the form.

mod detail;
mod forms;
mod list;

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::EndpointId;
use onhand_core::webhooks::{Endpoint, EndpointState};

use super::parts::{Tone, badge};
use super::site::Site;

const PATH: &str = "/admin/webhooks";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::WebhooksWrite, forms::OF_LIST, list::page).page(
        "/admin/webhooks/{id}",
        Scope::WebhooksWrite,
        forms::OF_ENDPOINT,
        detail::page,
    )
}

/// A link to an endpoint.
pub(super) fn link(id: EndpointId) -> Markup {
    html! { a href={ (PATH) "/" (id) } { (id) } }
}

/// Whether it is told anything.
fn state(endpoint: &Endpoint) -> Markup {
    let tone = match endpoint.state {
        EndpointState::Enabled => Tone::Good,
        EndpointState::Disabled => Tone::Bad,
    };
    badge(endpoint.state.as_str(), tone)
}

/// What it wants to be told.
fn wanted(endpoint: &Endpoint) -> Markup {
    let kinds = endpoint.filter.kinds();
    html! {
        @if kinds.is_empty() { "everything" }
        @for (at, kind) in kinds.iter().enumerate() {
            @if at > 0 { ", " }
            code { (kind) }
        }
    }
}
