//! The external warehouse: what is physically there, as somebody else counts it. Here it is asked
//! over HTTP, page by page, and its words are read ([`page`], [`row`]), within bounds of time, size
//! and depth. Nothing is believed here, tried again or remembered: that is for the worker that asks
//! (`workers/warehouse`) and the rules of core.

pub mod options;
pub mod page;
pub mod row;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use onhand_core::Timestamp;
use tokio_rustls::rustls::{self, CertificateError, RootCertStore};

use self::page::Page;
use self::row::Row;
use super::outgoing::{self, HttpLimits};
use super::webhooks::guard::{Forbidden, Guard};
use super::webhooks::send::SenderError;
use crate::limits::{
    WAREHOUSE_AHEAD_MAX, WAREHOUSE_ANSWER_BYTES_MAX, WAREHOUSE_CONNECT_TIMEOUT,
    WAREHOUSE_DEPTH_MAX, WAREHOUSE_ETAG_CHARS_MAX, WAREHOUSE_PAGES_MAX, WAREHOUSE_RETRY_AFTER_MAX,
    WAREHOUSE_ROWS_MAX, WAREHOUSE_TIMEOUT,
};
use crate::telemetry::spans::carry;

/// How long a page may take, and how much of it is read, unless configured otherwise.
pub const LIMITS: HttpLimits = HttpLimits {
    connect_timeout: WAREHOUSE_CONNECT_TIMEOUT,
    timeout: WAREHOUSE_TIMEOUT,
    answer_bytes_max: WAREHOUSE_ANSWER_BYTES_MAX,
};

/// Why there is no whole answer that can be used. Nothing of such a one is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not asked: it must not be asked there.
    #[error("not asked: {0}")]
    Forbidden(Forbidden),
    /// The name is unknown, or nobody who knows it answers.
    #[error("the name of the warehouse leads to no address")]
    Unresolved,
    /// Nobody is there.
    #[error("the warehouse cannot be connected to")]
    Unreachable,
    /// It is slow.
    #[error("the warehouse did not answer in time")]
    Slow,
    /// Somebody else is there.
    #[error("the certificate of the warehouse is not good: {0}")]
    Certificate(&'static str),
    /// Somebody who does not speak it.
    #[error("TLS cannot be spoken with the warehouse")]
    Tls,
    /// It is no answer.
    #[error("the answer is not HTTP")]
    Garbled,
    /// It wants to be asked elsewhere. Where it is, the operator says.
    #[error("the warehouse answered {0}: redirects are not followed")]
    Redirect(u16),
    /// It does not know us.
    #[error("the warehouse answered {0}: it does not accept ONHAND_WAREHOUSE_AUTHORIZATION")]
    Unauthorised(u16),
    /// It has no answer.
    #[error("the warehouse answered {status}")]
    Status {
        /// What it said instead.
        status: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It is compressed, although nothing of that kind was asked for.
    #[error("the answer is compressed, which was not asked for")]
    Encoded,
    /// It goes on and on.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// There is nothing in it.
    #[error("the answer is empty")]
    Empty,
    /// HTML or the like.
    #[error("the answer is a page for people, not JSON")]
    ForPeople,
    /// It ends early.
    #[error("the answer ends before it is whole")]
    Truncated,
    /// It is something else.
    #[error("the answer is not JSON")]
    NotJson,
    /// A bomb for parsers.
    #[error("the answer is nested deeper than {WAREHOUSE_DEPTH_MAX} levels")]
    TooDeep,
    /// It is JSON, and neither of the two forms.
    #[error("the answer is neither an array of rows nor an object with `rows`")]
    Shape,
    /// More than is ever read.
    #[error("the answer has more than {WAREHOUSE_ROWS_MAX} rows")]
    TooManyRows,
    /// More than is ever read.
    #[error("the answer has more than {WAREHOUSE_PAGES_MAX} pages")]
    TooManyPages,
    /// It leads back to where it came from, or is no cursor.
    #[error("the cursor `next` is too long, or leads back to a page that was read")]
    Cursor,
    /// It counts something else.
    #[error("the answer counts something else than pieces")]
    Unit,
    /// It does not say when that was.
    #[error("`as_of` is not a time like 2026-11-22T02:00:00Z")]
    AsOf,
    /// Nobody knows what will be there.
    #[error("`as_of` is in the future")]
    Ahead,
    /// Its pages are not of one moment.
    #[error("`as_of` is not the same on every page")]
    Moved,
}

impl Failure {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "forbidden_address",
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Certificate(_) => "certificate",
            Self::Tls => "tls",
            Self::Garbled => "garbled",
            Self::Redirect(_) => "redirect",
            Self::Unauthorised(_) => "unauthorised",
            Self::Status { .. } => "status",
            Self::Encoded => "encoded",
            Self::TooLarge(_) => "too_large",
            Self::Empty => "empty",
            Self::ForPeople => "for_people",
            Self::Truncated => "truncated",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::Shape => "shape",
            Self::TooManyRows => "too_many_rows",
            Self::TooManyPages => "too_many_pages",
            Self::Cursor => "cursor",
            Self::Unit => "unit",
            Self::AsOf => "as_of",
            Self::Ahead => "as_of_ahead",
            Self::Moved => "as_of_moved",
        }
    }

    /// Whether it may be another answer in a moment, and what to wait for at least. What somebody
    /// has to put right is not asked for again.
    pub fn again(&self) -> Option<Duration> {
        match self {
            Self::Status { status: 408 | 425 | 429 | 500..=599, retry_after } => {
                Some(retry_after.unwrap_or_default())
            }
            Self::Unresolved | Self::Unreachable | Self::Slow | Self::Garbled | Self::Truncated => {
                Some(Duration::ZERO)
            }
            Self::Forbidden(_)
            | Self::Certificate(_)
            | Self::Tls
            | Self::Redirect(_)
            | Self::Unauthorised(_)
            | Self::Status { .. }
            | Self::Encoded
            | Self::TooLarge(_)
            | Self::Empty
            | Self::ForPeople
            | Self::NotJson
            | Self::TooDeep
            | Self::Shape
            | Self::TooManyRows
            | Self::TooManyPages
            | Self::Cursor
            | Self::Unit
            | Self::AsOf
            | Self::Ahead
            | Self::Moved => None,
        }
    }
}

/// What is said to the warehouse besides the question, so that it knows us. It cannot be printed.
#[derive(Clone)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
}

impl Credential {
    /// A header with this secret; `None` where it does not fit into one.
    pub fn new(name: HeaderName, secret: &[u8]) -> Option<Self> {
        let mut value = HeaderValue::from_bytes(secret.trim_ascii()).ok()?;
        value.set_sensitive(true);
        Some(Self { name, value })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}: ..)", self.name)
    }
}

/// A warehouse that can be asked. Clones share its connections.
#[derive(Clone)]
pub struct Warehouse {
    client: reqwest::Client,
    guard: Guard,
    url: String,
    credential: Option<Credential>,
    limits: HttpLimits,
}

/// An address may have a secret in it.
impl fmt::Debug for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warehouse").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What came of asking for the next page.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing has changed since the answer whose tag was sent.
    Unchanged,
    /// Some rows; there may be more.
    Rows(Vec<Row>),
    /// There are no more.
    End,
}

/// What to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    First,
    Cursor(String),
    Nothing,
}

impl Warehouse {
    /// One at this address, asked by a client that trusts whom the system trusts.
    ///
    /// # Errors
    /// [`SenderError`].
    pub fn new(
        url: String,
        credential: Option<Credential>,
        guard: Guard,
        limits: HttpLimits,
    ) -> Result<Self, SenderError> {
        Self::trusting(outgoing::trusted_by_the_system(), url, credential, guard, limits)
    }

    /// One that is asked by a client that trusts these and nobody else.
    ///
    /// # Errors
    /// [`SenderError`].
    pub fn trusting(
        trusted: RootCertStore,
        url: String,
        credential: Option<Credential>,
        guard: Guard,
        limits: HttpLimits,
    ) -> Result<Self, SenderError> {
        let client =
            outgoing::client(trusted, limits)?.dns_resolver(Arc::new(guard.clone())).build()?;
        Ok(Self { client, guard, url, credential, limits })
    }

    /// Where it is, for people: without the path, in which there may be a secret.
    pub fn shown(&self) -> &str {
        let after_scheme = self.url.find("://").map_or(0, |at| at + 3);
        let host_ends = self.url[after_scheme..].find(['/', '?', '#']);
        host_ends.map_or(&self.url, |at| &self.url[..after_scheme + at])
    }

    /// Begins to read an answer; the tag is that of the last one that was used.
    pub fn read(&self, etag: Option<&str>) -> Reading<'_> {
        Reading {
            warehouse: self,
            sent_etag: etag.map(str::to_owned),
            next: Next::First,
            seen: Vec::new(),
            rows: 0,
            as_of: None,
            said_as_of: None,
            etag: None,
        }
    }

    async fn exchange(
        &self,
        cursor: Option<&str>,
        etag: Option<&str>,
    ) -> Result<Option<Came>, Failure> {
        // The client judges names; an address in figures it would connect to unasked.
        let mut url = self.guard.url(&self.url).map_err(Failure::Forbidden)?;
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let mut headers = self.headers(etag);
        carry(&mut headers);
        let request = self.client.get(url).headers(headers);
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        if response.status() == StatusCode::NOT_MODIFIED && etag.is_some() {
            return Ok(None);
        }
        judge(response.status().as_u16(), response.headers())?;
        let most = self.limits.answer_bytes_max;
        let announced = response.content_length().unwrap_or_default();
        if usize::try_from(announced).map_or(true, |bytes| bytes > most) {
            return Err(Failure::TooLarge(most));
        }
        let mut came = Came { etag: tag(response.headers()), body: Vec::new() };
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(Some(came)),
                Ok(Some(chunk)) if came.body.len() + chunk.len() > most => {
                    return Err(Failure::TooLarge(most));
                }
                Ok(Some(chunk)) => came.body.extend_from_slice(&chunk),
                Err(_) => return Err(Failure::Truncated),
            }
        }
    }

    fn headers(&self, etag: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(header::IF_NONE_MATCH, etag);
        }
        if let Some(Credential { name, value }) = &self.credential {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }
}

/// A page as it came.
#[derive(Debug)]
struct Came {
    etag: Option<String>,
    body: Vec<u8>,
}

/// An answer that is being read.
#[derive(Debug)]
pub struct Reading<'a> {
    warehouse: &'a Warehouse,
    sent_etag: Option<String>,
    next: Next,
    /// The cursors that were followed.
    seen: Vec<String>,
    rows: usize,
    as_of: Option<Timestamp>,
    /// As the first page says it.
    said_as_of: Option<Timestamp>,
    etag: Option<String>,
}

impl Reading<'_> {
    /// Asks for the next page once, at this instant. After a failure the same page may be asked for
    /// again.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn next(&mut self, now: Timestamp) -> Result<Step, Failure> {
        let (cursor, etag) = match &self.next {
            Next::Nothing => return Ok(Step::End),
            Next::First => (None, self.sent_etag.as_deref()),
            Next::Cursor(cursor) => (Some(cursor.as_str()), None),
        };
        let exchange = self.warehouse.exchange(cursor, etag);
        let came = tokio::time::timeout(self.warehouse.limits.timeout, exchange).await;
        let Some(Came { etag, body }) = came.unwrap_or(Err(Failure::Slow))? else {
            self.next = Next::Nothing;
            return Ok(Step::Unchanged);
        };
        let rows_left = WAREHOUSE_ROWS_MAX - self.rows;
        // A large one takes a while, and orders are placed beside it.
        let read = tokio::task::spawn_blocking(move || page::read(&body, rows_left)).await;
        let page = read.unwrap_or(Err(Failure::NotJson))?;
        self.take(page, etag, now)
    }

    /// Sees that the page belongs to those before it.
    fn take(&mut self, page: Page, etag: Option<String>, now: Timestamp) -> Result<Step, Failure> {
        let Page { as_of, next, rows } = page;
        let latest = now.checked_add(WAREHOUSE_AHEAD_MAX).unwrap_or(now);
        if as_of.is_some_and(|as_of| as_of > latest) {
            return Err(Failure::Ahead);
        }
        match self.next {
            Next::First => {
                self.etag = etag;
                // Who does not say when it was says how it was when we asked. So does who says a
                // later time: its clock is ahead, and what has moved since is not in its figures.
                self.as_of = Some(as_of.unwrap_or(now).min(now));
                self.said_as_of = as_of;
            }
            Next::Cursor(_) if as_of.is_some() && as_of != self.said_as_of => {
                return Err(Failure::Moved);
            }
            Next::Cursor(_) | Next::Nothing => {}
        }
        let next = match next {
            None => Next::Nothing,
            Some(next) if self.seen.contains(&next) => return Err(Failure::Cursor),
            Some(_) if self.seen.len() + 1 == WAREHOUSE_PAGES_MAX => {
                return Err(Failure::TooManyPages);
            }
            Some(next) => {
                self.seen.push(next.clone());
                Next::Cursor(next)
            }
        };
        self.next = next;
        self.rows += rows.len();
        Ok(Step::Rows(rows))
    }

    /// When it was as the answer says; known from the first page on.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// The tag of the answer, to be sent the next time; known from the first page on.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }
}

/// Whether an answer is one.
fn judge(status: u16, headers: &HeaderMap) -> Result<(), Failure> {
    let is_plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    match status {
        200 if is_plain => Ok(()),
        200 => Err(Failure::Encoded),
        300..=303 | 305..=399 => Err(Failure::Redirect(status)),
        401 | 403 => Err(Failure::Unauthorised(status)),
        _ => {
            let asked = outgoing::retry_after(headers).and_then(outgoing::seconds);
            let retry_after = asked.map(|asked| asked.min(WAREHOUSE_RETRY_AFTER_MAX));
            Err(Failure::Status { status, retry_after })
        }
    }
}

/// The tag of an answer, if it is one that can be sent back.
fn tag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(header::ETAG)?.to_str().ok()?;
    let is_tag = tag.strip_prefix("W/").unwrap_or(tag).starts_with('"') && tag.ends_with('"');
    (is_tag && tag.len() <= WAREHOUSE_ETAG_CHARS_MAX).then(|| tag.to_owned())
}

/// What went wrong. The error itself would tell the address.
fn failure(error: &reqwest::Error) -> Failure {
    if let Some(forbidden) = outgoing::cause::<Forbidden>(error) {
        return Failure::Forbidden(*forbidden);
    }
    match outgoing::cause::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => Failure::Certificate(words(why)),
        Some(_) => Failure::Tls,
        None if error.is_dns() => Failure::Unresolved,
        None if error.is_timeout() => Failure::Slow,
        None if error.is_connect() => Failure::Unreachable,
        None => Failure::Garbled,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours and has thirty more")]
fn words(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::UnknownIssuer => "nobody whom this system trusts vouches for it",
        CertificateError::Revoked => "it was taken back",
        _ => "it cannot be checked",
    }
}
