//! The few routes that set up a run and check it, typed. The measured requests do not go this way:
//! they are sent bare by `round.rs`, so that nothing here is inside a measurement.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Address, Connection, Reply};
use crate::random::uuid_v7;

/// Orders asked for with one page of the list.
pub(crate) const PAGE_ORDERS: usize = 200;
/// Stock adjustments sent in one request.
pub(crate) const ADJUSTMENTS_PER_REQUEST: usize = 500;
/// The header of the key that makes a write repeatable.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells a replayed answer from a first one.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A server and what every request to it carries.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    address: Address,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Target {
    /// The server at this URL; the token, if any, is an access token or an API key.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Result<Self> {
        let address = Address::parse(url)?;
        let address = match token {
            Some(token) => address.with_token(token)?,
            None => address,
        };
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Ok(Self { address, headers })
    }

    /// The same caller elsewhere.
    pub(crate) fn at(&self, url: &str) -> Result<Self> {
        let (address, headers) = (self.address.at(url)?, self.headers.clone());
        Ok(Self { address, headers })
    }

    /// Somebody else, at the same place.
    pub(crate) fn with_token(&self, token: &str) -> Result<Self> {
        let (address, headers) = (self.address.clone().with_token(token)?, self.headers.clone());
        Ok(Self { address, headers })
    }

    /// A connection to it, not yet open.
    pub(crate) fn connection(&self) -> Connection {
        Connection::new(self.address.clone())
    }

    /// The headers of every request.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The headers of a write with this key.
    pub(crate) fn write_headers(&self, key: Uuid) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        headers.extend_from_slice(&self.headers);
        headers.push((IDEMPOTENCY_KEY, key_value(key)));
        headers
    }
}

/// A key as a header's value.
pub(crate) fn key_value(key: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text: &str = key.hyphenated().encode_lower(&mut buffer);
    // Hexadecimal digits and hyphens are always a valid header value.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The stock of one SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Stock {
    /// Units physically there.
    pub(crate) on_hand: i64,
    /// Units promised.
    pub(crate) reserved: i64,
    /// Units that can be bought.
    pub(crate) available: i64,
}

/// What the committer has done since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Committer {
    /// Durable transactions.
    pub(crate) batches: u64,
    /// Commands in them.
    pub(crate) commands: u64,
}

/// One page of the list of orders, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// The orders.
    pub(crate) data: Vec<OrderId>,
    /// Whether older ones follow.
    pub(crate) has_more: bool,
}

/// An order of which only its name matters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct OrderId {
    /// The name.
    pub(crate) id: String,
}

/// A typed connection.
#[derive(Debug)]
pub(crate) struct Api {
    target: Target,
    connection: Connection,
}

impl Api {
    /// A connection of its own to this server.
    pub(crate) fn new(target: &Target) -> Self {
        Self { target: target.clone(), connection: target.connection() }
    }

    /// Sends a read and returns the raw reply.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply> {
        let headers = self.target.headers();
        let reply = self.connection.send(Method::GET, path, headers, Bytes::new()).await;
        reply.with_context(|| format!("GET {path}"))
    }

    /// Sends a write under this key and returns the raw reply.
    pub(crate) async fn post(&mut self, path: &str, key: Uuid, body: Bytes) -> Result<Reply> {
        self.send(Method::POST, path, key, body).await
    }

    /// The same for a file of CSV.
    pub(crate) async fn upload(&mut self, path: &str, key: Uuid, file: Bytes) -> Result<Reply> {
        let mut headers = self.target.write_headers(key);
        for (name, value) in &mut headers {
            if *name == CONTENT_TYPE {
                *value = HeaderValue::from_static("text/csv");
            }
        }
        let reply = self.connection.send(Method::POST, path, &headers, file).await;
        reply.with_context(|| format!("POST {path}"))
    }

    /// The same for a change.
    pub(crate) async fn patch(&mut self, path: &str, key: Uuid, body: Bytes) -> Result<Reply> {
        self.send(Method::PATCH, path, key, body).await
    }

    async fn send(&mut self, method: Method, path: &str, key: Uuid, body: Bytes) -> Result<Reply> {
        let headers = self.target.write_headers(key);
        let reply = self.connection.send(method.clone(), path, &headers, body).await;
        reply.with_context(|| format!("{method} {path}"))
    }

    async fn read<T: DeserializeOwned>(&mut self, path: &str) -> Result<T> {
        let reply = self.get(path).await?;
        if reply.status != StatusCode::OK {
            bail!("GET {path}: {}", describe(&reply));
        }
        serde_json::from_slice(&reply.body).with_context(|| format!("GET {path}"))
    }

    async fn write(&mut self, path: &str, body: &Value) -> Result<Reply> {
        self.post(path, uuid_v7(), body.to_string().into()).await
    }

    /// Creates a product; one that is there already is fine.
    pub(crate) async fn create_product(&mut self, sku: &str) -> Result<()> {
        let price = json!({"amount": 1999, "currency": "EUR"});
        let body = json!({"sku": sku, "name": format!("Product {sku}"), "price": price});
        let reply = self.write("/v1/products", &body).await?;
        match reply.status {
            StatusCode::CREATED | StatusCode::CONFLICT => Ok(()),
            _ => bail!("cannot create product {sku}: {}", describe(&reply)),
        }
    }

    /// Receives this many units of each SKU, all or nothing.
    pub(crate) async fn receive_stock(&mut self, skus: &[String], units: i64) -> Result<()> {
        let adjustments: Vec<Value> = skus
            .iter()
            .map(|sku| json!({"sku": sku, "delta": units, "reason": "received"}))
            .collect();
        let body = json!({ "adjustments": adjustments });
        let reply = self.write("/v1/stock/adjustments", &body).await?;
        if !reply.status.is_success() {
            bail!("cannot receive stock: {}", describe(&reply));
        }
        Ok(())
    }

    /// The stock of a SKU.
    pub(crate) async fn stock(&mut self, sku: &str) -> Result<Stock> {
        self.read(&format!("/v1/stock/{sku}")).await
    }

    /// A page of orders, newest first, behind the named one.
    pub(crate) async fn orders(&mut self, behind: Option<&str>) -> Result<Page> {
        let after = behind.map(|id| format!("&starting_after={id}")).unwrap_or_default();
        self.read(&format!("/v1/orders?limit={PAGE_ORDERS}{after}")).await
    }

    /// The committer's counters, if the server tells them.
    pub(crate) async fn committer(&mut self) -> Option<Committer> {
        #[derive(Deserialize)]
        struct Health {
            committer: Option<Committer>,
        }
        let health: Health = self.read("/health").await.ok()?;
        health.committer
    }

    /// Whether the server takes requests.
    pub(crate) async fn is_ready(&mut self) -> bool {
        self.get("/readyz").await.is_ok_and(|reply| reply.status == StatusCode::OK)
    }
}

/// A reply in a line, for an error message.
pub(crate) fn describe(reply: &Reply) -> String {
    const SHOWN_CHARS: usize = 300;
    let body = String::from_utf8_lossy(&reply.body);
    let shown: String = body.chars().take(SHOWN_CHARS).collect();
    format!("{} {shown}", reply.status)
}

/// The stable code of a problem reply; empty if there is none.
pub(crate) fn problem_code(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice::<Problem>(&reply.body).map(|problem| problem.code).unwrap_or_default()
}
