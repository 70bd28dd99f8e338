//! The edges of a connection, byte by byte (F27 of the fault table): requests that come too slowly
//! are cut off, requests that are too large are refused, and nobody else notices.

use std::time::{Duration, Instant};

use onhand_server::limits::{BODY_BYTES_MAX, BODY_TIMEOUT, HEADER_TIMEOUT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::server::Server;

/// How long after its limit a connection may still be open on a busy machine.
pub(crate) const SLACK: Duration = Duration::from_secs(3);

/// How often a slow client sends a byte.
const DRIP: Duration = Duration::from_millis(200);

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection without a client's manners.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap())
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// What the server says first.
    pub(crate) async fn read_some(&mut self) -> String {
        let mut bytes = vec![0; 4_096];
        let read = timeout(ANSWER_TIMEOUT, self.0.read(&mut bytes)).await.unwrap().unwrap();
        bytes.truncate(read);
        String::from_utf8(bytes).unwrap()
    }

    /// What the server says until it closes the connection.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let end = timeout(ANSWER_TIMEOUT, self.0.read_to_end(&mut bytes)).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        // A connection that is reset after the answer has been read is closed too.
        assert!(end.is_ok() || !text.is_empty(), "{end:?}");
        text
    }

    /// What the server says until it closes the connection, whatever it is.
    pub(crate) async fn read_lossy(&mut self) -> String {
        let mut bytes = Vec::new();
        let end = timeout(ANSWER_TIMEOUT, self.0.read_to_end(&mut bytes)).await.unwrap();
        // It may be reset.
        drop(end);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends one byte after the other until the connection is closed; what was said, and when.
    async fn drip(mut self, start: &str, byte: u8) -> (String, Duration) {
        let begun = Instant::now();
        self.send(start).await;
        let (mut reader, mut writer) = self.0.into_split();
        let dripping = async {
            let mut ticks = interval(DRIP);
            while writer.write_all(&[byte]).await.is_ok() {
                ticks.tick().await;
            }
        };
        let mut bytes = Vec::new();
        let reading = async {
            // The end may be a reset, because the client goes on sending.
            let _ = reader.read_to_end(&mut bytes).await;
            begun.elapsed()
        };
        let (elapsed, ()) =
            timeout(ANSWER_TIMEOUT, async { tokio::join!(reading, dripping) }).await.unwrap();
        (String::from_utf8(bytes).unwrap(), elapsed)
    }
}

/// A slow client is cut off at a limit, with or without a word.
async fn check_slow(url: &str, start: &str, byte: u8, limit: Duration, wanted: &[&str]) {
    let (answer, elapsed) = Raw::connect(url).await.drip(start, byte).await;
    assert!(elapsed >= limit && elapsed < limit + SLACK, "{start:?}: {elapsed:?}: {answer}");
    assert!(wanted.iter().all(|part| answer.contains(part)), "{start:?}: {answer}");
}

/// A client that sends nothing more is cut off as one whose headers do not arrive.
async fn check_idle(url: &str, first: &str) {
    let begun = Instant::now();
    let mut raw = Raw::connect(url).await;
    raw.send(first).await;
    let answer = raw.read_to_end().await;
    let elapsed = begun.elapsed();
    assert!(elapsed >= HEADER_TIMEOUT && elapsed < HEADER_TIMEOUT + SLACK, "{elapsed:?}");
    assert_eq!(answer.is_empty(), first.is_empty(), "{answer}");
}

#[tokio::test]
async fn slow_requests_are_cut_off_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let url = server.url.clone();
    let headers = check_slow(&url, "GET /livez HTTP/1.1\r\nX: ", b'x', HEADER_TIMEOUT, &[]);
    let authorization = server.authorization();
    let post = format!(
        "POST /v1/orders HTTP/1.1\r\nHost: x\r\n{authorization}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: slow\r\n"
    );
    let whole = format!("{post}Content-Length: 1000\r\n\r\n");
    let body = check_slow(
        &url,
        &whole,
        b' ',
        BODY_TIMEOUT,
        &["HTTP/1.1 408 ", "application/problem+json", "body_timeout"],
    );
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n3e8\r\n");
    let chunk = check_slow(&url, &chunked, b' ', BODY_TIMEOUT, &["HTTP/1.1 408 ", "body_timeout"]);
    let silent = check_idle(&url, "");
    let idle = check_idle(&url, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    let others = async {
        for number in 0..50 {
            let begun = Instant::now();
            let reply = server.place(&format!("key-{number}")).await.unwrap();
            assert_eq!(reply.status, 201);
            assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
        }
    };
    tokio::join!(headers, body, chunk, others, silent, idle);
    server.stop_and_verify().await;
}

/// Sends a whole request and says what it was answered.
async fn answer(url: &str, request: &str) -> String {
    let mut raw = Raw::connect(url).await;
    // The server may answer and close before it has read everything.
    let _ = raw.0.write_all(request.as_bytes()).await;
    raw.read_to_end().await
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).await;
    let post = |length: usize| {
        format!(
            "POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: a\r\n\
             Content-Length: {length}\r\n\r\n{}",
            server.authorization(),
            " ".repeat(length)
        )
    };
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
    };
    let large = "x".repeat(1 << 20);
    for (request, wanted) in [
        (post(BODY_BYTES_MAX), "HTTP/1.1 400 "),
        (post(BODY_BYTES_MAX + 1), "HTTP/1.1 413 "),
        (get("/livez", "X: x\r\n"), "HTTP/1.1 200 "),
        (get("/livez", &format!("X: {large}\r\n")), "HTTP/1.1 431 "),
        (get("/livez", &"X: x\r\n".repeat(1_000)), "HTTP/1.1 431 "),
        (get(&format!("/{}", &large[..1 << 17]), ""), "HTTP/1.1 414 "),
    ] {
        let answer = answer(&server.url, &request).await;
        let asked = &request[..request.len().min(120)];
        assert!(answer.starts_with(wanted), "{asked}: {answer}");
    }
    server.stop_and_verify().await;
}
