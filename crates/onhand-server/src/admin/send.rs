//! Sends a form on to the route of `/v1` that it stands for, in the same process and as the
//! visitor. Rights, rules, limits, keys and versions are that route's business and stay there.

use axum::body::Body;
use axum::http::{HeaderName, Request, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tower::ServiceExt;

use super::fields::Fields;
use super::form::{Form, body_of};
use super::parts::encoded;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::limits::ADMIN_ANSWER_BYTES_MAX;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the route answered.
///
/// # Errors
/// What it refused, or that nobody knows.
pub(super) async fn send(visit: &Visit, form: &Form, fields: &Fields) -> Result<Value, Trouble> {
    let body = body_of(form, fields);
    let visitor = visit.visitor();
    let mut request = Request::builder()
        .method(form.method.clone())
        .uri(filled(form.route, visit, fields))
        .header(header::AUTHORIZATION, format!("Bearer {}", *visitor.access))
        .header(header::CONTENT_TYPE, "application/json")
        .extension(Peer::at(visitor.address));
    if let Some(key) = fields.get("key") {
        request = request.header(KEY, format!("admin-{key}"));
    }
    if let Some(version) = fields.get("version") {
        request = request.header(header::IF_MATCH, format!("\"{version}\""));
    }
    let has_body = body.as_object().is_none_or(|fields| !fields.is_empty());
    let body = if has_body { Body::from(body.to_string()) } else { Body::empty() };
    let request = request.body(body).map_err(|error| {
        tracing::error!(%error, form = form.name, "a form cannot be sent on");
        Problem::internal()
    })?;
    let Ok(response) = visit.office().api.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ADMIN_ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|_| Problem::internal())?.to_bytes();
    if parts.status.is_success() {
        return Ok(serde_json::from_slice(&body).unwrap_or(Value::Null));
    }
    Err(Trouble::read(parts.status, &body))
}

/// A path with its names filled in: parts of the page's path, or fields.
fn filled(route: &str, visit: &Visit, fields: &Fields) -> String {
    let mut path = String::new();
    for (at, segment) in route.split('/').enumerate() {
        if at > 0 {
            path.push('/');
        }
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            None => path.push_str(segment),
            Some(name) => {
                let value = match visit.param(name) {
                    "" => fields.get(name).unwrap_or_default(),
                    value => value,
                };
                path.push_str(&encoded(value));
            }
        }
    }
    path
}
