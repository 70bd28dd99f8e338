//! Orders: the list with its filters (`list.rs`), one order with all that happened to it
//! (`detail.rs`), and what can be done with it (`forms.rs`).

mod detail;
mod forms;
mod list;

pub(super) use forms::{REQUEUE, SKIP};

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::ids::OrderId;
use onhand_core::orders::Status;

use super::parts::{Tone, badge};
use super::site::Site;

/// Where they are.
const PATH: &str = "/admin/orders";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::OrdersRead, &[], list::page).page(
        "/admin/orders/{id}",
        Scope::OrdersRead,
        forms::ALL,
        detail::page,
    )
}

/// A link to an order.
pub(super) fn link(id: OrderId) -> Markup {
    html! { a href={ (PATH) "/" (id) } { (id) } }
}

/// Where an order is in its life.
pub(super) fn status(status: Status) -> Markup {
    let tone = match status {
        Status::Pending | Status::Processing | Status::PartiallyFulfilled => Tone::Busy,
        Status::Confirmed | Status::Fulfilled | Status::Delivered => Tone::Good,
        Status::Returned | Status::Cancelled | Status::Expired => Tone::Plain,
    };
    badge(status.as_str(), tone)
}
