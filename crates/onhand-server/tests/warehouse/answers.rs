//! Answers of every kind, and what each comes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use onhand_server::adapters::webhooks::guard::{Allowances, Guard};

use crate::fake::{
    IMPATIENT, PATIENT, Then, at_home, http, now, ok, read, serve, warehouse, words,
};

/// The code of what comes of asking a warehouse that answers so, or its rows.
async fn check(then: Then, wanted: &str) {
    let shown = format!("{then:?}");
    let shown = shown.get(..200).unwrap_or(&shown).to_owned();
    let hangs = matches!(then, Then::Hang(_));
    let (url, _hears) = serve(move |_| then.clone()).await;
    let limits = if hangs { IMPATIENT } else { PATIENT };
    let found = match read(&warehouse(&url, limits), None).await {
        Ok(read) => words(&read.rows),
        Err(failure) => failure.code().to_owned(),
    };
    assert_eq!(found, wanted, "{shown}");
}

#[tokio::test]
async fn the_plain_form_is_read() {
    check(ok("[]"), "").await;
    let rows = r#"[{"productId":1,"stockLevel":5},{"productId":"mug","stockLevel":0},
        {"productId":"prd_7","stockLevel":-1},{"productId":"cup","stockLevel":"5"}]"#;
    check(ok(rows), "1 5, mug 0, prd_7 negative, cup not_a_number").await;
    // In pieces, without a length.
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n";
    check(Then::Write(chunked.into()), "").await;
}

#[tokio::test]
async fn every_odd_answer_has_its_reason() {
    for (then, wanted) in [
        // Slow: nothing at all, half a head, half a body.
        (Then::Hang(vec![]), "slow"),
        (Then::Hang(b"HTTP/1.1 200 OK\r\nContent-Le".into()), "slow"),
        (Then::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{\"pro".into()), "slow"),
        // Down: whoever is there says nothing, or something else.
        (Then::Write(vec![]), "garbled"),
        (Then::Write(b"220 smtp.example.com ESMTP\r\n".into()), "garbled"),
        (http("503 Service Unavailable", "", ""), "status"),
        (http("500 Internal Server Error", "", "[]"), "status"),
        (http("404 Not Found", "", "[]"), "status"),
        (http("204 No Content", "", ""), "status"),
        // It was not asked whether anything has changed.
        (http("304 Not Modified", "", ""), "status"),
        (http("302 Found", "Location: http://127.0.0.1/\r\n", "[]"), "redirect"),
        (http("401 Unauthorized", "", "[]"), "unauthorised"),
        (http("403 Forbidden", "", "[]"), "unauthorised"),
        // HTML.
        (http("200 OK", "Content-Type: text/html\r\n", "<!doctype html>"), "for_people"),
        (ok(""), "empty"),
        (ok("null"), "shape"),
        (ok(r#"{"message":"try later"}"#), "shape"),
        (ok("no"), "not_json"),
        // Truncated: by itself, by its length, by its pieces.
        (ok(r#"[{"productId":1,"stockLevel":5}"#), "truncated"),
        (Then::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[]".into()), "truncated"),
        (
            Then::Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n".into()),
            "truncated",
        ),
        // 100 MB: it says so, or it does not and never ends.
        (Then::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n[".into()), "too_large"),
        (Then::Repeat(b"HTTP/1.1 200 OK\r\n\r\n[".into(), vec![b' '; 8 << 10]), "too_large"),
        (ok(&"[".repeat(9_000)), "too_deep"),
        // A bomb that nobody asked for is not unpacked.
        (http("200 OK", "Content-Encoding: gzip\r\n", "\u{1f}\u{8}"), "encoded"),
        (http("200 OK", "Content-Encoding: br\r\n", "[]"), "encoded"),
        (ok(r#"{"rows":[],"unit":"dozen"}"#), "unit"),
        (ok(r#"{"rows":[],"as_of":"2026-11-22"}"#), "as_of"),
        (ok(r#"{"rows":[],"as_of":"2026-11-22T02:01:01Z"}"#), "as_of_ahead"),
    ] {
        check(then, wanted).await;
    }
    check(ok(r#"{"rows":[],"as_of":"2026-11-22T02:00:59Z"}"#), "").await;
}

#[tokio::test]
async fn nobody_is_asked_who_must_not_be() {
    let (url, mut hears) = serve(|_| ok("[]")).await;
    let warehouse = |guard| {
        let trusted = tokio_rustls::rustls::RootCertStore::empty();
        let asked = onhand_server::adapters::warehouse::Warehouse::trusting(
            trusted,
            url.clone(),
            None,
            guard,
            PATIENT,
        );
        asked.unwrap()
    };
    for allowances in [
        Allowances::default(),
        Allowances { http: true, networks: vec![] },
        Allowances { http: false, networks: vec!["127.0.0.0/8".parse().unwrap()] },
    ] {
        let asked = read(&warehouse(Guard::new(allowances)), None).await;
        assert_eq!(asked.unwrap_err().code(), "forbidden_address");
    }
    assert!(hears.try_recv().is_err());
    assert!(read(&warehouse(at_home()), None).await.is_ok());
    // Nobody is there any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asked = read(&crate::fake::warehouse(&format!("http://{gone}/"), PATIENT), None).await;
    assert_eq!(asked.unwrap_err().code(), "unreachable");
}

#[tokio::test]
async fn a_question_says_who_we_are_and_takes_nothing_packed() {
    let (url, mut hears) = serve(|_| http("200 OK", "ETag: W/\"v1\"\r\n", "[]")).await;
    let warehouse = warehouse(&url, PATIENT);
    let first = read(&warehouse, None).await.unwrap();
    assert_eq!((first.etag.as_deref(), first.as_of), (Some("W/\"v1\""), Some(now())));
    let question = hears.recv().await.unwrap().to_lowercase();
    assert!(question.starts_with("get /stock http/1.1\r\n"), "{question}");
    for wanted in ["accept: application/json", "accept-encoding: identity", "x-api-key: canary-key"]
    {
        assert!(question.contains(&format!("\r\n{wanted}\r\n")), "{question}");
    }
    assert!(!question.contains("if-none-match"), "{question}");
    assert!(!format!("{warehouse:?}").contains("canary"));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let answer = |question: &str| {
        let knows = question.to_lowercase().contains("\r\nif-none-match: \"v1\"\r\n");
        if knows { http("304 Not Modified", "", "") } else { ok("[]") }
    };
    let (url, _hears) = serve(answer).await;
    let warehouse = warehouse(&url, PATIENT);
    assert!(read(&warehouse, Some("\"v1\"")).await.unwrap().is_unchanged);
    assert!(!read(&warehouse, Some("\"v0\"")).await.unwrap().is_unchanged);
    assert!(!read(&warehouse, None).await.unwrap().is_unchanged);
    // What is no tag, or too long for one, is not sent back.
    for tag in ["v1", "\"", "", &format!("\"{}\"", "x".repeat(300))] {
        let headers = format!("ETag: {tag}\r\n");
        let (url, _hears) = serve(move |_| http("200 OK", &headers, "[]")).await;
        let read = read(&crate::fake::warehouse(&url, PATIENT), None).await.unwrap();
        let is_tag = tag == "\"";
        assert_eq!(read.etag.is_some(), is_tag, "{tag}");
    }
}

#[tokio::test]
async fn pages_are_followed_to_their_end() {
    let page = |rows: &str, next: &str| {
        ok(&format!(r#"{{"as_of":"2026-11-22T01:00:00Z","next":{next},"rows":[{rows}]}}"#))
    };
    let answer = move |question: &str| {
        let path = question.split(' ').nth(1).unwrap();
        match path {
            "/stock" => page(r#"{"sku":"mug","on_hand":1}"#, "\"a b&c\""),
            "/stock?cursor=a+b%26c" => page(r#"{"sku":"cup","on_hand":2}"#, "\"2\""),
            "/stock?cursor=2" => page("", "null"),
            _ => panic!("{path}"),
        }
    };
    let (url, mut hears) = serve(answer).await;
    let found = read(&warehouse(&url, PATIENT), Some("\"v0\"")).await.unwrap();
    assert_eq!(words(&found.rows), "mug 1, cup 2");
    assert_eq!(found.as_of, Some("2026-11-22T01:00:00Z".parse().unwrap()));
    // The tag is that of the whole.
    for is_first in [true, false, false] {
        let question = hears.recv().await.unwrap().to_lowercase();
        assert_eq!(question.contains("if-none-match"), is_first, "{question}");
    }
}

#[tokio::test]
async fn an_answer_is_of_no_later_time_than_it_was_asked_for() {
    for (said, wanted) in [
        // A clock that is ahead, the same on all pages, although the second is asked for later.
        (r#""as_of":"2026-11-22T02:00:30Z","#, "2026-11-22T02:00:00Z"),
        (r#""as_of":"2026-11-22T02:00:00.5Z","#, "2026-11-22T02:00:00Z"),
        ("", "2026-11-22T02:00:00Z"),
        (r#""as_of":"2026-11-22T01:59:59Z","#, "2026-11-22T01:59:59Z"),
    ] {
        let answer = move |question: &str| {
            let next = if question.contains("cursor") { "null" } else { "\"2\"" };
            ok(&format!(r#"{{{said}"next":{next},"rows":[]}}"#))
        };
        let (url, _hears) = serve(answer).await;
        let read = read(&warehouse(&url, PATIENT), None).await.unwrap();
        assert_eq!(read.as_of, Some(wanted.parse().unwrap()), "{said}");
    }
}

#[tokio::test]
async fn pages_that_belong_to_nothing_end_it() {
    let asked = Arc::new(AtomicU32::new(0));
    let page = |as_of: &str, next: &str| {
        ok(&format!(r#"{{"as_of":"2026-11-22T{as_of}Z","next":"{next}","rows":[]}}"#))
    };
    // Round in circles.
    let (url, _hears) = serve(move |_| page("01:00:00", "again")).await;
    assert_eq!(read(&warehouse(&url, PATIENT), None).await.unwrap_err().code(), "cursor");
    // On and on.
    let counter = asked.clone();
    let answer = move |_: &str| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        page("01:00:00", &number.to_string())
    };
    let (url, _hears) = serve(answer).await;
    assert_eq!(read(&warehouse(&url, PATIENT), None).await.unwrap_err().code(), "too_many_pages");
    assert_eq!(asked.load(Ordering::SeqCst), 1_000);
    // Of another moment.
    let answer = move |question: &str| {
        let is_first = !question.contains("cursor");
        page(if is_first { "01:00:00" } else { "01:00:01" }, if is_first { "2" } else { "" })
    };
    let (url, _hears) = serve(answer).await;
    assert_eq!(read(&warehouse(&url, PATIENT), None).await.unwrap_err().code(), "as_of_moved");
}

#[tokio::test]
async fn a_page_that_failed_can_be_asked_for_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = asked.clone();
    let answer = move |question: &str| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        match (question.contains("cursor=2"), number) {
            (false, _) => ok(r#"{"rows":[{"sku":"mug","on_hand":1}],"next":"2"}"#),
            (true, 1) => http("429 Too Many Requests", "Retry-After: 99\r\n", ""),
            (true, 2) => http("503 Service Unavailable", "", ""),
            (true, _) => ok(r#"{"rows":[{"sku":"cup","on_hand":2}]}"#),
        }
    };
    let (url, _hears) = serve(answer).await;
    let warehouse = warehouse(&url, PATIENT);
    let mut reading = warehouse.read(None);
    reading.next(now()).await.unwrap();
    // As long as it asks for, and no longer than we wait.
    assert_eq!(reading.next(now()).await.unwrap_err().again().unwrap().as_secs(), 30);
    assert_eq!(reading.next(now()).await.unwrap_err().again().unwrap().as_secs(), 0);
    reading.next(now()).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}
