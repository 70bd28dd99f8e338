//! The reference library has the last word on whether a message is well signed: the receiver is the
//! one of `docs/webhooks.md`, as it is printed there. `cargo xtask test` provides a Python with the
//! library.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use onhand_core::Timestamp;
use onhand_engine::SystemClock;
use onhand_engine::clock::Clock;
use onhand_server::adapters::webhooks::send::Endpoint;
use onhand_server::adapters::webhooks::signature::SigningSecret;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

use crate::world::{PATIENT, at_home};

const PAGE: &str = include_str!("../../../../docs/webhooks.md");

/// What a receiver prints of the messages that it takes in.
type Taken = Lines<BufReader<ChildStdout>>;

/// Starts the receiver of the page with this secret. It ends with what is returned.
async fn receiver(secret: &SigningSecret) -> (Child, Taken, String) {
    let python = std::env::var("ONHAND_TEST_STANDARDWEBHOOKS_PYTHON").unwrap();
    let (_, code) = PAGE.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut command = Command::new(python);
    command.args(["-c", code]).env("PORT", port.to_string()).kill_on_drop(true);
    command.env("WEBHOOK_SECRET", secret.expose().as_str());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let at = format!("127.0.0.1:{port}");
    let mut looks = 0;
    while TcpStream::connect(&at).await.is_err() {
        looks += 1;
        assert!(looks < 600, "the receiver does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let taken = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, taken, format!("http://{at}/hooks"))
}

/// Sends a message with these secrets; the status of the answer.
async fn send(url: &str, secrets: &[&SigningSecret], id: &str, at: Timestamp) -> Option<u16> {
    let secrets = secrets.iter().map(|secret| (*secret).clone()).collect();
    let endpoint = Endpoint { url: url.to_owned(), secrets };
    let body = format!(r#"{{"id":"{id}","seq":108,"type":"order.placed","data":"Grüße 日本"}}"#);
    at_home(PATIENT).send(&endpoint, id, at, Bytes::from(body)).await.status
}

#[tokio::test]
async fn the_reference_believes_us_and_nobody_else() {
    let [ours, other] = [(); 2].map(|()| SigningSecret::generate().unwrap());
    let (child, mut taken, url) = receiver(&ours).await;
    let now = SystemClock.now();
    let old = now.checked_sub(SignedDuration::from_mins(6)).unwrap();
    let early = now.checked_add(SignedDuration::from_mins(6)).unwrap();
    assert_eq!(send(&url, &[&ours], "evt_1", now).await, Some(204));
    assert_eq!(send(&url, &[&other], "evt_2", now).await, Some(400));
    assert_eq!(send(&url, &[&other, &ours], "evt_3", now).await, Some(204));
    assert_eq!(send(&url, &[&ours, &other], "evt_3", now).await, Some(204));
    assert_eq!(send(&url, &[&ours], "evt_4", old).await, Some(400));
    assert_eq!(send(&url, &[&ours], "evt_5", early).await, Some(400));
    assert_eq!(send(&url, &[&ours], "evt_6", now).await, Some(204));
    // The one that came twice was taken in once.
    for _ in ["evt_1", "evt_3", "evt_6"] {
        assert_eq!(taken.next_line().await.unwrap().as_deref(), Some("108 order.placed"));
    }
    drop(child);
    assert_eq!(taken.next_line().await.unwrap(), None);
}
