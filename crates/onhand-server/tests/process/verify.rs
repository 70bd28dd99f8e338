//! The proof beside the work: it comes round while orders are placed and raises no alarm, goes on
//! where a server stopped, and tells of what somebody has changed in the file. It can be switched
//! off.

use std::path::Path;

use axum::http::Method;
use serde_json::Value;

use crate::proof::{proving, told};
use crate::server::{Server, json, keyed, run};

/// A server that proves, at a share of one core.
async fn start(folder: &Path, share: &str) -> Server {
    Server::start_with(folder, &[], &proving(share)).await
}

async fn ask_for_a_round(server: &mut Server) {
    let path = "/v1/schedules/verify/run";
    let asked = server.connection.send(Method::POST, path, &[], "".into()).await.unwrap();
    assert_eq!(asked.status, 202, "{asked:?}");
}

#[tokio::test]
async fn rounds_beside_orders_raise_no_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), "100").await;
    let first = told(&mut server, |told| told["last"].is_object()).await;
    assert_eq!((&first["is_on"], &first["is_clean"]), (&true.into(), &true.into()), "{first:#}");
    let mut orders = 0;
    for _ in 0..3 {
        let before = json(&server.get("/v1/operations/verify").await)["runs"].clone();
        ask_for_a_round(&mut server).await;
        // Levels and lists are behind the ledger meanwhile, and the log grows under the walk.
        loop {
            let placed = server.place(&format!("key-{orders}")).await.unwrap();
            assert!(placed.status.is_success() || placed.status == 409, "{placed:?}");
            orders += 1;
            let told = json(&server.get("/v1/operations/verify").await);
            if told["runs"] != before && told["open"].is_null() {
                assert_eq!(told["is_clean"], true, "{told:#}");
                break;
            }
        }
    }
    let schedule = json(&server.get("/v1/schedules").await);
    let outcome = schedule["data"].as_array().unwrap().iter().find(|one| one["name"] == "verify");
    let outcome = outcome.unwrap()["outcome"].as_str().unwrap();
    assert!(outcome.starts_with("clean: ") && outcome.ends_with("rows looked at"), "{outcome}");
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_round_goes_on_where_a_server_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), "1").await;
    let under_way = |told: &Value| told["open"]["step"].as_u64().is_some();
    let open = told(&mut server, under_way).await;
    let began_at = open["open"]["began_at"].clone();
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    let mut server = start(folder.path(), "100").await;
    let ended = told(&mut server, |told| told["last"].is_object()).await;
    assert_eq!((&ended["last"]["began_at"], &ended["is_clean"]), (&began_at, &true.into()));
    assert_eq!(ended["runs"], 2, "{ended:#}");
    server.stop_and_verify().await;
}

/// Changes one letter in the file, as somebody or a disk may: of a movement, which has its kind and
/// its reason side by side. A backup takes the file's place: in it everything stands once.
async fn damage(folder: &Path) {
    let (path, copy) = (folder.join("onhand.db"), folder.join("copy.db"));
    let backup = run(folder, "backup", &["--to", copy.to_str().unwrap()]).await;
    assert_eq!(backup.code, Some(0), "{}", backup.text);
    for end in ["db-wal", "db-shm"] {
        let _ = std::fs::remove_file(path.with_extension(end));
    }
    std::fs::rename(copy, &path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let found: Vec<usize> = bytes
        .windows(16)
        .enumerate()
        .filter(|(_, bytes)| *bytes == b"receivedreceived")
        .map(|(at, _)| at)
        .collect();
    bytes[*found.first().unwrap() + 15] = b'x';
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn what_somebody_has_changed_is_found_logged_and_told_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), "100").await;
    server.receive(5).await;
    told(&mut server, |told| told["is_clean"] == true).await;
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    damage(folder.path()).await;
    let damaged = run(folder.path(), "verify", &[]).await;
    assert_eq!(damaged.code, Some(1), "{}", damaged.text);
    let mut server = start(folder.path(), "100").await;
    ask_for_a_round(&mut server).await;
    let found = told(&mut server, |told| told["is_clean"] == false && told["open"].is_null()).await;
    let broken = &found["last"]["broken"];
    assert_eq!((&broken[0]["check"], &broken[1]), (&"I25".into(), &Value::Null), "{found:#}");
    assert_eq!(broken[0]["violations"], 1, "{found:#}");
    let log = server.log();
    assert!(log.contains("ERROR") && log.contains("a promise is broken: onhand verify"), "{log}");
    let events = json(&server.get("/v1/events?types=verify.failed").await);
    let told = &events["data"][0]["data"];
    assert_eq!((&told["checks"][0], &told["violations"]), (&"I25".into(), &1.into()), "{events:#}");
    assert!(events["data"][1].is_null(), "told once: {events:#}");
    // Nothing was changed, and orders go on.
    let placed = server.place("after").await.unwrap();
    assert_eq!(placed.status, 201, "{placed:?}");
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    let damaged = run(folder.path(), "verify", &[]).await;
    assert_eq!(damaged.code, Some(1), "{}", damaged.text);
}

#[tokio::test]
async fn it_can_be_switched_off_and_what_is_no_pace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(folder.path(), &["--verify", "off"], &[]).await;
    let told = json(&server.get("/v1/operations/verify").await);
    assert_eq!(
        (&told["is_on"], &told["runs"], &told["is_clean"]),
        (&false.into(), &0.into(), &Value::Null)
    );
    let (headers, path) = (keyed("no"), "/v1/operations/verify");
    let posted = server.connection.send(Method::POST, path, &headers, "{}".into()).await;
    assert_eq!(posted.unwrap().status, 405);
    server.stop_and_verify().await;
    for wrong in [["--verify-share", "0"], ["--verify-share", "101"], ["--verify", "maybe"]] {
        let refused = run(folder.path(), "serve", &wrong).await;
        assert_eq!(refused.code, Some(2), "{wrong:?}: {}", refused.text);
    }
}
