//! Errors as `application/problem+json` (RFC 9457): a stable code, what was wrong where, and what
//! would have been right. The one map from refusals and failures to statuses is here.

mod words;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onhand_core::{
    Refusal, accounts, catalog, effects, imports, inventory, jobs, orders, payments, warehouse,
    webhooks,
};
use onhand_engine::SubmitError;
use onhand_engine::query::ReadError;
use serde::Serialize;
use serde_json::{Map, Value};

use super::discreet;
use super::wire::values;
use crate::limits::RETRY_AFTER_SECS;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where, as a JSON pointer into the body, or the name of a parameter or header.
    pub pointer: String,
    /// `unknown_field`, `validation_failed` or `card_data`.
    #[schema(pattern = "^(unknown_field|validation_failed|card_data)$")]
    pub code: &'static str,
    /// In words.
    pub detail: String,
    /// What would have been right.
    pub expected: String,
    /// What was sent.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = values::Anything)]
    pub value: Value,
}

impl FieldError {
    /// Something is wrong at a place. What would have been right is taken from the words: ours and
    /// those of serde end with it.
    pub fn new(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
        value: Value,
    ) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        let value = discreet::at(&pointer, value);
        Self { pointer, code, expected: expected(&detail), detail, value }
    }
}

fn expected(detail: &str) -> String {
    let named = detail.split('`').nth(1).unwrap_or_default();
    match detail.rsplit_once("expected ") {
        Some((_, expected)) => expected.to_owned(),
        None if detail.starts_with("missing field") => format!("the field `{named}`"),
        None if detail.starts_with("duplicate field") => format!("the field `{named}` once"),
        None if detail.ends_with("there are no fields") => "no fields".to_owned(),
        None => "what the description of this route says".to_owned(),
    }
}

/// An error on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code that clients may rely on.
    pub code: &'static str,
    /// What happened, in words.
    pub detail: String,
    /// Every field that is wrong.
    pub errors: Vec<FieldError>,
    /// When to come back, in milliseconds.
    pub retry_after_ms: Option<u32>,
    /// The facts of a refusal: SKUs, figures, states.
    pub facts: Map<String, Value>,
    /// Whether a rule said no. Such an outcome is stored and answered again to the letter, so its
    /// body says nothing of the request that it came with.
    pub is_refusal: bool,
}

/// An error, as every route answers it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProblemBody {
    /// A name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The stable code that clients may rely on.
    pub code: &'static str,
    /// What happened, in words.
    pub detail: String,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request's id, as in the header `Request-Id`; not in refusals by a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When to come back, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
    /// The facts of a refusal: SKUs, figures, states.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

impl Problem {
    /// A problem with a status, a code and words.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_ms: None,
            facts: Map::new(),
            is_refusal: false,
        }
    }

    /// What is answered to the request of this id.
    pub fn body(self, request_id: Option<String>) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:onhand:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            errors: self.errors,
            request_id: request_id.filter(|_| !self.is_refusal),
            retry_after_ms: self.retry_after_ms,
            facts: self.facts,
        }
    }

    /// One field of a request is wrong.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>, value: Value) -> Self {
        Self::fields(vec![FieldError::new(pointer, "validation_failed", detail, value)])
    }

    /// Some fields of a request are wrong.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let code = errors.first().map_or("validation_failed", |error| error.code);
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            several => format!("{} fields are wrong", several.len()),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    /// Nothing of this name is there.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} is not there"))
    }

    /// No product has this name.
    pub fn unknown(product: &onhand_core::catalog::ProductRef) -> Self {
        Refusal::from(product.unknown()).into()
    }

    /// We have made a mistake; what it is stands in the log.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server made a mistake")
    }

    fn later(mut self) -> Self {
        self.retry_after_ms = Some(RETRY_AFTER_SECS * 1_000);
        self
    }
}

impl IntoResponse for Problem {
    /// The body is written by the outermost layer, which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(wait_ms) = self.retry_after_ms {
            let secs = HeaderValue::from(wait_ms.div_ceil(1_000));
            response.headers_mut().insert(header::RETRY_AFTER, secs);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 wants it with every 401.
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let detail = error.to_string();
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            SubmitError::Overloaded => Self::new(unavailable, "overloaded", detail).later(),
            SubmitError::Stopping => Self::new(unavailable, "stopping", detail).later(),
            SubmitError::Unavailable(_) => {
                let detail = "the store cannot be written at the moment: nothing was done, so \
                              repeat it with the same key";
                Self::new(unavailable, "store_unavailable", detail).later()
            }
            SubmitError::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail).later()
            }
            SubmitError::OutcomeUnknown => Self::new(
                unavailable,
                "outcome_unknown",
                "it is not known whether this was carried out: repeat it with the same key",
            )
            .later(),
            SubmitError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request; take a new key",
            ),
            SubmitError::Internal(reason) => {
                tracing::error!(reason, "a command failed");
                Self::internal()
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            ReadError::Overloaded => {
                Self::new(unavailable, "overloaded", error.to_string()).later()
            }
            ReadError::Stopping => Self::new(unavailable, "stopping", error.to_string()).later(),
            ReadError::NotDurable => {
                Self::new(unavailable, "store_unavailable", error.to_string()).later()
            }
            // What the store said is for the operator: it may name hosts and users.
            ReadError::Unavailable(reason) => {
                tracing::warn!(reason, "the store cannot be read");
                let detail = "the store cannot be read at the moment";
                Self::new(unavailable, "store_unavailable", detail).later()
            }
            ReadError::Failed(reason) => {
                tracing::error!(reason, "a read failed");
                Self::internal()
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        let mut facts = facts(&refusal);
        facts.remove("code");
        Self { facts, is_refusal: true, ..Self::new(status(&refusal), code, words::of(&refusal)) }
    }
}

/// The one map from refusals to statuses.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::VersionMismatch { .. } => StatusCode::PRECONDITION_FAILED,
        Refusal::InBatch { refusal, .. } => status(refusal),
        Refusal::Catalog(refusal) => match refusal {
            catalog::Refusal::UnknownSku { .. }
            | catalog::Refusal::UnknownProduct { .. }
            | catalog::Refusal::UnknownCategory { .. } => StatusCode::NOT_FOUND,
            catalog::Refusal::SkuTaken { .. }
            | catalog::Refusal::ProductInUse { .. }
            | catalog::Refusal::CategoryInUse { .. }
            | catalog::Refusal::CategoryCycle { .. } => StatusCode::CONFLICT,
        },
        Refusal::Inventory(refusal) => inventory_status(refusal),
        Refusal::Orders(refusal) => match refusal {
            orders::Refusal::UnknownOrder { .. } => StatusCode::NOT_FOUND,
            orders::Refusal::ForbiddenCustomer { .. } => StatusCode::FORBIDDEN,
            orders::Refusal::LineTooLarge { .. }
            | orders::Refusal::TotalTooLarge
            | orders::Refusal::CurrencyMismatch { .. }
            | orders::Refusal::UnknownLine { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            orders::Refusal::ExternalReferenceTaken { .. }
            | orders::Refusal::ProductInactive { .. }
            | orders::Refusal::TotalMismatch { .. }
            | orders::Refusal::TooManyOpenOrders { .. }
            | orders::Refusal::InvalidTransition { .. }
            | orders::Refusal::MoreThanLeft { .. }
            | orders::Refusal::NothingLeft { .. }
            | orders::Refusal::TooManyFulfilments { .. } => StatusCode::CONFLICT,
        },
        Refusal::Accounts(refusal) => account_status(refusal),
        Refusal::Payments(refusal) => payment_status(refusal),
        Refusal::Effects(refusal) => match refusal {
            effects::Refusal::UnknownEffect { .. } => StatusCode::NOT_FOUND,
            effects::Refusal::EffectNotDead { .. } => StatusCode::CONFLICT,
        },
        Refusal::Jobs(refusal) => match refusal {
            jobs::Refusal::UnknownQueue { .. } | jobs::Refusal::UnknownJob { .. } => {
                StatusCode::NOT_FOUND
            }
            jobs::Refusal::NotInLog { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            jobs::Refusal::CursorMoved { .. }
            | jobs::Refusal::QueueFull { .. }
            | jobs::Refusal::ReplayRunning { .. }
            | jobs::Refusal::JobNotDead { .. } => StatusCode::CONFLICT,
        },
        Refusal::Imports(refusal) => import_status(refusal),
        Refusal::Webhooks(refusal) => match refusal {
            webhooks::Refusal::UnknownEndpoint { .. } => StatusCode::NOT_FOUND,
            webhooks::Refusal::TooManyEndpoints { .. } => StatusCode::CONFLICT,
        },
        Refusal::Warehouse(refusal) => warehouse_status(refusal),
    }
}

fn inventory_status(refusal: &inventory::Refusal) -> StatusCode {
    match refusal {
        inventory::Refusal::UnknownLocation { .. }
        | inventory::Refusal::UnknownReservation { .. } => StatusCode::NOT_FOUND,
        inventory::Refusal::OccurredInFuture { .. }
        | inventory::Refusal::QuantityTooLarge { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        inventory::Refusal::NoLocation
        | inventory::Refusal::LocationCodeTaken { .. }
        | inventory::Refusal::TooManyLocations { .. }
        | inventory::Refusal::ChangeFromQuantityStale { .. }
        | inventory::Refusal::CountBelowReserved { .. }
        | inventory::Refusal::ReservationOfOrder { .. }
        | inventory::Refusal::ReservationEnded { .. }
        | inventory::Refusal::ReservationExpired { .. }
        | inventory::Refusal::MoreThanHeld { .. }
        | inventory::Refusal::HoldsAlready { .. }
        | inventory::Refusal::HoldsLess { .. }
        | inventory::Refusal::InsufficientStock { .. } => StatusCode::CONFLICT,
    }
}

fn warehouse_status(refusal: &warehouse::Refusal) -> StatusCode {
    match refusal {
        warehouse::Refusal::UnknownSync { .. } | warehouse::Refusal::UnknownSyncRow { .. } => {
            StatusCode::NOT_FOUND
        }
        warehouse::Refusal::TooManySyncRows { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        warehouse::Refusal::SyncRunning { .. }
        | warehouse::Refusal::SyncState { .. }
        | warehouse::Refusal::SyncMoved { .. }
        | warehouse::Refusal::SyncRowNotHeld { .. } => StatusCode::CONFLICT,
    }
}

fn account_status(refusal: &accounts::Refusal) -> StatusCode {
    match refusal {
        accounts::Refusal::RightsWithdrawn | accounts::Refusal::SessionEnded => {
            StatusCode::UNAUTHORIZED
        }
        accounts::Refusal::UserDisabled { .. } => StatusCode::FORBIDDEN,
        accounts::Refusal::UnknownUser { .. } | accounts::Refusal::UnknownApiKey { .. } => {
            StatusCode::NOT_FOUND
        }
        accounts::Refusal::UnlawfulScopes { .. } | accounts::Refusal::ExpiresInPast { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        accounts::Refusal::EmailTaken { .. } | accounts::Refusal::LastAdmin { .. } => {
            StatusCode::CONFLICT
        }
    }
}

fn import_status(refusal: &imports::Refusal) -> StatusCode {
    use imports::Refusal as R;
    match refusal {
        R::UnknownImport { .. } | R::UnknownLocationCode { .. } => StatusCode::NOT_FOUND,
        R::TooManyRows { .. } | R::NewProductIncomplete { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        R::ImportEnded { .. } | R::ImportMoved { .. } | R::ImportFileDiffers { .. } => {
            StatusCode::CONFLICT
        }
    }
}

fn payment_status(refusal: &payments::Refusal) -> StatusCode {
    match refusal {
        payments::Refusal::NoPayment { .. } => StatusCode::NOT_FOUND,
        payments::Refusal::PaymentCurrencyMismatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        payments::Refusal::PaymentExists { .. }
        | payments::Refusal::AlreadyPaid { .. }
        | payments::Refusal::NotPayable { .. }
        | payments::Refusal::NotAuthorized { .. }
        | payments::Refusal::NotPaid { .. }
        | payments::Refusal::RefundTooLarge { .. }
        | payments::Refusal::CaptureAmountMismatch { .. }
        | payments::Refusal::TooManyRefunds { .. } => StatusCode::CONFLICT,
    }
}

/// The facts of a refusal, with ids in their text form.
fn facts(refusal: &Refusal) -> Map<String, Value> {
    let value = match refusal {
        Refusal::VersionMismatch { expected, actual } => {
            serde_json::json!({ "expected": expected, "actual": actual })
        }
        Refusal::Catalog(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Inventory(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Orders(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Accounts(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Payments(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Effects(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Jobs(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Webhooks(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Imports(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::Warehouse(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
        Refusal::InBatch { index, refusal } => {
            let mut facts = facts(refusal);
            facts.insert("index".into(), (*index).into());
            Value::Object(facts)
        }
    };
    let Value::Object(mut facts) = value else {
        return Map::new();
    };
    // A problem has a `status` of its own, which a fact of that name would write a second time.
    if let Some(status) = facts.remove("status") {
        let name = if matches!(refusal, Refusal::Warehouse(_)) {
            "sync_status"
        } else if tells_of_payment(refusal) {
            "payment_status"
        } else {
            "order_status"
        };
        facts.insert(name.into(), status);
    }
    for (name, value) in &mut facts {
        let prefix = match name.as_str() {
            "product_id" => "prd",
            "category_id" => "cat",
            "location_id" => "loc",
            "reservation_id" => "res",
            "order_id" => "ord",
            "customer_id" => "cus",
            "user_id" => "usr",
            "api_key_id" => "key",
            "payment_id" => "pay",
            "effect_id" => "eff",
            "job_id" => "job",
            "endpoint_id" => "whe",
            "import_id" => "imp",
            "sync_id" => "syn",
            _ => continue,
        };
        *value = Value::String(format!("{prefix}_{value}"));
    }
    facts
}

/// Whether the status that a refusal tells is that of a payment, and not of an order.
fn tells_of_payment(refusal: &Refusal) -> bool {
    use payments::Refusal as R;
    let Refusal::Payments(refusal) = refusal else { return false };
    match refusal {
        R::PaymentExists { .. } | R::NotAuthorized { .. } | R::NotPaid { .. } => true,
        R::NoPayment { .. }
        | R::AlreadyPaid { .. }
        | R::NotPayable { .. }
        | R::PaymentCurrencyMismatch { .. }
        | R::RefundTooLarge { .. }
        | R::CaptureAmountMismatch { .. }
        | R::TooManyRefunds { .. } => false,
    }
}
