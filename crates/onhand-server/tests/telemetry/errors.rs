//! Errors for Sentry, in the process itself: what is logged as an error and what panics arrives as
//! an envelope, says what it was about, and names nobody. Nobody waits for it.

use std::time::{Duration, Instant};

use clap::Parser;
use onhand_server::limits::SENTRY_QUEUE_MAX;
use onhand_server::telemetry::{self, TelemetryOptions};
use serde_json::Value;

use crate::collector::{Collector, Sent};
use crate::server::run_with;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    telemetry: TelemetryOptions,
}

/// An envelope as its protocol says: a header, then items, each with a header that has its length.
fn event(sent: &Sent) -> Value {
    let (header, rest) = split_line(&sent.body);
    let header: Value = serde_json::from_slice(header).unwrap();
    let (item, rest) = split_line(rest);
    let item: Value = serde_json::from_slice(item).unwrap();
    assert_eq!(item["type"], "event", "{item}");
    let length = usize::try_from(item["length"].as_u64().unwrap()).unwrap();
    let event: Value = serde_json::from_slice(&rest[..length]).unwrap();
    // One is written with dashes, the other without.
    let id = |value: &Value| value["event_id"].as_str().unwrap().replace('-', "");
    assert_eq!(id(&event), id(&header));
    event
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    (&bytes[..end], &bytes[end + 1..])
}

/// What may not leave the machine, as errors have it in them.
const PRIVATE: [&str; 8] = [
    "ada@example.com",
    "4111",
    "221B Baker Street",
    "hunter2",
    "onk_live_3f9a8b7c6d5e4f3a",
    "203.0.113.7",
    "eyJhbGciOiJIUzI1NiJ9",
    "Lovelace",
];

#[test]
fn errors_and_panics_arrive_without_whom_they_are_about_and_nobody_waits() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let dsn = format!("http://public@{}/42", collector.address);
    let line = ["onhand", "--sentry-dsn", &dsn, "--sentry-environment", "staging"];
    let options = Line::parse_from(line).telemetry;
    let telling = telemetry::begin(Some(&options), runtime.handle()).unwrap();

    tracing::error!(
        job = "job_7",
        customer_name = "Ada Lovelace",
        error = "no mail to ada@example.com: 550, card 4111 1111 1111 1111",
        "the mail to {:?} at 203.0.113.7:25 failed with onk_live_3f9a8b7c6d5e4f3a",
        "221B Baker Street"
    );
    tracing::warn!("a warning is nobody's business");
    let panicked = std::thread::spawn(|| {
        panic!("no address \"221B Baker Street\" of ada@example.com, password=hunter2");
    });
    assert!(panicked.join().is_err());
    runtime.block_on(collector.until(|sent| sent.len() == 2));
    let sent = collector.sent();
    assert!(sent.iter().all(|one| one.path == "/api/42/envelope/"));
    let signed = sent[0].header("x-sentry-auth");
    assert!(signed.starts_with("Sentry ") && signed.contains("sentry_key=public"), "{signed}");
    assert!(signed.contains("sentry_version=7"), "{signed}");
    let (logged, panicked) = (event(&sent[0]), event(&sent[1]));
    // What is not said is an error.
    assert_eq!((&logged["level"], &panicked["level"]), (&Value::Null, &"fatal".into()));
    for one in [&logged, &panicked] {
        assert_eq!(
            (&one["environment"], &one["release"]),
            (&"staging".into(), &concat!("onhand@", env!("CARGO_PKG_VERSION")).into(),)
        );
    }
    assert_eq!(logged["extra"]["job"], "job_7", "{logged:#}");
    assert_eq!(logged["message"], "the mail to [text] at [ip] failed with [secret]");
    assert_eq!(logged["extra"]["error"], "no mail to [email]: 550, card [card]");
    let thrown = &panicked["exception"]["values"][0];
    assert_eq!(thrown["value"], "no address [text] of [email], password=[private]");
    assert_eq!(thrown["mechanism"]["handled"], false);
    assert!(panicked["culprit"].as_str().unwrap().contains("errors.rs:"), "{panicked:#}");
    for private in PRIVATE {
        let all = [&logged, &panicked].map(Value::to_string).concat();
        assert!(!all.contains(private), "{private}: {all}");
    }

    // A server that has enough is left alone, and nobody who has errors waits for it.
    collector.answer_with(429);
    let began = Instant::now();
    for number in 0..10_000 {
        tracing::error!(number, "again");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let began = Instant::now();
    drop(telling);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(collector.sent().len() < SENTRY_QUEUE_MAX + 3, "{}", collector.sent().len());
}

#[tokio::test]
async fn a_dsn_that_cannot_be_read_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    for dsn in ["sentry", "https://host/1", "ftp://hunter2@host/1", "https://hunter2@host"] {
        let environment = [("SENTRY_DSN_URL", dsn.into())];
        let refused = run_with(folder.path(), "serve", &[], &environment).await;
        assert_eq!(refused.code, Some(78), "{dsn}: {}", refused.text);
        assert!(!refused.text.contains("hunter2"), "{}", refused.text);
    }
}
