//! One problem of every code, made the way the handlers make them: statuses, facts and words of the
//! description come from here, so that they are those of the answers. The chains match on every
//! variant, so a new refusal does not compile until it has its sample.

use onhand_core::accounts::{Email, Role};
use onhand_core::effects::{self, EffectState};
use onhand_core::ids::{
    ApiKeyId, CategoryId, CustomerId, EffectId, EndpointId, ImportId, JobId, LocationId, OrderId,
    PaymentId, ProductId, ReservationId, SyncId, UserId,
};
use onhand_core::inventory::{ReservationState, ShortItem};
use onhand_core::jobs::{self, JobState};
use onhand_core::limits::{
    ENDPOINTS_MAX, FULFILMENTS_MAX, HELD_UNITS_PER_CUSTOMER_MAX, LOCATIONS_MAX,
    OPEN_ORDERS_PER_CUSTOMER_MAX, PAYMENT_REFUNDS_MAX, QUANTITY_MAX,
};
use onhand_core::orders::{Action, Status};
use onhand_core::text::{Name, Reference, Sku};
use onhand_core::{
    Refusal, accounts, catalog, imports, inventory, orders, payments as core_payments, warehouse,
    webhooks,
};
use onhand_engine::SubmitError;
use serde_json::Value;

use crate::http::accounts::invalid_credentials;
use crate::http::problem::{FieldError, Problem};
use crate::http::{call, cards, gate, payments};

/// One problem of every code that a route may answer.
pub(super) fn all() -> Vec<Problem> {
    let mut problems = of_requests();
    problems.extend(of_the_store());
    problems.push(Refusal::VersionMismatch { expected: 3, actual: 4 }.into());
    let refusals = std::iter::successors(catalog_after(None), |one| catalog_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(inventory_after(None), |one| inventory_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(orders_after(None), |one| orders_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(accounts_after(None), |one| accounts_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(payments_after(None), |one| payments_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    problems.extend(of_effects().map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(jobs_after(None), |one| jobs_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(webhooks_after(None), |one| webhooks_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(imports_after(None), |one| imports_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    let refusals = std::iter::successors(warehouse_after(None), |one| warehouse_after(Some(one)));
    problems.extend(refusals.map(|one| Problem::from(Refusal::from(one))));
    problems.push(crate::http::warehouse::not_configured());
    problems.extend(of_the_gate());
    problems.extend(payments::problems());
    problems
}

fn payments_after(previous: Option<&core_payments::Refusal>) -> Option<core_payments::Refusal> {
    use core_payments::{Refusal as R, Status as S};
    let payment_id = PaymentId::of_order(OrderId::new(42)?);
    Some(match previous {
        None => R::NoPayment { order_id: payment_id.order() },
        Some(R::NoPayment { .. }) => R::PaymentExists { payment_id, status: S::AwaitingPayment },
        Some(R::PaymentExists { .. }) => R::AlreadyPaid { payment_id },
        Some(R::AlreadyPaid { .. }) => R::NotPayable { status: Status::Cancelled },
        Some(R::NotPayable { .. }) => R::NotAuthorized { status: S::Captured },
        Some(R::NotAuthorized { .. }) => R::NotPaid { status: S::AwaitingPayment },
        Some(R::NotPaid { .. }) => R::PaymentCurrencyMismatch {
            expected: "INR".parse().ok()?,
            actual: "EUR".parse().ok()?,
        },
        Some(R::PaymentCurrencyMismatch { .. }) => {
            R::RefundTooLarge { requested: 99_900, left: 49_900 }
        }
        Some(R::RefundTooLarge { .. }) => {
            R::CaptureAmountMismatch { requested: 49_900, authorized: 99_800 }
        }
        Some(R::CaptureAmountMismatch { .. }) => {
            R::TooManyRefunds { most: PAYMENT_REFUNDS_MAX as u64 }
        }
        Some(R::TooManyRefunds { .. }) => return None,
    })
}

fn of_effects() -> impl Iterator<Item = effects::Refusal> {
    let unknown = EffectId::new(42).map(|effect_id| effects::Refusal::UnknownEffect { effect_id });
    let state = EffectState::Waiting;
    unknown.into_iter().chain([effects::Refusal::EffectNotDead { state }])
}

/// Those that a route may answer: what only a worker is told is not among them.
fn jobs_after(previous: Option<&jobs::Refusal>) -> Option<jobs::Refusal> {
    use jobs::Refusal as R;
    Some(match previous {
        None => R::NotInLog { from: 90, to: 200, newest: 108 },
        Some(R::NotInLog { .. }) => R::ReplayRunning { cursor: 90, to: 108 },
        Some(R::ReplayRunning { .. }) => R::UnknownJob { job_id: JobId::new(12)? },
        Some(R::UnknownJob { .. }) => R::JobNotDead { state: JobState::Waiting },
        Some(
            R::JobNotDead { .. }
            | R::UnknownQueue { .. }
            | R::CursorMoved { .. }
            | R::QueueFull { .. },
        ) => return None,
    })
}

fn webhooks_after(previous: Option<&webhooks::Refusal>) -> Option<webhooks::Refusal> {
    use webhooks::Refusal as R;
    Some(match previous {
        None => R::UnknownEndpoint { endpoint_id: EndpointId::new(7)? },
        Some(R::UnknownEndpoint { .. }) => R::TooManyEndpoints { most: ENDPOINTS_MAX },
        Some(R::TooManyEndpoints { .. }) => return None,
    })
}

/// Those that a route may answer: what is told of a single row is told with it.
fn imports_after(previous: Option<&imports::Refusal>) -> Option<imports::Refusal> {
    use imports::{Refusal as R, State};
    let import_id = ImportId::new(108)?;
    Some(match previous {
        None => R::ImportEnded { import_id, state: State::Failed },
        Some(R::ImportEnded { .. }) => R::ImportMoved { expected: 500, actual: 750 },
        Some(R::ImportMoved { .. }) => R::ImportFileDiffers { import_id, rows: 500 },
        Some(
            R::ImportFileDiffers { .. }
            | R::UnknownImport { .. }
            | R::TooManyRows { .. }
            | R::UnknownLocationCode { .. }
            | R::NewProductIncomplete { .. },
        ) => return None,
    })
}

/// Those that a route may answer: what only a worker is told is not among them.
fn warehouse_after(previous: Option<&warehouse::Refusal>) -> Option<warehouse::Refusal> {
    use warehouse::{Action as A, Refusal as R, Status as S};
    let sync_id = SyncId::new(7)?;
    Some(match previous {
        None => R::UnknownSync { sync_id },
        Some(R::UnknownSync { .. }) => R::SyncRunning { sync_id, status: S::Applying },
        Some(R::SyncRunning { .. }) => R::SyncState { status: S::Applied },
        Some(R::SyncState { .. }) => R::UnknownSyncRow { row: 17 },
        Some(R::UnknownSyncRow { .. }) => R::SyncRowNotHeld { row: 17, action: A::Counted },
        Some(R::SyncRowNotHeld { .. } | R::SyncMoved { .. } | R::TooManySyncRows { .. }) => {
            return None;
        }
    })
}

fn of_the_gate() -> Vec<Problem> {
    vec![
        gate::unauthenticated(),
        gate::forbidden("this needs `orders:write` or `orders:own`"),
        gate::rate_limited(17),
        invalid_credentials(),
    ]
}

/// Those that a route tells apart: a session that has ended, a user who is disabled and a right
/// that was withdrawn are all told as what they mean to whoever asks.
fn accounts_after(previous: Option<&accounts::Refusal>) -> Option<accounts::Refusal> {
    use accounts::Refusal as R;
    let user_id = UserId::new(5)?;
    Some(match previous {
        None => R::UnknownUser { user_id },
        Some(R::UnknownUser { .. }) => R::UnknownApiKey { api_key_id: ApiKeyId::new(9)? },
        Some(R::UnknownApiKey { .. }) => {
            let scopes = "orders:own".parse().ok()?;
            R::UnlawfulScopes { role: Some(Role::Operator), scopes }
        }
        Some(R::UnlawfulScopes { .. }) => {
            let expires_at = "2025-11-21T05:48:16Z".parse().ok()?;
            R::ExpiresInPast { expires_at, now: "2026-11-21T05:48:16Z".parse().ok()? }
        }
        Some(R::ExpiresInPast { .. }) => {
            R::EmailTaken { email: Email::new("ada@example.com").ok()? }
        }
        Some(R::EmailTaken { .. }) => R::LastAdmin { user_id },
        Some(
            R::LastAdmin { .. } | R::RightsWithdrawn | R::UserDisabled { .. } | R::SessionEnded,
        ) => return None,
    })
}

fn of_requests() -> Vec<Problem> {
    let unknown = FieldError::new(
        "/quantty",
        "unknown_field",
        "unknown field `quantty`, expected one of `sku`, `quantity`",
        Value::Null,
    );
    vec![
        call::malformed("the body is not JSON: EOF while parsing a value at line 1 column 9"),
        call::body_too_deep(),
        call::body_incomplete(),
        call::key_missing(),
        Problem::not_found("`ord_x`"),
        call::body_timeout(),
        call::body_too_large(crate::limits::BODY_BYTES_MAX),
        call::unsupported_media_type("text/plain"),
        call::version_missing(),
        Problem::field("/items", "expected 1 to 500 items", 0.into()),
        Problem::fields(vec![unknown]),
        cards::problem("/payment_method"),
    ]
}

fn of_the_store() -> Vec<Problem> {
    let internal = Problem::internal();
    let errors = [
        SubmitError::KeyReused,
        SubmitError::Overloaded,
        SubmitError::Stopping,
        SubmitError::Unavailable(String::new()),
        SubmitError::Full,
        SubmitError::OutcomeUnknown,
    ];
    errors.into_iter().map(Problem::from).chain([internal]).collect()
}

fn sku() -> Option<Sku> {
    Sku::new("TEA-1").ok()
}

fn catalog_after(previous: Option<&catalog::Refusal>) -> Option<catalog::Refusal> {
    use catalog::Refusal as R;
    let (sku, product_id, category_id) = (sku()?, ProductId::new(7)?, CategoryId::new(3)?);
    Some(match previous {
        None => R::UnknownSku { sku },
        Some(R::UnknownSku { .. }) => R::UnknownProduct { product_id },
        Some(R::UnknownProduct { .. }) => R::UnknownCategory { category_id },
        Some(R::UnknownCategory { .. }) => R::SkuTaken { sku, product_id },
        Some(R::SkuTaken { .. }) => R::ProductInUse { sku, on_hand: 48, reserved: 2 },
        Some(R::ProductInUse { .. }) => R::CategoryInUse { category_id, uses: 2 },
        Some(R::CategoryInUse { .. }) => R::CategoryCycle { category_id },
        Some(R::CategoryCycle { .. }) => return None,
    })
}

fn inventory_after(previous: Option<&inventory::Refusal>) -> Option<inventory::Refusal> {
    use inventory::Refusal as R;
    let (sku, location_id) = (sku()?, LocationId::new(1)?);
    let (reservation_id, order_id) = (ReservationId::new(9)?, OrderId::new(42)?);
    let (earlier, now) =
        ("2026-11-21T05:38:16Z".parse().ok()?, "2026-11-21T05:48:16Z".parse().ok());
    Some(match previous {
        None => R::UnknownLocation { location_id },
        Some(R::UnknownLocation { .. }) => R::NoLocation,
        Some(R::NoLocation) => {
            R::LocationCodeTaken { location_code: Name::new("berlin").ok()?, location_id }
        }
        Some(R::LocationCodeTaken { .. }) => R::TooManyLocations { most: LOCATIONS_MAX as u64 },
        Some(R::TooManyLocations { .. }) => {
            R::OccurredInFuture { occurred_at: "2027-11-21T05:48:16Z".parse().ok()?, now: now? }
        }
        Some(R::OccurredInFuture { .. }) => {
            R::ChangeFromQuantityStale { sku, change_from_quantity: 50, on_hand: 48 }
        }
        Some(R::ChangeFromQuantityStale { .. }) => {
            R::CountBelowReserved { sku, counted: 1, reserved: 2 }
        }
        Some(R::CountBelowReserved { .. }) => R::QuantityTooLarge { sku, most: QUANTITY_MAX },
        Some(R::QuantityTooLarge { .. }) => R::UnknownReservation { reservation_id },
        Some(R::UnknownReservation { .. }) => R::ReservationOfOrder { reservation_id, order_id },
        Some(R::ReservationOfOrder { .. }) => {
            R::ReservationEnded { reservation_id, state: ReservationState::Released }
        }
        Some(R::ReservationEnded { .. }) => R::ReservationExpired { expires_at: earlier },
        Some(R::ReservationExpired { .. }) => {
            R::MoreThanHeld { reservation_id, requested: 3, held: 2 }
        }
        // Only a dialect holds once, and says so in words of its own.
        Some(R::MoreThanHeld { .. } | R::HoldsAlready { .. } | R::HoldsLess { .. }) => {
            let item = ShortItem { sku, requested: 3, available: 1 };
            R::InsufficientStock { items: vec![item] }
        }
        Some(R::InsufficientStock { .. }) => return None,
    })
}

fn orders_after(previous: Option<&orders::Refusal>) -> Option<orders::Refusal> {
    use orders::Refusal as R;
    let (sku, order_id) = (sku()?, OrderId::new(42)?);
    let (rupees, euros) = ("INR".parse().ok()?, "EUR".parse().ok());
    Some(match previous {
        None => R::UnknownOrder { order_id },
        Some(R::UnknownOrder { .. }) => R::ForbiddenCustomer { customer_id: CustomerId::new(8)? },
        Some(R::ForbiddenCustomer { .. }) => {
            let external_reference = Reference::new("shop-1001").ok()?;
            R::ExternalReferenceTaken { external_reference, order_id: Some(order_id) }
        }
        Some(R::ExternalReferenceTaken { .. }) => R::ProductInactive { sku },
        Some(R::ProductInactive { .. }) => {
            R::CurrencyMismatch { expected: rupees, actual: euros?, sku }
        }
        Some(R::CurrencyMismatch { .. }) => R::LineTooLarge { sku, most: QUANTITY_MAX },
        Some(R::LineTooLarge { .. }) => R::TotalTooLarge,
        Some(R::TotalTooLarge) => {
            R::TotalMismatch { expected_total: 89_800, total: 99_800, currency: rupees }
        }
        Some(R::TotalMismatch { .. }) => R::TooManyOpenOrders {
            open_orders: OPEN_ORDERS_PER_CUSTOMER_MAX,
            most_orders: OPEN_ORDERS_PER_CUSTOMER_MAX,
            held_units: 57,
            requested_units: 2,
            most_units: HELD_UNITS_PER_CUSTOMER_MAX,
        },
        Some(R::TooManyOpenOrders { .. }) => R::InvalidTransition {
            status: Status::Fulfilled,
            action: Action::Cancel,
            allowed: orders::allowed(Status::Fulfilled).map(|arrow| arrow.action).collect(),
        },
        Some(R::InvalidTransition { .. }) => R::UnknownLine { line: 3, lines: 2 },
        Some(R::UnknownLine { .. }) => R::MoreThanLeft { line: 1, requested: 3, left: 2 },
        Some(R::MoreThanLeft { .. }) => R::NothingLeft { status: Status::Fulfilled },
        Some(R::NothingLeft { .. }) => R::TooManyFulfilments { most: FULFILMENTS_MAX as u64 },
        Some(R::TooManyFulfilments { .. }) => return None,
    })
}
