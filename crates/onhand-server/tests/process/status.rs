//! `/status` of the running binary: a page that works without a script, figures that arrive by
//! themselves, and nobody but operators sees either.

use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_server::client::{Address, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::Server;

/// As somebody who shows nothing.
async fn look(url: &str, path: &str, headers: &[(HeaderName, HeaderValue)]) -> (u16, String) {
    let mut connection = Connection::new(Address::parse(url).unwrap());
    let reply = connection.send(Method::GET, path, headers, "".into()).await.unwrap();
    (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).unwrap())
}

/// Follows the live figures.
async fn follow(url: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until so many events were there.
async fn events(stream: &mut TcpStream, count: usize) -> String {
    let mut text = String::new();
    let read = async {
        let mut bytes = vec![0; 64 << 10];
        while text.matches("event: figures").count() < count {
            let read = stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "it ended: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    };
    timeout(Duration::from_secs(30), read).await.unwrap();
    text
}

#[tokio::test]
async fn the_page_shows_every_chart_and_loads_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    assert_eq!(server.place("one").await.unwrap().status, 201);
    drop(events(&mut follow(&server.url, "/status/live").await, 3).await);
    for (path, current) in [("/status", "1 min"), ("/status?minutes=5", "5 min")] {
        let (status, page) = look(&server.url, path, &[]).await;
        assert_eq!(status, 200, "{page}");
        for chart in ["Requests", "Response times", "Status codes", "Backlog", "Event loop", "CPU"]
        {
            assert!(page.contains(&format!("aria-label=\"{chart}: ")), "{chart}: {page}");
        }
        assert_eq!(page.matches("<svg ").count(), 10, "{page}");
        assert!(page.contains(&format!("aria-current=\"page\">{current}</a>")), "{page}");
        assert!(page.contains("takes orders"), "{page}");
        assert!(!page.contains("style=") && !page.contains("://"), "{page}");
    }
    let (_, page) = look(&server.url, "/status", &[]).await;
    assert!(page.contains("<polyline"), "{page}");
    for (path, part) in
        [("/status/status.css", "prefers-color-scheme"), ("/status/status.js", "EventSource")]
    {
        let (status, file) = look(&server.url, path, &[]).await;
        assert!(status == 200 && file.contains(part), "{path}: {file}");
    }
    for minutes in ["0", "7", "01", "x", ""] {
        let (status, problem) = look(&server.url, &format!("/status?minutes={minutes}"), &[]).await;
        assert!(status == 422 && problem.contains("?minutes"), "{minutes}: {status} {problem}");
    }
    server.stop_and_verify().await;
}

#[tokio::test]
async fn figures_arrive_until_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let mut viewer = follow(&server.url, "/status/live?minutes=15").await;
    let text = events(&mut viewer, 2).await;
    assert!(
        text.contains("content-security-policy: default-src 'none'; script-src 'self'"),
        "{text}"
    );
    assert!(text.contains("data: <dl class=\"summary\">"), "{text}");
    let stopping = Instant::now();
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    assert!(stopping.elapsed() < onhand_server::limits::DRAIN_TIMEOUT, "nobody waits for viewers");
    let mut rest = Vec::new();
    viewer.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn there_are_so_many_viewers_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).await;
    let mut viewers = Vec::new();
    for _ in 0..onhand_server::limits::STATUS_VIEWERS_MAX {
        let mut viewer = follow(&server.url, "/status/live").await;
        events(&mut viewer, 1).await;
        viewers.push(viewer);
    }
    let (status, problem) = look(&server.url, "/status/live", &[]).await;
    assert!(status == 503 && problem.contains("overloaded"), "{status} {problem}");
    assert_eq!(look(&server.url, "/status", &[]).await.0, 200);
    drop(viewers);
    // Their places are free again once the server has seen that they are gone.
    let again = async {
        loop {
            let mut viewer = follow(&server.url, "/status/live").await;
            let mut bytes = vec![0; 4_096];
            let read = viewer.read(&mut bytes).await.unwrap();
            if String::from_utf8_lossy(&bytes[..read]).starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    timeout(Duration::from_secs(30), again).await.unwrap();
    server.stop_and_verify().await;
}

#[tokio::test]
async fn strangers_see_nothing_and_admins_everything() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).await;
    let forwarded = (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("::9"));
    for path in ["/status", "/status/live", "/status/status.css", "/status/status.js"] {
        let (status, text) = look(&server.url, path, std::slice::from_ref(&forwarded)).await;
        assert!(status == 401 && !text.contains("svg"), "{path}: {status} {text}");
    }
    let key = (HeaderName::from_static("x-api-key"), HeaderValue::from_str(&server.key).unwrap());
    assert_eq!(look(&server.url, "/status", &[forwarded, key]).await.0, 200);
    server.stop_and_verify().await;
}
