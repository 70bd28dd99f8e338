//! The forms of what stands in queries and headers, by name: the routes take it as text and refuse
//! in words what has another form. A parameter that is not named here keeps what its route says.

use onhand_engine::limits::PAGE_ROWS_MAX;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr};

use crate::limits::KEY_CHARS_MAX;

/// Says of each parameter of an operation which form it has.
pub(super) fn give(path: &str, operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(Parameter { name, parameter_in, schema, .. }) = parameter
            && let Some(form) = form(path, parameter_in, name)
        {
            *schema = Some(form);
        }
    }
}

fn form(path: &str, place: &ParameterIn, name: &str) -> Option<RefOr<Schema>> {
    let form = match (place, name) {
        (ParameterIn::Header, "Idempotency-Key") => {
            text("^[!-~]+$").max_length(Some(KEY_CHARS_MAX)).into()
        }
        (ParameterIn::Header, "If-Match") => text(r#"^("[0-9]{1,19}"|\*)$"#).into(),
        (ParameterIn::Header, "Last-Event-ID") | (ParameterIn::Query, "after") => {
            whole(KnownFormat::Int64).minimum(Some(0)).into()
        }
        (ParameterIn::Query, "limit") => {
            whole(KnownFormat::Int32).minimum(Some(1)).maximum(Some(PAGE_ROWS_MAX)).into()
        }
        (ParameterIn::Query, "types") => {
            let one = onhand_core::events::TYPES.join("|").replace('.', r"\.");
            text(&format!("^({one})(,({one}))*$")).into()
        }
        (ParameterIn::Query, "starting_after") if path == "/v1/warehouse/shortfalls" => {
            text(r"^prd_[1-9][0-9]{0,15}\.loc_[1-9][0-9]{0,15}$").into()
        }
        (ParameterIn::Query, "starting_after") => match id_of(path) {
            Some(id) => return Some(Ref::from_schema_name(id).into()),
            None => text(r"^mov_[0-9]{1,16}(\.[0-9]{1,16})*$").into(),
        },
        (ParameterIn::Query, name) => {
            return Some(Ref::from_schema_name(value_of(path, name)?).into());
        }
        (_, _) => return None,
    };
    Some(RefOr::T(form))
}

fn text(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

fn whole(format: KnownFormat) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(format)))
}

/// The id that a list goes on after; none for a ledger, whose cursor is its own.
fn id_of(path: &str) -> Option<&'static str> {
    let id = match path {
        "/v1/api-keys" => "ApiKeyId",
        "/v1/categories" => "CategoryId",
        "/v1/effects" => "EffectId",
        "/v1/imports" => "ImportId",
        "/v1/jobs" | "/v1/webhook-endpoints/{id}/deliveries" => "JobId",
        "/v1/orders" | "/v1/reconciliation" => "OrderId",
        "/v1/payments" => "PaymentId",
        "/v1/products" | "/v1/stock" => "ProductId",
        "/v1/reservations" => "ReservationId",
        "/v1/users" => "UserId",
        "/v1/warehouse/syncs" => "SyncId",
        _ => return None,
    };
    Some(id)
}

/// What a filter is a value of.
fn value_of(path: &str, name: &str) -> Option<&'static str> {
    let value = match name {
        "provider" => "Provider",
        "kind" => "ImportKind",
        "format" => "ImportFormat",
        "currency" => "Currency",
        "location_id" => "LocationId",
        "state" if path == "/v1/effects" => "EffectStatus",
        "status" if matches!(path, "/v1/jobs" | "/v1/webhook-endpoints/{id}/deliveries") => {
            "JobStatus"
        }
        "queue" => "Queue",
        "action" => "SyncAction",
        "status" if path == "/v1/warehouse/syncs" => "SyncStatus",
        "status" if path == "/v1/payments" => "PaymentStatus",
        "clock" => "LedgerClock",
        "as_of" | "created_before" | "created_from" => "Instant",
        "category" => "CategoryId",
        "customer" => "CustomerId",
        "external_reference" | "reference" => "Reference",
        "location" => "LocationId",
        "order" => "OrderId",
        "role" => "Role",
        "sku" => "Sku",
        "state" => "ReservationState",
        "status" => "OrderStatus",
        _ => return None,
    };
    Some(value)
}
