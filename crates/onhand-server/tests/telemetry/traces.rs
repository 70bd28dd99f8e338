//! Traces over the running binary: a request continues the trace of its client, what follows from
//! it is part of the same, and whoever is told gets it handed on.

use std::ffi::OsString;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::collector::{Collector, Sent};
use crate::server::{Server, json as read, keyed, run_with};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn environment(collector: &Collector) -> Vec<(&'static str, OsString)> {
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address).into()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=shop".into()),
        ("OTEL_SERVICE_NAME", "shop".into()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".into()),
    ]
}

fn decoded(sent: &[Sent]) -> Vec<ExportTraceServiceRequest> {
    sent.iter().map(|one| ExportTraceServiceRequest::decode(one.body.clone()).unwrap()).collect()
}

fn spans(sent: &[Sent]) -> Vec<Span> {
    let resources = decoded(sent).into_iter().flat_map(|one| one.resource_spans);
    resources.flat_map(|one| one.scope_spans).flat_map(|one| one.spans).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    let value = value.and_then(|value| value.value.as_ref());
    if let Some(Value::StringValue(text)) = value {
        return text.clone();
    }
    if let Some(Value::IntValue(number)) = value {
        return number.to_string();
    }
    format!("{value:?}")
}

fn attribute(attributes: &[KeyValue], name: &str) -> String {
    text(attributes.iter().find(|one| one.key == name).and_then(|one| one.value.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_from_a_request_is_in_its_trace() {
    let (collector, endpoint) = (Collector::start().await, Collector::start().await);
    let folder = tempfile::tempdir().unwrap();
    let nearby = ["--webhook-allow-http", "--webhook-allow-private", "127.0.0.0/8"];
    let mut server = Server::start_with(folder.path(), &nearby, &environment(&collector)).await;
    let url = format!("http://{}/hooks", endpoint.address);
    let body = json!({"url": url, "event_types": ["order.*"]}).to_string();
    let path = "/v1/webhook-endpoints";
    let made = server.connection.send(Method::POST, path, &keyed("hook"), body.into()).await;
    assert_eq!(made.unwrap().status, 201);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let mut headers = keyed("traced").to_vec();
    headers.push((HeaderName::from_static("traceparent"), HeaderValue::try_from(&parent).unwrap()));
    headers.push((HeaderName::from_static("request-id"), HeaderValue::from_static("req-7")));
    let body = r#"{"items":[{"sku":"headphones","quantity":1}]}"#;
    let placed = server.connection.send(Method::POST, "/v1/orders", &headers, body.into()).await;
    let placed = placed.unwrap();
    assert_eq!(placed.status, 201, "{}", read(&placed));
    endpoint.until(|sent| !sent.is_empty()).await;
    // Of the event that the order has caused itself, and not of what an operator would do later.
    let told = endpoint.sent();
    let handed_on: Vec<_> = told.iter().map(|one| one.header("traceparent")).collect();
    assert!(handed_on.iter().any(|one| one.contains(TRACE)), "{handed_on:?}");
    collector.until(|sent| spans(sent).iter().any(|span| span.name == "job")).await;
    server.stop_and_verify().await;

    let sent = collector.sent();
    assert!(sent.iter().all(|one| one.path == "/v1/traces" && one.header("x-tenant") == "shop"));
    assert!(sent.iter().all(|one| one.header("content-type") == "application/x-protobuf"));
    let resource = decoded(&sent)[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name"), "shop");
    assert_eq!(attribute(&resource.attributes, "service.version"), env!("CARGO_PKG_VERSION"));
    let spans = spans(&sent);
    let request = spans.iter().find(|span| hex(&span.parent_span_id) == PARENT).unwrap();
    assert_eq!((&*request.name, request.kind), ("POST /v1/orders", 2), "a server's");
    assert_eq!(hex(&request.trace_id), TRACE);
    let of = |name: &str| attribute(&request.attributes, name);
    assert_eq!(
        (of("http.route"), of("http.response.status_code")),
        ("/v1/orders".into(), "201".into())
    );
    assert_eq!(of("request_id"), "req-7");
    let job = spans.iter().find(|span| span.name == "job" && hex(&span.trace_id) == TRACE).unwrap();
    assert_eq!(attribute(&job.attributes, "request_id"), "req-7");
    assert_eq!(job.parent_span_id, request.span_id);
    assert!(spans.iter().any(|span| span.name == "batch"), "the committer's");
    let said = format!("{spans:?}");
    for private in ["headphones", "onk_", "Bearer", "quantity"] {
        assert!(!said.contains(private), "{private} is in a span");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_is_told_of_once_and_stops_nobody() {
    let collector = Collector::start().await;
    collector.answer_with(400);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(folder.path(), &[], &environment(&collector)).await;
    for key in 0..5 {
        assert_eq!(server.place(&format!("key-{key}")).await.unwrap().status, 201);
        collector.until(|sent| sent.len() > key).await;
    }
    let said = async {
        while !server.log().contains("traces are not taken") {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), said).await.unwrap();
    assert_eq!(server.log().matches("traces are not taken").count(), 1, "{}", server.log());
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_protocol_that_is_not_spoken_is_refused_and_no_address_means_no_traces() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut wrong = environment(&collector);
    wrong.push(("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".into()));
    let refused = run_with(folder.path(), "serve", &["--listen", "127.0.0.1:0"], &wrong).await;
    assert_eq!(refused.code, Some(78), "{}", refused.text);
    assert!(refused.text.contains("expected http/protobuf"), "{}", refused.text);
    let mut off = environment(&collector);
    off.push(("OTEL_SDK_DISABLED", "true".into()));
    let mut server = Server::start_with(folder.path(), &[], &off).await;
    assert_eq!(server.place("one").await.unwrap().status, 201);
    server.stop_and_verify().await;
    assert!(collector.sent().is_empty());
}
