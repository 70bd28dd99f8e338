//! One request for a page: who asks, for what, and what they have just tried to do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use onhand_core::accounts::Scope;
use onhand_core::ids::SessionId;
use onhand_engine::Reader;
use serde_json::Value;
use zeroize::Zeroizing;

use super::Office;
use super::fields::Fields;
use super::form::{Attempt, Form};
use crate::accounts::Principal;
use crate::app::App;
use crate::http::gate::forbidden;
use crate::http::problem::Problem;

/// Somebody with a session.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) principal: Principal,
    /// For routes of `/v1`, which are asked as the visitor.
    pub(super) access: Zeroizing<String>,
    pub(super) session: SessionId,
    /// Where they are, as it was found out at the door.
    pub(super) address: SocketAddr,
    /// What forms carry.
    pub(super) csrf: String,
    /// What they are called on the page.
    pub(super) name: String,
}

impl Visitor {
    /// Whether they may do this.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.principal.scopes.contains(scope)
    }
}

/// Where a page is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its route.
    pub(super) path: &'static str,
    /// What it takes to see it.
    pub(super) scope: Scope,
    /// What stands on it.
    pub(super) forms: &'static [&'static Form],
}

/// What the shell around a page depends on.
#[derive(Debug)]
pub(super) struct Frame {
    /// What was just done, in words.
    pub(super) done: Option<&'static str>,
}

/// A request for a page.
#[derive(Debug)]
pub(super) struct Visit {
    office: Office,
    visitor: Arc<Visitor>,
    place: Option<Place>,
    params: BTreeMap<String, String>,
    /// The path as it was asked for; of a form, that of its page.
    path: String,
    query: Fields,
    attempt: Option<Attempt>,
}

impl FromRequestParts<Office> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, office: &Office) -> Result<Self, Problem> {
        // Whoever is not behind the gate has nobody to show anything to.
        let visitor = parts.extensions.get::<Arc<Visitor>>().cloned();
        let visitor = visitor.ok_or_else(|| forbidden("this page is closed"))?;
        let params = Path::<BTreeMap<String, String>>::from_request_parts(parts, office).await;
        let params = params.map_or_else(|_| BTreeMap::new(), |Path(params)| params);
        let (path, query) = (parts.uri.path().to_owned(), Fields::of_query(parts.uri.query()));
        let office = office.clone();
        Ok(Self { office, visitor, place: None, params, path, query, attempt: None })
    }
}

impl Visit {
    /// The same, at a page.
    pub(super) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The same after something was tried that failed: at the page on which the form stands, with
    /// what was asked of it.
    pub(super) fn with(self, attempt: Attempt) -> Self {
        let path = self.page_path(attempt.form);
        let query = Fields::of_query(attempt.fields.get("back"));
        Self { attempt: Some(attempt), path, query, ..self }
    }

    pub(super) fn place(&self) -> Place {
        const NOWHERE: Place = Place { path: "", scope: Scope::Admin, forms: &[] };
        self.place.unwrap_or(NOWHERE)
    }

    pub(super) fn frame(&self) -> Frame {
        let name = self.query.get("done");
        let form = self.place().forms.iter().find(|form| Some(form.name) == name);
        // A form of another page that leads here.
        let far = || self.office.leading.iter().find(|form| Some(form.name) == name);
        Frame { done: form.or_else(far).map(|form| form.done) }
    }

    pub(super) fn app(&self) -> &App {
        &self.office.app
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.office.app.reader
    }

    pub(super) fn office(&self) -> &Office {
        &self.office
    }

    pub(super) fn visitor(&self) -> &Arc<Visitor> {
        &self.visitor
    }

    pub(super) fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// What was typed into a field of a form that has just failed; none where it was left out, and
    /// where the form was not sent.
    pub(super) fn typed(&self, form: &Form, name: &str) -> Option<&str> {
        self.tried(form)?.fields.raw(name)
    }

    /// What has just failed with a form.
    pub(super) fn tried(&self, form: &Form) -> Option<&Attempt> {
        self.attempt().filter(|attempt| std::ptr::eq(attempt.form, form))
    }

    pub(super) fn query(&self) -> &Fields {
        &self.query
    }

    /// The page's own path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Part of the path by its name in the route.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// Part of the path as what it has to be.
    ///
    /// # Errors
    /// 404 for anything else: there is no such page.
    pub(super) fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        let text = self.param(name);
        text.parse().map_err(|_| Problem::not_found(&format!("`{text}`")))
    }

    /// Where the list on this page goes on: a number out of `?after`.
    ///
    /// # Errors
    /// 422 for anything else.
    pub(super) fn after_row(&self) -> Result<Option<i64>, Problem> {
        let Some(text) = self.query.get("after") else { return Ok(None) };
        let wrong =
            || Problem::field("?after", "expected what a link of this list says", text.into());
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// That the visitor may do this.
    ///
    /// # Errors
    /// 403 unless so.
    pub(super) fn expect(&self, scope: Scope) -> Result<(), Problem> {
        if self.visitor.may(scope) {
            return Ok(());
        }
        Err(forbidden(&format!("this needs the scope `{}`", scope.as_str())))
    }

    /// The path of the page on which a form stands that was sent here.
    fn page_path(&self, form: &Form) -> String {
        let tail = format!("/{}", form.name);
        self.path.strip_suffix(&tail).unwrap_or(&self.path).to_owned()
    }

    /// Where to go when a form was sent: to what it says, or back to its page.
    pub(super) fn after(&self, form: &Form, fields: &Fields, answer: &Value) -> String {
        let path = match form.then {
            Some(then) => then(answer),
            None => self.page_path(form),
        };
        let kept = fields.get("back").unwrap_or_default();
        let kept = Fields::of_query(Some(kept)).to_query(&["done"]);
        let and = if kept.is_empty() { "" } else { "&" };
        format!("{path}?{kept}{and}done={}", form.name)
    }
}
