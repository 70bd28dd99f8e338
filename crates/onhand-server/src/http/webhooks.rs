//! `/v1/webhook-endpoints`: programs that are told what happens. Who tells them is in
//! `workers/webhooks.rs`; how, in `adapters/webhooks/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::command::Reply;
use onhand_core::events::TYPES;
use onhand_core::ids::EndpointId;
use onhand_core::jobs::Queue;
use onhand_core::limits::ENDPOINT_FILTERS_MAX;
use onhand_core::text::{Reference, Text, Url};
use onhand_core::webhooks::{
    Command, EndpointEntry, EndpointPatch, EndpointState, EventFilter, NewEndpoint, SealedSecret,
};
use onhand_engine::committer::Answer;
use onhand_engine::query::{JobFilter, Page};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, dressed, list, versioned};
use super::call::{Call, Named, Params, in_path};
use super::jobs::{page_of, status_of};
use super::problem::Problem;
use super::wire::lists::List;
use super::wire::outbox::{AttemptView, ConsumerView, EndpointView, JobView};
use super::wire::values;
use crate::adapters::webhooks::SigningSecret;
use crate::app::App;
use crate::limits::{SECRET_KEEP_SECS_DEFAULT, SECRET_KEEP_SECS_MAX};

/// The routes of webhook endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_endpoint, list_endpoints))
        .routes(routes!(get_endpoint, update_endpoint, delete_endpoint))
        .routes(routes!(rotate_secret))
        .routes(routes!(test_endpoint))
        .routes(routes!(list_deliveries))
        .routes(routes!(replay_events))
}
