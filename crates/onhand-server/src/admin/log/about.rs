//! What an event is about, as a link to its page where it has one, and read back from an id.

use maud::{Markup, html};
use onhand_core::events::{EventBody, Subject};

use super::super::{jobs, orders, stock, users, webhooks};

/// What an event is about.
pub(super) fn shown(body: &EventBody) -> Markup {
    match body {
        EventBody::Product(product) => stock::link(&product.sku),
        EventBody::Level { sku, .. } => stock::link(sku),
        EventBody::Order(order) => orders::link(order.id),
        EventBody::User(user) => users::link(user.id),
        EventBody::Session(session) => users::link(session.user_id),
        EventBody::Endpoint(endpoint) => webhooks::link(endpoint.id),
        EventBody::DeadLetter(letter) => jobs::link(letter.job_id),
        EventBody::Category(_)
        | EventBody::Location(_)
        | EventBody::Stock(_)
        | EventBody::Reservations(_)
        | EventBody::ApiKey(_)
        | EventBody::Sync(_)
        | EventBody::Shortfall(_)
        | EventBody::Proof(_)
        | EventBody::Import(_) => html! { (body.subject().map(id).unwrap_or_default()) },
    }
}

/// The id of an object.
pub(super) fn id(subject: Subject) -> String {
    match subject {
        Subject::Product(id) => id.to_string(),
        Subject::Category(id) => id.to_string(),
        Subject::Location(id) => id.to_string(),
        Subject::Reservation(id) => id.to_string(),
        Subject::Order(id) => id.to_string(),
        Subject::User(id) => id.to_string(),
        Subject::Session(id) => id.to_string(),
        Subject::ApiKey(id) => id.to_string(),
        Subject::Endpoint(id) => id.to_string(),
        Subject::Sync(id) => id.to_string(),
        Subject::Import(id) => id.to_string(),
        Subject::Job(id) => id.to_string(),
    }
}

/// The object that an id names; ids say themselves of what kind they are.
pub(super) fn subject(text: &str) -> Option<Subject> {
    let product = || text.parse().ok().map(Subject::Product);
    let category = || text.parse().ok().map(Subject::Category);
    let location = || text.parse().ok().map(Subject::Location);
    let reservation = || text.parse().ok().map(Subject::Reservation);
    let order = || text.parse().ok().map(Subject::Order);
    let user = || text.parse().ok().map(Subject::User);
    let session = || text.parse().ok().map(Subject::Session);
    let key = || text.parse().ok().map(Subject::ApiKey);
    let endpoint = || text.parse().ok().map(Subject::Endpoint);
    let sync = || text.parse().ok().map(Subject::Sync);
    let import = || text.parse().ok().map(Subject::Import);
    let job = || text.parse().ok().map(Subject::Job);
    order()
        .or_else(product)
        .or_else(category)
        .or_else(location)
        .or_else(reservation)
        .or_else(user)
        .or_else(session)
        .or_else(key)
        .or_else(endpoint)
        .or_else(sync)
        .or_else(import)
        .or_else(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_back_from_its_id() {
        for text in [
            "prd_7", "cat_7", "loc_7", "res_7", "ord_7", "usr_7", "ses_7", "key_7", "whe_7",
            "syn_7", "imp_7", "job_7",
        ] {
            assert_eq!(subject(text).map(id).as_deref(), Some(text));
        }
        for text in ["", "7", "ord_", "ord_0", "ord_x", "cup_7", "ord_7 ", "<b>"] {
            assert_eq!(subject(text), None, "{text}");
        }
    }
}
