//! A server that answers anything at all: what cannot be believed is not.

use onhand_core::payments::Call;
use onhand_server::adapters::gateways::{Answer, PaymentGateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{KEY_SECRET, PATIENT, id, order_id, razorpay, rupees, word};

/// Asks for a refund where every request gets these bytes, and then the end.
async fn ask(bytes: Vec<u8>, call: &Call) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16 << 10];
            // Small requests come in one piece, or the answer is early: both are taken alike.
            _ = stream.read(&mut request).await;
            _ = stream.write_all(&bytes).await;
            _ = stream.shutdown().await;
            // A connection that is closed before all of it was read is reset, and takes the answer
            // with it.
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
        }
    });
    let answer = razorpay(&url, KEY_SECRET, PATIENT).call(order_id(42), call, false).await;
    server.abort();
    answer
}

fn refund() -> Call {
    Call::Refund { number: 1, attempt: id("pay_1"), amount: rupees(500) }
}

fn fetch() -> Call {
    Call::Fetch { intents: vec![id("order_1")] }
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into()
}

/// How a refund and how a look are taken that get this answer.
async fn check(bytes: Vec<u8>, wanted: [&str; 2]) {
    for (call, wanted) in [refund(), fetch()].iter().zip(wanted) {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let answer = ask(bytes.clone(), call).await;
        assert_eq!(word(&answer.outcome), wanted, "{call:?}\n{shown}\n{answer:?}");
        assert_eq!(answer.seen.refunds.is_empty(), wanted != "done", "{shown}\n{answer:?}");
    }
}

const RIGHT: &str = r#"{"id":"rfnd_1","payment_id":"pay_1","amount":500,"currency":"INR",
    "receipt":"ord_42-r1","notes":[],"status":"processed"}"#;

#[tokio::test]
async fn only_what_was_asked_for_counts() {
    let answer = ask(http("200 OK", "", RIGHT), &refund()).await;
    assert_eq!(word(&answer.outcome), "done", "{answer:?}");
    for (from, to) in [
        ("pay_1", "pay_2"),
        ("500", "501"),
        ("500", "500.0"),
        ("500", "\"500\""),
        ("500", "-500"),
        ("500", "null"),
        ("INR", "USD"),
        ("INR", "XXX"),
        ("ord_42-r1", "ord_42-r2"),
        ("ord_42-r1", "ord_43-r1"),
        ("\"ord_42-r1\"", "null"),
        ("rfnd_1", "rfnd/1"),
        ("rfnd_1", ""),
        ("processed", "perhaps"),
        ("\"id\"", "\"di\""),
        ("}", ""),
        ("}", "}}"),
        ("}", ", \"id\": \"rfnd_2\"}"),
    ] {
        let body = RIGHT.replacen(from, to, 1);
        let answer = ask(http("200 OK", "", &body), &refund()).await;
        assert_eq!(word(&answer.outcome), "unknown", "{body}: {answer:?}");
        assert_eq!(answer.seen.refunds, [], "{body}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_guessed() {
    let unknown = ["unknown", "retry"];
    let page = "<!doctype html><h1>504 Gateway Time-out</h1>";
    for status in ["200 OK", "400 Bad Request", "404 Not Found", "502 Bad Gateway"] {
        check(http(status, "Content-Type: text/html\r\n", page), unknown).await;
    }
    for body in ["", "null", "[]", "{}", "\u{feff}{}", "NaN", "{\"items\":{}}"] {
        check(http("200 OK", "", body), unknown).await;
    }
    check(http("200 OK", "", &"[".repeat(50_000)), unknown).await;
    check(http("200 OK", "", &"{\"items\":".repeat(5_000)), unknown).await;
    check(http("200 OK", "", &" ".repeat(70_000)), unknown).await;
    // Nothing is unpacked, so that nothing small becomes large.
    check(http("200 OK", "Content-Encoding: gzip\r\n", "\u{1f}\u{8b}..."), unknown).await;
    let moved = "Location: http://127.0.0.1:1/\r\n";
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        check(http(status, moved, ""), unknown).await;
    }
    for status in ["201 Created", "204 No Content", "409 Conflict", "500 Oh", "599 Oh"] {
        check(http(status, "", "{}"), unknown).await;
    }
}

#[tokio::test]
async fn what_is_not_even_http_is_not_guessed() {
    let unknown = ["unknown", "retry"];
    for bytes in ["", "\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1", "HTTP/9.9 200 OK\r\n\r\n"] {
        check(bytes.into(), unknown).await;
    }
    check(http("200 OK", "", RIGHT)[..60].to_vec(), unknown).await;
    let mut short = http("200 OK", "", RIGHT);
    short.truncate(short.len() - 1);
    check(short, unknown).await;
    check(format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(1 << 20)).into(), unknown).await;
    let chunk = "4000\r\n".to_owned() + &" ".repeat(0x4000) + "\r\n";
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    check((endless + &chunk.repeat(40)).into(), unknown).await;
}

#[tokio::test]
async fn a_no_is_taken_when_it_says_why() {
    let said = r#"{"error":{"code":"BAD_REQUEST_ERROR","description":"No\u0000 and\nno"}}"#;
    for status in ["400 Bad Request", "404 Not Found", "422 Unprocessable"] {
        check(http(status, "", said), ["declined", "declined"]).await;
    }
    let answer = ask(http("400 Bad Request", "", said), &refund()).await;
    let shown = format!("{:?}", answer.outcome);
    assert_eq!(shown, r#"Declined("400: BAD_REQUEST_ERROR No  and no")"#);
    let long = said.replace("No", &"No".repeat(10_000));
    let shown = format!("{:?}", ask(http("400 Bad Request", "", &long), &refund()).await.outcome);
    assert!(shown.len() < 400, "{shown}");
    for status in ["401 Unauthorized", "403 Forbidden"] {
        check(http(status, "", said), ["retry", "retry"]).await;
    }
    let busy = http("429 Too Many Requests", "Retry-After: 86400\r\n", "");
    check(busy.clone(), ["retry", "retry"]).await;
    let shown = format!("{:?}", ask(busy, &refund()).await.outcome);
    assert!(shown.contains("after: Some(3600s)"), "{shown}");
}

#[tokio::test]
async fn a_list_that_knows_no_pages_is_read_once() {
    let rows: Vec<String> = (0..150)
        .map(|n| {
            format!(
                r#"{{"id":"pay_{n}","amount":500,"currency":"INR","status":"failed",
                "order_id":"order_1"}}"#
            )
        })
        .collect();
    // The order that they are of, and the list of them, in one.
    let order = r#""id":"order_1","amount":500,"currency":"INR""#;
    let body = format!(r#"{{{order},"items":[{}]}}"#, rows.join(","));
    let answer = ask(http("200 OK", "", &body), &fetch()).await;
    assert_eq!((word(&answer.outcome), answer.seen.attempts.len()), ("done", 150));
    let strange = body.replace(r#""order_id":"order_1""#, r#""order_id":"order_2""#);
    let answer = ask(http("200 OK", "", &strange), &fetch()).await;
    assert_eq!((word(&answer.outcome), answer.seen.attempts.len()), ("retry", 0));
}
