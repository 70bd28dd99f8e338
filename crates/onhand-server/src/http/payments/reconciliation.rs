//! `/v1/reconciliation`: every order whose money is not where it should be yet, and every message
//! about money that belongs to no order, with its age and what is done about it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::{cursor, json_response, page_rows};
use super::super::call::Params;
use super::super::problem::Problem;
use super::super::wire::payments::RowView;
use crate::app::App;
use crate::limits::RECONCILIATION_AGE_SECS_MAX;
use onhand_core::ids::OrderId;
use onhand_engine::limits::PAGE_ROWS_MAX;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_reconciliation))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReconciliationQuery {
    limit: Option<u32>,
    starting_after: Option<String>,
    /// Only what has been owed for so many seconds; 0 when absent.
    #[param(minimum = 0, maximum = 31_622_400)]
    older_than_s: Option<u32>,
}

/// Where the books of orders and gateways differ.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reconciliation, example = json!({
    "object": "reconciliation", "url": "/v1/reconciliation", "has_more": false,
    "next_cursor": null, "data": [], "unmatched": []
}))]
struct ReconciliationView<'a> {
    #[schema(pattern = "^reconciliation$")]
    object: &'static str,
    url: &'static str,
    has_more: bool,
    /// What to send as `starting_after` for the next page.
    #[schema(required)]
    next_cursor: Option<String>,
    /// Orders, oldest first.
    data: Vec<RowView<'a>>,
    /// Money for orders that nobody knows, newest first; on the first page.
    unmatched: Vec<RowView<'a>>,
}

/// Read where the books of orders and gateways differ.
///
/// A row for every order whose money is not where it should be yet, and for every message about
/// money that belongs to no order: with its age, what is done next, and who does it. Most rows are
/// orders that wait for their customer.
#[utoipa::path(get, path = "/v1/reconciliation", tag = "Payments",
    security(("bearer" = ["payments:read"])), params(ReconciliationQuery),
    responses((status = 200, description = "What is open", body = ReconciliationView<'static>)))]
async fn get_reconciliation(
    State(app): State<App>,
    Params(query, _): Params<ReconciliationQuery>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let after = cursor(query.starting_after.as_deref(), OrderId::number)?;
    let now = app.clock.now();
    let older_than_s = query.older_than_s.unwrap_or(0);
    if older_than_s > RECONCILIATION_AGE_SECS_MAX {
        let expected = format!("expected 0 to {RECONCILIATION_AGE_SECS_MAX}");
        return Err(Problem::field("?older_than_s", expected, older_than_s.into()));
    }
    let age = jiff::SignedDuration::from_secs(older_than_s.into());
    let older_than = now.checked_sub(age).unwrap_or(now);
    let page = app.reader.open_payments(older_than, after, limit).await?;
    let unmatched = match after {
        None => app.reader.unmatched_notices(None, PAGE_ROWS_MAX).await?.rows,
        Some(_) => Vec::new(),
    };
    let rows = page.rows.iter().filter_map(|(effect, order)| RowView::of_order(effect, order, now));
    let shown = ReconciliationView {
        object: "reconciliation",
        url: "/v1/reconciliation",
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|id| format!("ord_{id}")),
        data: rows.collect(),
        unmatched: RowView::of_notices(&unmatched, now).take(limit).collect(),
    };
    Ok(json_response(StatusCode::OK, &shown))
}
