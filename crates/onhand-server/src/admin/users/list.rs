//! All users, newest first, with filters that stay in the address, and a form for one more.

use maud::{Markup, html};
use onhand_core::accounts::{Role, User};
use onhand_engine::query::UserFilter;

use super::super::fields::Fields;
use super::super::form::Filling;
use super::super::parts::{Align, choice, instant, live, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, forms, link, lists, role, scopes, standing};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let filter = filter(visit.query())?;
    let found = visit.reader().users(filter, visit.after_row()?, ADMIN_ROWS).await?;
    let columns = [
        ("User", Align::Text),
        ("E-mail address", Align::Text),
        ("Name", Align::Text),
        ("Role", Align::Text),
        ("Standing", Align::Text),
        ("Scopes", Align::Text),
        ("Registered", Align::Text),
    ];
    let rows: Vec<_> = found.rows.iter().map(row).collect();
    let body = html! {
        (lists(PATH))
        (filters(visit.query()))
        (live("users", &html! {
            @if rows.is_empty() {
                (nothing("No user is like that.", "Add one below, or leave out a filter."))
            } @else {
                (table("Users, newest first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
        div class="actions" { (visit.form(&forms::CREATE, &Filling::default())) }
    };
    Ok(Page { title: "Users".to_owned(), section: PATH, body })
}

fn filter(query: &Fields) -> Result<UserFilter, Problem> {
    let mut filter = UserFilter::default();
    if let Some(text) = query.get("role") {
        let wrong = || Problem::field("?role", "expected a role out of the list", text.into());
        filter.role = Some(Role::from_name(text).ok_or_else(wrong)?);
    }
    filter.disabled = match query.get("disabled") {
        None => None,
        Some("yes") => Some(true),
        Some("no") => Some(false),
        Some(text) => return Err(Problem::field("?disabled", "expected yes or no", text.into())),
    };
    filter.email_prefix = query.get("email").map(str::to_lowercase);
    Ok(filter)
}

fn filters(query: &Fields) -> Markup {
    let value = |name| query.get(name).unwrap_or_default();
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                label { "Address begins with"
                    input type="search" name="email" value=(value("email")); }
                @let roles = Role::ALL.map(|role| (role.as_str(), role.as_str()));
                (choice(("Role", "role"), "all", roles, value("role")))
                @let standings = [("no", "may come in"), ("yes", "disabled")];
                (choice(("Standing", "disabled"), "all", standings, value("disabled")))
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

fn row(user: &User) -> Vec<Markup> {
    vec![
        link(user.id),
        html! { (user.email) },
        html! { @if let Some(name) = &user.name { (name) } },
        role(user.role),
        standing(user.disabled),
        scopes(user.scopes),
        instant(user.created_at),
    ]
}
