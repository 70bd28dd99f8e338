//! How a gateway is asked: the one client for requests to the outside, with a bound on time and
//! size, and the one place that says what an answer, or the lack of one, is worth. It knows no
//! gateway and tries nothing twice. What a request that changes something has come to is only said
//! where it is known: everything else is [`Failure::Unknown`].

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use onhand_core::text::Text;
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio_rustls::rustls::RootCertStore;

use super::Outcome;
use crate::adapters::outgoing;
pub use crate::adapters::outgoing::HttpLimits;
use crate::limits::{
    GATEWAY_ANSWER_BYTES_MAX, GATEWAY_CONNECT_TIMEOUT, GATEWAY_IDLE_CONNECTIONS_MAX,
    GATEWAY_REASON_CHARS_MAX, GATEWAY_RETRY_AFTER_MAX, GATEWAY_TIMEOUT,
};
use crate::telemetry::spans::carry;

impl Default for HttpLimits {
    fn default() -> Self {
        Self::within(GATEWAY_TIMEOUT)
    }
}

impl HttpLimits {
    /// The usual ones, for a request that may take so long. Connecting may take less of it, so that
    /// what was never sent is known not to be done.
    pub fn within(timeout: Duration) -> Self {
        let connect_timeout = GATEWAY_CONNECT_TIMEOUT.min(timeout / 2);
        Self { connect_timeout, timeout, answer_bytes_max: GATEWAY_ANSWER_BYTES_MAX }
    }
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// The client cannot be made.
    #[error("no client for HTTP can be made")]
    Client(#[from] reqwest::Error),
    /// The address is not one that secrets may be sent to.
    #[error("not the address of a gateway: {0}")]
    Address(&'static str),
    /// The key cannot be sent.
    #[error("the key of the gateway does not fit into a header")]
    Key,
    /// A secret is empty: everybody could sign with it.
    #[error("a secret of the gateway is empty")]
    Empty,
}

/// Whether a request changes anything at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only asks: without an answer it is asked again.
    Read,
    /// It may have been carried out whenever it was sent.
    Write,
}

/// What is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// Whether it changes anything.
    pub effect: Effect,
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// Headers; those with secrets are marked as sensitive. A body of which they do not say what
    /// it is, is JSON.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// What an operator has to put right when the gateway does not know us, in words.
    pub keys: &'a str,
    /// Reads code and description out of the gateway's body of an error.
    pub read_error: fn(&[u8]) -> Option<String>,
}

/// Why there is no answer to go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It is not done.
    Retry {
        /// Why.
        reason: Text,
        /// How long the gateway asked us to wait.
        after: Option<Duration>,
    },
    /// The gateway will not.
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it says.
        reason: Text,
    },
    /// Nobody knows whether it is done.
    Unknown(Text),
}

impl Failure {
    /// An answer that is not one: it says something else than what was asked.
    pub fn strange(effect: Effect, reason: &str) -> Self {
        match effect {
            Effect::Read => Self::Retry { reason: bounded(reason), after: None },
            Effect::Write => Self::Unknown(bounded(reason)),
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry { reason, after } => Self::Retry { reason, after },
            Failure::Refused { reason, .. } => Self::Declined(reason),
            Failure::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

/// Text of the outside, without control characters and not too long.
pub fn bounded(text: &str) -> Text {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.trim().chars().take(GATEWAY_REASON_CHARS_MAX).map(clean).collect();
    Text::new(text.trim()).unwrap_or_default()
}

/// Reads the address of a gateway: `https`, or `http` to this machine, because secrets go there.
///
/// # Errors
/// [`HttpError::Address`].
pub fn address(url: &str) -> Result<Url, HttpError> {
    let url = Url::parse(url).map_err(|_| HttpError::Address("it is not a URL"))?;
    let host = url.host_str().ok_or(HttpError::Address("it has no host"))?;
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_local = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        "http" => return Err(HttpError::Address("`http` is for this machine only")),
        _ => return Err(HttpError::Address("it is neither `https` nor `http`")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::Address("keys are configured apart from it"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(HttpError::Address("there is something behind host and port"));
    }
    Ok(url)
}

/// The client. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    limits: HttpLimits,
}

impl Http {
    /// A client that trusts whom the system trusts.
    ///
    /// # Errors
    /// [`HttpError`] when TLS cannot be set up.
    pub fn new(limits: HttpLimits) -> Result<Self, HttpError> {
        Self::trusting(outgoing::trusted_by_the_system(), limits)
    }

    /// A client that trusts these and nobody else.
    ///
    /// # Errors
    /// [`HttpError`] when TLS cannot be set up.
    pub fn trusting(trusted: RootCertStore, limits: HttpLimits) -> Result<Self, HttpError> {
        let client = outgoing::client(trusted, limits)?
            .pool_max_idle_per_host(GATEWAY_IDLE_CONNECTIONS_MAX)
            .build()?;
        Ok(Self { client, limits })
    }

    /// Asks once. What came back is of the wanted form; whether it is about what was asked for is
    /// for the caller to see, with [`Failure::strange`] where it is not.
    ///
    /// # Errors
    /// [`Failure`] says what is known.
    pub async fn ask<T: DeserializeOwned>(&self, question: Question<'_>) -> Result<T, Failure> {
        let (effect, keys, read_error) = (question.effect, question.keys, question.read_error);
        let exchange = tokio::time::timeout(self.limits.timeout, self.exchange(question));
        let came = match exchange.await {
            Ok(came) => came?,
            Err(_) => return Err(Failure::strange(effect, "no answer in time")),
        };
        if came.status != 200 {
            return Err(judge(effect, &came, keys, read_error));
        }
        serde_json::from_slice(&came.body).map_err(|error| {
            let reason = format!("an answer that cannot be read: {}", kind_of(&came.body, &error));
            Failure::strange(effect, &reason)
        })
    }

    async fn exchange(&self, question: Question<'_>) -> Result<Came, Failure> {
        let effect = question.effect;
        let Question { method, url, mut headers, body, .. } = question;
        if !body.is_empty() {
            let json = HeaderValue::from_static("application/json");
            headers.entry(header::CONTENT_TYPE).or_insert(json);
        }
        carry(&mut headers);
        let mut request = self.client.request(method, url).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let mut response = request.send().await.map_err(|error| lost(effect, &error))?;
        let mut came = Came {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            body: Vec::new(),
        };
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(came),
                Ok(Some(chunk)) => {
                    if came.body.len() + chunk.len() > self.limits.answer_bytes_max {
                        return Err(Failure::strange(effect, "an answer without end"));
                    }
                    came.body.extend_from_slice(&chunk);
                }
                Err(error) => return Err(lost(effect, &error)),
            }
        }
    }
}

/// An answer as it came.
#[derive(Debug)]
struct Came {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// What it means that there is no whole answer. Only without a connection is it sure that nothing
/// was sent.
fn lost(effect: Effect, error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        // The error itself would tell the address, which is for the operator's log only.
        return Failure::Retry { reason: bounded("the gateway cannot be reached"), after: None };
    }
    Failure::strange(effect, "the connection was lost before the answer was there")
}

/// What an answer other than 200 is worth. A gateway may have done what it was asked for before
/// something in it failed; and 408 and 409 are said while another request of ours is under way.
fn judge(
    effect: Effect,
    came: &Came,
    keys: &str,
    read_error: fn(&[u8]) -> Option<String>,
) -> Failure {
    let said = read_error(&came.body);
    let says = match &said {
        Some(said) => format!("{}: {said}", came.status),
        None => format!("status {}", came.status),
    };
    match came.status {
        401 | 403 => {
            let reason = bounded(&format!("the gateway does not accept {keys} ({says})"));
            Failure::Retry { reason, after: None }
        }
        429 => Failure::Retry { reason: bounded(&says), after: came.retry_after },
        400 | 402 | 404..=407 | 410..=428 | 430..=499 if said.is_some() => {
            Failure::Refused { status: came.status, reason: bounded(&says) }
        }
        // A proxy in between may say such things about requests that it has handed on.
        _ => match effect {
            Effect::Read => Failure::Retry { reason: bounded(&says), after: came.retry_after },
            Effect::Write => Failure::Unknown(bounded(&says)),
        },
    }
}

/// The header in seconds, bounded. Dates are not read: no gateway of ours sends them.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let after = outgoing::seconds(outgoing::retry_after(headers)?)?;
    Some(after.min(GATEWAY_RETRY_AFTER_MAX))
}

/// What kind of thing it is that cannot be read, without any of its content.
fn kind_of(body: &[u8], error: &serde_json::Error) -> &'static str {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => "it is empty",
        Some(b'<') => "it is a page for people",
        Some(_) if error.is_eof() => "it ends early",
        Some(_) if error.is_syntax() => "it is not JSON",
        Some(_) => "something is missing or of another kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_error(body: &[u8]) -> Option<String> {
        body.strip_prefix(b"error ").map(|said| String::from_utf8_lossy(said).into_owned())
    }

    /// How an answer is taken, for a read and for a write: `retry`, `refused` or `unknown`.
    fn check(status: u16, body: &str, wanted: [&str; 2]) {
        let after = Some(Duration::from_secs(7));
        for (effect, wanted) in [Effect::Read, Effect::Write].into_iter().zip(wanted) {
            let came = Came { status, retry_after: after, body: body.into() };
            let found = match judge(effect, &came, "the keys", read_error) {
                Failure::Retry { .. } => "retry",
                Failure::Refused { .. } => "refused",
                Failure::Unknown(_) => "unknown",
            };
            assert_eq!(found, wanted, "{status} {effect:?} {body}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_called_failed() {
        for status in [400, 402, 404, 422] {
            check(status, "error no", ["refused"; 2]);
            check(status, "<html>", ["retry", "unknown"]);
        }
        for status in [401, 403, 429] {
            check(status, "error no", ["retry"; 2]);
            check(status, "<html>", ["retry"; 2]);
        }
        for status in [101, 201, 204, 301, 307, 408, 409, 500, 502, 503, 504, 999] {
            check(status, "error no", ["retry", "unknown"]);
        }
    }

    #[test]
    fn the_wait_that_is_asked_for_is_bounded() {
        fn check(value: &str, wanted: Option<u64>) {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            assert_eq!(retry_after(&headers), wanted.map(Duration::from_secs), "{value}");
        }
        check("0", Some(0));
        check(" 12 ", Some(12));
        check("999999999999", Some(3_600));
        for wrong in ["", "-1", "1.5", "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            check(wrong, None);
        }
    }

    #[test]
    fn secrets_are_sent_in_the_clear_to_this_machine_only() {
        for right in [
            "https://api.razorpay.com",
            "https://api.razorpay.com/",
            "http://127.0.0.1:4010",
            "http://127.9.9.9",
            "http://[::1]:4010",
            "http://localhost:1",
        ] {
            assert!(address(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "api.razorpay.com",
            "http://api.razorpay.com",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://key:secret@api.razorpay.com",
            "https://api.razorpay.com/v1",
            "https://api.razorpay.com?a",
            "https://api.razorpay.com#a",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_of_the_outside_are_bounded_and_on_one_line() {
        assert_eq!(bounded(" a\r\nb\0 ").as_str(), "a  b");
        assert_eq!(bounded(&"ü".repeat(9_999)).as_str().chars().count(), 300);
        assert_eq!(bounded(&format!("{} b", "a".repeat(299))).as_str().len(), 299);
    }
}
