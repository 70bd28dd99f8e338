//! The account of whoever is logged in: what it may do, and what people change of themselves.

use maud::html;

use super::super::form::Filling;
use super::super::parts::{card, facts, instant};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::OF_ME;
use super::{ME, role, scopes};
use crate::accounts::identity::Who;
use crate::http::gate::forbidden;
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let Who::User { id, .. } = visit.visitor().principal.who else {
        return Err(forbidden("only somebody who has logged in has an account"));
    };
    let user = visit.reader().user(id).await?;
    let user = user.ok_or_else(|| Problem::not_found(&format!("the user {id}")))?;
    let name = user.name.as_ref().map(ToString::to_string).unwrap_or_default();
    let values = || vec![("name", name.clone()), ("email", user.email.to_string())];
    let body = html! {
        (facts(&[
            ("E-mail address", html! { (user.email) }),
            ("Name", html! { (name) }),
            ("Role", role(user.role)),
            ("Scopes", scopes(user.scopes)),
            ("Registered", instant(user.created_at)),
        ]))
        (card("What can be changed", &html! {
            div class="actions" {
                @for form in OF_ME {
                    (visit.form(form, &Filling {
                        version: Some(user.version), values: values(), ..Filling::default()
                    }))
                }
            }
        }))
    };
    Ok(Page { title: "My account".to_owned(), section: ME, body })
}
