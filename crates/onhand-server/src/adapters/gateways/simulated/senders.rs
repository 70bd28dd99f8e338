//! Delivers the simulated gateway's messages: a few senders, each with one connection that it
//! keeps. A message that is not answered with a yes is sent again later, as it is.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::agenda::Delivery;
use super::{Simulated, SimulatedError};
use crate::client::{Address, Connection, Limits};
use crate::limits::{SIMULATED_ANSWER_TIMEOUT, SIMULATED_TRIES_MAX, SIMULATED_TRY_WAIT_MAX};

/// Most bytes of an answer to a message; nothing in it is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where messages go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    address: Address,
    path: String,
}

impl Target {
    /// Reads `http://host:port/path`.
    pub(super) fn parse(url: &str) -> Result<Self, SimulatedError> {
        let wrong = || SimulatedError::Webhook(url.to_owned());
        let after_scheme = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (host, path) = match after_scheme.find('/') {
            Some(at) => after_scheme.split_at(at),
            None => (after_scheme, "/"),
        };
        let address = Address::parse(&format!("http://{host}")).map_err(|_| wrong())?;
        if path.parse::<axum::http::uri::PathAndQuery>().is_err() {
            return Err(wrong());
        }
        Ok(Self { address, path: path.to_owned() })
    }
}

/// Sends what is ready, one after the other, until nothing can become ready any more.
pub(super) async fn send(
    simulated: Arc<Simulated>,
    target: Target,
    ready: Arc<Mutex<mpsc::Receiver<Delivery>>>,
) {
    let limits = Limits {
        connect_timeout: SIMULATED_ANSWER_TIMEOUT,
        request_timeout: SIMULATED_ANSWER_TIMEOUT,
        response_bytes_max: ANSWER_BYTES_MAX,
    };
    let mut connection = Connection::with_limits(target.address, limits);
    loop {
        let taken = ready.lock().await.recv().await;
        let Some(delivery) = taken else { return };
        let mut headers =
            vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        for (name, value) in [
            ("x-razorpay-signature", &delivery.signature),
            ("x-razorpay-event-id", &delivery.event_id),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.push((HeaderName::from_static(name), value));
            }
        }
        let (body, sent_at) = (delivery.body.clone(), Instant::now());
        let answer = connection.send(Method::POST, &target.path, &headers, body).await;
        let is_taken = answer.as_ref().is_ok_and(|answer| answer.status.is_success());
        let mut state = simulated.lock();
        // Whoever is not there at all has answered nothing, and kept nobody waiting.
        let waited = sent_at.elapsed();
        if answer.is_ok() || waited >= SIMULATED_ANSWER_TIMEOUT {
            state.answers.note(waited);
        }
        if is_taken {
            state.counts.delivered += 1;
            continue;
        }
        state.counts.not_delivered += 1;
        let status = answer.map(|answer| answer.status.as_u16()).ok();
        tracing::debug!(event = delivery.event_id, status, "a message was not taken");
        let delivery = Delivery { tries: delivery.tries + 1, ..delivery };
        if delivery.tries >= SIMULATED_TRIES_MAX {
            state.counts.given_up += 1;
            continue;
        }
        let wait = simulated.config.pace.again.saturating_mul(1 << (delivery.tries - 1));
        state.deliver_in(wait.min(SIMULATED_TRY_WAIT_MAX), delivery);
        drop(state);
        simulated.wake_sending.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_plain_addresses() {
        for (url, path) in [
            ("http://127.0.0.1:8080/v1/webhooks/razorpay", "/v1/webhooks/razorpay"),
            ("http://localhost:8080", "/"),
            ("http://localhost:8080/a?b=c", "/a?b=c"),
        ] {
            assert_eq!(Target::parse(url).unwrap().path, path);
        }
        for wrong in ["", "https://127.0.0.1/", "127.0.0.1:8080", "http:///a", "http://a/b c"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
