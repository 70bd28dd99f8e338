//! Sends one message once, to whoever [`Guard`] lets it be sent to, and says what came back. The
//! other side may answer whatever it likes, slowly, without end or not at all: each of that has its
//! bound. Whether and when it is sent again is for [`schedule`](super::schedule) to say.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use onhand_core::Timestamp;
use tokio::time::Instant;
use tokio_rustls::rustls;
use tokio_rustls::rustls::RootCertStore;

use super::guard::{Forbidden, Guard};
use super::signature::{self, SigningSecret};
use crate::adapters::outgoing::{self, HttpLimits};
use crate::limits::{
    WEBHOOK_ANSWER_BYTES_MAX, WEBHOOK_ANSWER_HEADERS_MAX, WEBHOOK_CONNECT_TIMEOUT,
    WEBHOOK_EXCERPT_BYTES_MAX, WEBHOOK_IDLE_CONNECTIONS_MAX, WEBHOOK_IDLE_TIMEOUT,
    WEBHOOK_RETRY_AFTER_MAX, WEBHOOK_TIMEOUT,
};
use crate::telemetry::spans::carry;

/// Where messages go. It cannot be printed, because many a receiver is known by a secret in its
/// address.
#[derive(Clone)]
pub struct Endpoint {
    /// The address as its owner wrote it.
    pub url: String,
    /// What its messages are signed with; the newest first. Without one nothing is sent.
    pub secrets: Vec<SigningSecret>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Endpoint(..)")
    }
}

/// Why there is no answer, or no whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not sent: it must not be sent there.
    #[error("not sent: {0}")]
    Forbidden(Forbidden),
    /// It was not sent: there is no secret, or the id fits into no header.
    #[error("not sent: the endpoint has no secret, or the message no proper id")]
    Unsendable,
    /// The name is unknown, or nobody who knows it answers.
    #[error("the name of the receiver leads to no address")]
    Unresolved,
    /// Nobody is there, or not in time.
    #[error("the receiver cannot be connected to")]
    Unreachable,
    /// Somebody else is there, or somebody who does not speak it.
    #[error("TLS cannot be spoken with the receiver, or its certificate is not good")]
    Tls,
    /// It may have been taken all the same.
    #[error("no answer in time")]
    Timeout,
    /// It may have been taken all the same.
    #[error("the answer is not HTTP, or the connection ended before it was whole")]
    Garbled,
}

/// What came of sending a message once. With a status there was an answer, even where the rest of
/// it failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
    /// How its body begins, for people: at most [`WEBHOOK_EXCERPT_BYTES_MAX`] bytes, without
    /// control characters. Whoever answered chose the words.
    pub excerpt: String,
    /// How long the receiver asks to be left alone, [`WEBHOOK_RETRY_AFTER_MAX`] at the most.
    pub retry_after: Option<Duration>,
    /// What failed.
    pub failure: Option<Failure>,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The client cannot be made.
    #[error("no client for HTTP can be made")]
    Client(#[from] reqwest::Error),
}

/// Sends messages. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Sender {
    client: reqwest::Client,
    guard: Guard,
    limits: HttpLimits,
}

/// How long a message may take, and how much of an answer is read.
pub const LIMITS: HttpLimits = HttpLimits {
    connect_timeout: WEBHOOK_CONNECT_TIMEOUT,
    timeout: WEBHOOK_TIMEOUT,
    answer_bytes_max: WEBHOOK_ANSWER_BYTES_MAX,
};

impl Sender {
    /// One that trusts whom the system trusts.
    ///
    /// # Errors
    /// [`SenderError`].
    pub fn new(guard: Guard) -> Result<Self, SenderError> {
        Self::trusting(outgoing::trusted_by_the_system(), guard, LIMITS)
    }

    /// One that trusts these and nobody else, within other limits.
    ///
    /// # Errors
    /// [`SenderError`].
    pub fn trusting(
        trusted: RootCertStore,
        guard: Guard,
        limits: HttpLimits,
    ) -> Result<Self, SenderError> {
        let client = outgoing::client(trusted, limits)?
            .dns_resolver(Arc::new(guard.clone()))
            .http1_max_headers(WEBHOOK_ANSWER_HEADERS_MAX)
            .pool_max_idle_per_host(WEBHOOK_IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(WEBHOOK_IDLE_TIMEOUT)
            .build()?;
        Ok(Self { client, guard, limits })
    }

    /// Sends a message once. `id` is the message's, the same each time; `timestamp` is now.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        id: &str,
        timestamp: Timestamp,
        body: Bytes,
    ) -> Answer {
        let started = Instant::now();
        let mut came = Came::default();
        let exchange = self.exchange(endpoint, id, timestamp, body, &mut came);
        let made = tokio::time::timeout(self.limits.timeout, exchange).await;
        Answer {
            status: came.status,
            took: started.elapsed(),
            excerpt: excerpt(&came.body),
            retry_after: came.retry_after,
            failure: made.unwrap_or(Err(Failure::Timeout)).err(),
        }
    }

    /// What has come is kept also where this ends early.
    async fn exchange(
        &self,
        endpoint: &Endpoint,
        id: &str,
        timestamp: Timestamp,
        body: Bytes,
        came: &mut Came,
    ) -> Result<(), Failure> {
        // The client judges names; an address in figures it would connect to unasked.
        let url = self.guard.url(&endpoint.url).map_err(Failure::Forbidden)?;
        let mut headers = headers(&endpoint.secrets, id, timestamp, &body)?;
        carry(&mut headers);
        let request = self.client.post(url).headers(headers).body(body);
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        came.status = Some(response.status().as_u16());
        came.retry_after = retry_after(response.headers(), timestamp);
        let mut read = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            let room = WEBHOOK_EXCERPT_BYTES_MAX.saturating_sub(came.body.len());
            came.body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            read += chunk.len();
            // The connection is lost with the rest.
            if read > self.limits.answer_bytes_max {
                break;
            }
        }
        Ok(())
    }
}

/// What has come of an answer so far.
#[derive(Debug, Default)]
struct Came {
    status: Option<u16>,
    retry_after: Option<Duration>,
    /// Its beginning.
    body: Vec<u8>,
}

fn headers(
    secrets: &[SigningSecret],
    id: &str,
    timestamp: Timestamp,
    body: &[u8],
) -> Result<HeaderMap, Failure> {
    // What is separated by full stops and has one in it could be read in two ways.
    if secrets.is_empty() || id.is_empty() || id.contains('.') {
        return Err(Failure::Unsendable);
    }
    let seconds = timestamp.as_second();
    let signatures = signature::sign(secrets, id, seconds, body);
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Failure::Unsendable);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(signature::ID, value(id)?);
    headers.insert(signature::TIMESTAMP, seconds.into());
    headers.insert(signature::SIGNATURE, value(&signatures)?);
    Ok(headers)
}

/// What went wrong. The error itself would tell the address.
fn failure(error: &reqwest::Error) -> Failure {
    if let Some(forbidden) = outgoing::cause::<Forbidden>(error) {
        return Failure::Forbidden(*forbidden);
    }
    if outgoing::cause::<rustls::Error>(error).is_some() {
        return Failure::Tls;
    }
    if error.is_dns() {
        Failure::Unresolved
    } else if error.is_connect() || error.is_timeout() {
        Failure::Unreachable
    } else {
        Failure::Garbled
    }
}

/// The header in seconds or as a date, bounded. What is over is no wait.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = outgoing::retry_after(headers)?;
    let until = || {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(SystemTime::from(now)).unwrap_or_default())
    };
    Some(outgoing::seconds(text).or_else(until)?.min(WEBHOOK_RETRY_AFTER_MAX))
}

/// Text of the outside as people may be shown it: on one line, and in the order in which it is.
fn excerpt(body: &[u8]) -> String {
    let clean = |c: char| match c {
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    let text: String = String::from_utf8_lossy(body).chars().map(clean).collect();
    let mut end = text.len().min(WEBHOOK_EXCERPT_BYTES_MAX);
    // Bytes that are no text take more room as such.
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_both_forms_and_bounded() {
        fn check(value: &str, wanted: Option<u64>) {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            let now = "2026-11-21T08:00:00Z".parse().unwrap();
            assert_eq!(retry_after(&headers, now), wanted.map(Duration::from_secs), "{value}");
        }
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("86401", Some(86_400));
        check("18446744073709551615", Some(86_400));
        check("Sat, 21 Nov 2026 08:02:00 GMT", Some(120));
        check("Saturday, 21-Nov-26 08:02:00 GMT", Some(120));
        check("Sat Nov 21 08:02:00 2026", Some(120));
        check("Sat, 21 Nov 2026 07:59:59 GMT", Some(0));
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400));
        for wrong in ["", "-1", "1.5", "soon", "18446744073709551616", "2026-11-21T08:02:00Z"] {
            check(wrong, None);
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn what_people_are_shown_is_short_and_on_one_line() {
        fn check(body: &[u8], wanted: &str) {
            assert_eq!(excerpt(body), wanted);
        }
        check(b"", "");
        check(b" ok\r\n", "ok");
        check(b"a\0b\x1b[31mc\x7f\nd", "a b [31mc  d");
        check("Grüße \u{202e}evil\u{2066}".as_bytes(), "Grüße  evil");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
        assert_eq!(excerpt(&[b'a'; 5_000]).len(), WEBHOOK_EXCERPT_BYTES_MAX);
        assert_eq!(excerpt(&[0xff; WEBHOOK_EXCERPT_BYTES_MAX]).len(), 1_023);
    }

    #[test]
    fn nothing_is_sent_unsigned_or_without_a_proper_id() {
        let secrets = [SigningSecret::generate().unwrap()];
        let make = |secrets: &[_], id: &str| headers(secrets, id, Timestamp::UNIX_EPOCH, b"{}");
        assert!(make(&secrets, "evt_1").is_ok());
        assert_eq!(make(&[], "evt_1"), Err(Failure::Unsendable));
        for id in ["", "evt.1", "evt\r\n1", "evt\0"] {
            assert_eq!(make(&secrets, id), Err(Failure::Unsendable), "{id:?}");
        }
    }

    #[test]
    fn an_endpoint_cannot_be_printed() {
        let secrets = vec![SigningSecret::generate().unwrap()];
        let endpoint = Endpoint { url: "https://example.com/canary".into(), secrets };
        assert_eq!(format!("{endpoint:?}"), "Endpoint(..)");
    }
}
