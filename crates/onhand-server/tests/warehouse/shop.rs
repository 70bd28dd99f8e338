//! The whole binary beside a warehouse whose next answer the test chooses.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::fake::{Then, ok, serve};
use crate::server::{Server, json as read, keyed};

/// Longest wait for a run to come to its end.
const PATIENCE: Duration = Duration::from_secs(90);

/// The fake is on this machine.
pub(crate) const NEARBY: [&str; 3] =
    ["--warehouse-allow-http", "--warehouse-allow-private", "127.0.0.0/8"];

/// What the warehouse says next, and what it was asked.
#[derive(Clone)]
pub(crate) struct Says {
    next: Arc<Mutex<Then>>,
    pub(crate) url: String,
}

impl Says {
    pub(crate) async fn rows(rows: &[(&str, i64)]) -> Self {
        let next = Arc::new(Mutex::new(plain(rows)));
        let answers = next.clone();
        let (url, _hears) = serve(move |question: &str| {
            let then = answers.lock().unwrap().clone();
            let Then::Write(bytes) = &then else { return then };
            // A tag that is sent back is that of what would be answered.
            let answer = String::from_utf8_lossy(bytes);
            let mut tags = answer.lines().filter_map(|line| line.strip_prefix("ETag: "));
            let knows = |tag: &str| question.contains(&format!("if-none-match: {tag}"));
            match tags.next() {
                Some(tag) if knows(tag) => crate::fake::http("304 Not Modified", "", ""),
                Some(_) | None => then,
            }
        })
        .await;
        Self { next, url }
    }

    pub(crate) fn now(&self, then: Then) {
        *self.next.lock().unwrap() = then;
    }
}

/// The plain form.
pub(crate) fn plain(rows: &[(&str, i64)]) -> Then {
    let row = |(sku, level): &(&str, i64)| json!({"productId": sku, "stockLevel": level});
    ok(&Value::Array(rows.iter().map(row).collect()).to_string())
}

/// A shop with the demo data beside this warehouse.
pub(crate) async fn open(folder: &Path, says: &Says, extra: &[&str]) -> Server {
    let extra = [&["--warehouse-url", &says.url], &NEARBY[..], extra].concat();
    Server::start(folder, &extra).await
}

pub(crate) async fn post(server: &mut Server, path: &str, key: &str, body: &Value) -> Value {
    let (headers, body) = (keyed(key), body.to_string());
    let sent = server.connection.send(Method::POST, path, &headers, body.into());
    let reply = sent.await.unwrap();
    assert!(reply.status.is_success(), "{path}: {} {}", reply.status, read(&reply));
    read(&reply)
}

/// Asks the warehouse now; the run when nothing of it goes on by itself.
pub(crate) async fn sync(server: &mut Server, key: &str, dry_run: bool) -> Value {
    let begun = post(server, "/v1/warehouse/syncs", key, &json!({"dry_run": dry_run})).await;
    ended(server, begun["id"].as_str().unwrap()).await
}

/// A run and all of its rows, when nothing of it goes on by itself.
pub(crate) async fn ended(server: &mut Server, id: &str) -> Value {
    let mut seen = Value::Null;
    let ends = async {
        loop {
            seen = read(&server.get(&format!("/v1/warehouse/syncs/{id}?limit=200")).await);
            let status = seen["status"].as_str().unwrap();
            if !["receiving", "comparing", "applying"].contains(&status) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let is_ended = timeout(PATIENCE, ends).await.is_ok();
    assert!(is_ended, "{seen}\n{}", server.log());
    seen
}

/// A run in one line: `applied: 1 headphones 40->35 counted, ...`.
pub(crate) fn words(run: &Value) -> String {
    let figure = |value: &Value| value.as_i64().map_or("?".to_owned(), |units| units.to_string());
    let rows = run["rows"]["data"].as_array().unwrap().iter().map(|row| {
        let (ours, theirs) = (figure(&row["ours"]), figure(&row["theirs"]));
        let (sent, action) = (row["sent"].as_str().unwrap(), row["action"].as_str().unwrap());
        format!("{} {sent} {ours}->{theirs} {action}", row["row"])
    });
    let status = run["status"].as_str().unwrap();
    format!("{status}: {}", rows.collect::<Vec<_>>().join(", "))
}

/// Figures of a product: on hand and reserved.
pub(crate) async fn stock(server: &mut Server, sku: &str) -> (i64, i64) {
    let stock = read(&server.get(&format!("/v1/stock/{sku}")).await);
    (stock["on_hand"].as_i64().unwrap(), stock["reserved"].as_i64().unwrap())
}
