//! What stands between the adapter and localstripe: it adds what Stripe has and localstripe has not
//! (keys, charges by intent, automatic methods), and loses answers. It counts no money: localstripe
//! does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::{Router, http};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;

/// Most charges that any run makes.
const CHARGES_MAX: &str = "100000";

/// Asks localstripe itself.
#[derive(Debug, Clone)]
pub(crate) struct Direct {
    client: Client,
    base: Url,
}

impl Direct {
    pub(crate) fn new() -> Self {
        // Whoever comes second finds it done.
        ring::default_provider().install_default().ok();
        let base = std::env::var("ONHAND_TEST_LOCALSTRIPE_URL");
        let base = base.expect("`cargo xtask test` or `cargo xtask services` starts localstripe");
        Self { client: Client::new(), base: base.parse().unwrap() }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, Bytes) {
        let mut url = self.base.join(path).unwrap();
        url.set_query(query);
        let request = self.client.request(method, url).bearer_auth("sk_test_direct");
        let request = request.header(http::header::CONTENT_TYPE, FORM).body(body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap())
    }

    /// What localstripe says where it should say yes.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let (status, body) = self.ask(Method::GET, path, Some(&form(query)), "").await;
        assert_eq!(status, 200, "{path}: {body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let (status, body) = self.ask(Method::POST, path, None, form(fields)).await;
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Every charge of an intent, the newest first.
    pub(crate) async fn charges(&self, intent: &str) -> Vec<Value> {
        let mut all = self.get("/v1/charges", &[("limit", CHARGES_MAX)]).await;
        let mut all = std::mem::take(all["data"].as_array_mut().unwrap());
        all.retain(|charge| charge["payment_intent"] == intent);
        all.reverse();
        all
    }

    /// Every refund of a charge.
    pub(crate) async fn refunds(&self, charge: &str) -> Vec<Value> {
        let query = [("charge", charge), ("limit", CHARGES_MAX)];
        let mut all = self.get("/v1/refunds", &query).await;
        std::mem::take(all["data"].as_array_mut().unwrap())
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Fields as a form has them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut url: Url = "http://localhost".parse().unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

fn fields_of(form: &str) -> Vec<(String, String)> {
    let mut url: Url = "http://localhost".parse().unwrap();
    url.set_query(Some(form));
    url.query_pairs().into_owned().collect()
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Debug, Default)]
struct Memory {
    came: Vec<Came>,
    /// By the key: the form, and what was answered to it.
    keys: HashMap<String, (String, StatusCode, Bytes)>,
    /// Ends of paths whose next answer is lost.
    losses: VecDeque<&'static str>,
}

/// Stands in front of localstripe.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    direct: Direct,
    memory: Arc<Mutex<Memory>>,
    pub(crate) url: String,
}

impl Front {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let front = Self { direct: Direct::new(), memory: Arc::default(), url };
        let routes = Router::new().fallback(handle).with_state(front.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        front
    }

    /// Stripe forgets keys after a day.
    pub(crate) fn forget_keys(&self) {
        self.memory.lock().unwrap().keys.clear();
    }

    /// The next request that writes to a path with this end is carried out, and nobody hears of it.
    pub(crate) fn lose_answer(&self, end: &'static str) {
        self.memory.lock().unwrap().losses.push_back(end);
    }

    /// What has come since this was asked for the last time.
    pub(crate) fn take_came(&self) -> Vec<Came> {
        std::mem::take(&mut self.memory.lock().unwrap().came)
    }

    /// What was answered to this key and form before.
    fn known(&self, key: &str, body: &str) -> Option<(StatusCode, Bytes)> {
        let memory = self.memory.lock().unwrap();
        let (form, status, answer) = memory.keys.get(key)?;
        if form == body {
            return Some((*status, answer.clone()));
        }
        let error = json!({ "error": { "type": "idempotency_error", "message": "other form" } });
        Some((StatusCode::BAD_REQUEST, error.to_string().into()))
    }

    async fn write(&self, came: &Came) -> (StatusCode, Bytes) {
        let key = came.header("idempotency-key").map(str::to_owned);
        if let Some(known) = key.as_ref().and_then(|key| self.known(key, &came.body)) {
            return known;
        }
        let mut fields = fields_of(&came.body);
        fields.retain(|(name, _)| name != "automatic_payment_methods[enabled]");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (&**a, &**b)).collect();
        let (status, answer) = self.direct.ask(Method::POST, &came.path, None, form(&fields)).await;
        if let Some(key) = key {
            let known = (came.body.clone(), status, answer.clone());
            self.memory.lock().unwrap().keys.insert(key, known);
        }
        (status, answer)
    }

    async fn read(&self, came: &Came, query: &str) -> (StatusCode, Bytes) {
        let fields = fields_of(query);
        let field = |name: &str| {
            fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
        };
        if came.path == "/v1/charges" {
            let charges = self.direct.charges(field("payment_intent").unwrap()).await;
            let begin = field("starting_after")
                .map_or(0, |id| charges.iter().position(|charge| charge["id"] == id).unwrap() + 1);
            let limit: usize = field("limit").unwrap().parse().unwrap();
            let page: Vec<&Value> = charges.iter().skip(begin).take(limit).collect();
            let has_more = begin + page.len() < charges.len();
            let list = json!({ "object": "list", "data": page, "has_more": has_more });
            return (StatusCode::OK, list.to_string().into());
        }
        self.direct.ask(Method::GET, &came.path, Some(query), "").await
    }
}

async fn handle(
    State(front): State<Front>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let came = Came { method, path: uri.path().to_owned(), headers, body };
    front.memory.lock().unwrap().came.push(came.clone());
    let is_ours = came.header("authorization").is_some_and(|key| key.starts_with("Bearer sk_"));
    let is_write = came.method == Method::POST;
    let (mut status, mut answer) = match is_ours {
        false => {
            let error = json!({ "error": { "type": "invalid_request_error" } });
            (StatusCode::UNAUTHORIZED, error.to_string().into())
        }
        true if is_write => front.write(&came).await,
        true => front.read(&came, uri.query().unwrap_or_default()).await,
    };
    let losses = &mut front.memory.lock().unwrap().losses;
    if is_write && losses.front().is_some_and(|end| came.path.ends_with(end)) {
        losses.pop_front();
        (status, answer) = (StatusCode::GATEWAY_TIMEOUT, "<html>504</html>".into());
    }
    Response::builder().status(status).body(Body::from(answer)).unwrap()
}
