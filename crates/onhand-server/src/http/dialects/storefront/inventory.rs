//! `/inventory`: what can be sold of each product at the first active location. Setting it is a
//! stock count. A row that was deleted is a level of nothing whose ledger says so: no row of ours
//! goes away.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::{Product, ProductRef};
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::inventory::{Command, Count, Level};
use onhand_core::limits::QUANTITY_MAX;
use onhand_core::text::Reason;
use onhand_core::{Command as AnyCommand, Refusal, inventory};
use onhand_engine::query::StockFilter;
use serde_json::json;
use utoipa::ToSchema;

use super::super::fault::{Done, Wrong};
use super::super::fields::Fields;
use super::super::whole::{ROWS, Whole};
use super::views::InventoryRow;
use super::{bad, numbered};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named};
use crate::http::problem::Problem;
use crate::limits::LEVEL_LOOKS_MAX;

/// How the ledger says that a row was set, and that one was deleted.
const SET: &str = "custom:inventory_set";
const DELETED: &str = "custom:inventory_deleted";

/// What can be sold of a product.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(rename_all = "camelCase", example = json!({"productId": 1, "quantity": 5}))]
pub(super) struct InventoryFields {
    product_id: i64,
    #[schema(minimum = 0)]
    quantity: i64,
}

async fn first_location(app: &App) -> Result<LocationId, Wrong> {
    let locations = app.reader.locations().await?;
    let first = locations.iter().filter(|one| one.active).min_by_key(|one| (one.priority, one.id));
    Ok(first.ok_or_else(|| Refusal::from(inventory::Refusal::NoLocation))?.id)
}

/// Whether a level is that of a row which was deleted.
async fn is_deleted(app: &App, level: &Level) -> Result<bool, Wrong> {
    if level.on_hand != 0 || level.reserved != 0 {
        return Ok(false);
    }
    let product = ProductRef::Id(level.product_id);
    let newest = app.reader.movements(product, Some(vec![level.last_movement]), 1).await?;
    let newest = newest.and_then(|(rows, _)| rows.into_iter().next());
    Ok(newest.is_some_and(|movement| movement.reason.as_str() == DELETED))
}

/// The product, and its row if it has one.
async fn row(app: &App, id: ProductId) -> Result<(Product, Option<Level>), Wrong> {
    let named = ProductRef::Id(id);
    let found = app.reader.stock(named.clone(), None).await?;
    let found = found.filter(|row| row.product.deleted_at.is_none());
    let found = found.ok_or_else(|| Problem::unknown(&named))?;
    let first = first_location(app).await?;
    let level = found.levels.into_iter().find(|level| level.location_id == first);
    let level = match level {
        Some(level) if is_deleted(app, &level).await? => None,
        level => level,
    };
    Ok((found.product, level))
}

/// The quantity, which must be there.
fn quantity(fields: &Fields) -> Result<i64, Wrong> {
    let sent = fields.get("quantity");
    if sent.is_blank() {
        return Err(bad("Please provide a productId and quantity"));
    }
    let units = sent.whole().filter(|units| (0..=QUANTITY_MAX).contains(units));
    units.ok_or_else(|| bad(&format!("quantity must be a whole number from 0 to {QUANTITY_MAX}")))
}

/// List what can be sold, by product.
#[utoipa::path(get, path = "/inventory", tag = "Inventory", security(("bearer" = ["stock:read"])),
    responses((status = 200, description = "At most 1000, the newest; `Link` says where more are",
        body = Vec<InventoryRow>)))]
pub(super) async fn list_inventory(State(app): State<App>) -> Result<Response, Wrong> {
    let location_id = first_location(&app).await?;
    let filter = StockFilter { location_id: Some(location_id), ..StockFilter::default() };
    let mut list = Whole::new();
    while list.wants_more() {
        list.take_in(app.reader.stocks(filter, list.before, ROWS).await?);
    }
    let mut inventory = Vec::new();
    for row in list.oldest_first() {
        let level = row.levels.iter().find(|level| level.location_id == location_id);
        if let Some(level) = level
            && !is_deleted(&app, level).await?
        {
            inventory.push(InventoryRow::of(&row.product, level));
        }
    }
    let body = json!({"ok": true, "message": "Fetched Inventory!", "inventory": inventory});
    Ok(list.linked(json_response(StatusCode::OK, &body), "/v1/stock", "prd"))
}

/// Say what can be sold of a product that has no row yet.
#[utoipa::path(post, path = "/inventory", tag = "Inventory",
    security(("bearer" = ["stock:write"])), request_body = InventoryFields,
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 201, description = "The row", body = InventoryRow)))]
pub(super) async fn create_inventory(call: Call) -> Result<Response, Wrong> {
    let fields = Fields::of(&call)?;
    let product_id = fields.get("productId");
    if product_id.is_missing() {
        return Err(bad("Please provide a productId and quantity"));
    }
    let quantity = quantity(&fields)?;
    let unknown = || Problem::not_found("the product");
    let id = product_id.whole().and_then(ProductId::new).ok_or_else(unknown)?;
    let (product, level) = row(call.app(), id).await?;
    let second = || Problem::new(StatusCode::CONFLICT, "inventory_taken", "Validation error");
    // Under a key the answer may be there already: then the row is, too.
    if level.is_some() && !call.has_key() {
        return Err(second().into());
    }
    let count = counted(&product, quantity, Some(0), SET)?;
    let answer = call.submit(count).await?;
    if let Err(Refusal::Inventory(inventory::Refusal::ChangeFromQuantityStale { .. })) =
        &answer.outcome
    {
        return Err(second().into());
    }
    shown(&Done::of(answer)?, &product, StatusCode::CREATED, "Created Inventory!")
}

fn counted(
    product: &Product,
    counted: i64,
    change_from_quantity: Option<i64>,
    reason: &str,
) -> Result<AnyCommand, Wrong> {
    let reason = Reason::new(reason)
        .map_err(|error| Problem::field("/quantity", error.to_string(), reason.into()))?;
    Ok(AnyCommand::Inventory(Command::Count(Count {
        product: ProductRef::Id(product.id),
        location_id: None,
        counted,
        change_from_quantity,
        reason,
        reference: None,
        occurred_at: None,
    })))
}

fn shown(
    done: &Done,
    product: &Product,
    status: StatusCode,
    message: &str,
) -> Result<Response, Wrong> {
    let row = InventoryRow::of(product, done.level()?);
    Ok(done.answer(status, &json!({"ok": true, "message": message, "inventory": row})))
}

/// Say what can be sold of a product. What orders hold is not in it, and stays theirs.
#[utoipa::path(put, path = "/inventory/{id}", tag = "Inventory",
    security(("bearer" = ["stock:write"])), request_body = InventoryFields,
    params(("id" = i64, Path,), ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The row", body = InventoryRow)))]
pub(super) async fn set_inventory(Named(id): Named, call: Call) -> Result<Response, Wrong> {
    let id = numbered(&id, ProductId::new)?;
    let fields = Fields::of(&call)?;
    for looks in 1.. {
        let (product, level) = row(call.app(), id).await?;
        let level = level.ok_or_else(|| Problem::not_found("the row"))?;
        let quantity = quantity(&fields)?;
        let named = fields.get("productId");
        if !named.is_missing() && named.whole() != Some(id.number()) {
            return Err(bad("Validation error"));
        }
        // Seen so: units that leave meanwhile would otherwise be counted as if they were there.
        let kept = level.on_hand - level.available();
        let count = counted(&product, quantity + kept, Some(level.on_hand), SET)?;
        let answer = call.submit(count).await?;
        let is_stale = matches!(
            &answer.outcome,
            Err(Refusal::Inventory(inventory::Refusal::ChangeFromQuantityStale { .. }))
        );
        if !is_stale || call.has_key() || looks >= LEVEL_LOOKS_MAX {
            return shown(&Done::of(answer)?, &product, StatusCode::OK, "Updated Inventory!");
        }
    }
    Err(Problem::internal().into())
}

/// Delete a row: nothing of the product is left to sell. Refused while orders hold some of it.
#[utoipa::path(delete, path = "/inventory/{id}", tag = "Inventory",
    security(("bearer" = ["stock:write"])),
    params(("id" = i64, Path,), ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "It is gone", body = serde_json::Value)))]
pub(super) async fn delete_inventory(Named(id): Named, call: Call) -> Result<Response, Wrong> {
    let id = numbered(&id, ProductId::new)?;
    let (product, level) = row(call.app(), id).await?;
    if level.is_none() && !call.has_key() {
        return Err(Problem::not_found("the row").into());
    }
    let count = counted(&product, 0, None, DELETED)?;
    let done = Done::of(call.submit(count).await?)?;
    let body = json!({"ok": true, "message": "Inventory deleted successfully"});
    Ok(done.answer(StatusCode::OK, &body))
}
