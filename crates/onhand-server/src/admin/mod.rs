//! The pages for people who run the shop, at `/admin`: a client of `/v1` that happens to live in
//! the same process. What is shown is read like anywhere else; what is changed is asked of the
//! routes of `/v1`, with the visitor's own access token, so that no page has a right or a rule of
//! its own. Start at `site.rs` (what a page is), then `gate.rs` (who may come in) and `form.rs`.

mod assets;
mod bars;
mod cookies;
mod csrf;
mod dashboard;
mod fields;
mod form;
mod gate;
mod jobs;
mod live;
mod log;
mod login;
mod oops;
mod orders;
mod parts;
mod payments;
mod send;
mod shell;
mod site;
mod stock;
mod tabs;
mod trouble;
mod users;
mod visit;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;
use site::Site;

/// Where the pages are.
pub(crate) const ROOT: &str = "/admin";

/// What the pages work with.
#[derive(Debug, Clone)]
struct Office {
    app: App,
    /// The routes of `/v1`, behind their gate.
    api: Router,
    /// What the dashboard shows, for everybody who looks at it.
    board: Arc<dashboard::Board>,
}

/// Every page, for people who have a session; `api` are the routes that forms are sent to.
pub(crate) fn routes(app: App, api: Router) -> Router<App> {
    let office = Office { app, api, board: Arc::default() };
    let site = Site::new();
    let site = dashboard::pages(site);
    let site = orders::pages(site);
    let site = payments::pages(site);
    let site = webhooks::pages(site);
    let site = jobs::pages(site);
    let site = users::pages(site);
    let site = log::pages(site);
    let inside = site.into_router().merge(live::routes());
    let inside = inside.layer(from_fn_with_state(office.clone(), gate::pass));
    inside.merge(login::routes()).merge(assets::routes()).with_state(office)
}
