//! A server in process that speaks all dialects, on a frozen clock, with the demo data.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use onhand_core::accounts::{self, NewApiKey, Scope, Scopes, TokenHash};
use onhand_core::payments::Policy;
use onhand_core::text::{KeyPrefix, Name};
use onhand_core::{Actor, Command};
use onhand_engine::committer::{Config, Running};
use onhand_engine::database::{Schema, verify};
use onhand_engine::{Database, Location, ManualClock};
use onhand_server::accounts::Identities;
use onhand_server::accounts::logins::Logins;
use onhand_server::adapters::webhooks::Webhooks;
use onhand_server::adapters::webhooks::guard::{Allowances, Guard};
use onhand_server::adapters::webhooks::send::Sender;
use onhand_server::app::{App, Parts, Settings};
use onhand_server::auth::limiter::{Limiter, Rates};
use onhand_server::auth::passwords::Passwords;
use onhand_server::auth::secrets::Secret;
use onhand_server::auth::tokens::access::{AccessSettings, AccessTokens};
use onhand_server::auth::tokens::api_key::ApiKey;
use onhand_server::http::dialects::{Anonymous, Dialect, Dialects, Place};
use onhand_server::limits::ACCESS_LIFE_SECS_DEFAULT;
use onhand_server::payments::gateways::Gateways;
use onhand_server::telemetry::trail::Trail;
use onhand_server::workers::schedules::Asked;
use onhand_server::workers::verify::state::Verification;
use onhand_server::{demo, http};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    /// An API key that may do everything.
    pub(crate) key: String,
    /// The main listener.
    pub(crate) main: Router,
    /// That of `flow`.
    pub(crate) flow: Router,
    _running: Running,
    _database: Database,
    folder: tempfile::TempDir,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

/// As often as one likes.
const UNLIMITED: Rates =
    Rates { reads: 0, writes: 0, checkout: 0, auth: 0, address_factor: 0, key_factor: 0 };

/// All of them where they are in the demo, and who is here needs no key.
pub(crate) fn spoken() -> Dialects {
    let alone = Place::Alone(([127, 0, 0, 1], 3008).into());
    let place = |dialect| if dialect == Dialect::Flow { alone } else { Place::Main };
    Dialects {
        places: Dialect::ALL.map(place),
        has_literal_status: false,
        anonymous: Anonymous::Here,
        currency: None,
    }
}

/// An API key that may do these things, and the command that makes it.
pub(crate) fn key_for(scopes: &[Scope]) -> (String, Command) {
    let key = ApiKey::generate().unwrap();
    let new = NewApiKey {
        name: Name::new("test").unwrap(),
        prefix: KeyPrefix::new(key.shown()).unwrap(),
        hash: TokenHash::new(key.hash()),
        scopes: Scopes::of(scopes),
        expires_at: None,
    };
    (key.expose().to_owned(), Command::Accounts(accounts::Command::CreateKey(new)))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(spoken()).await
    }

    /// One that sends the statuses of the originals, or not.
    pub(crate) async fn literal(has_literal_status: bool) -> Self {
        Self::with(Dialects { has_literal_status, ..spoken() }).await
    }

    pub(crate) async fn with(dialects: Dialects) -> Self {
        Self::paid_through(Gateways::default(), dialects).await
    }

    /// One whose orders are paid through a gateway, if there is one.
    pub(crate) async fn paid_through(gateways: Gateways, dialects: Dialects) -> Self {
        Self::limited(UNLIMITED, gateways, dialects).await
    }

    /// One in which nobody may ask oftener than this.
    pub(crate) async fn limited(rates: Rates, gateways: Gateways, dialects: Dialects) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("onhand.db"));
        let database = Database::open(&location, Schema::Migrate).await.unwrap();
        let reader = database.reader().unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let policy = Arc::new(Policy::default());
        let config = Config { clock: clock.clone(), crash: None, policy };
        let (submit, running, _) = database.start(config).unwrap();
        demo::load(&submit).await.unwrap();
        let (key, new) = key_for(&[Scope::Admin]);
        submit.submit(new, Actor::Local, None).await.unwrap().outcome.unwrap();
        let secrets = [Secret::new("the access secret of the tests, in 40 bytes")];
        let access = AccessSettings {
            issuer: "onhand".into(),
            audience: "onhand".into(),
            life_secs: ACCESS_LIFE_SECS_DEFAULT,
        };
        let refresh = secrets.iter().map(|secret| secret.derive("refresh")).collect();
        let guard = Guard::new(Allowances { http: true, networks: Vec::new() });
        let app = App::new(Parts {
            submit,
            kept: None,
            reader,
            clock: clock.clone(),
            identities: Identities::new(AccessTokens::new(&secrets, access).unwrap()),
            logins: Logins::new(Passwords::start().unwrap(), refresh),
            limiter: Limiter::new(rates),
            needs: http::needs().unwrap(),
            gateways: Arc::new(gateways),
            owed: Arc::default(),
            webhooks: Webhooks::new(guard.clone(), Sender::new(guard).unwrap(), &secrets),
            trail: Trail::default(),
            verify: Verification::new(true),
            verify_asked: Arc::default(),
            schedules: Asked::default(),
            metrics: Arc::default(),
            warehouse: None,
            warehouse_asked: Arc::default(),
            settings: Settings { dialects, ..Settings::default() },
        });
        Self {
            main: http::router(app.clone()),
            flow: http::dialects::alone(app.clone(), Dialect::Flow),
            app,
            clock,
            key,
            _running: running,
            _database: database,
            folder,
        }
    }

    /// Fails unless every promise holds in what is stored.
    pub(crate) async fn verify(&self) {
        let location = Location::File(self.folder.path().join("onhand.db"));
        let report = verify(&location, true).await.unwrap();
        assert_eq!(report.violations(), 0, "{:#?}", report.checks);
    }

    /// Asks with a line like `PUT /inventory/reserve-order/123` and a body of JSON, if any.
    pub(crate) async fn ask(&self, line: &str, body: &str) -> Reply {
        ask(&self.main, line, &[("content-type", "application/json")], body).await
    }

    /// Where this dialect is spoken.
    pub(crate) fn listener(&self, dialect: Dialect) -> &Router {
        if dialect == Dialect::Flow { &self.flow } else { &self.main }
    }

    /// The same of `flow`.
    pub(crate) async fn ask_flow(&self, line: &str, body: &str) -> Reply {
        ask(&self.flow, line, &[("content-type", "application/json")], body).await
    }

    /// Asks `/v1` as whoever may do everything.
    pub(crate) async fn v1(&self, line: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let key = uuid_of(body, line);
        let headers = [
            ("content-type", "application/json"),
            ("authorization", &*bearer),
            ("idempotency-key", &*key),
        ];
        ask(&self.main, line, &headers, body).await
    }

    /// What is on hand and reserved of a product.
    pub(crate) async fn figures(&self, sku: &str) -> (i64, i64) {
        let stock = self.v1(&format!("GET /v1/stock/{sku}"), "").await.body;
        (stock["on_hand"].as_i64().unwrap(), stock["reserved"].as_i64().unwrap())
    }
}

fn uuid_of(body: &str, line: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}-{}", line.len(), body.len(), CALLS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn ask(
    router: &Router,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Reply { status: parts.status.as_u16(), headers: parts.headers, body, text }
}

/// A request with what it is answered.
pub(crate) struct Row {
    pub(crate) line: String,
    pub(crate) body: String,
    pub(crate) status: u16,
    /// What the original answers.
    pub(crate) literal: u16,
    pub(crate) answer: Value,
}

/// A row in which the original answers the same status.
pub(crate) fn row(line: &str, body: impl ToString, status: u16, answer: Value) -> Row {
    Row { line: line.into(), body: body.to_string(), status, literal: status, answer }
}

impl Row {
    pub(crate) fn literally(self, literal: u16) -> Self {
        Self { literal, ..self }
    }
}

/// Asks row by row, in both forms of the status codes, of a server that is new for each form.
pub(crate) async fn check(rows: impl Fn() -> Vec<Row>) {
    for is_literal in [false, true] {
        let world = World::literal(is_literal).await;
        for Row { line, body, status, literal, answer } in rows() {
            let reply = world.ask(&line, &body).await;
            let wanted = if is_literal { literal } else { status };
            assert_eq!(reply.body, answer, "{line} {body}: {} {}", reply.status, reply.text);
            assert_eq!(reply.status, wanted, "{line} {body}: {}", reply.text);
        }
        world.verify().await;
    }
}
