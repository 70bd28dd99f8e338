//! The request log of the running binary: a line for each request, whoever it is from and whatever
//! they send, and none of it is a secret.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::Server;

/// Sends bytes on a connection of their own, and reads what comes back until it is closed.
async fn knock(url: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// The lines of the log that a server has written, once one of them has this in it.
async fn lines_with(server: &Server, part: &str) -> Vec<String> {
    let output = server.output_with(part).await;
    let is_line = |line: &&str| line.contains(" - ") || line.starts_with('{');
    output.lines().filter(is_line).map(str::to_owned).collect()
}

#[tokio::test]
async fn each_request_is_a_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--log-requests", "json"]).await;
    assert_eq!(server.place("one").await.unwrap().status, 201);
    assert_eq!(server.get("/v1/orders?limit=1").await.status, 200);
    let known = format!("{}\r\nRequest-Id: job-7\r\n", server.authorization());
    knock(&server.url, &request("/v1/stock/smartphone", &known)).await;
    knock(&server.url, &request("/order", "")).await;
    knock(&server.url, &request("/v1/orders", "Request-Id: last-one\r\n")).await;
    let lines = lines_with(&server, "last-one").await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        let (method, route, who) = (text("method"), text("route"), text("who"));
        let dialect = text("dialect");
        format!("{method} {} {route} {} {who} {dialect}", text("path"), line["status"])
    };
    let told: Vec<_> = lines.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "POST /v1/orders /v1/orders 201 key_1 -",
            "GET /v1/orders /v1/orders 200 key_1 -",
            "GET /v1/stock/smartphone /v1/stock/{sku} 200 key_1 -",
            "GET /order /order 200 anonymous storefront",
            "GET /v1/orders /v1/orders 401 - -",
        ]
    );
    assert_eq!(lines[2]["request_id"], "job-7");
    assert_eq!(lines[0]["address"], "127.0.0.1");
    assert!(lines.iter().all(|line| line["duration_ms"].as_f64().unwrap() > 0.0), "{lines:#?}");
    assert!(lines.iter().all(|line| line["bytes"].as_u64().unwrap() > 0), "{lines:#?}");
    server.stop_and_verify().await;
}

#[tokio::test]
async fn whatever_is_sent_a_line_is_a_line_and_has_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--log-requests", "common"]).await;
    let key = server.key.clone();
    for target in [
        "/v1/users?email=ann@shop.example",
        "/v1/users/ann@shop.example",
        "/v1/users/ann%40shop.example",
        &format!("/{key}"),
        &format!("/v1/orders?key={key}"),
        "/4111111111111111",
        "/%0d%0aGET%20/forged",
        "/%1b[31mred",
        "/\"quoted\"",
        "http://user:secret-password@x/v1/orders",
    ] {
        let sent = "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.canary.x\r\n\
                    Request-Id: canary@shop.example\r\nUser-Agent: canary\r\n";
        knock(&server.url, &request(target, sent)).await;
    }
    // What is no request at all leaves no line, or a line like the others.
    knock(&server.url, b"\x1b[31m\r\n\r\n").await;
    knock(&server.url, b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n").await;
    knock(&server.url, &request("/the-last-one", "")).await;
    let lines = lines_with(&server, "the-last-one").await;
    assert!(lines.len() >= 10, "{lines:#?}");
    for line in &lines {
        assert!(line.bytes().all(|one| (b' '..=b'~').contains(&one)), "{line:?}");
        let parts = ["@", "%40", "canary", "secret", "4111", "GET%20", "red", "eyJ", "email", &key];
        for part in parts {
            assert!(!line.contains(part), "{part}: {line}");
        }
        let shape: Vec<_> = line.split('"').collect();
        assert_eq!(shape.len(), 3, "{line}");
        assert!(shape[0].starts_with("127.0.0.1 - ") && shape[0].ends_with("+0000] "), "{line}");
        assert!(shape[1].starts_with("GET /") && shape[1].ends_with(" HTTP/1.1"), "{line}");
        assert_eq!(shape[2].split_whitespace().count(), 2, "{line}");
    }
    server.stop_and_verify().await;
}

#[tokio::test]
async fn nothing_is_written_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    assert_eq!(server.get("/v1/orders").await.status, 200);
    let text = crate::scrape::scraped_with(&server.url, "onhand_committer_up").await;
    assert!(!text.contains("onhand_request_log_dropped"), "{text}");
    assert!(!server.output().contains("/v1/orders "), "{}", server.output());
    server.stop_and_verify().await;
}
