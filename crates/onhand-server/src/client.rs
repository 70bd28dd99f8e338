//! The one HTTP client of the project: plain HTTP/1.1 with keep-alive, time-outs and a cap on what
//! a reply may hold. It is lean, because the load generator shares its cores with the server under
//! test: the connection is driven by the task that waits for the reply, not by a task of its own.
//! It must not retry a request that may have arrived; that is its caller's decision.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a whole reply.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a reply: room for a batch of 500 orders, no room for running out of memory.
const RESPONSE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a connection waits and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for a TCP connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole reply.
    pub request_timeout: Duration,
    /// Most bytes of a reply's body.
    pub response_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            response_bytes_max: RESPONSE_BYTES_MAX,
        }
    }
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("not the address of an HTTP server (`http://host:port`): {0}")]
    Address(String),
    /// The request itself is malformed.
    #[error("the request cannot be written as HTTP")]
    Request(#[from] hyper::http::Error),
    /// No connection came about, so nothing was sent.
    #[error("no connection to the server")]
    Connect(#[source] io::Error),
    /// The connection broke: the request may or may not have taken effect.
    #[error("the connection was lost")]
    Lost(#[source] hyper::Error),
    /// No reply in time: the request may or may not have taken effect.
    #[error("no reply within {0:?}")]
    Timeout(Duration),
    /// The reply is larger than allowed; the request has taken effect.
    #[error("the reply is larger than {0} bytes")]
    TooLarge(usize),
}

impl ClientError {
    /// Whether the request may have taken effect all the same. Ask, or send the same key again.
    pub fn outcome_is_unknown(&self) -> bool {
        match self {
            Self::Address(_) | Self::Request(_) | Self::Connect(_) => false,
            Self::Lost(_) | Self::Timeout(_) | Self::TooLarge(_) => true,
        }
    }
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: String,
    host: HeaderValue,
    /// Who every request comes from.
    bearer: Option<HeaderValue>,
}

impl Address {
    /// Reads `http://host:port`; a path behind it is refused, because it would be ignored.
    pub fn parse(url: &str) -> Result<Self, ClientError> {
        let refuse = || ClientError::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| refuse())?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
        let authority = uri.authority().filter(|_| plain).ok_or_else(refuse)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| refuse())?;
        let port = authority.port_u16().unwrap_or(80);
        let authority = format!("{}:{port}", authority.host());
        Ok(Self { authority, host, bearer: None })
    }

    /// The same caller at another address.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn at(&self, url: &str) -> Result<Self, ClientError> {
        Ok(Self { bearer: self.bearer.clone(), ..Self::parse(url)? })
    }

    /// The same, with an access token or API key for every request.
    ///
    /// # Errors
    /// When it cannot be the value of a header.
    pub fn with_token(mut self, token: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(hyper::http::Error::from)?;
        value.set_sensitive(true);
        self.bearer = Some(value);
        Ok(self)
    }
}

/// One keep-alive connection, opened with the first request and again whenever it was found broken.
#[derive(Debug)]
pub struct Connection {
    address: Address,
    limits: Limits,
    open: Option<Open>,
}

impl Connection {
    /// A connection with the usual limits; nothing is sent yet.
    pub fn new(address: Address) -> Self {
        Self::with_limits(address, Limits::default())
    }

    /// A connection with limits of its own.
    pub fn with_limits(address: Address, limits: Limits) -> Self {
        let open = None;
        Self { address, limits, open }
    }

    /// Opens the TCP connection if it is not open, so that the first request does not pay for it.
    pub async fn connect(&mut self) -> Result<(), ClientError> {
        if let Some(open) = &mut self.open
            && open.is_usable().await
        {
            return Ok(());
        }
        let opening = timeout(self.limits.connect_timeout, Open::new(&self.address.authority));
        self.open = Some(
            opening
                .await
                .map_err(|_| ClientError::Connect(io::Error::from(io::ErrorKind::TimedOut)))??,
        );
        Ok(())
    }

    /// Sends one request and waits for the whole reply. After an error the next call connects anew.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Reply, ClientError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(hyper::http::Error::from)?;
        let sent_headers = request.headers_mut();
        sent_headers.insert(HOST, self.address.host.clone());
        if let Some(bearer) = &self.address.bearer {
            sent_headers.insert(AUTHORIZATION, bearer.clone());
        }
        for (name, value) in headers {
            sent_headers.insert(name, value.clone());
        }
        self.connect().await?;
        // Taken out, so that a time-out or a dropped future leaves no half-read connection behind.
        let Some(mut open) = self.open.take() else {
            return Err(ClientError::Connect(io::Error::from(io::ErrorKind::NotConnected)));
        };
        let exchange = open.exchange(request, self.limits.response_bytes_max);
        let reply = timeout(self.limits.request_timeout, exchange)
            .await
            .map_err(|_| ClientError::Timeout(self.limits.request_timeout))??;
        self.open = Some(open).filter(|open| !open.ended);
        Ok(reply)
    }
}

/// A TCP connection with hyper's two ends of it.
#[derive(Debug)]
struct Open {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
    ended: bool,
}

impl Open {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds clients")]
    async fn new(authority: &str) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(authority).await.map_err(ClientError::Connect)?;
        stream.set_nodelay(true).map_err(ClientError::Connect)?;
        // While nobody listens on a port of the ephemeral range, TCP may connect a socket to
        // itself.
        if stream.local_addr().ok() == stream.peer_addr().ok() {
            return Err(ClientError::Connect(io::Error::from(io::ErrorKind::ConnectionRefused)));
        }
        let (sender, driver) =
            http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Lost)?;
        Ok(Self { sender, driver, ended: false })
    }

    /// Whether the other side has kept the connection open since the last reply.
    async fn is_usable(&mut self) -> bool {
        poll_fn(|context| {
            self.ended = self.ended || Pin::new(&mut self.driver).poll(context).is_ready();
            Poll::Ready(())
        })
        .await;
        !self.ended
    }

    /// Waits for the reply and drives the connection at the same time.
    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Reply, ClientError> {
        let Self { sender, driver, ended } = self;
        let mut reply = pin!(async {
            sender.ready().await.map_err(ClientError::Lost)?;
            let response = sender.send_request(request).await.map_err(ClientError::Lost)?;
            collect(response, bytes_max).await
        });
        poll_fn(|context| {
            if let Poll::Ready(reply) = reply.as_mut().poll(context) {
                return Poll::Ready(reply);
            }
            if !*ended {
                *ended = Pin::new(&mut *driver).poll(context).is_ready();
            }
            // What the driver has just read, or the end it has just seen, is for the reply.
            reply.as_mut().poll(context)
        })
        .await
    }
}

async fn collect(response: Response<Incoming>, bytes_max: usize) -> Result<Reply, ClientError> {
    let (head, mut incoming) = response.into_parts();
    if incoming.size_hint().lower() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(ClientError::TooLarge(bytes_max));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(ClientError::Lost)?.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > bytes_max {
            return Err(ClientError::TooLarge(bytes_max));
        }
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    let body = if rest.is_empty() { first } else { [first, rest.freeze()].concat().into() };
    Ok(Reply { status: head.status, headers: head.headers, body })
}

#[cfg(test)]
mod tests;
