//! `/v1/stock`: figures, the ledger behind them, and the commands that change them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::inventory::{Adjustment, Command, Count, LevelPolicy, Transfer};
use onhand_core::limits::{ADJUSTMENTS_MAX, QUANTITY_MAX};
use onhand_core::text::{Reason, Reference, Sku};
use onhand_core::{Command as AnyCommand, Quantity};
use onhand_engine::query::{LedgerClock, Moment, StockFilter, StockRow};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, json_response, linked, list, named, page_rows};
use super::call::{Call, Named, Params};
use super::catalog::product_ref;
use super::problem::Problem;
use super::wire::lists::List;
use super::wire::stock::{ExplanationView, LevelView, MovementView, StockChangesView, StockView};
use super::wire::{SentInstant, Shown, values};
use crate::app::App;

/// The routes of stock.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_stock))
        .routes(routes!(get_stock, set_level_policy))
        .routes(routes!(explain_stock))
        .routes(routes!(list_movements))
        .routes(routes!(adjust_stock))
        .routes(routes!(count_stock))
        .routes(routes!(transfer_stock))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StockList {
    limit: Option<u32>,
    starting_after: Option<String>,
    location: Option<String>,
    #[serde(default)]
    below_threshold: bool,
}

/// List stock by product, newest product first.
#[utoipa::path(get, path = "/v1/stock", tag = "Stock",
    security(("bearer" = ["stock:read"])), params(StockList),
    responses((status = 200, description = "A page", body = List<StockView<'static>>)))]
async fn list_stock(
    State(app): State<App>,
    Params(query, sent): Params<StockList>,
) -> Result<Response, Problem> {
    let location_id = match query.location {
        Some(text) => Some(
            text.parse::<LocationId>()
                .map_err(|error| Problem::field("?location", error.to_string(), text.into()))?,
        ),
        None => None,
    };
    let filter = StockFilter { location_id, below_threshold: query.below_threshold };
    let before = cursor(query.starting_after.as_deref(), ProductId::number)?;
    let page = app.reader.stocks(filter, before, page_rows(query.limit)?).await?;
    Ok(list(&page, ("/v1/stock", &sent), shown_now, |id| format!("prd_{id}")))
}

fn shown_now(row: &StockRow) -> StockView<'_> {
    StockView::of(&row.product, &row.levels, None)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AsOf {
    as_of: Option<String>,
    clock: Option<String>,
}

/// The moment that is asked for; none for now.
///
/// # Errors
/// 422 for what is no instant or no clock, and for a clock alone.
pub(crate) fn moment(as_of: Option<&str>, clock: Option<&str>) -> Result<Option<Moment>, Problem> {
    let clock = named("?clock", clock, &LedgerClock::ALL, |one| one.as_str())?;
    let Some(text) = as_of else {
        return match clock {
            None => Ok(None),
            Some(clock) => {
                let expected = "expected `as_of` beside it: now is now by either clock";
                Err(Problem::field("?clock", expected, clock.as_str().into()))
            }
        };
    };
    match text.parse::<SentInstant>() {
        Ok(at) => Ok(Some(Moment { at: at.0, clock: clock.unwrap_or(LedgerClock::Recorded) })),
        Err(error) => Err(Problem::field("?as_of", error, text.into())),
    }
}

/// Read the stock of a product, now or at an instant.
///
/// With `as_of`, `clock=recorded` (the default) tells what the server showed at that instant, which
/// never changes; `clock=occurred` what was there then as far as is known today: what was entered
/// late counts from when it happened, so that figures may be negative.
#[utoipa::path(get, path = "/v1/stock/{sku}", tag = "Stock",
    security(("bearer" = ["stock:read"])),
    params(("sku" = String, Path, description = "SKU or product id"), AsOf),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku"]))),
    responses((status = 200, description = "The stock", body = StockView<'static>)))]
async fn get_stock(
    State(app): State<App>,
    Named(sku): Named,
    Params(query, _): Params<AsOf>,
) -> Result<Response, Problem> {
    let as_of = moment(query.as_of.as_deref(), query.clock.as_deref())?;
    let reference = product_ref(&sku)?;
    let row = app.reader.stock(reference.clone(), as_of).await?;
    let row = row.ok_or_else(|| Problem::unknown(&reference))?;
    Ok(json_response(StatusCode::OK, &StockView::of(&row.product, &row.levels, as_of)))
}

/// Say why a product's stock is what it is, or was: terms that add up, and who holds what is
/// reserved.
///
/// `as_of` and `clock` are as of the stock itself. Of the past it is not told who held what.
#[utoipa::path(get, path = "/v1/stock/{sku}/explain", tag = "Stock",
    security(("bearer" = ["stock:read"])),
    params(("sku" = String, Path, description = "SKU or product id"), AsOf),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku"]))),
    responses((status = 200, description = "The sum", body = ExplanationView<'static>)))]
async fn explain_stock(
    State(app): State<App>,
    Named(sku): Named,
    Params(query, _): Params<AsOf>,
) -> Result<Response, Problem> {
    let as_of = moment(query.as_of.as_deref(), query.clock.as_deref())?;
    let reference = product_ref(&sku)?;
    let found = app.reader.explain(reference.clone(), as_of).await?;
    let explanation = found.ok_or_else(|| Problem::unknown(&reference))?;
    Ok(json_response(StatusCode::OK, &ExplanationView::of(&explanation, as_of)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MovementList {
    limit: Option<u32>,
    starting_after: Option<String>,
}

/// List the ledger of a product, newest entry first.
#[utoipa::path(get, path = "/v1/stock/{sku}/movements", tag = "Stock",
    security(("bearer" = ["stock:read"])),
    params(("sku" = String, Path, description = "SKU or product id"), MovementList),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku"]))),
    responses((status = 200, description = "A page", body = List<MovementView<'static>>)))]
async fn list_movements(
    State(app): State<App>,
    Named(sku): Named,
    Params(query, sent): Params<MovementList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let heads =
        query.starting_after.as_deref().map(|text| heads("?starting_after", text)).transpose()?;
    let reference = product_ref(&sku)?;
    let found = app.reader.movements(reference.clone(), heads, limit).await?;
    let (rows, heads) = found.ok_or_else(|| Problem::unknown(&reference))?;
    let next = cursor_of(&heads);
    let data = rows.iter().map(|row| MovementView::of(&sku, row)).collect();
    let url = format!("/v1/stock/{sku}/movements");
    let has_more = next.is_some();
    let page = List { object: "list", url, has_more, next_cursor: next, data };
    Ok(linked(&page, &sent))
}

/// The cursor of a ledger, which says where the chain of each location goes on; none at its end.
pub(crate) fn cursor_of(heads: &[i64]) -> Option<String> {
    let numbers = heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
    (!numbers.is_empty()).then(|| format!("mov_{numbers}"))
}

/// What the cursor of a ledger says.
///
/// # Errors
/// 422 for anything else.
pub(crate) fn heads(pointer: &str, cursor: &str) -> Result<Vec<i64>, Problem> {
    let numbers = cursor.strip_prefix("mov_").unwrap_or("");
    let heads: Result<Vec<i64>, _> = numbers.split('.').map(str::parse).collect();
    heads.map_err(|_| {
        let expected = "expected the `next_cursor` of a page of this list";
        Problem::field(pointer, expected, cursor.into())
    })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "location_id": "loc_1", "safety_stock": 5, "low_stock_threshold": 10
}))]
struct LevelPolicyBody {
    #[serde(default)]
    #[schema(value_type = Option<values::LocationId>)]
    location_id: Option<Shown<LocationId>>,
    #[serde(default)]
    safety_stock: Option<i64>,
    #[serde(default)]
    low_stock_threshold: Option<i64>,
}

fn lawful_figure(pointer: &str, units: Option<i64>) -> Result<Option<i64>, Problem> {
    match units {
        Some(units) if !(0..=QUANTITY_MAX).contains(&units) => {
            let expected = format!("expected a whole number from 0 to {QUANTITY_MAX}");
            Err(Problem::field(pointer, expected, units.into()))
        }
        units => Ok(units),
    }
}

/// Set safety stock and low-stock threshold of a product at a location.
#[utoipa::path(patch, path = "/v1/stock/{sku}", tag = "Stock",
    security(("bearer" = ["stock:write"])), request_body = LevelPolicyBody,
    params(("sku" = String, Path, description = "SKU or product id"),
        ("If-Match" = String, Header, description = "Version of the level"),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku", "unknown_location",
        "no_location"]))),
    responses((status = 200, description = "The level", body = LevelView<'static>)))]
async fn set_level_policy(Named(sku): Named, call: Call) -> Result<Response, Problem> {
    let body: LevelPolicyBody = call.json()?;
    let policy = LevelPolicy {
        product: product_ref(&sku)?,
        location_id: body.location_id.map(|id| id.0),
        expected_version: call.required_version()?,
        safety_stock: lawful_figure("/safety_stock", body.safety_stock)?,
        low_stock_threshold: lawful_figure("/low_stock_threshold", body.low_stock_threshold)?,
    };
    let command = Command::SetLevelPolicy(policy);
    answered(call.submit(AnyCommand::Inventory(command)).await?, StatusCode::OK)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"sku": "TEA-1", "location_id": "loc_1", "delta": 50,
    "reason": "received", "reference": "PO-77", "occurred_at": "2026-11-21T03:00:00Z"}))]
struct AdjustmentBody {
    #[schema(value_type = values::Sku)]
    sku: Sku,
    #[serde(default)]
    #[schema(value_type = Option<values::LocationId>)]
    location_id: Option<Shown<LocationId>>,
    delta: i64,
    #[schema(value_type = values::Reason)]
    reason: Reason,
    #[serde(default)]
    #[schema(value_type = Option<values::Reference>)]
    reference: Option<Reference>,
    #[serde(default)]
    #[schema(value_type = Option<values::Instant>)]
    occurred_at: Option<SentInstant>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdjustmentsBody {
    adjustments: Vec<AdjustmentBody>,
}

/// One adjustment, or a list of which all or none happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!({"adjustments": [
    {"sku": "TEA-1", "delta": 50, "reason": "received", "reference": "PO-77"},
    {"sku": "TEA-2", "delta": -1, "reason": "damaged"}
]}))]
enum AdjustBody {
    Many(AdjustmentsBody),
    One(AdjustmentBody),
}

impl AdjustmentBody {
    fn lawful(self, at: &str) -> Result<Adjustment, Problem> {
        if self.delta == 0 || self.delta.checked_abs().is_none_or(|units| units > QUANTITY_MAX) {
            let expected = format!("expected units to add or take, 1 to {QUANTITY_MAX}, not 0");
            return Err(Problem::field(format!("{at}/delta"), expected, self.delta.into()));
        }
        Ok(Adjustment {
            product: onhand_core::catalog::ProductRef::Sku(self.sku),
            location_id: self.location_id.map(|id| id.0),
            delta: self.delta,
            reason: self.reason,
            reference: self.reference,
            occurred_at: self.occurred_at.map(|at| onhand_engine::clock::to_micros(at.0)),
        })
    }
}

/// Change what is on hand by deltas: one, or a list of which all or none happen.
#[utoipa::path(post, path = "/v1/stock/adjustments", tag = "Stock",
    security(("bearer" = ["stock:write"])),
    request_body = AdjustBody, params(("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sku", "unknown_location", "no_location",
        "occurred_in_future", "insufficient_stock", "quantity_too_large"]))),
    responses((status = 201, description = "Movements and levels",
        body = StockChangesView<'static>)))]
async fn adjust_stock(call: Call) -> Result<Response, Problem> {
    // Chosen by the field rather than by trying both, so that the pointers stay exact.
    let body = match call.has_field("adjustments") {
        true => AdjustBody::Many(call.json()?),
        false => AdjustBody::One(call.json()?),
    };
    let entries = match body {
        AdjustBody::One(entry) => vec![entry.lawful("")?],
        AdjustBody::Many(AdjustmentsBody { adjustments }) => {
            let count = adjustments.len();
            if count == 0 || count > ADJUSTMENTS_MAX {
                let expected = format!("expected 1 to {ADJUSTMENTS_MAX} entries");
                return Err(Problem::field("/adjustments", expected, count.into()));
            }
            let lawful =
                |(at, entry): (usize, AdjustmentBody)| entry.lawful(&format!("/adjustments/{at}"));
            adjustments.into_iter().enumerate().map(lawful).collect::<Result<_, _>>()?
        }
    };
    let command = Command::Adjust(entries);
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"sku": "TEA-1", "counted": 48, "change_from_quantity": 50}))]
struct CountBody {
    #[schema(value_type = values::Sku)]
    sku: Sku,
    #[serde(default)]
    #[schema(value_type = Option<values::LocationId>)]
    location_id: Option<Shown<LocationId>>,
    counted: i64,
    /// What the caller last saw on hand; `null` opts out of the check, absent is an error.
    #[serde(deserialize_with = "number_or_null")]
    change_from_quantity: Option<i64>,
    #[serde(default)]
    #[schema(value_type = Option<values::Reason>)]
    reason: Option<Reason>,
    #[serde(default)]
    #[schema(value_type = Option<values::Reference>)]
    reference: Option<Reference>,
    #[serde(default)]
    #[schema(value_type = Option<values::Instant>)]
    occurred_at: Option<SentInstant>,
}

/// Makes the field required: serde would take an absent option for `null`.
fn number_or_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    Option::deserialize(deserializer)
}

/// Say what was counted; what happened since `occurred_at` is netted.
#[utoipa::path(post, path = "/v1/stock/counts", tag = "Stock",
    security(("bearer" = ["stock:write"])), request_body = CountBody,
    params(("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sku", "unknown_location", "no_location",
        "occurred_in_future", "change_from_quantity_stale", "count_too_old",
        "count_below_reserved", "insufficient_stock", "quantity_too_large"]))),
    responses((status = 201, description = "Movement and level",
        body = StockChangesView<'static>)))]
async fn count_stock(call: Call) -> Result<Response, Problem> {
    let body: CountBody = call.json()?;
    let counted = lawful_figure("/counted", Some(body.counted))?.unwrap_or_default();
    let reason = match body.reason {
        Some(reason) => reason,
        None => Reason::new("cycle_count")
            .map_err(|error| Problem::field("/reason", error.to_string(), Value::Null))?,
    };
    let count = Count {
        product: onhand_core::catalog::ProductRef::Sku(body.sku),
        location_id: body.location_id.map(|id| id.0),
        counted,
        change_from_quantity: body.change_from_quantity,
        reason,
        reference: body.reference,
        occurred_at: body.occurred_at.map(|at| onhand_engine::clock::to_micros(at.0)),
    };
    let command = Command::Count(count);
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"sku": "TEA-1", "from": "loc_1", "to": "loc_2", "quantity": 5}))]
struct TransferBody {
    #[schema(value_type = values::Sku)]
    sku: Sku,
    #[schema(value_type = values::LocationId)]
    from: Shown<LocationId>,
    #[schema(value_type = values::LocationId)]
    to: Shown<LocationId>,
    #[schema(value_type = values::Quantity)]
    quantity: Quantity,
    #[serde(default)]
    #[schema(value_type = Option<values::Reference>)]
    reference: Option<Reference>,
}

/// Move units between locations.
#[utoipa::path(post, path = "/v1/stock/transfers", tag = "Stock",
    security(("bearer" = ["stock:write"])), request_body = TransferBody,
    params(("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sku", "unknown_location", "insufficient_stock",
        "quantity_too_large"]))),
    responses((status = 201, description = "Movements and levels",
        body = StockChangesView<'static>)))]
async fn transfer_stock(call: Call) -> Result<Response, Problem> {
    let body: TransferBody = call.json()?;
    if body.from == body.to {
        let expected = "expected another location than `from`";
        return Err(Problem::field("/to", expected, body.to.0.to_string().into()));
    }
    let transfer = Transfer {
        product: onhand_core::catalog::ProductRef::Sku(body.sku),
        from: body.from.0,
        to: body.to.0,
        quantity: body.quantity,
        reference: body.reference,
    };
    let command = Command::Transfer(transfer);
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}
