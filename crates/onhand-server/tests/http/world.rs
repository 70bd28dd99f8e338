//! A server in process, on a frozen clock, with the demo data. Every answer that it gives is held
//! against the description.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use onhand_engine::committer::{Config, Running};
use onhand_engine::{Database, ManualClock};
use onhand_server::app::{App, Parts, Settings};
use onhand_server::{demo, http};
use serde_json::Value;
use tower::ServiceExt;

use crate::contract::contract;
use crate::installation::Installation;

pub(crate) struct World {
    pub(crate) app: App,
    /// Which operations were answered with which status.
    pub(crate) answered: Mutex<BTreeSet<(String, u16)>>,
    router: Router,
    _running: Running,
    _database: Database,
    _installation: Installation,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        let installation = Installation::fresh().await;
        let (database, reader) = installation.open().await;
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let config = Config { clock, crash: None };
        let (submit, running, _) = database.start(config).unwrap();
        demo::load(&submit).await.unwrap();
        let app = App::new(Parts { submit, reader, settings: Settings::default() });
        let router = http::router(app.clone());
        Self {
            app,
            answered: Mutex::default(),
            router,
            _running: running,
            _database: database,
            _installation: installation,
        }
    }

    /// The same server, set up otherwise.
    pub(crate) fn set_up(&self, settings: Settings) -> App {
        let Parts { submit, reader, settings: _ } = &*self.app;
        App::new(Parts { submit: submit.clone(), reader: reader.clone(), settings })
    }

    pub(crate) async fn send(
        &self,
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
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        let status = parts.status.as_u16();
        let kind = parts.headers[header::CONTENT_TYPE].to_str().unwrap();
        contract().judge(&name, path, status, kind, &body);
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
