//! One user: what it may do, its open sessions, and what can be done.

use maud::{Markup, html};
use onhand_core::accounts::{Role, Session, User};
use onhand_core::ids::UserId;

use super::super::form::Filling;
use super::super::parts::{Align, card, facts, instant, live, nothing, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::{DISABLE, ENABLE, END_SESSIONS, STANDING};
use super::{PATH, role, scopes, standing};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: UserId = visit.id("id")?;
    let user = visit.reader().user(id).await?;
    let user = user.ok_or_else(|| Problem::not_found(&format!("the user {id}")))?;
    let now = visit.app().clock.now();
    let mut sessions = visit.reader().open_sessions(id).await?;
    sessions.retain(|session| session.is_good(now));
    let body = html! {
        (live("user", &html! {
            (overview(&user))
            (card("Sessions", &shown_sessions(&sessions)))
        }))
        (actions(&visit, &user))
        p { a href={ "/admin/log?actor=" (id) } { "What this user has done" } " · "
            a href={ "/admin/log?about=" (id) } { "What was done with this account" } }
    };
    Ok(Page { title: format!("User {id}"), section: PATH, body })
}

fn overview(user: &User) -> Markup {
    let mut known = vec![
        ("E-mail address", html! { (user.email) }),
        ("Role", role(user.role)),
        ("Standing", standing(user.disabled)),
        ("Scopes", scopes(user.scopes)),
        ("Registered", instant(user.created_at)),
        ("Changed", instant(user.updated_at)),
    ];
    if let Some(name) = &user.name {
        known.insert(1, ("Name", html! { (name) }));
    }
    if user.password.is_none() {
        known.push(("Password", html! { "none: nobody can log in with it" }));
    }
    facts(&known)
}

fn shown_sessions(sessions: &[Session]) -> Markup {
    if sessions.is_empty() {
        return nothing("Nobody is logged in.", "A session begins with a login.");
    }
    let columns = [
        ("Session", Align::Text),
        ("Logged in", Align::Text),
        ("Refreshed", Align::Text),
        ("Over at the latest", Align::Text),
    ];
    let row = |session: &Session| {
        vec![
            html! { (session.id) },
            instant(session.created_at),
            instant(session.rotated_at),
            instant(session.expires_at),
        ]
    };
    let rows: Vec<_> = sessions.iter().map(row).collect();
    table("Open sessions, oldest first", &columns, &rows)
}

fn actions(visit: &Visit, user: &User) -> Markup {
    let switch = if user.disabled { &ENABLE } else { &DISABLE };
    let names: Vec<_> = user.scopes.iter().map(|scope| scope.as_str()).collect();
    let own = if user.role == Role::Operator { names.join("\n") } else { String::new() };
    let values = || vec![("role", user.role.as_str().to_owned()), ("scopes", own.clone())];
    html! {
        (card("What can be done", &html! {
            div class="actions" {
                @for form in [&STANDING, switch, &END_SESSIONS] {
                    (visit.form(form, &Filling {
                        version: Some(user.version), values: values(), ..Filling::default()
                    }))
                }
            }
        }))
    }
}
