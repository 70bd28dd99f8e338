//! A server that keeps whatever is sent to it, with the headers, and answers as it is told.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// Longest wait for something to be sent.
const SENT_MAX: Duration = Duration::from_secs(30);

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Clone)]
pub(crate) struct Collector {
    sent: Arc<Mutex<Vec<Sent>>>,
    answer: Arc<AtomicU16>,
    pub(crate) address: String,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let collector = Self { sent: Arc::default(), answer: Arc::new(200.into()), address };
        let keeps = collector.clone();
        let routes =
            Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
                let sent = Sent { path: uri.path().to_owned(), headers, body };
                keeps.sent.lock().unwrap().push(sent);
                let status = keeps.answer.load(Ordering::SeqCst);
                (StatusCode::from_u16(status).unwrap(), [("retry-after", "1")])
            });
        tokio::spawn(async move { axum::serve(socket, routes).await });
        collector
    }

    pub(crate) fn answer_with(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Waits until what was sent is as it should be.
    pub(crate) async fn until(&self, is_so: impl Fn(&[Sent]) -> bool) {
        let so = async {
            while !is_so(&self.sent()) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(SENT_MAX, so).await.is_ok(), "{} were sent", self.sent().len());
    }
}
