//! What a page is, and how it is registered: a path, the right that it takes to see it, the forms
//! that stand on it, and a function from a visit to its content. Everything that all pages have in
//! common is done here, so that none of them can forget it.

use axum::Extension;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use maud::Markup;
use onhand_core::accounts::Scope;

use super::fields::Fields;
use super::form::{Attempt, Form};
use super::send::send;
use super::visit::{Place, Visit};
use super::{Office, oops, shell};
use crate::http::problem::Problem;

/// What a page shows.
#[derive(Debug)]
pub(super) struct Page {
    /// What it is about, in the window's title and as its heading.
    pub(super) title: String,
    /// The section of the navigation that it belongs to, by its path.
    pub(super) section: &'static str,
    pub(super) body: Markup,
}

/// What a page is called by: the function that makes it.
pub(super) trait Make<R>: Fn(Visit) -> R + Clone + Send + Sync + 'static {}

impl<F: Fn(Visit) -> R + Clone + Send + Sync + 'static, R> Make<R> for F {}

/// Pages in the making.
#[derive(Debug)]
pub(super) struct Site {
    router: Router<Office>,
    /// Forms that lead to another page than their own: what they did is said there. Their names
    /// are not given twice.
    leading: Vec<&'static Form>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), leading: Vec::new() }
    }

    /// Adds a page for whoever has this scope, with the forms that stand on it. A form is sent to
    /// the page's path and its own name; when it fails, the page is shown again with what was
    /// typed.
    #[must_use]
    pub(super) fn page<R>(
        self,
        path: &'static str,
        scope: Scope,
        forms: &'static [&'static Form],
        make: impl Make<R>,
    ) -> Self
    where
        R: Future<Output = Result<Page, Problem>> + Send + 'static,
    {
        self.put(Place { path, scope: Some(scope), forms }, make)
    }

    /// Adds a page for everybody who works here.
    #[must_use]
    pub(super) fn open_page<R>(
        self,
        path: &'static str,
        forms: &'static [&'static Form],
        make: impl Make<R>,
    ) -> Self
    where
        R: Future<Output = Result<Page, Problem>> + Send + 'static,
    {
        self.put(Place { path, scope: None, forms }, make)
    }

    fn put<R>(self, place: Place, make: impl Make<R>) -> Self
    where
        R: Future<Output = Result<Page, Problem>> + Send + 'static,
    {
        let Place { path, forms, .. } = place;
        let shown = make.clone();
        let show = async move |visit: Visit| show(visit.at(place), shown.clone()).await;
        let Self { router, mut leading } = self;
        let mut router = router.route(path, get(show));
        for form in forms {
            let made = make.clone();
            let act = async move |Extension(fields): Extension<Fields>, visit: Visit| {
                act(visit.at(place), form, fields, made.clone()).await
            };
            router = router.route(&format!("{path}/{}", form.name), post(act));
            leading.extend(form.then.map(|_| *form));
        }
        Self { router, leading }
    }

    /// The pages, with what is said where there is none, and the forms that lead to another one.
    pub(super) fn into_parts(self) -> (Router<Office>, Vec<&'static Form>) {
        (self.router.route("/admin/{*rest}", any(no_page)), self.leading)
    }
}

async fn no_page(visit: Visit) -> Response {
    let problem = Problem::not_found(&format!("the page {}", visit.path()));
    oops::page(visit.visitor(), &visit.frame(), &problem.into())
}

/// Answers with a page.
async fn show<R>(visit: Visit, make: impl Make<R>) -> Response
where
    R: Future<Output = Result<Page, Problem>> + Send + 'static,
{
    let (visitor, frame) = (visit.visitor().clone(), visit.frame());
    let made = match visit.expect_place() {
        Ok(()) => make(visit).await,
        Err(problem) => Err(problem),
    };
    match made {
        Ok(page) => shell::page(&visitor, &frame, &page),
        Err(problem) => oops::page(&visitor, &frame, &problem.into()),
    }
}

/// Sends a form on to the route of `/v1` that it stands for, and answers with what came of it: the
/// way back to a page, or the page with what was typed and what is wrong with it.
async fn act<R>(visit: Visit, form: &'static Form, fields: Fields, make: impl Make<R>) -> Response
where
    R: Future<Output = Result<Page, Problem>> + Send + 'static,
{
    if let Err(problem) = visit.expect_place() {
        return oops::page(visit.visitor(), &visit.frame(), &problem.into());
    }
    match send(&visit, form, &fields).await {
        Ok(answer) => match form.reveals {
            // What is shown once is not shown again behind another address.
            Some(reveal) => {
                let page = reveal(&visit, &answer);
                shell::page(visit.visitor(), &visit.frame(), &page)
            }
            None => see_other(&visit.after(form, &fields, &answer)),
        },
        Err(trouble) => {
            let told = trouble.clone();
            let page = show(visit.with(Attempt { form, fields, trouble }), make).await;
            if page.status() == StatusCode::OK { told.told_by(page) } else { page }
        }
    }
}

/// The way to another page, which is read and not sent to.
pub(super) fn see_other(path: &str) -> Response {
    // Only paths of ours come here; what is in them is encoded.
    (StatusCode::SEE_OTHER, [(header::LOCATION, path.to_owned())]).into_response()
}
