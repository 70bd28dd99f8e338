//! A program that is told what happens: it keeps every message, checks who has signed it, and
//! answers as it is told.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use onhand_server::adapters::webhooks::signature::{ID, SIGNATURE, SigningSecret, TIMESTAMP, sign};
use serde_json::Value;
use tokio::net::TcpListener;

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) kind: String,
    /// The object that it is about.
    pub(crate) about: String,
    timestamp: i64,
    signature: String,
    body: Bytes,
}

impl Message {
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let secret = SigningSecret::parse(secret).unwrap();
        let wanted = sign(&[secret], &self.id, self.timestamp, &self.body);
        self.signature.split(' ').any(|one| one == wanted)
    }
}

#[derive(Clone)]
pub(crate) struct Receiver {
    messages: Arc<Mutex<Vec<Message>>>,
    answer: Arc<AtomicU16>,
    pub(crate) url: String,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/hooks", socket.local_addr().unwrap());
        let receiver =
            Self { messages: Arc::default(), answer: Arc::new(AtomicU16::new(200)), url };
        let hears = receiver.clone();
        let routes = Router::new().fallback(move |headers: HeaderMap, body: Bytes| async move {
            match hears.hear(&headers, body) {
                Some(status) => status,
                None => std::future::pending().await,
            }
        });
        tokio::spawn(async move { axum::serve(socket, routes).await });
        receiver
    }

    /// What it answers, if it answers.
    fn hear(&self, headers: &HeaderMap, body: Bytes) -> Option<StatusCode> {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let message = Message {
            id: header(ID),
            kind: text(&sent["type"]),
            about: text(&sent["data"]["id"]),
            timestamp: header(TIMESTAMP).parse().unwrap(),
            signature: header(SIGNATURE),
            body,
        };
        self.messages.lock().unwrap().push(message);
        StatusCode::from_u16(self.answer.load(Ordering::SeqCst)).ok()
    }

    /// From now on every message is answered so; none at all with 0.
    pub(crate) fn answer_with(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    /// Everything that came, however often, in its order.
    pub(crate) fn heard(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }
}
