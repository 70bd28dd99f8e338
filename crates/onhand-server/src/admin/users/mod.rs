//! Who may come in: users (`list.rs`, `detail.rs`), API keys (`keys.rs`), and one's own account
//! (`me.rs`). A key is shown once, on the page that answers the form.

mod detail;
mod forms;
mod keys;
mod list;
mod me;

use maud::{Markup, html};
use onhand_core::accounts::{Role, Scope, Scopes};
use onhand_core::ids::UserId;

use super::parts::{Tone, badge};
use super::site::Site;
use super::tabs::tabs;

const PATH: &str = "/admin/users";
const KEYS: &str = "/admin/keys";
const ME: &str = "/admin/me";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::Admin, forms::OF_USERS, list::page)
        .page("/admin/users/{id}", Scope::Admin, forms::OF_USER, detail::page)
        .page(KEYS, Scope::Admin, forms::OF_KEYS, keys::page)
        .open_page(ME, forms::OF_ME, me::page)
}

/// The lists of this section.
fn lists(here: &str) -> Markup {
    tabs("Users and keys", &[(PATH, "Users"), (KEYS, "API keys"), (ME, "My account")], here)
}

/// A link to a user.
pub(super) fn link(id: UserId) -> Markup {
    html! { a href={ (PATH) "/" (id) } { (id) } }
}

fn role(role: Role) -> Markup {
    let tone = match role {
        Role::Admin => Tone::Busy,
        Role::Operator => Tone::Good,
        Role::Customer => Tone::Plain,
    };
    badge(role.as_str(), tone)
}

fn standing(disabled: bool) -> Markup {
    if disabled { badge("disabled", Tone::Bad) } else { badge("may come in", Tone::Good) }
}

fn scopes(scopes: Scopes) -> Markup {
    html! {
        @for (at, scope) in scopes.iter().enumerate() {
            @if at > 0 { ", " }
            code { (scope.as_str()) }
        }
    }
}
