//! The audit log: every event there ever was, newest first (`list.rs`), and one of them with its
//! object as it was left (`detail.rs`).

mod about;
mod detail;
mod list;

use onhand_core::accounts::Scope;

use super::site::Site;

const PATH: &str = "/admin/log";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::EventsRead, &[], list::page).page(
        "/admin/log/{position}",
        Scope::EventsRead,
        &[],
        detail::page,
    )
}
