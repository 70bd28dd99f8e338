//! The pages for people who run the shop, at `/admin`: a client of `/v1` that happens to live in the
//! same process. What is shown is read like anywhere else; what is changed is asked of the routes
//! of `/v1`, with the visitor's own access token, so that no page has a right or a rule of its own.
//! Start at `site.rs` (what a page is), then `gate.rs` (who may come in) and `form.rs`.

mod assets;
mod categories;
mod chart;
mod cookies;
mod csrf;
mod dashboard;
mod fields;
mod form;
mod gate;
mod imports;
mod live;
mod locations;
mod login;
mod oops;
mod orders;
mod parts;
mod payments;
mod products;
mod send;
mod shell;
mod site;
mod stock;
mod tabs;
mod trouble;
mod visit;
mod warehouse;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;
use form::Form;
use site::Site;

/// Where the pages are.
pub(crate) const ROOT: &str = "/admin";

/// What the pages work with.
#[derive(Debug, Clone)]
struct Office {
    app: App,
    /// The routes of `/v1`, behind their gate.
    api: Router,
    /// Forms that lead from their own page to another one.
    leading: Arc<[&'static Form]>,
}

/// Every page, for people who have a session; `api` are the routes that forms are sent to.
pub(crate) fn routes(app: App, api: Router) -> Router<App> {
    let (pages, leading) = site().into_parts();
    let office = Office { app, api, leading: leading.into() };
    let inside = pages.merge(live::routes());
    let inside = inside.layer(from_fn_with_state(office.clone(), gate::pass));
    inside.merge(login::routes()).merge(assets::routes()).with_state(office)
}

/// Every page.
fn site() -> Site {
    let site = Site::new();
    let site = dashboard::pages(site);
    let site = orders::pages(site);
    let site = stock::pages(site);
    let site = locations::pages(site);
    let site = products::pages(site);
    let site = categories::pages(site);
    let site = warehouse::pages(site);
    imports::pages(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_lead_elsewhere_have_names_of_their_own() {
        let (_, leading) = site().into_parts();
        let mut names: Vec<_> = leading.iter().map(|form| form.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert!(before == names.len() && before > 0, "{names:?}");
    }
}
