//! Who may ask the simulated gateway, and how its answers are spoiled. What goes wrong before a
//! request is carried out changes nothing; what goes wrong behind it is the worst that a gateway
//! does: the work is done, and nobody is told.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::api::error;
use super::faults::Fault;
use super::{Simulated, distort};
use crate::limits::GATEWAY_ANSWER_BYTES_MAX;

/// Answers a request, more or less.
pub(super) async fn attend(
    State(simulated): State<Arc<Simulated>>,
    request: Request,
    next: Next,
) -> Response {
    if !simulated.is_allowed(request.headers().get(header::AUTHORIZATION)) {
        return error(StatusCode::UNAUTHORIZED, "Authentication failed");
    }
    let (before, after, random) = {
        let mut state = simulated.lock();
        let super::State { chance, counts, .. } = &mut *state;
        counts.requests += 1;
        let before = chance.pick(&Fault::BEFORE);
        let after = if before.is_none() { chance.pick(&Fault::AFTER) } else { None };
        (before, after, chance.below(3))
    };
    if let Some(fault) = before {
        return refuse(fault == Fault::RateLimit, random);
    }
    let response = next.run(request).await;
    match after {
        Some(fault) => spoil(fault, response).await,
        None => response,
    }
}

impl Simulated {
    fn is_allowed(&self, given: Option<&HeaderValue>) -> bool {
        let given = given.and_then(|given| given.as_bytes().strip_prefix(b"Basic "));
        let given = given.and_then(|given| STANDARD.decode(given).ok()).unwrap_or_default();
        let secret = self.config.key_secret.expose();
        let wanted = [self.config.key_id.as_bytes(), b":", secret].concat();
        wanted.ct_eq(&given).into()
    }
}

/// Says no to a request that was not looked at.
fn refuse(is_busy: bool, random: u64) -> Response {
    if is_busy {
        return error(StatusCode::TOO_MANY_REQUESTS, "Request failed. Please try after sometime.");
    }
    let statuses = [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let status = statuses[usize::try_from(random).unwrap_or_default()];
    error(status, "We are facing some trouble completing your request.")
}

async fn spoil(fault: Fault, response: Response) -> Response {
    let status = response.status();
    let whole = to_bytes(response.into_body(), GATEWAY_ANSWER_BYTES_MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    let body = match fault {
        Fault::Error | Fault::LateError => {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "We are facing some trouble.");
        }
        Fault::RateLimit => return error(StatusCode::TOO_MANY_REQUESTS, "Please try again."),
        Fault::Html => return Html("<!doctype html><title>Bad day</title>").into_response(),
        Fault::Truncated => Body::from(half),
        Fault::Drop => Body::from_stream(stream::once(async { Err::<Bytes, _>(Cut) })),
        Fault::Endless => {
            let filler = Bytes::from_static(&[b' '; 16 << 10]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(filler.clone())))
        }
        Fault::Stall => Body::from_stream(stream::unfold(Some(half), stall)),
        Fault::Contradict => contradict(&whole),
        Fault::Decline
        | Fault::Late
        | Fault::RefundFail
        | Fault::Lost
        | Fault::Repeat
        | Fault::Delay
        | Fault::Permute
        | Fault::WrongAmount => Body::from(whole),
    };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body).into_response()
}

/// Longest time that an answer stops in the middle; nobody waits for it that long.
const STALL: Duration = Duration::from_secs(120);

async fn stall(half: Option<Bytes>) -> Option<(Result<Bytes, Cut>, Option<Bytes>)> {
    match half {
        Some(half) => Some((Ok(half), None)),
        None => {
            tokio::time::sleep(STALL).await;
            Some((Err(Cut), None))
        }
    }
}

fn contradict(whole: &[u8]) -> Body {
    let mut value: Value = serde_json::from_slice(whole).unwrap_or_default();
    match value.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(distort),
        None => distort(&mut value),
    }
    Body::from(value.to_string())
}

/// That a connection ends in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut off, as planned")]
struct Cut;
