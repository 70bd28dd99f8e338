//! Receivers that answer anything at all: it is taken for what it is, within its bounds.

use std::time::Duration;

use onhand_server::adapters::webhooks::send::{Answer, Failure};
use tokio::net::TcpListener;

use crate::world::{BODY, IMPATIENT, PATIENT, SECONDS, Then, at_home, http, receiver, send};

async fn ask(then: Then) -> Answer {
    let is_answered = !matches!(then, Then::Hang(_));
    let (at, _hears) = receiver(then).await;
    let sender = at_home(if is_answered { PATIENT } else { IMPATIENT });
    send(&sender, &format!("http://{at}/hook")).await
}

/// What is made of what a receiver does.
async fn check(then: Then, wanted: (Option<u16>, Option<Failure>)) {
    let shown: String = format!("{then:?}").chars().take(300).collect();
    let answer = ask(then).await;
    assert_eq!((answer.status, answer.failure), wanted, "{shown} {answer:?}");
    assert!(answer.excerpt.len() <= 1 << 10);
}

#[tokio::test]
async fn a_receiver_hears_the_message_with_its_signature() {
    let (at, mut hears) = receiver(Then::Write(http("200 OK", "", "thanks"))).await;
    let sender = at_home(PATIENT);
    let answer = send(&sender, &format!("http://{at}/hook?a=b")).await;
    assert_eq!((answer.status, answer.excerpt.as_str()), (Some(200), "thanks"));
    let request = hears.recv().await.unwrap().to_lowercase();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("post /hook?a=b http/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/json",
        &format!("content-length: {}", BODY.len()),
        "webhook-id: evt_108",
        &format!("webhook-timestamp: {SECONDS}"),
        "webhook-signature: v1,",
        "user-agent: onhand/",
        &format!("host: {at}"),
    ] {
        assert!(head.contains(&format!("\r\n{header}")), "{header}: {head}");
    }
    for header in ["accept-encoding", "authorization", "cookie", "referer"] {
        assert!(!head.contains(header), "{header}: {head}");
    }
    assert_eq!(body, BODY);
}

#[tokio::test]
async fn an_answer_is_taken_for_what_it_is() {
    for status in [200, 201, 204, 299, 301, 307, 400, 404, 410, 429, 500, 503, 599, 999] {
        let bytes = http(&format!("{status} Oh"), "", if status == 204 { "" } else { "oh" });
        check(Then::Write(bytes), (Some(status), None)).await;
    }
    let page = "<!doctype html>\n<h1>504 Gateway\tTime-out</h1>";
    let answer = ask(Then::Write(http("504 Oh", "Retry-After: 30\r\n", page))).await;
    assert_eq!(answer.excerpt, "<!doctype html> <h1>504 Gateway Time-out</h1>");
    assert_eq!(answer.retry_after, Some(Duration::from_secs(30)));
    // Nothing is unpacked, so that nothing small becomes large.
    let packed = http("200 OK", "Content-Encoding: gzip\r\n", "\u{1f}...");
    assert_eq!(ask(Then::Write(packed)).await.excerpt, "...");
    // What comes first is not the answer.
    let mut early = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
    early.extend(http("202 OK", "", ""));
    check(Then::Write(early), (Some(202), None)).await;
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    let garbled = (None, Some(Failure::Garbled));
    for bytes in ["", "\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1", "HTTP/9.9 200 OK\r\n\r\n", "\0"] {
        check(Then::Write(bytes.into()), garbled).await;
    }
    check(Then::Write("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".into()), garbled).await;
    let headers = "X: y\r\n".repeat(1_000);
    check(Then::Write(http("200 OK", &headers, "")), garbled).await;
    let header = format!("X: {}\r\n", "y".repeat(1 << 20));
    check(Then::Write(http("200 OK", &header, "")), garbled).await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_has_its_status() {
    let garbled = (Some(200), Some(Failure::Garbled));
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello";
    check(Then::Write(short.into()), garbled).await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(Then::Write(format!("{chunked}5\r\nhel").into()), garbled).await;
    check(Then::Write(format!("{chunked}no number\r\n").into()), garbled).await;
    assert_eq!(ask(Then::Write(short.into())).await.excerpt, "hello");
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for() {
    let timeout = Some(Failure::Timeout);
    check(Then::Hang(Vec::new()), (None, timeout)).await;
    check(Then::Hang("HTTP/1.1 200 OK\r\n".into()), (None, timeout)).await;
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello";
    check(Then::Hang(begun.into()), (Some(200), timeout)).await;
    let answer = ask(Then::Hang(begun.into())).await;
    assert_eq!(answer.excerpt, "hello");
    assert!(answer.took >= IMPATIENT.timeout, "{answer:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_left_after_its_beginning() {
    let long = http("200 OK", "", &"a".repeat(100_000));
    check(Then::Write(long), (Some(200), None)).await;
    let (at, _hears) = receiver(Then::Repeat(http("200 OK", "", "a"))).await;
    let url = format!("http://{at}");
    let answer = send(&at_home(PATIENT), &url).await;
    assert_eq!((answer.status, answer.failure), (Some(200), None));
    // A body that ends with the connection, which does not end; and headers that do not.
    let mut endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned();
    endless.push_str(&"a".repeat(64 << 10));
    check(Then::Repeat(endless.into()), (Some(200), None)).await;
    let (at, _hears) = receiver(Then::Repeat("HTTP/1.1 100 Continue\r\n\r\n".into())).await;
    let answer = send(&at_home(IMPATIENT), &format!("http://{at}")).await;
    assert_eq!((answer.status, answer.failure), (None, Some(Failure::Timeout)));
}

#[tokio::test]
async fn nobody_there_is_not_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let answer = send(&at_home(PATIENT), &format!("http://{at}")).await;
    assert_eq!((answer.status, answer.failure), (None, Some(Failure::Unreachable)));
    // Reserved so that nobody ever has it (RFC 2606).
    let answer = send(&at_home(PATIENT), "http://hooks.invalid/").await;
    assert_eq!((answer.status, answer.failure), (None, Some(Failure::Unresolved)));
}
