//! `/v1/locations`: the places where stock is kept, in the order in which orders are sourced.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::inventory::{Command, LocationPatch, NewLocation};
use onhand_core::text::Name;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, json_response};
use super::call::{Call, Named, in_path};
use super::problem::Problem;
use super::wire::lists::WholeList;
use super::wire::stock::LocationView;
use super::wire::values;
use crate::app::App;

/// The routes of locations.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_location, list_locations))
        .routes(routes!(update_location))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "berlin", "name": "Berlin", "priority": 1, "active": true}))]
struct LocationBody {
    #[schema(value_type = values::Name)]
    code: Name,
    #[schema(value_type = values::Name)]
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
#[utoipa::path(post, path = "/v1/locations", tag = "Locations",
    security(("bearer" = ["stock:write"])), request_body = LocationBody,
    params(("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["location_code_taken", "too_many_locations"]))),
    responses((status = 201, description = "The location", body = LocationView<'static>)))]
async fn create_location(call: Call) -> Result<Response, Problem> {
    let LocationBody { code, name, priority, active } = call.json()?;
    let command = Command::CreateLocation(NewLocation { code, name, priority, active });
    answered(call.submit(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

/// List all locations, in the order in which orders are sourced from them.
#[utoipa::path(get, path = "/v1/locations", tag = "Locations",
    security(("bearer" = ["stock:read"])),
    responses((status = 200, description = "All of them",
        body = WholeList<LocationView<'static>>)))]
async fn list_locations(State(app): State<App>) -> Result<Response, Problem> {
    let rows = app.reader.locations().await?;
    let data = rows.iter().map(LocationView::of).collect();
    Ok(json_response(StatusCode::OK, &WholeList::new("/v1/locations", data)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Berlin Mitte", "priority": 2, "active": true}))]
struct LocationPatchBody {
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    name: Option<Name>,
    #[serde(default)]
    priority: Option<i64>,
    #[serde(default)]
    active: Option<bool>,
}

/// Change fields of a location.
#[utoipa::path(patch, path = "/v1/locations/{id}", tag = "Locations",
    security(("bearer" = ["stock:write"])),
    request_body = LocationPatchBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_location"]))),
    responses((status = 200, description = "The location", body = LocationView<'static>)))]
async fn update_location(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let LocationPatchBody { name, priority, active } = call.json()?;
    let patch = LocationPatch { name, priority, active };
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let command = Command::UpdateLocation { id, expected_version, patch };
    answered(call.submit(AnyCommand::Inventory(command)).await?, StatusCode::OK)
}
