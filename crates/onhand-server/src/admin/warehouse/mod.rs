//! The external warehouse: whether anybody asks it, what its answers were and what came of them,
//! what waits for somebody's decision, and what is promised and not there.

mod forms;
mod overview;
mod rows;
mod run;
mod shortfalls;

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::SyncId;
use onhand_core::warehouse::{Action, Status, Sync};

use super::imports;
use super::parts::{Tone, badge};
use super::site::Site;

/// Where it is.
const PATH: &str = "/admin/warehouse";
/// Where what is missing is.
const SHORTFALLS: &str = "/admin/warehouse/shortfalls";
/// The lists of this section.
pub(super) const TABS: &[(&str, &str)] =
    &[(PATH, "Runs"), (SHORTFALLS, "Promised and not there"), (imports::PATH, "Imports")];

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::StockRead, forms::OF_ALL, overview::page)
        .page("/admin/warehouse/runs/{id}", Scope::StockRead, forms::OF_ONE, run::page)
        .page(SHORTFALLS, Scope::StockRead, &[], shortfalls::page)
}

/// A link to a run.
fn link(id: SyncId) -> Markup {
    html! { a href={ (PATH) "/runs/" (id) } { (id) } }
}

/// Where a run is.
fn status(run: &Sync) -> Markup {
    let tone = match run.status {
        Status::Receiving | Status::Comparing | Status::Applying => Tone::Busy,
        Status::Held | Status::Failed => Tone::Bad,
        Status::Applied => Tone::Good,
        Status::Reported | Status::Rejected => Tone::Plain,
    };
    badge(run.status.as_str(), tone)
}

/// What came of a row.
fn action(action: Action) -> Markup {
    let tone = match action {
        Action::Waiting => Tone::Busy,
        Action::Counted | Action::Approved | Action::Unchanged => Tone::Good,
        Action::Shortfall | Action::Held | Action::UnknownProduct | Action::Invalid => Tone::Bad,
        Action::Rejected | Action::Duplicate | Action::NotNamed | Action::Reported => Tone::Plain,
    };
    badge(action.as_str(), tone)
}
