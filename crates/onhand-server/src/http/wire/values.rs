//! What the values of the core look like on the wire, for the description: the core knows no HTTP,
//! so its types cannot describe themselves. Names a view can put into `value_type`; nothing here
//! is ever built.

use crate::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use onhand_core::accounts::{EndReason as Reasons, Role as Roles, Scope as Scopes};
use onhand_core::imports::{Kind as Kinds, State as ImportState};
use onhand_core::inventory::{MovementKind as Kind, ReservationState as State};
use onhand_core::jobs::JobState;
use onhand_core::limits::{
    AMOUNT_MAX, EMAIL_CHARS_MAX, GATEWAY_ID_CHARS_MAX, HOLD_SECS_MAX, HOLD_SECS_MIN,
    KEY_PREFIX_CHARS_MAX, METADATA_ENTRIES_MAX, NAME_CHARS_MAX, QUANTITY_MAX, REASON_CHARS_MAX,
    REFERENCE_CHARS_MAX, SKU_CHARS_MAX, TEXT_CHARS_MAX, URL_CHARS_MAX,
};
use onhand_core::orders::{Action as Arrow, Status};
use onhand_core::payments;
use onhand_core::schedules::ScheduleName as Schedules;
use onhand_core::warehouse;
use onhand_core::webhooks::EndpointState;
use onhand_engine::query::LedgerClock as Clock;
use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{OneOfBuilder, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

values! {
    /// A product's id.
    ProductId => id("prd", "product");
    /// A category's id.
    CategoryId => id("cat", "category");
    /// A location's id.
    LocationId => id("loc", "location");
    /// A reservation's id.
    ReservationId => id("res", "reservation");
    /// An order's id.
    OrderId => id("ord", "order");
    /// A customer's id.
    CustomerId => id("cus", "customer, as the caller numbers them");
    /// A user's id.
    UserId => id("usr", "user");
    /// A session's id.
    SessionId => id("ses", "session");
    /// An API key's id.
    ApiKeyId => id("key", "API key");
    /// A payment's id.
    PaymentId => id("pay", "payment");
    /// The id of something that is owed to a gateway.
    EffectId => id("eff", "effect");
    /// The name that a gateway has given to one of its own objects.
    GatewayId => text(1, GATEWAY_ID_CHARS_MAX, "As the gateway calls it.", "pay_IluHYEIZzZ1lBM");
    /// Who takes the money.
    Provider => one_of(payments::Provider::ALL.iter().map(|one| one.as_str()));
    /// When money that is set aside is taken.
    CaptureMode => one_of(payments::Capture::ALL.iter().map(|one| one.as_str()));
    /// What a payment has come to.
    PaymentStatus => one_of(payments::Status::ALL.iter().map(|one| one.as_str()));
    /// How far one try to pay has come.
    AttemptStatus => one_of(payments::AttemptState::ALL.iter().map(|one| one.as_str()));
    /// How far money on its way back has come.
    RefundStatus => one_of(payments::RefundState::ALL.iter().map(|one| one.as_str()));
    /// Why money goes back.
    RefundCause => one_of(payments::RefundCause::ALL.iter().map(|one| one.as_str()));
    /// Where something is that is owed to a gateway.
    EffectStatus => one_of(["waiting", "dead", "done"]);
    /// What is done next about money that is not where it should be.
    ReconciliationAction => one_of(super::payments::ACTIONS);
    /// A webhook endpoint's id.
    EndpointId => id("whe", "webhook endpoint");
    /// Whether a webhook endpoint is told anything.
    EndpointStatus => one_of(EndpointState::ALL.iter().map(|one| one.as_str()));
    /// A type of event, or a family of them.
    EventFilter => event_filter();
    /// An address that the server is to call.
    Url => of_form(
        text(1, URL_CHARS_MAX, "An address, `https://` unless told otherwise.",
            "https://example.com/hooks"),
        "^[!-~]+$",
    );
    /// An import's id.
    ImportId => id("imp", "import");
    /// What the rows of a file are.
    ImportKind => one_of(Kinds::ALL.iter().map(|one| one.as_str()));
    /// What a file looks like.
    ImportFormat => one_of(crate::imports::Format::ALL.iter().map(|one| one.name()));
    /// Where an import stands.
    ImportStatus => one_of(ImportState::ALL.iter().map(|one| one.as_str()));
    /// The id of a run against the external warehouse.
    SyncId => id("syn", "run against the external warehouse");
    /// Where a run is.
    SyncStatus => one_of(warehouse::Status::ALL.iter().map(|one| one.as_str()));
    /// What made a run begin.
    SyncTrigger => one_of(warehouse::Trigger::ALL.iter().map(|one| one.as_str()));
    /// What came of a row of a run.
    SyncAction => one_of(warehouse::Action::ALL.iter().map(|one| one.as_str()));
    /// Who is believed.
    SyncMode => one_of(warehouse::Mode::ALL.iter().map(|one| one.as_str()));
    /// What is done where the warehouse has less than is promised.
    ShortfallPolicy => one_of(warehouse::ShortfallPolicy::ALL.iter().map(|one| one.as_str()));
    /// A job's id.
    JobId => id("job", "job");
    /// Where a job is.
    JobStatus => one_of(JobState::ALL.iter().map(|one| one.as_str()));
    /// A queue.
    Queue => of_form(
        text(1, 20, "`processing`, `mail`, `relay`, or the id of a webhook endpoint.", "mail"),
        "^(processing|mail|relay|whe_[1-9][0-9]{0,15})$",
    );
    /// What is done from time to time.
    ScheduleName => one_of(Schedules::ALL.iter().map(|one| one.as_str()));
    /// An event's id.
    EventId => id("evt", "event");
    /// The shop's own name of what is stocked.
    Sku => of_form(
        text(1, SKU_CHARS_MAX, "Printable ASCII other than `/`, `?`, `#` and `%`.", "TEA-1"),
        r#"^[!"$&'()*+,\-.0-9:;<=>@A-Z\[\\\]^_`a-z{|}~]+$"#,
    );
    /// A short line of text.
    Name => text(1, NAME_CHARS_MAX, "Without control characters or outer spaces.", "Green tea");
    /// Longer text.
    Text => text(0, TEXT_CHARS_MAX, "Longer text; may be empty.", "From the first harvest.");
    /// The name of something in another system.
    Reference => text(1, REFERENCE_CHARS_MAX, "A name in another system, kept as it is.", "PO-77");
    /// Why something happened.
    Reason => of_form(
        text(1, REASON_CHARS_MAX, "Lower case: a usual reason or `custom:...`.", "received"),
        r"^[a-z0-9_:\-.]+$",
    );
    /// Who asked.
    Actor => text(1, REFERENCE_CHARS_MAX, "Who asked: `usr_5`, `key_7`, `system`.", "local");
    /// A point in time.
    Instant => instant();
    /// A currency.
    Currency => currency();
    /// Units that are asked for.
    Quantity => whole(1, QUANTITY_MAX, "Whole units, at least 1.");
    /// Units of a level.
    Units => whole(0, QUANTITY_MAX, "Whole units, 0 or more.");
    /// Seconds for which stock is held.
    HoldSecs => whole(HOLD_SECS_MIN, HOLD_SECS_MAX, "Seconds; 10 minutes when absent.");
    /// Minor units of a price.
    Amount => whole(0, AMOUNT_MAX, "Whole minor units (paise, cents).");
    /// Where an order is in its life.
    OrderStatus => one_of(Status::ALL.iter().map(|status| status.as_str()));
    /// What moves an order.
    OrderAction => one_of(Arrow::ALL.iter().map(|action| action.as_str()));
    /// What a movement does to the figures.
    MovementKind => one_of(Kind::ALL.map(Kind::as_str));
    /// Which of a movement's two times counts.
    LedgerClock => one_of(Clock::ALL.map(Clock::as_str));
    /// Where a reservation is in its life.
    ReservationState => one_of(State::ALL.map(State::as_str));
    /// Why units are taken from a location.
    Sourcing => one_of(["requested", "single_location", "split"]);
    /// What happened.
    EventType => one_of(onhand_core::events::TYPES.iter().copied());
    /// An e-mail address.
    Email => of_form(
        text(3, EMAIL_CHARS_MAX, "An e-mail address, in lower case.", "ada@example.com"),
        r"^[^@\s]{1,64}@([^@\s.]+(\.[^@\s.]+)+|localhost)$",
    );
    /// What kind of account somebody has.
    Role => one_of(Roles::ALL.iter().map(|role| role.as_str()));
    /// One right.
    Scope => one_of(Scopes::ALL.iter().map(|scope| scope.as_str()));
    /// Why a session ended.
    EndReason => one_of(Reasons::ALL.iter().map(|reason| reason.as_str()));
    /// A password.
    Password => text(1, PASSWORD_CHARS_MAX, "A password.", "tomatoes & 7 bees");
    /// A password to set.
    NewPassword =>
        text(PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX, "A password to set.", "tomatoes & 7 bees");
    /// A token or code as it was given out.
    Token => ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("As it was given out."))
        .examples([json!("onr_7_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE")])
        .build();
    /// How a key begins.
    KeyPrefix => text(1, KEY_PREFIX_CHARS_MAX, "How the key begins.", "onk_x7Qp2mZa");
    /// The caller's entries.
    Metadata => metadata();
    /// Any JSON: what was sent.
    Anything => ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
        .description(Some("What was sent; left out where it is long."));
    /// Why an order was not placed.
    PlacingRefusal => placing_refusal();
}

fn id(prefix: &str, what: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^{prefix}_[1-9][0-9]{{0,15}}$")))
        .description(Some(format!("Id of a {what}.")))
        .examples([json!(format!("{prefix}_7"))])
        .build()
}

fn text(min: usize, max: usize, description: &str, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length((min > 0).then_some(min))
        .max_length(Some(max))
        .description(Some(description))
        .examples([json!(example)])
        .build()
}

/// The same, of a form.
fn of_form(mut text: Object, pattern: &str) -> Object {
    text.pattern = Some(pattern.to_owned());
    text
}

fn instant() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339 in UTC, up to microseconds."))
        .examples([json!("2026-11-21T05:48:16.120394Z")])
        .build()
}

fn currency() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[A-Z]{3}$"))
        .description(Some("ISO 4217 code of a currency that is in use."))
        .examples([json!("INR")])
        .build()
}

fn whole(min: i64, max: i64, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(min))
        .maximum(Some(max))
        .description(Some(description))
        .build()
}

fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

fn event_filter() -> Object {
    let types = onhand_core::events::TYPES.iter().copied();
    let families: std::collections::BTreeSet<String> =
        types.clone().filter_map(|kind| Some(format!("{}.*", kind.split_once('.')?.0))).collect();
    one_of(types.chain(families.iter().map(String::as_str)))
}

fn metadata() -> Object {
    let entry = ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .additional_properties(Some(entry.max_length(Some(REFERENCE_CHARS_MAX))))
        .max_properties(Some(METADATA_ENTRIES_MAX))
        .description(Some("Entries of the caller, kept and never read."))
        .examples([json!({"cart": "7"})])
        .build()
}

/// Codes with which the placing of an order may be refused, alone or in a batch.
pub const PLACING_CODES: &[&str] = &[
    "forbidden_customer",
    "unknown_sku",
    "unknown_product",
    "external_reference_taken",
    "product_inactive",
    "currency_mismatch",
    "line_too_large",
    "total_too_large",
    "total_mismatch",
    "too_many_open_orders",
    "insufficient_stock",
];

/// Codes with which the whole request of one or more orders may be refused.
pub fn checkout_codes() -> Vec<&'static str> {
    PLACING_CODES.iter().copied().chain(["card_data"]).collect()
}

fn placing_refusal() -> Schema {
    let codes = PLACING_CODES.iter();
    let one_of = codes.fold(OneOfBuilder::new(), |one_of, code| {
        one_of.item(Ref::from_schema_name(problem_name(code)))
    });
    one_of.into()
}

/// The name of the schema of a problem.
pub fn problem_name(code: &str) -> String {
    let words = code.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    format!("{}Problem", words.collect::<String>())
}
