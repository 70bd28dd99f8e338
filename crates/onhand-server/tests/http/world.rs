//! A server in process, on a frozen clock, with the demo data.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use onhand_engine::ManualClock;
use onhand_engine::committer::{self, Config, Running};
use onhand_engine::sqlite::Database;
use onhand_server::app::{App, Settings};
use onhand_server::{demo, http};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) struct World {
    pub(crate) app: App,
    router: Router,
    _running: Running,
    _database: Database,
    _folder: tempfile::TempDir,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("onhand.db")).unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let config = Config { clock, crash: None };
        let (submit, running, _) = committer::start(database.store().unwrap(), config).unwrap();
        demo::load(&submit).await.unwrap();
        let reader = database.reader().unwrap();
        let app = App { submit, reader, settings: Arc::new(Settings::default()) };
        let router = http::router(app.clone());
        Self { app, router, _running: running, _database: database, _folder: folder }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("request-id", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { status: parts.status.as_u16(), headers: parts.headers, bytes, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send(Method::POST, path, &headers, body.to_string()).await
    }

    pub(crate) async fn events(&self) -> i64 {
        let page = self.get("/v1/events?after=0&limit=200").await;
        page.body["next_after"].as_i64().unwrap()
    }
}
