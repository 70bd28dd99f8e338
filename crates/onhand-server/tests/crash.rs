//! The running binary, killed by itself at each named point of a commit: what was acknowledged is
//! there after a restart, what was not is there wholly or not at all, and the same key tells which.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_server::client::{Address, ClientError, Connection, Reply};

const ONHAND: &str = env!("CARGO_BIN_EXE_onhand");

struct Server {
    child: Child,
    connection: Connection,
}

fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("onhand.db").display())
}

fn start(folder: &Path, extra: &[&str]) -> Server {
    let mut child = Command::new(ONHAND)
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--database-url", &database(folder)])
        .args(extra)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("listening on ").unwrap();
    // The rest of the output is read to its end, so that the server never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, connection: Connection::new(Address::parse(url).unwrap()) }
}

async fn place(server: &mut Server, key: u32) -> Result<Reply, ClientError> {
    let headers = [
        (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json")),
        (
            HeaderName::from_static("idempotency-key"),
            HeaderValue::from_str(&format!("key-{key}")).unwrap(),
        ),
    ];
    let body = r#"{"items":[{"sku":"smartphone","quantity":1}]}"#;
    server.connection.send(Method::POST, "/v1/orders", &headers, body.into()).await
}

/// More batches than loading the demo data takes. The sweeper's count too: where one of them dies
/// instead of an order, the order was not taken, which is what `begun` and `decided` promise of an
/// order as well.
const AFTER_DEMO: u32 = 20;

async fn check(point: &str, batch: u32) {
    let folder = tempfile::tempdir().unwrap();
    let crash = format!("{point}:{}", AFTER_DEMO + batch);
    let mut server = start(folder.path(), &["--crash-at", &crash]);
    let mut acknowledged = Vec::new();
    let mut next = 0;
    let died_at = loop {
        match place(&mut server, next).await {
            Ok(reply) => {
                assert_eq!(reply.status, 201);
                acknowledged.push(reply.body);
            }
            Err(_) => break next,
        }
        next += 1;
        assert!(next < 100, "{crash}: never died");
    };
    assert!(!server.child.wait().unwrap().success(), "{crash}");

    let mut server = start(folder.path(), &[]);
    for (key, body) in (0..).zip(&acknowledged) {
        let again = place(&mut server, key).await.unwrap();
        assert_eq!(again.headers["idempotency-replayed"], "true", "{crash}");
        assert_eq!(&again.body, body, "{crash}");
    }
    let settled = place(&mut server, died_at).await.unwrap();
    assert_eq!(settled.status, 201, "{crash}");
    let was_placed = settled.headers.contains_key("idempotency-replayed");
    assert_eq!(was_placed, point == "committed", "{crash}");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let verified =
        Command::new(ONHAND).args(["verify", "--database-url", &database(folder.path())]).output();
    let verified = verified.unwrap();
    assert!(verified.status.success(), "{crash}: {}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_commit_loses_and_doubles_nothing() {
    for point in ["begun", "decided", "committed"] {
        for batch in [1, 2, 7] {
            check(point, batch).await;
        }
    }
}
