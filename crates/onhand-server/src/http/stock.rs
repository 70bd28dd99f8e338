//! `/v1/locations` and `/v1/stock`: figures, the ledger behind them, and the commands that change
//! them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::inventory::{
    Adjustment, Command, Count, LevelPolicy, LocationPatch, NewLocation, Transfer,
};
use onhand_core::limits::{ADJUSTMENTS_MAX, QUANTITY_MAX};
use onhand_core::text::{Name, Reason, Reference, Sku};
use onhand_core::{Command as AnyCommand, Quantity, Timestamp};
use onhand_engine::sqlite::{Explanation, StockFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, json_response, list, page_rows};
use super::call::{Call, Params, in_path};
use super::catalog::product_ref;
use super::problem::{Problem, ProblemBody};
use super::wire::{self, Shown};
use crate::app::App;

/// The routes of locations and stock.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_location, list_locations))
        .routes(routes!(update_location))
        .routes(routes!(list_stock))
        .routes(routes!(get_stock, set_level_policy))
        .routes(routes!(explain_stock))
        .routes(routes!(list_movements))
        .routes(routes!(adjust_stock))
        .routes(routes!(count_stock))
        .routes(routes!(transfer_stock))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "berlin", "name": "Berlin", "priority": 1}))]
struct LocationBody {
    #[schema(value_type = String)]
    code: Name,
    #[schema(value_type = String)]
    name: Name,
    #[serde(default)]
    priority: i64,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// Create a location.
#[utoipa::path(post, path = "/v1/locations", tag = "Locations", request_body = LocationBody,
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 201, description = "The location", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn create_location(call: Call) -> Result<Response, Problem> {
    let LocationBody { code, name, priority, active } = call.json()?;
    let command = Command::CreateLocation(NewLocation { code, name, priority, active });
    answered(call.submit(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

/// List all locations, in the order in which orders are sourced from them.
#[utoipa::path(get, path = "/v1/locations", tag = "Locations",
    responses((status = 200, description = "All of them", body = Object)))]
async fn list_locations(State(app): State<App>) -> Result<Response, Problem> {
    let rows = app.reader.locations().await?;
    let data: Vec<_> = rows.iter().map(wire::location).collect();
    Ok(json_response(
        StatusCode::OK,
        &json!({"object": "list", "url": "/v1/locations", "has_more": false, "data": data}),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LocationPatchBody {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<Name>,
    #[serde(default)]
    priority: Option<i64>,
    #[serde(default)]
    active: Option<bool>,
}

/// Change fields of a location.
#[utoipa::path(patch, path = "/v1/locations/{id}", tag = "Locations",
    request_body = LocationPatchBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The location", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn update_location(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
    let LocationPatchBody { name, priority, active } = call.json()?;
    let patch = LocationPatch { name, priority, active };
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let command = Command::UpdateLocation { id, expected_version, patch };
    answered(call.submit(AnyCommand::Inventory(command)).await?, StatusCode::OK)
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
#[utoipa::path(get, path = "/v1/stock", tag = "Stock", params(StockList),
    responses((status = 200, description = "A page", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn list_stock(
    State(app): State<App>,
    Params(query): Params<StockList>,
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
    let show = |row: &onhand_engine::sqlite::StockRow| wire::stock(&row.product, &row.levels, None);
    Ok(list(&page, "/v1/stock", show, |id| format!("prd_{id}")))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AsOf {
    as_of: Option<String>,
}

/// Read the stock of a product, now or as it was shown at an instant.
#[utoipa::path(get, path = "/v1/stock/{sku}", tag = "Stock",
    params(("sku" = String, Path, description = "SKU or product id"), AsOf),
    responses((status = 200, description = "The stock", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn get_stock(
    State(app): State<App>,
    Path(sku): Path<String>,
    Params(query): Params<AsOf>,
) -> Result<Response, Problem> {
    let as_of = match query.as_of {
        None => None,
        Some(text) => Some(text.parse::<Timestamp>().map_err(|_| {
            let expected = "expected an instant like 2026-11-21T14:03:07Z";
            Problem::field("?as_of", expected, text.into())
        })?),
    };
    let reference = product_ref(&sku)?;
    let row = app.reader.stock(reference.clone(), as_of).await?;
    let row = row.ok_or_else(|| Problem::unknown(&reference))?;
    Ok(json_response(StatusCode::OK, &wire::stock(&row.product, &row.levels, as_of)))
}

/// Say why a product's stock is what it is: terms that add up, and who holds what is reserved.
#[utoipa::path(get, path = "/v1/stock/{sku}/explain", tag = "Stock",
    params(("sku" = String, Path, description = "SKU or product id")),
    responses((status = 200, description = "The sum", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn explain_stock(
    State(app): State<App>,
    Path(sku): Path<String>,
) -> Result<Response, Problem> {
    let reference = product_ref(&sku)?;
    let found = app.reader.explain(reference.clone()).await?;
    let explanation = found.ok_or_else(|| Problem::unknown(&reference))?;
    Ok(json_response(StatusCode::OK, &explained(&explanation)))
}

fn explained(explanation: &Explanation) -> Value {
    let Explanation { product, levels, terms, open } = explanation;
    let sum = |of: fn(&onhand_core::inventory::Level) -> i64| levels.iter().map(of).sum::<i64>();
    let (on_hand, reserved) = (sum(|level| level.on_hand), sum(|level| level.reserved));
    let (safety, available) = (sum(|level| level.safety_stock), sum(|level| level.available()));
    let moved: Vec<_> = terms.iter().filter(|term| term.units != 0).collect();
    let words = moved.iter().map(|term| format!("{:+} {}", term.units, term.kind.as_str()));
    let words = words.collect::<Vec<_>>().join(" ");
    let terms = moved.iter().map(|term| json!({"kind": term.kind, "units": term.units}));
    let sku = product.sku.as_str();
    json!({
        "object": "stock_explanation", "sku": sku, "on_hand": on_hand, "reserved": reserved,
        "safety_stock": safety, "available": available,
        "sentence": format!(
            "available {available} = on hand {on_hand} ({words}) - {reserved} reserved \
             - {safety} safety stock"
        ),
        "on_hand_terms": terms.collect::<Vec<_>>(),
        "reserved_by": open.iter().map(|row| wire::reservation(sku, row)).collect::<Vec<_>>(),
    })
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
    params(("sku" = String, Path, description = "SKU or product id"), MovementList),
    responses((status = 200, description = "A page", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn list_movements(
    State(app): State<App>,
    Path(sku): Path<String>,
    Params(query): Params<MovementList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let heads = query.starting_after.as_deref().map(heads).transpose()?;
    let reference = product_ref(&sku)?;
    let found = app.reader.movements(reference.clone(), heads, limit).await?;
    let (rows, heads) = found.ok_or_else(|| Problem::unknown(&reference))?;
    let next = heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
    let next = (!next.is_empty()).then(|| format!("mov_{next}"));
    let data: Vec<_> = rows.iter().map(|row| wire::movement(&sku, row)).collect();
    let url = format!("/v1/stock/{sku}/movements");
    Ok(json_response(
        StatusCode::OK,
        &json!({"object": "list", "url": url, "has_more": next.is_some(), "next_cursor": next,
            "data": data}),
    ))
}

/// The cursor of a ledger: where the chain of each location goes on.
fn heads(cursor: &str) -> Result<Vec<i64>, Problem> {
    let numbers = cursor.strip_prefix("mov_").unwrap_or("");
    let heads: Result<Vec<i64>, _> = numbers.split('.').map(str::parse).collect();
    heads.map_err(|_| {
        let expected = "expected the `next_cursor` of a page of this list";
        Problem::field("?starting_after", expected, cursor.into())
    })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LevelPolicyBody {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
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
#[utoipa::path(patch, path = "/v1/stock/{sku}", tag = "Stock", request_body = LevelPolicyBody,
    params(("sku" = String, Path, description = "SKU or product id"),
        ("If-Match" = String, Header, description = "Version of the level"),
        ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The level", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn set_level_policy(Path(sku): Path<String>, call: Call) -> Result<Response, Problem> {
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
#[schema(example = json!({"sku": "TEA-1", "delta": 50, "reason": "received"}))]
struct AdjustmentBody {
    #[schema(value_type = String)]
    sku: Sku,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    location_id: Option<Shown<LocationId>>,
    delta: i64,
    #[schema(value_type = String)]
    reason: Reason,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reference: Option<Reference>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    occurred_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdjustmentsBody {
    adjustments: Vec<AdjustmentBody>,
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
            occurred_at: self.occurred_at.map(onhand_engine::clock::to_micros),
        })
    }
}

/// Change what is on hand by deltas: one, or a list of which all or none happen.
#[utoipa::path(post, path = "/v1/stock/adjustments", tag = "Stock",
    request_body = AdjustmentBody, params(("Idempotency-Key" = String, Header,)),
    responses((status = 201, description = "Movements and levels", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn adjust_stock(call: Call) -> Result<Response, Problem> {
    let is_list = call.has_field("adjustments");
    let entries = if is_list {
        let body: AdjustmentsBody = call.json()?;
        let count = body.adjustments.len();
        if count == 0 || count > ADJUSTMENTS_MAX {
            let expected = format!("expected 1 to {ADJUSTMENTS_MAX} entries");
            return Err(Problem::field("/adjustments", expected, count.into()));
        }
        let lawful =
            |(at, entry): (usize, AdjustmentBody)| entry.lawful(&format!("/adjustments/{at}"));
        body.adjustments.into_iter().enumerate().map(lawful).collect::<Result<_, _>>()?
    } else {
        vec![call.json::<AdjustmentBody>()?.lawful("")?]
    };
    let command = Command::Adjust(entries);
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"sku": "TEA-1", "counted": 48, "change_from_quantity": 50}))]
struct CountBody {
    #[schema(value_type = String)]
    sku: Sku,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    location_id: Option<Shown<LocationId>>,
    counted: i64,
    /// What the caller last saw on hand; `null` opts out of the check, absent is an error.
    #[serde(deserialize_with = "number_or_null")]
    change_from_quantity: Option<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reference: Option<Reference>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    occurred_at: Option<Timestamp>,
}

/// Makes the field required: serde would take an absent option for `null`.
fn number_or_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    Option::deserialize(deserializer)
}

/// Say what was counted; what happened since `occurred_at` is netted.
#[utoipa::path(post, path = "/v1/stock/counts", tag = "Stock", request_body = CountBody,
    params(("Idempotency-Key" = String, Header,)),
    responses((status = 201, description = "Movement and level", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
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
        occurred_at: body.occurred_at.map(onhand_engine::clock::to_micros),
    };
    let command = Command::Count(count);
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"sku": "TEA-1", "from": "loc_1", "to": "loc_2", "quantity": 5}))]
struct TransferBody {
    #[schema(value_type = String)]
    sku: Sku,
    #[schema(value_type = String)]
    from: Shown<LocationId>,
    #[schema(value_type = String)]
    to: Shown<LocationId>,
    #[schema(value_type = i64, minimum = 1)]
    quantity: Quantity,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reference: Option<Reference>,
}

/// Move units between locations.
#[utoipa::path(post, path = "/v1/stock/transfers", tag = "Stock", request_body = TransferBody,
    params(("Idempotency-Key" = String, Header,)),
    responses((status = 201, description = "Movements and levels", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
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
