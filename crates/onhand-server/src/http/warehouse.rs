//! `/v1/warehouse`: runs against the external warehouse, row by row, what operators say of what is
//! held, and what is promised and not there. A run is only begun here; a worker goes on with it.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use onhand_core::ids::{LocationId, ProductId, SyncId};
use onhand_core::schedules::ScheduleName;
use onhand_core::warehouse::{Action, Command, Status, Sync, Trigger};
use onhand_core::{Command as AnyCommand, Timestamp};
use onhand_engine::query::{SyncFilter, SyncRowFilter};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, json_response, linked, list, named, page_rows, versioned};
use super::call::{Call, Named, Params, in_path};
use super::problem::Problem;
use super::wire::lists::List;
use super::wire::warehouse::{ShortfallView, SyncView, WarehouseView};
use crate::adapters::warehouse::options::Plan;
use crate::app::App;
use crate::limits::WAREHOUSE_ANSWERED_RUNS_MAX;
use crate::workers::warehouse::begun;

/// The routes of the warehouse.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_warehouse))
        .routes(routes!(list_syncs, start_sync))
        .routes(routes!(get_sync))
        .routes(routes!(approve_sync))
        .routes(routes!(reject_sync))
        .routes(routes!(approve_sync_row))
        .routes(routes!(reject_sync_row))
        .routes(routes!(list_shortfalls))
}

/// How things stand with the warehouse.
#[derive(Debug)]
pub(crate) struct Standing {
    /// When it is asked next by itself.
    pub(crate) due_at: Option<Timestamp>,
    /// When the newest run began whose answer could be used.
    pub(crate) answered_at: Option<Timestamp>,
    /// Seconds since then.
    pub(crate) age_s: Option<i64>,
    /// The newest run, whatever came of it.
    pub(crate) newest: Option<Sync>,
}

/// Reads how things stand.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn how_it_stands(app: &App) -> Result<Standing, Problem> {
    let runs =
        app.reader.syncs(SyncFilter::default(), None, WAREHOUSE_ANSWERED_RUNS_MAX).await?.rows;
    let is_answered = |status: Status| match status {
        Status::Held | Status::Applied | Status::Reported | Status::Rejected => true,
        Status::Receiving | Status::Comparing | Status::Applying | Status::Failed => false,
    };
    let answered_at = runs.iter().find(|run| is_answered(run.status)).map(|run| run.created_at);
    let schedules = app.reader.schedules().await?;
    let scheduled = schedules.iter().find(|row| row.name == ScheduleName::Warehouse);
    // Where nothing was ever begun, it is due when the timetable says.
    let due_at = |plan: &Plan| match scheduled {
        Some(row) => row.due_at,
        None => plan.timetable.after(app.clock.now()),
    };
    let age = |at: Timestamp| (app.clock.now().as_second() - at.as_second()).max(0);
    Ok(Standing {
        due_at: app.warehouse.as_ref().map(due_at),
        answered_at,
        age_s: answered_at.map(age),
        newest: runs.into_iter().next(),
    })
}

/// Read how things stand with the warehouse: how old the newest answer is that could be used.
#[utoipa::path(get, path = "/v1/warehouse", tag = "Warehouse",
    security(("bearer" = ["stock:read"])),
    responses((status = 200, description = "How things stand", body = WarehouseView<'static>)))]
async fn get_warehouse(State(app): State<App>) -> Result<Response, Problem> {
    let Standing { due_at, answered_at, age_s, newest } = how_it_stands(&app).await?;
    let shown = WarehouseView {
        object: "warehouse",
        is_configured: app.warehouse.is_some(),
        source: app.warehouse.as_ref().map(|plan| plan.warehouse.shown()),
        due_at,
        answered_at,
        age_s,
        newest: newest.as_ref().map(SyncView::of),
    };
    Ok(json_response(StatusCode::OK, &shown))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SyncList {
    limit: Option<u32>,
    starting_after: Option<String>,
    status: Option<String>,
}

/// List runs, newest first.
#[utoipa::path(get, path = "/v1/warehouse/syncs", tag = "Warehouse",
    security(("bearer" = ["stock:read"])), params(SyncList),
    responses((status = 200, description = "A page", body = List<SyncView<'static>>)))]
async fn list_syncs(
    State(app): State<App>,
    Params(query, sent): Params<SyncList>,
) -> Result<Response, Problem> {
    let status = named("?status", query.status.as_deref(), Status::ALL, |one| one.as_str())?;
    let before = cursor(query.starting_after.as_deref(), SyncId::number)?;
    let filter = SyncFilter { status };
    let page = app.reader.syncs(filter, before, page_rows(query.limit)?).await?;
    Ok(list(&page, ("/v1/warehouse/syncs", &sent), SyncView::of, |id| format!("syn_{id}")))
}

/// A run to begin.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"dry_run": true}))]
struct SyncBody {
    /// Only tells the differences.
    dry_run: bool,
}

/// Ask the warehouse now.
///
/// Answers as soon as the run has begun; read it again to see what came of it. One run is open at a
/// time. With `dry_run` it only tells the differences.
#[utoipa::path(post, path = "/v1/warehouse/syncs", tag = "Warehouse",
    security(("bearer" = ["stock:write"])), params(("Idempotency-Key" = String, Header,)),
    request_body = SyncBody,
    extensions(("x-codes" = json!(["sync_running", "no_location", "warehouse_not_configured"]))),
    responses((status = 201, description = "The run has begun", body = SyncView<'static>)))]
async fn start_sync(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let SyncBody { dry_run } = call.json_or(SyncBody::default())?;
    call.expect_key()?;
    let plan = app.warehouse.as_ref().ok_or_else(not_configured)?;
    let begun = call.submit_once(begun(plan, Trigger::Api, dry_run)).await?;
    app.warehouse_asked.notify_one();
    answered(begun, StatusCode::CREATED)
}

/// Nobody has said where the warehouse is.
pub(super) fn not_configured() -> Problem {
    let detail = "nobody has said where the warehouse is: start the server with --warehouse-url";
    Problem::new(StatusCode::CONFLICT, "warehouse_not_configured", detail)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SyncRows {
    limit: Option<u32>,
    /// Rows behind this number.
    after: Option<u32>,
    /// Only rows of which this came.
    action: Option<String>,
}

/// Read a run with its rows: ours, theirs, the difference, and what came of it.
#[utoipa::path(get, path = "/v1/warehouse/syncs/{id}", tag = "Warehouse",
    security(("bearer" = ["stock:read"])), params(("id" = String, Path,), SyncRows),
    responses((status = 200, description = "The run", body = SyncView<'static>)))]
async fn get_sync(
    State(app): State<App>,
    Named(id): Named,
    Params(query, _): Params<SyncRows>,
) -> Result<Response, Problem> {
    let action = named("?action", query.action.as_deref(), Action::ALL, |one| one.as_str())?;
    let rows = page_rows(query.limit)?;
    let sync_id: SyncId = in_path(&id)?;
    let found = app.reader.sync(sync_id).await?;
    let sync = found.ok_or_else(|| Problem::not_found(&format!("`{id}`")))?;
    let filter = SyncRowFilter { sync_id, action };
    let page = app.reader.sync_rows(filter, query.after, rows).await?;
    let shown = SyncView::of(&sync).with_rows(&page.rows, page.next);
    Ok(versioned(StatusCode::OK, sync.version, &shown))
}

/// Approve all of a run that is held: it goes on.
///
/// Of a run that is held whole this says that the answer is to be believed; rows that differ by too
/// much are still held.
#[utoipa::path(post, path = "/v1/warehouse/syncs/{id}/approve", tag = "Warehouse",
    security(("bearer" = ["stock:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sync", "sync_state"]))),
    responses((status = 200, description = "The run", body = SyncView<'static>)))]
async fn approve_sync(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    decide(&app, &call, Command::Approve { id: in_path(&id)?, rows: None }).await
}

/// Reject all of a run that is held: nothing more of it is counted.
#[utoipa::path(post, path = "/v1/warehouse/syncs/{id}/reject", tag = "Warehouse",
    security(("bearer" = ["stock:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sync", "sync_state"]))),
    responses((status = 200, description = "The run", body = SyncView<'static>)))]
async fn reject_sync(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    decide(&app, &call, Command::Reject { id: in_path(&id)?, rows: None }).await
}

/// Approve a row that is held: it is counted at once.
#[utoipa::path(post, path = "/v1/warehouse/syncs/{id}/rows/{row}/approve", tag = "Warehouse",
    security(("bearer" = ["stock:write"])),
    params(("id" = String, Path,), ("row" = u32, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sync", "unknown_sync_row", "sync_state",
        "sync_row_not_held", "count_too_old"]))),
    responses((status = 200, description = "The run", body = SyncView<'static>)))]
async fn approve_sync_row(
    State(app): State<App>,
    NamedRow(id, row): NamedRow,
    call: Call,
) -> Result<Response, Problem> {
    decide(&app, &call, Command::Approve { id, rows: Some(vec![row]) }).await
}

/// Reject a row that is held: it is not counted.
#[utoipa::path(post, path = "/v1/warehouse/syncs/{id}/rows/{row}/reject", tag = "Warehouse",
    security(("bearer" = ["stock:write"])),
    params(("id" = String, Path,), ("row" = u32, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_sync", "unknown_sync_row", "sync_state",
        "sync_row_not_held"]))),
    responses((status = 200, description = "The run", body = SyncView<'static>)))]
async fn reject_sync_row(
    State(app): State<App>,
    NamedRow(id, row): NamedRow,
    call: Call,
) -> Result<Response, Problem> {
    decide(&app, &call, Command::Reject { id, rows: Some(vec![row]) }).await
}

/// A run and a row of it, in the path.
struct NamedRow(SyncId, u32);

impl FromRequestParts<App> for NamedRow {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let found = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((id, row)) =
            found.map_err(|_| Problem::not_found(&format!("`{}`", parts.uri.path())))?;
        Ok(Self(in_path(&id)?, in_path(&row)?))
    }
}

async fn decide(app: &App, call: &Call, command: Command) -> Result<Response, Problem> {
    call.expect_nothing()?;
    let decided = call.submit_once(AnyCommand::Warehouse(command)).await?;
    app.warehouse_asked.notify_one();
    answered(decided, StatusCode::OK)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShortfallList {
    limit: Option<u32>,
    starting_after: Option<String>,
}

/// The cursor of a list of shortfalls: product and location.
///
/// # Errors
/// 422 for anything else.
pub(crate) fn place(pointer: &str, text: &str) -> Result<(ProductId, LocationId), Problem> {
    let pair = text.split_once('.');
    let pair =
        pair.and_then(|(product, location)| Some((product.parse().ok()?, location.parse().ok()?)));
    let expected = "expected `next_cursor` of a page of this list";
    pair.ok_or_else(|| Problem::field(pointer, expected, text.into()))
}

/// List what is promised and, as the warehouse says, not there.
#[utoipa::path(get, path = "/v1/warehouse/shortfalls", tag = "Warehouse",
    security(("bearer" = ["stock:read"])), params(ShortfallList),
    responses((status = 200, description = "A page", body = List<ShortfallView<'static>>)))]
async fn list_shortfalls(
    State(app): State<App>,
    Params(query, sent): Params<ShortfallList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let after =
        query.starting_after.as_deref().map(|text| place("?starting_after", text)).transpose()?;
    // One more tells whether there are more.
    let mut rows = app.reader.shortfalls(after, limit + 1).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more);
    let shown = List {
        object: "list",
        url: "/v1/warehouse/shortfalls".to_owned(),
        has_more,
        next_cursor: last.map(|row| format!("{}.{}", row.product_id, row.location_id)),
        data: rows.iter().map(ShortfallView::of).collect(),
    };
    Ok(linked(&shown, &sent))
}
