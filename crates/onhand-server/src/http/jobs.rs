//! `/v1/jobs`: what is to be done about events, and what waits for somebody to look at it;
//! `/v1/consumers` and `/v1/schedules`: who reads the log, and what is done from time to time.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::ids::JobId;
use onhand_core::jobs::{Command, JobState, Queue};
use onhand_core::schedules::ScheduleName;
use onhand_engine::query::{JobFilter, Page};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, json_response, list, named, page_rows, versioned};
use super::call::{Call, Named, Params, in_path};
use super::problem::Problem;
use super::wire::lists::List;
use super::wire::outbox::{AskedView, ConsumerView, JobView, ScheduleView};
use super::wire::values;
use crate::app::App;

/// The routes of what follows from the log.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_jobs))
        .routes(routes!(get_job))
        .routes(routes!(requeue_job))
        .routes(routes!(skip_job))
        .routes(routes!(list_consumers))
        .routes(routes!(list_schedules))
        .routes(routes!(run_schedule))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobList {
    limit: Option<u32>,
    starting_after: Option<String>,
    queue: Option<String>,
    status: Option<String>,
}

/// List jobs, newest first: mails, deliveries to endpoints, orders to take up.
///
/// One that is `dead` waits for somebody to requeue or skip it. Those that ended are forgotten
/// after a while.
#[utoipa::path(get, path = "/v1/jobs", tag = "Jobs",
    security(("bearer" = ["events:read"])), params(JobList),
    responses((status = 200, description = "A page", body = List<JobView<'static>>)))]
async fn list_jobs(
    State(app): State<App>,
    Params(query, sent): Params<JobList>,
) -> Result<Response, Problem> {
    let queue = query.queue.as_deref().map(queue_of).transpose()?;
    let filter = JobFilter { queue, state: status_of(query.status.as_deref())? };
    let page = page_of(&app, filter, query.limit, query.starting_after.as_deref()).await?;
    Ok(list(&page, ("/v1/jobs", &sent), JobView::of, |id| format!("job_{id}")))
}

fn queue_of(text: &str) -> Result<Queue, Problem> {
    text.parse().map_err(|error| Problem::field("?queue", format!("{error}"), text.into()))
}

/// The state that a query names.
pub(super) fn status_of(text: Option<&str>) -> Result<Option<JobState>, Problem> {
    named("?status", text, JobState::ALL, |one| one.as_str())
}

/// A page of jobs.
pub(super) async fn page_of(
    app: &App,
    filter: JobFilter,
    limit: Option<u32>,
    starting_after: Option<&str>,
) -> Result<Page<onhand_core::jobs::Job>, Problem> {
    let before = cursor(starting_after, JobId::number)?;
    Ok(app.reader.jobs(filter, before, page_rows(limit)?).await?)
}

/// Read a job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "Jobs",
    security(("bearer" = ["events:read"])), params(("id" = String, Path,)),
    responses((status = 200, description = "The job", body = JobView<'static>)))]
async fn get_job(State(app): State<App>, Named(id): Named) -> Result<Response, Problem> {
    match app.reader.job(in_path(&id)?).await? {
        Some(job) => Ok(versioned(StatusCode::OK, job.version, &JobView::of(&job))),
        None => Err(Problem::not_found(&format!("`{id}`"))),
    }
}

/// Try a dead job again.
#[utoipa::path(post, path = "/v1/jobs/{id}/requeue", tag = "Jobs",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_job", "job_not_dead"]))),
    responses((status = 200, description = "The job", body = JobView<'static>)))]
async fn requeue_job(Named(id): Named, call: Call) -> Result<Response, Problem> {
    move_job(&call, Command::Requeue { id: in_path(&id)? }).await
}

/// Give up a dead job.
#[utoipa::path(post, path = "/v1/jobs/{id}/skip", tag = "Jobs",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_job", "job_not_dead"]))),
    responses((status = 200, description = "The job", body = JobView<'static>)))]
async fn skip_job(Named(id): Named, call: Call) -> Result<Response, Problem> {
    move_job(&call, Command::Skip { id: in_path(&id)? }).await
}

async fn move_job(call: &Call, command: Command) -> Result<Response, Problem> {
    answered(call.submit_once(AnyCommand::Jobs(command)).await?, StatusCode::OK)
}

/// List who reads the log, and how far each is.
#[utoipa::path(get, path = "/v1/consumers", tag = "Jobs", security(("bearer" = ["events:read"])),
    responses((status = 200, description = "All of them", body = List<ConsumerView>)))]
async fn list_consumers(State(app): State<App>) -> Result<Response, Problem> {
    let page = Page { rows: app.reader.consumers().await?, next: None };
    Ok(list(&page, ("/v1/consumers", ""), ConsumerView::of, |_| String::new()))
}

/// List what is done from time to time, with its last run and its next.
#[utoipa::path(get, path = "/v1/schedules", tag = "Jobs", security(("bearer" = ["events:read"])),
    responses((status = 200, description = "All that was ever begun",
        body = List<ScheduleView<'static>>)))]
async fn list_schedules(State(app): State<App>) -> Result<Response, Problem> {
    let page = Page { rows: app.reader.schedules().await?, next: None };
    Ok(list(&page, ("/v1/schedules", ""), ScheduleView::of, |_| String::new()))
}

/// Have something done now that is done from time to time.
///
/// Answers as soon as the worker is told; `began_at` and `ended_at` tell when it was done.
#[utoipa::path(post, path = "/v1/schedules/{name}/run", tag = "Jobs",
    security(("bearer" = ["admin"])), params(("name" = values::ScheduleName, Path,)),
    responses((status = 202, description = "It will be done", body = AskedView)))]
async fn run_schedule(
    State(app): State<App>,
    Named(name): Named,
    call: Call,
) -> Result<Response, Problem> {
    let known = ScheduleName::from_name(&name);
    let name = known.ok_or_else(|| Problem::not_found(&format!("the schedule `{name}`")))?;
    call.expect_nothing()?;
    app.schedules.ask_for(name);
    Ok(json_response(StatusCode::ACCEPTED, &AskedView::of(name)))
}
