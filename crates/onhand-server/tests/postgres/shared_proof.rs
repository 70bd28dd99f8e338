//! A round of the proof is one process's at a time, and goes on in another one.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::proof::{proving, told};
use crate::scrape::{scraped_with, value};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_goes_through_a_round_and_another_takes_it_up_where_it_stands() {
    let cluster = Cluster::start(&[]);
    let url = cluster.url("onhand", "postgres");
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut slow =
        Server::start_on(url.clone(), folders[0].path(), &["--migrate"], &proving("1")).await;
    std::fs::write(folders[1].path().join("key"), &slow.key).unwrap();
    let step = |told: &Value| told["open"]["step"].as_u64();
    told(&mut slow, |told| step(told) > Some(0)).await;
    let mut fast = Server::start_on(url, folders[1].path(), &[], &proving("100")).await;
    // It looks as soon as it answers, and leaves the round to whom it was given.
    let open = told(&mut slow, |told| told["open"].is_object()).await;
    let began_at = &open["open"]["began_at"];
    let at = told(&mut slow, |told| step(told) > step(&open)).await;
    assert_eq!((&at["open"]["began_at"], &at["runs"]), (began_at, &1.into()), "{at:#}");
    slow.terminate();
    assert_eq!(slow.exit_code().await, Some(0), "{}", slow.log());
    let ended = told(&mut fast, |told| told["last"].is_object()).await;
    let last = &ended["last"];
    assert_eq!((&last["began_at"], &ended["is_clean"]), (began_at, &true.into()), "{ended:#}");
    assert_eq!(ended["runs"], 2, "{ended:#}");
    // A step of so few rows is one slice.
    let left = at["open"]["steps"].as_f64().unwrap() - at["open"]["step"].as_f64().unwrap();
    let metrics = scraped_with(&fast.url, "onhand_verify_slices").await;
    let looked_at = value(&metrics, "onhand_verify_slices_total").unwrap();
    assert!((1.0..=left).contains(&looked_at), "{looked_at} slices, and {left} steps were left");
    fast.stop_and_verify().await;
}
