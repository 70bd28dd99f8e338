//! `/metrics` of the running binary: what it tells is what the table says, it counts what is done,
//! and it is shown to operators only.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_server::client::{Address, Connection};
use onhand_server::metrics::families::{self, Family, Kind};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::scrape::{scraped, scraped_with, value};
use crate::server::{ONHAND, Server, database, json, keyed};

/// Figures that are told only once something has happened that does not here.
const OF_OTHERS: [&str; 14] = [
    "onhand_cache_lookups",
    "onhand_committer_failed_runs",
    "onhand_gateway_calls",
    "onhand_gateway_call_duration",
    "onhand_payments_open_long",
    "onhand_warehouse_last_sync_status",
    "onhand_warehouse_last_sync_rows",
    "onhand_warehouse_last_sync_drift_units",
    "onhand_warehouse_last_sync_as_of_timestamp",
    "onhand_job_attempts",
    "onhand_verify_holds",
    "onhand_verify_violations",
    "onhand_verify_last_round_ended_timestamp",
    "onhand_verify_round_rows",
];

/// The labels of a line, in their order, but for `le`.
fn labels(line: &str) -> Vec<&str> {
    let Some((_, rest)) = line.split_once('{') else { return Vec::new() };
    let (inside, _) = rest.rsplit_once('}').unwrap();
    let named = inside.split("\",").filter_map(|pair| Some(pair.split_once("=\"")?.0));
    named.filter(|name| *name != "le").collect()
}

/// What the text says of each family: its kind, and the labels of its lines.
fn told(text: &str) -> BTreeMap<&str, (&str, BTreeSet<Vec<&str>>)> {
    let mut told = BTreeMap::new();
    let mut newest = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(told.insert(name, (kind, BTreeSet::new())).is_none(), "{name} is there twice");
            newest = name;
        } else if !line.starts_with('#') {
            assert!(line.starts_with(newest), "{line} is not of {newest}");
            told.get_mut(newest).unwrap().1.insert(labels(line));
        }
    }
    told
}

fn family_name(family: &Family) -> String {
    format!("{}{}", family.stem, family.unit.suffix())
}

#[tokio::test]
async fn what_is_told_is_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--log-requests", "json"]).await;
    assert_eq!(server.place("one").await.unwrap().status, 201);
    let many = r#"{"items":[{"sku":"smartphone","quantity":100000}]}"#;
    let headers = keyed("many");
    let send = server.connection.send(Method::POST, "/v1/orders", &headers, many.into());
    assert_eq!(send.await.unwrap().status, 409);
    assert_eq!(server.get("/v1/orders/ord_999").await.status, 404);
    assert_eq!(server.get("/nowhere").await.status, 404);
    let text = scraped_with(&server.url, "onhand_jobs_open{queue=\"processing\"}").await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let told = told(&text);
    let known: BTreeMap<_, _> =
        families::all().map(|family| (family_name(family), family)).collect();
    for (name, (kind, lines)) in &told {
        let Some(family) = known.get(*name) else { panic!("{name} is not in the table") };
        assert_eq!(*kind, family.kind.as_str(), "{name}");
        assert_eq!(*lines, BTreeSet::from([family.labels.to_vec()]), "{name}");
    }
    for (name, family) in &known {
        let is_told = told.contains_key(name.as_str());
        assert!(is_told || OF_OTHERS.contains(&family.stem), "{name} is not told\n{text}");
        let total = if family.kind == Kind::Counter { "_total" } else { "" };
        assert_eq!(family.name(), format!("{name}{total}"));
    }
    let placed = "onhand_http_requests_total{route=\"/v1/orders\",method=\"POST\",status=\"2xx\"}";
    assert_eq!(value(&text, placed), Some(1.0));
    let refused = "onhand_committer_refusals_total{code=\"insufficient_stock\"}";
    assert_eq!(value(&text, refused), Some(1.0));
    let lost = "onhand_http_requests_total{route=\"other\",method=\"GET\",status=\"4xx\"}";
    assert_eq!(value(&text, lost), Some(1.0));
    let by_id =
        "onhand_http_requests_total{route=\"/v1/orders/{id}\",method=\"GET\",status=\"4xx\"}";
    assert_eq!(value(&text, by_id), Some(1.0));
    let durations =
        "onhand_http_request_duration_seconds_count{route=\"/v1/orders\",method=\"POST\"}";
    assert_eq!(value(&text, durations), Some(2.0));
    assert_eq!(value(&text, "onhand_committer_up"), Some(1.0));
    // This scrape.
    assert_eq!(value(&text, "onhand_http_requests_in_flight"), Some(1.0));
    assert!(value(&text, "process_cpu_seconds_total").unwrap() > 0.0);
    assert!(value(&text, "onhand_store_flush_duration_seconds_count").unwrap() >= 1.0);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn whoever_has_no_key_is_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).await;
    let header = |name: &'static str, value: &'static str| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    for (headers, wanted) in [
        (vec![], 200),
        (vec![header("x-forwarded-for", "203.0.113.7")], 401),
        (vec![header("forwarded", "for=203.0.113.7")], 401),
        (vec![header("authorization", "Bearer onk_wrong")], 401),
        (vec![header("x-api-key", "onk_wrong")], 401),
    ] {
        let (status, text) = scraped(&server.url, &headers).await;
        assert_eq!(status, wanted, "{headers:?}: {text}");
    }
    let key = HeaderValue::from_str(&server.key).unwrap();
    let proxied =
        [header("x-forwarded-for", "203.0.113.7"), (HeaderName::from_static("x-api-key"), key)];
    assert_eq!(scraped(&server.url, &proxied).await.0, 200);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn figures_and_page_move_to_the_listener_of_operators() {
    let folder = tempfile::tempdir().unwrap();
    let extra = ["--ops-listen", "127.0.0.1:0", "--dialect", "storefront=off"];
    let mut server = Server::start(folder.path(), &extra).await;
    let output = server.output_with("/health").await;
    let line = output.lines().find(|line| line.contains("operations")).unwrap();
    let url = line.split_whitespace().last().unwrap().strip_suffix("/health").unwrap();
    assert_eq!(server.get("/metrics").await.status, 404);
    assert_eq!(server.get("/status").await.status, 404);
    let forwarded = (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("::9"));
    let (status, text) = scraped(url, &[forwarded]).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("onhand_committer_up 1"), "{text}");
    server.stop_and_verify().await;
}

#[tokio::test]
async fn the_description_knows_the_route() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let description = json(&server.get("/openapi.json").await);
    let needs = &description["paths"]["/metrics"]["get"]["security"];
    assert_eq!(*needs, serde_json::json!([{"bearer": ["admin"]}]));
    server.stop_and_verify().await;
}

#[tokio::test]
async fn whoever_only_works_tells_operators_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(ONHAND)
        .args(["work", "--ops-listen", "127.0.0.1:0", "--database-url", &database(folder.path())])
        .env("ONHAND_SECRET_DIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("working"));
    let url = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("operations") {
            let url = line.split_whitespace().last().unwrap();
            break url.strip_suffix("/health").unwrap().to_owned();
        }
    };
    let text = scraped_with(&url, "onhand_jobs_open{queue=\"processing\"}").await;
    assert_eq!(value(&text, "onhand_committer_up"), Some(1.0));
    let mut connection = Connection::new(Address::parse(&url).unwrap());
    let reply = connection.send(Method::GET, "/v1/orders", &[], "".into()).await.unwrap();
    assert_eq!(reply.status, 404, "it answers operators only");
}
