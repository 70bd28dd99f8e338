//! `/v1/operations`: how the server itself is, for whoever runs it. What is done of it is in
//! `workers/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::schedules::ScheduleName;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::json_response;
use super::problem::Problem;
use super::wire::operations::ProofView;
use crate::app::App;

/// The routes of operation that are part of `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_verify))
}

/// Read how far the proof of the database is that runs beside the work, and what it has found.
///
/// `POST /v1/schedules/verify/run` has a round begun now.
#[utoipa::path(get, path = "/v1/operations/verify", tag = "Operations",
    security(("bearer" = ["events:read"])),
    responses((status = 200, description = "As it was last remembered, by whichever process",
        body = ProofView<'static>)))]
async fn get_verify(State(app): State<App>) -> Result<Response, Problem> {
    let schedules = app.reader.schedules().await?;
    let schedule = schedules.iter().find(|row| row.name == ScheduleName::Verify);
    let seen = app.verify.state();
    Ok(json_response(StatusCode::OK, &ProofView::of(&seen, schedule)))
}
