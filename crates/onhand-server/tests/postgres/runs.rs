//! A run against the external warehouse that two processes could go on with: the one that does is
//! killed in its middle, and the other takes it up where it stands.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::cluster::Cluster;
use crate::server::{Server, json as read};
use crate::shop::{NEARBY, Says, ended, plain, post};

/// Rows of the answer: some dozens of steps.
const ROWS: usize = 3_000;
/// Longest wait for a run to be in its middle.
const PATIENCE: Duration = Duration::from_secs(90);

/// So many products with ten of each, by a file.
async fn stocked(server: &mut Server) -> Vec<String> {
    let skus: Vec<_> = (0..ROWS).map(|number| format!("part-{number}")).collect();
    let mut file = "sku,name,price,on_hand\n".to_owned();
    for sku in &skus {
        writeln!(file, "{sku},{sku},100,10").unwrap();
    }
    let headers = [("content-type", "text/csv"), ("idempotency-key", "parts")]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let path = "/v1/imports?kind=products&currency=INR";
    let mut connection = server.connect_patiently();
    let imported = connection.send(Method::POST, path, &headers, file.into()).await.unwrap();
    let imported = read(&imported);
    assert_eq!((&imported["status"], &imported["created"]), (&json!("completed"), &json!(ROWS)));
    skus
}

/// Rows that a run has counted, and whether it is still at it.
async fn counted(server: &mut Server, id: &str) -> (usize, bool) {
    let run = read(&server.get(&format!("/v1/warehouse/syncs/{id}?limit=1")).await);
    let counted = run["actions"]["counted"].as_u64().unwrap_or(0);
    (usize::try_from(counted).unwrap(), run["status"] == "applying")
}

/// Every entry of the ledger that a run has made, as `syn_1/7 20`.
async fn entries(server: &mut Server, id: &str) -> Vec<String> {
    let ledger = server.get("/v1/exports/movements.ndjson").await;
    let lines = std::str::from_utf8(&ledger.body).unwrap().lines();
    let rows = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = rows.filter(|row| row["reason"] == "warehouse_sync");
    let entry = |row: Value| {
        let reference = row["reference"].as_str().unwrap().to_owned();
        assert!(reference.starts_with(&format!("{id}/")), "{row}");
        format!("{reference} {}", row["on_hand_after"])
    };
    own.map(entry).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_process_is_killed_is_taken_up_by_another_where_it_stands() {
    let cluster = Cluster::start(&["shared_buffers = 16MB"]);
    let url = cluster.url("onhand", "postgres");
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let says = Says::rows(&[]).await;
    let asks = [&["--migrate", "--warehouse-url", &says.url], &NEARBY[..]].concat();
    let mut asking = Server::start_on(url.clone(), folders[0].path(), &asks, &[]).await;
    std::fs::write(folders[1].path().join("key"), &asking.key).unwrap();
    // It does not know whom to ask, and does not stand in the way of the one that does.
    let mut other = Server::start_on(url, folders[1].path(), &[], &[]).await;
    let skus = stocked(&mut asking).await;
    says.now(plain(&skus.iter().map(|sku| (sku.as_str(), 20)).collect::<Vec<_>>()));
    let begun = post(&mut asking, "/v1/warehouse/syncs", "sync", &json!({})).await;
    let id = begun["id"].as_str().unwrap();
    let middle = async {
        while counted(&mut other, id).await.0 < ROWS / 10 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, middle).await.unwrap();
    asking.kill().await;
    let (rows, is_open) = counted(&mut other, id).await;
    assert!(is_open && rows < ROWS, "it was over before anybody was killed: {rows}");

    let run = ended(&mut other, id).await;
    assert_eq!(run["status"], "applied", "{}", other.log());
    assert_eq!(run["actions"]["counted"], ROWS, "{}", run["actions"]);
    let entries = entries(&mut other, id).await;
    let wanted: BTreeSet<_> = (1..=ROWS).map(|row| format!("{id}/{row} 20")).collect();
    assert_eq!((entries.len(), entries.into_iter().collect()), (ROWS, wanted));
    other.stop_and_verify().await;
}
