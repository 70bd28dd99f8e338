//! Every mail that there is, as data: its name, the events that call for it, and who gets it. A new
//! mail is a row here, a function beside its like, and a sample.

use onhand_core::events::EventBody;
use onhand_core::inventory::Level;
use onhand_core::jobs::DeadLetter;
use onhand_core::orders::Order;
use onhand_core::schedules::ProofFailure;
use onhand_core::text::Sku;
use onhand_core::warehouse::Sync;
use onhand_core::webhooks::EndpointEntry;

use super::letter::Letter;
use super::{channel, html, operators, orders, plain, warehouse};

/// Who gets a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whose the order is.
    Customer,
    /// Everybody who is named by `--operator-mail`.
    Operators,
}

impl Audience {
    /// Its name, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operators => "operators",
        }
    }
}

/// What a mail is about.
#[derive(Debug, Clone, Copy)]
pub enum Facts<'a> {
    /// An order, as an event left it.
    Order(&'a Order),
    /// A level whose stock became low.
    Level {
        /// The product's SKU.
        sku: &'a Sku,
        /// The figures.
        level: &'a Level,
    },
    /// An endpoint that gets no webhooks any more.
    Endpoint(&'a EndpointEntry),
    /// A job that is tried no more and waits for an operator.
    DeadLetter(&'a DeadLetter),
    /// A run against the external warehouse.
    Sync(&'a Sync),
    /// Promises that the proof has found broken.
    Proof(&'a ProofFailure),
}

impl<'a> Facts<'a> {
    /// What an event tells that a template may need.
    pub fn of(body: &'a EventBody) -> Option<Self> {
        match body {
            EventBody::Order(order) => Some(Self::Order(order)),
            EventBody::Level { sku, level } => Some(Self::Level { sku, level }),
            EventBody::Endpoint(endpoint) => Some(Self::Endpoint(endpoint)),
            EventBody::DeadLetter(letter) => Some(Self::DeadLetter(letter)),
            EventBody::Sync(sync) => Some(Self::Sync(sync)),
            EventBody::Proof(failure) => Some(Self::Proof(failure)),
            EventBody::Product(_)
            | EventBody::Category(_)
            | EventBody::Location(_)
            | EventBody::Stock(_)
            | EventBody::Import(_)
            | EventBody::Reservations(_)
            | EventBody::User(_)
            | EventBody::Session(_)
            | EventBody::ApiKey(_)
            | EventBody::Shortfall(_) => None,
        }
    }
}

/// A mail that there may be.
#[derive(Debug)]
pub struct Template {
    /// Its name, in Message-IDs and logs.
    pub name: &'static str,
    /// The types of events that call for it. None: whoever finds the reason asks for it by name.
    pub kinds: &'static [&'static str],
    /// Who gets it.
    pub audience: Audience,
    /// What it tells, for whoever configures or reads.
    pub tells: &'static str,
    say: Say,
}

/// A letter, from the facts that it needs; `None` where it is not to be written.
#[derive(Debug)]
enum Say {
    OfOrder(fn(&Order) -> Option<Letter>),
    Of(fn(&Facts<'_>) -> Option<Letter>),
}

/// A mail as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is about, in one line.
    pub subject: String,
    /// For programs without HTML.
    pub text: String,
    /// For the others.
    pub html: String,
}

impl Template {
    /// The mail about these facts. `None` when they are of another kind, or when this mail is not
    /// to be written about them: it has been said often enough.
    pub fn render(&self, facts: &Facts<'_>) -> Option<Content> {
        let (letter, about) = match (&self.say, facts) {
            (Say::OfOrder(say), Facts::Order(order)) => (say(order)?, channel::name(order)),
            (Say::OfOrder(_), _) => return None,
            (Say::Of(say), facts) => (say(facts)?, operators::about(facts)),
        };
        let subject = format!("{}: {about}", letter.title);
        let html = html::render(&letter, &subject);
        Some(Content { text: plain::render(&letter), html, subject })
    }

    /// The template of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// Those that an event of a type calls for.
    pub fn for_event(kind: &str) -> impl Iterator<Item = &'static Self> {
        TEMPLATES.iter().filter(move |template| template.kinds.contains(&kind))
    }
}

const fn customer(
    name: &'static str,
    kinds: &'static [&'static str],
    tells: &'static str,
    say: fn(&Order) -> Option<Letter>,
) -> Template {
    Template { name, kinds, audience: Audience::Customer, tells, say: Say::OfOrder(say) }
}

const fn operator(
    name: &'static str,
    kinds: &'static [&'static str],
    tells: &'static str,
    say: fn(&Facts<'_>) -> Option<Letter>,
) -> Template {
    Template { name, kinds, audience: Audience::Operators, tells, say: Say::Of(say) }
}

/// Every mail.
pub const TEMPLATES: &[Template] = &[
    customer("order_placed", &["order.placed"], "the order has arrived", orders::placed),
    customer(
        "order_confirmed",
        &["order.confirmed", "order.revived"],
        "the order is paid, or needs no payment",
        orders::confirmed,
    ),
    customer(
        "order_processing",
        &["order.processing"],
        "the order is being got ready",
        orders::processing,
    ),
    customer(
        "order_partially_fulfilled",
        &["order.partially_fulfilled"],
        "a part is on its way, with its tracking",
        orders::partially_fulfilled,
    ),
    customer(
        "order_fulfilled",
        &["order.fulfilled"],
        "everything is on its way, with its tracking",
        orders::fulfilled,
    ),
    customer("order_delivered", &["order.delivered"], "everything has arrived", orders::delivered),
    customer("order_returned", &["order.returned"], "units came back", orders::returned),
    customer(
        "order_cancelled",
        &["order.cancelled"],
        "the order was called off",
        orders::cancelled,
    ),
    customer("order_expired", &["order.expired"], "it was not paid in time", orders::expired),
    customer(
        "payment_failed",
        &["payment.failed"],
        "a try to pay failed, and another one is possible",
        orders::payment_failed,
    ),
    customer("order_refunded", &["payment.refunded"], "money went back", orders::refunded),
    operator("low_stock", &["stock.low"], "stock fell below its threshold", operators::low_stock),
    operator(
        "webhook_disabled",
        &["webhook_endpoint.disabled"],
        "an endpoint gets no webhooks any more",
        operators::webhook_disabled,
    ),
    operator(
        "dead_letter",
        &["job.dead", "payment.refund_failed", "payment.stuck"],
        "something is tried no more and waits for somebody",
        operators::dead_letter,
    ),
    operator(
        "warehouse_held",
        &["warehouse.sync_held"],
        "figures of the warehouse differ by so much that somebody is to decide",
        warehouse::held,
    ),
    operator(
        "shortfall",
        &["warehouse.sync_completed"],
        "the warehouse has less than is promised; once a run",
        warehouse::shortfall,
    ),
    operator(
        "verify_failed",
        &["verify.failed"],
        "the proof beside the work has found broken promises",
        operators::verify_failed,
    ),
];

/// Events of orders and payments that call for no mail, and why.
pub const SILENT: &[(&str, &str)] = &[
    ("order.backordered", "the shop tells it in its own words, with when it comes"),
    ("order.hold_extended", "the customer still waits for the same thing"),
    ("order.updated", "the customer or the shop changed an address, and knows"),
    ("payment.authorized", "the order is confirmed next, which is told"),
    ("payment.capture_asked", "between the shop and the gateway"),
    ("payment.captured", "the order is confirmed with it, which is told"),
    ("payment.checked", "between the shop and the gateway"),
    ("payment.closed", "nobody can pay any more; the order has ended, which is told"),
    ("payment.delayed", "tried again by itself"),
    ("payment.doubted", "between the shop and the gateway"),
    ("payment.intent_created", "the customer is at the till"),
    ("payment.refund_owed", "told when the money is back"),
    ("payment.refund_pending", "told when the money is back"),
    ("payment.requeued", "an operator did it"),
    ("payment.skipped", "an operator did it"),
    ("payment.started", "the customer is at the till"),
    ("payment.voided", "no money was taken; the order's own end is told"),
];
