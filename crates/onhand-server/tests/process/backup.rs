//! Backups made while orders flow, and the way back. What was acknowledged before a backup began is
//! in it; it is one instant, proved; and nothing that is there is written over.

use std::path::Path;

use axum::http::Method;
use onhand_server::client::Connection;
use tokio::task::JoinSet;

use crate::server::{Server, address, place_on, run, run_on, verify};

const BACKUPS: usize = 3;
const BUYERS: usize = 4;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// How many orders are listed.
async fn orders(server: &mut Server) -> usize {
    let reply = server.connection.send(Method::GET, "/v1/orders?limit=100", &[], "".into()).await;
    let page: serde_json::Value = serde_json::from_slice(&reply.unwrap().body).unwrap();
    assert_eq!(page["has_more"], false);
    page["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_backup_is_one_instant_however_busy_the_shop_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).await;
    let mut buyers = JoinSet::new();
    let mut connection = Connection::new(address(&server.url, &server.key));
    for buyer in 0..BUYERS {
        let mut connection = Connection::new(address(&server.url, &server.key));
        buyers.spawn(async move {
            for number in 0..10 {
                let key = format!("buyer-{buyer}-{number}");
                assert_eq!(place_on(&mut connection, &key).await.unwrap().status, 201);
            }
        });
    }
    let copies = tempfile::tempdir().unwrap();
    let mut before = Vec::new();
    for number in 0..BACKUPS {
        let key = format!("before-{number}");
        assert_eq!(place_on(&mut connection, &key).await.unwrap().status, 201);
        let to = copies.path().join(format!("deep/{number}.db"));
        let made = run(folder.path(), "backup", &["--to", text(&to)]).await;
        assert_eq!(made.code, Some(0), "{}", made.text);
        assert!(made.text.contains("backed up to") && made.text.contains("chain"), "{}", made.text);
        before.push((number + 1, to));
    }
    buyers.join_all().await;
    let all = BUYERS * 10 + BACKUPS;
    server.stop_and_verify().await;
    for (at_least, backup) in before {
        let elsewhere = tempfile::tempdir().unwrap();
        let restored = run(elsewhere.path(), "restore", &["--from", text(&backup)]).await;
        assert_eq!(restored.code, Some(0), "{}", restored.text);
        std::fs::copy(folder.path().join("key"), elsewhere.path().join("key")).unwrap();
        let mut server = Server::start(elsewhere.path(), &[]).await;
        let found = orders(&mut server).await;
        assert!((at_least..=all).contains(&found), "{found} of {at_least} to {all}");
        // A key that the backup knows has its outcome, and the shop goes on.
        let again = place_on(&mut server.connection, "before-0").await.unwrap();
        assert_eq!(again.status, 201);
        assert_eq!(orders(&mut server).await, found);
        assert_eq!(place_on(&mut server.connection, "after").await.unwrap().status, 201);
        server.stop_and_verify().await;
    }
}

#[tokio::test]
async fn nothing_is_written_over_and_nothing_unsound_is_restored() {
    async fn check(folder: &Path, command: &str, extra: &[&str], wanted: &str) {
        let refused = run(folder, command, extra).await;
        assert_eq!(refused.code, Some(3), "{command}: {}", refused.text);
        assert!(refused.text.contains(wanted), "{wanted}: {}", refused.text);
    }
    let folder = tempfile::tempdir().unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let (backup, other) = (nowhere.path().join("backup.db"), nowhere.path().join("other.db"));
    let to = ["--to", text(&backup)];
    check(folder.path(), "backup", &to, "unable to open database file").await;
    Server::start(folder.path(), &[]).await.stop_and_verify().await;
    let made = run(folder.path(), "backup", &to).await;
    assert_eq!(made.code, Some(0), "{}", made.text);
    let bytes = std::fs::read(&backup).unwrap();

    check(folder.path(), "backup", &to, "exists").await;
    assert_eq!(std::fs::read(&backup).unwrap(), bytes);
    let from = ["--from", text(&backup)];
    check(folder.path(), "restore", &from, "onhand.db is there: move it away").await;
    verify(folder.path()).await;

    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("onhand.db-wal"), "another log").unwrap();
    check(elsewhere.path(), "restore", &from, "onhand.db-wal is there").await;
    std::fs::remove_file(elsewhere.path().join("onhand.db-wal")).unwrap();
    check(elsewhere.path(), "restore", &["--from", text(&other)], "is no file").await;
    for damaged in [b"no database at all".to_vec(), bytes[..bytes.len() / 2].to_vec()] {
        std::fs::write(&other, damaged).unwrap();
        let refused = run(elsewhere.path(), "restore", &["--from", text(&other)]).await;
        assert_eq!(refused.code, Some(3), "{}", refused.text);
    }
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    for (command, extra) in [("backup", to), ("restore", from)] {
        let refused = run_on("postgresql://onhand@127.0.0.1:1/shop", command, &extra, &[]).await;
        assert!(refused.text.contains("pg_basebackup"), "{}", refused.text);
    }
}
