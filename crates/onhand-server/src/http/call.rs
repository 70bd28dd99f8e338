//! What handlers take out of a request: the body as a typed value with a pointer to what is wrong,
//! the idempotency key, the expected version, the query. Parse, don't validate: a handler gets
//! lawful values or nothing.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use onhand_core::command::Reply;
use onhand_core::{Actor, Command, Version, orders};
use onhand_engine::committer::{Answer, Caller as EngineCaller};
use onhand_engine::{IdempotencyKey, SubmitError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::discreet;
use super::dress::REQUEST_ID;
use super::gate::Caller;
use super::problem::{FieldError, Problem};
use super::strict::{self, Strict, is_deeper_than};
use crate::app::App;
use crate::limits::{
    BODY_BYTES_MAX, BODY_DEPTH_MAX, BODY_TIMEOUT, BULK_BODY_BYTES_MAX, KEY_CHARS_MAX,
};

/// A request that may change something, read whole.
#[derive(Debug)]
pub struct Call {
    app: App,
    caller: Caller,
    method: Method,
    path: String,
    route: String,
    headers: HeaderMap,
    body: Bytes,
}

impl FromRequest<App> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let mut call = Self::without_body(parts, app).await?;
        let is_bulk = matches!(call.route.as_str(), "/v1/orders/batch" | "/v1/stock/adjustments");
        call.body =
            read_body(body, if is_bulk { BULK_BODY_BYTES_MAX } else { BODY_BYTES_MAX }).await?;
        Ok(call)
    }
}

/// What a file may be sent as.
const FILE_TYPES: [&str; 4] =
    ["text/csv", "application/x-ndjson", "application/ndjson", "application/octet-stream"];

/// A request whose body is read by its handler, as it arrives.
#[derive(Debug)]
pub struct Upload {
    /// The request. Its fingerprint is over its query: that a body is the same as before is for the
    /// handler to see.
    pub call: Call,
    /// The body.
    pub body: Body,
}

impl FromRequest<App> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim();
        if !FILE_TYPES.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            let detail = format!("the body is `{essence}`; send one of {}", FILE_TYPES.join(", "));
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", detail));
        }
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let mut call = Call::without_body(parts, app).await?;
        call.body = query.into();
        Ok(Self { call, body })
    }
}

pub(crate) async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let limited = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(BODY_TIMEOUT, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(body_too_large(bytes_max))
        }
        Ok(Err(_)) => Err(body_incomplete()),
        Err(_) => Err(body_timeout()),
    }
}

pub(super) fn body_too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body exceeds {bytes_max} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

pub(super) fn body_too_deep() -> Problem {
    let detail = format!("arrays and objects are nested deeper than {BODY_DEPTH_MAX} levels");
    Problem::new(StatusCode::BAD_REQUEST, "body_too_deep", detail)
}

pub(super) fn body_incomplete() -> Problem {
    let detail = "the body did not arrive whole";
    Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", detail)
}

pub(super) fn body_timeout() -> Problem {
    let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
}

pub(super) fn unsupported_media_type(essence: &str) -> Problem {
    let detail = format!("the body is `{essence}`; send `Content-Type: application/json`");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

pub(super) fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

pub(super) fn key_missing() -> Problem {
    let detail = "send an Idempotency-Key (a UUIDv7 is fastest), so that this can be repeated";
    Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_missing", detail)
}

pub(super) fn version_missing() -> Problem {
    let detail = "send If-Match with the ETag of the object that you read";
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", detail)
}

impl Call {
    async fn without_body(mut parts: Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let path = parts.uri.path().to_owned();
        let route = match parts.extensions.get::<MatchedPath>() {
            Some(route) => route.as_str().to_owned(),
            None => path.clone(),
        };
        let (method, headers) = (parts.method, parts.headers);
        Ok(Self { app: app.clone(), caller, method, path, route, headers, body: Bytes::new() })
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The body as a typed value.
    ///
    /// # Errors
    /// 415, 400 or 422 with a pointer, the value and what would have been right.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let essence = self.media_type();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(unsupported_media_type(essence));
        }
        if is_deeper_than(BODY_DEPTH_MAX, &self.body) {
            return Err(body_too_deep());
        }
        strict::from_slice(&self.body).map_err(|_| explain::<T>(&self.body))
    }

    /// What the body is said to be, without parameters.
    pub(super) fn media_type(&self) -> &str {
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
        content_type.split(';').next().unwrap_or("").trim()
    }

    /// The body as it was sent.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// What handlers work with.
    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// The body as a typed value; of an empty body, what stands for it.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_or<T: DeserializeOwned>(&self, empty: T) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(empty) } else { self.json() }
    }

    /// That the body is empty, or an empty object.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn expect_nothing(&self) -> Result<(), Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.json_or(Nothing {}).map(|_| ())
    }

    /// Whether the body is an object with this field; false where it is no object at all.
    pub fn has_field(&self, name: &str) -> bool {
        let body: Result<serde_json::Map<String, Value>, _> = serde_json::from_slice(&self.body);
        body.is_ok_and(|body| body.contains_key(name))
    }

    /// The version that the caller names in `If-Match`.
    ///
    /// # Errors
    /// 422 where it is not a version.
    pub fn expected_version(&self) -> Result<Option<Version>, Problem> {
        let Some(value) = self.headers.get(header::IF_MATCH) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or("").trim();
        if text == "*" {
            return Ok(None);
        }
        let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        // A number may be spelled with a sign, a version not.
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(version) => Ok(Some(version)),
            None => Err(Problem::field(
                "If-Match",
                "expected a version in quotes, as in the ETag of the object: `\"3\"`",
                text.into(),
            )),
        }
    }

    /// The version that the caller names in `If-Match`, which must be there.
    ///
    /// # Errors
    /// 428 where it is absent, 422 where it is not a version.
    pub fn required_version(&self) -> Result<Option<Version>, Problem> {
        if self.headers.contains_key(header::IF_MATCH) {
            return self.expected_version();
        }
        Err(version_missing())
    }

    /// Submits a command that must not happen twice: the key must be there.
    ///
    /// # Errors
    /// 400 without a key; otherwise as [`Self::submit`].
    pub async fn submit_once(&self, command: Command) -> Result<Answer, Problem> {
        self.expect_key()?;
        self.submit(command).await
    }

    /// That there is a key.
    ///
    /// # Errors
    /// 400 without one.
    pub fn expect_key(&self) -> Result<(), Problem> {
        if self.has_key() { Ok(()) } else { Err(key_missing()) }
    }

    /// Submits a command, under the caller's key if there is one.
    ///
    /// # Errors
    /// [`Problem`] where nothing was decided.
    pub async fn submit(&self, command: Command) -> Result<Answer, Problem> {
        let caller = self.caller.as_engine()?;
        let key = self.idempotency_key(&caller.actor)?;
        Ok(self.hand_in(command, caller, key).await?)
    }

    /// Hands in a command, and remembers which order this request has left.
    async fn hand_in(
        &self,
        command: Command,
        caller: EngineCaller,
        key: Option<IdempotencyKey>,
    ) -> Result<Answer, SubmitError> {
        let is_new = matches!(command, Command::Orders(orders::Command::Place(_)));
        let answer = self.app.submit.submit(command, caller, key).await?;
        if let (Ok(Reply::Order(order)), false) = (&answer.outcome, answer.replayed)
            && let Some(id) = self.headers.get(REQUEST_ID)
        {
            self.app.trail.note(id, order, is_new);
        }
        Ok(answer)
    }

    /// Whether the caller names a key.
    pub(super) fn has_key(&self) -> bool {
        self.headers.contains_key("idempotency-key")
    }

    /// Submits the first of two commands that one request needs, under a key that follows from the
    /// caller's if there is one: then a key that was used for another request is found before
    /// anything is done.
    ///
    /// # Errors
    /// [`Problem`] where nothing was decided.
    pub(super) async fn submit_before(&self, command: Command) -> Result<Answer, Problem> {
        let caller = self.caller.as_engine()?;
        let key = self.idempotency_key(&caller.actor)?;
        let before = |key: IdempotencyKey| first_16(&hash(&["before"], &key.key));
        let key = key.map(|key| IdempotencyKey { key: before(key), ..key });
        Ok(self.hand_in(command, caller, key).await?)
    }

    /// Submits a command under a key that is not the caller's.
    ///
    /// # Errors
    /// [`Problem`] where nothing was decided.
    pub(super) async fn submit_under(
        &self,
        command: Command,
        key: IdempotencyKey,
    ) -> Result<Answer, Problem> {
        let caller = self.caller.as_engine()?;
        Ok(self.hand_in(command, caller, Some(key)).await?)
    }

    fn idempotency_key(&self, actor: &Actor) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(value) = self.headers.get("idempotency-key") else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or("");
        // The IETF form is a quoted string; a bare token is what most clients send.
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let is_visible = bare.bytes().all(|byte| byte.is_ascii_graphic());
        if bare.is_empty() || bare.len() > KEY_CHARS_MAX || !is_visible {
            let expected = format!("expected 1 to {KEY_CHARS_MAX} visible ASCII characters");
            return Err(Problem::field("Idempotency-Key", expected, text.into()));
        }
        let key = match uuid::Uuid::try_parse(bare) {
            Ok(uuid) => uuid.into_bytes(),
            Err(_) => first_16(&Sha256::digest(bare.as_bytes()).into()),
        };
        let scope = hash(&[&actor.stored(), self.method.as_str(), &self.route], &[]);
        let scope = i64::from_be_bytes(first_8(&scope));
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
        let fingerprint = hash(&[self.method.as_str(), &self.path, content_type], &self.body);
        Ok(Some(IdempotencyKey { key, scope, fingerprint }))
    }
}

pub(super) fn hash(texts: &[&str], body: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hasher.update(body);
    hasher.finalize().into()
}

pub(super) fn first_16(bytes: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| bytes[at])
}

pub(super) fn first_8(bytes: &[u8; 32]) -> [u8; 8] {
    std::array::from_fn(|at| bytes[at])
}

/// Reads a body again that could not be read, slowly, to say where it is wrong. The fast path does
/// not pay for this.
fn explain<T: DeserializeOwned>(body: &[u8]) -> Problem {
    if let Err(error) = std::str::from_utf8(body) {
        let at = error.valid_up_to();
        return malformed(format!("the body is not UTF-8: byte {at} is wrong"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let error = match serde_path_to_error::deserialize::<_, T>(Strict(&mut reader)) {
        Err(error) => error,
        Ok(_) => {
            return malformed("there is more after the end of the JSON value");
        }
    };
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() {
        return malformed(format!("the body is not JSON: {inner}"));
    }
    let mut pointer = pointer(error.path());
    let detail = inner.to_string();
    let detail = detail.split(" at line ").next().unwrap_or(&detail).to_owned();
    let is_unknown = detail.starts_with("unknown field");
    if is_unknown
        && let Some(name) = detail.split('`').nth(1)
        && !pointer.ends_with(name)
    {
        pointer = format!("{pointer}/{name}");
    }
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let value = value.pointer(&pointer).cloned().unwrap_or_default();
    let value = if value.to_string().len() > 200 { Value::Null } else { value };
    let code = if is_unknown { "unknown_field" } else { "validation_failed" };
    Problem::fields(vec![FieldError::new(pointer, code, detail, value)])
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{key}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// The query of a request as a typed value, and as it was sent; names that the route does not know
/// are refused.
#[derive(Debug)]
pub struct Params<T>(pub T, pub String);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(query) => Ok(Self(query.0, parts.uri.query().unwrap_or_default().to_owned())),
            Err(error) => {
                let detail = error.body_text();
                let detail = detail.rsplit("query string: ").next().unwrap_or(&detail).to_owned();
                let (pointer, detail) = detail.split_once(": ").unwrap_or(("", &detail));
                // The standard library's parsers say what they met, not what they wanted.
                let detail = match detail {
                    text if text.contains("digit") || text.contains("number") => {
                        format!("{detail}, expected a whole number")
                    }
                    text if text.contains("`true` or `false`") => {
                        format!("{detail}, expected `true` or `false`")
                    }
                    _ => detail.to_owned(),
                };
                let query = discreet::query(parts.uri.query().unwrap_or(""));
                Err(Problem::field(format!("?{pointer}"), detail, query.into()))
            }
        }
    }
}

/// The name in the path, as text.
#[derive(Debug)]
pub struct Named(pub String);

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let found = axum::extract::Path::<String>::from_request_parts(parts, app).await;
        // What does not decode to text cannot be the name of anything.
        let name = found.map_err(|_| Problem::not_found(&format!("`{}`", parts.uri.path())))?;
        Ok(Self(name.0))
    }
}

/// An id or other name in the path.
///
/// # Errors
/// 404: nothing can have such a name.
pub fn in_path<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(&format!("`{text}`")))
}
