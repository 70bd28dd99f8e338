//! A server in process, on a frozen clock, with the demo data. Every answer that it gives is held
//! against the description.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use onhand_core::accounts::{self, NewApiKey, Scope, Scopes, TokenHash};
use onhand_core::payments::Policy;
use onhand_core::text::{KeyPrefix, Name};
use onhand_core::{Actor, Command};
use onhand_engine::committer::{Config, Running, Submit};
use onhand_engine::database::verify;
use onhand_engine::{Database, ManualClock, Reader};
use onhand_server::accounts::Identities;
use onhand_server::accounts::logins::Logins;
use onhand_server::adapters::cache::Cache;
use onhand_server::adapters::cache::kept::Kept;
use onhand_server::adapters::webhooks::Webhooks;
use onhand_server::adapters::webhooks::guard::{Allowances, Guard};
use onhand_server::adapters::webhooks::send::Sender;
use onhand_server::app::{App, Parts, Settings};
use onhand_server::auth::limiter::{Limiter, Rates};
use onhand_server::auth::passwords::Passwords;
use onhand_server::auth::secrets::Secret;
use onhand_server::auth::tokens::access::{AccessSettings, AccessTokens};
use onhand_server::auth::tokens::api_key::ApiKey;
use onhand_server::limits::{ACCESS_LIFE_SECS_DEFAULT, CACHE_BYTES_DEFAULT, CACHE_TTL_DEFAULT};
use onhand_server::payments::gateways::Gateways;
use onhand_server::telemetry::trail::Trail;
use onhand_server::workers::schedules::Asked;
use onhand_server::workers::verify::state::Verification;
use onhand_server::{demo, http};
use serde_json::Value;
use tower::ServiceExt;

use crate::contract::contract;
use crate::installation::Installation;
use crate::shelves::nobody;

/// What access tokens are signed with here.
pub(crate) const ACCESS_SECRET: &str = "the access secret of the tests, in 40 bytes";

/// What figures come as.
const OPENMETRICS: &str = "application/openmetrics-text";

pub(crate) struct World {
    pub(crate) app: App,
    /// Which operations were answered with which status.
    pub(crate) answered: Mutex<BTreeSet<(String, u16)>>,
    pub(crate) clock: Arc<ManualClock>,
    /// An API key that may do everything.
    pub(crate) key: String,
    pub(crate) router: Router,
    _running: Running,
    _database: Database,
    installation: Installation,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

/// What handlers work with, on secrets that everybody knows and without limits.
fn parts(
    submit: Submit,
    reader: Reader,
    clock: Arc<ManualClock>,
    gateways: Arc<Gateways>,
    kept: Option<Arc<Kept>>,
) -> Parts {
    let secrets = [Secret::new(ACCESS_SECRET)];
    let settings = AccessSettings {
        issuer: "onhand".into(),
        audience: "onhand".into(),
        life_secs: ACCESS_LIFE_SECS_DEFAULT,
    };
    let refresh = secrets.iter().map(|secret| secret.derive("refresh")).collect();
    let rates = Rates { reads: 0, writes: 0, checkout: 0, auth: 0, ..Rates::default() };
    Parts {
        submit,
        kept,
        reader,
        clock,
        identities: Identities::new(AccessTokens::new(&secrets, settings).unwrap()),
        logins: Logins::new(Passwords::start().unwrap(), refresh),
        limiter: Limiter::new(rates),
        needs: http::needs().unwrap(),
        gateways,
        owed: Arc::default(),
        webhooks: webhooks(&secrets),
        warehouse: Some(nobody()),
        warehouse_asked: Arc::default(),
        trail: Trail::default(),
        verify: Verification::new(true),
        verify_asked: Arc::default(),
        schedules: Asked::default(),
        metrics: Arc::default(),
        settings: Settings::default(),
    }
}

/// What was read is kept, as it is where nothing is configured.
async fn keep(submit: &Submit, reader: &Reader) -> Arc<Kept> {
    let start = reader.position().await.unwrap();
    let cache = |start| Cache::in_process(CACHE_BYTES_DEFAULT, CACHE_TTL_DEFAULT, start);
    match reader {
        Reader::Sqlite(_) => Kept::told(cache(start), "".into(), start, submit),
        Reader::Postgres(_) => Kept::asking(cache(0)),
    }
}

/// Endpoints on this machine may be told, so that tests can listen.
fn webhooks(secrets: &[Secret]) -> Webhooks {
    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    let guard = Guard::new(Allowances { http: true, networks });
    Webhooks::new(guard.clone(), Sender::new(guard).unwrap(), secrets)
}

/// An API key that may do everything, and the command that makes it.
fn admin_key() -> (String, Command) {
    let key = ApiKey::generate().unwrap();
    let new = NewApiKey {
        name: Name::new("test").unwrap(),
        prefix: KeyPrefix::new(key.shown()).unwrap(),
        hash: TokenHash::new(key.hash()),
        scopes: Scopes::of(&[Scope::Admin]),
        expires_at: None,
    };
    (key.expose().to_owned(), Command::Accounts(accounts::Command::CreateKey(new)))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Gateways::default(), Policy::default()).await
    }

    /// A world in which these take payments. Nobody asks them: that does a worker (`till.rs`).
    pub(crate) async fn with(gateways: Gateways, policy: Policy) -> Self {
        let installation = Installation::fresh().await;
        let (database, reader) = installation.open().await;
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let config = Config { clock: clock.clone(), crash: None, policy: Arc::new(policy) };
        let (submit, running, _) = database.start(config).unwrap();
        demo::load(&submit).await.unwrap();
        let (key, new) = admin_key();
        let created = submit.submit(new, Actor::Local, None).await.unwrap();
        created.outcome.unwrap();
        let kept = Some(keep(&submit, &reader).await);
        let app = App::new(parts(submit, reader, clock.clone(), Arc::new(gateways), kept));
        let router = http::router(app.clone());
        Self {
            app,
            answered: Mutex::default(),
            clock,
            key,
            router,
            _running: running,
            _database: database,
            installation,
        }
    }

    /// Fails unless every promise holds in what is stored.
    pub(crate) async fn verify(&self) {
        let report = verify(&self.installation.location(), true).await.unwrap();
        assert_eq!(report.violations(), 0, "{:#?}", report.checks);
    }

    /// What a server on the same database works with that has just started: it knows nobody, and
    /// has counted nothing.
    pub(crate) fn parts(&self) -> Parts {
        let (submit, reader) = (self.app.submit.clone(), self.app.reader.clone());
        let kept = self.app.kept.clone();
        parts(submit, reader, self.clock.clone(), self.app.gateways.clone(), kept)
    }

    /// The same server, set up otherwise.
    pub(crate) fn set_up(&self, settings: Settings) -> App {
        App::new(Parts { settings, ..self.parts() })
    }

    /// As whoever has the admin key, unless the headers say otherwise.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        if headers.iter().any(|(name, _)| *name == "authorization") {
            return self.knock(method, path, headers, body).await;
        }
        let bearer = format!("Bearer {}", self.key);
        let headers = [headers, &[("authorization", &*bearer)]].concat();
        self.knock(method, path, &headers, body).await
    }

    /// As whoever the headers say, and as nobody when they say nothing.
    pub(crate) async fn knock(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        self.knock_at(&self.router, method, path, headers, body).await
    }

    /// The same at another server.
    pub(crate) async fn knock_at(
        &self,
        router: &Router,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let name = method.to_string();
        let mut request = Request::builder().method(method).uri(path);
        if headers.iter().all(|(name, _)| *name != "request-id") {
            request = request.header("request-id", "test");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let status = parts.status.as_u16();
        let kind =
            parts.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
        let kind = kind.split(';').next().unwrap();
        let body = if matches!(kind, "text/csv" | "application/x-ndjson" | OPENMETRICS) {
            Value::String(String::from_utf8(bytes.clone()).unwrap())
        } else {
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        // A HEAD has no body to judge.
        if name != "HEAD" {
            contract().judge(&name, path, status, kind, &body);
        }
        if let Some(operation) = contract().operation(&name, path) {
            self.answered.lock().unwrap().insert((operation.name, status));
        }
        Reply { status, headers: parts.headers, bytes, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send(Method::POST, path, &headers, body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, version: &str, body: Value) -> Reply {
        let headers = [("content-type", "application/json"), ("if-match", version)];
        self.send(Method::PATCH, path, &headers, body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], Body::empty()).await
    }

    pub(crate) async fn events(&self) -> i64 {
        let page = self.get("/v1/events?after=0&limit=200").await;
        page.body["next_after"].as_i64().unwrap()
    }
}
