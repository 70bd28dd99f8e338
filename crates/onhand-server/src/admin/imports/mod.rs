//! Imports: files that were taken over, row by row, and the rows that were not. A file is sent to
//! `/v1/imports`, and not from here: it may be larger than a form.

mod detail;
mod list;

use maud::Markup;
use onhand_core::accounts::Scope;
use onhand_core::imports::{Import, State};

use super::parts::{Tone, badge};
use super::site::Site;

/// Where they are.
pub(super) const PATH: &str = "/admin/imports";
/// The section of the navigation that they are a part of.
const SECTION: &str = "/admin/warehouse";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::StockRead, &[], list::page).page(
        "/admin/imports/{id}",
        Scope::StockRead,
        &[],
        detail::page,
    )
}

/// Where an import stands.
fn state(import: &Import) -> Markup {
    let tone = match import.state {
        State::Receiving => Tone::Busy,
        State::Completed if import.tally.failed > 0 => Tone::Bad,
        State::Completed => Tone::Good,
        State::Failed => Tone::Bad,
    };
    badge(import.state.as_str(), tone)
}
