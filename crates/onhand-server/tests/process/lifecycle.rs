//! Starting and stopping (F6, F34 and F35 of the fault table): one process per database, a polite
//! stop that loses nothing, and databases that this version must not touch.

use std::path::Path;
use std::time::Instant;

use onhand_server::client::{ClientError, Connection, Reply};
use onhand_server::limits::DRAIN_TIMEOUT;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::edges::{Raw, SLACK};
use crate::server::{Server, place_on, run, verify};

/// `EX_...` would say more, but whoever starts a server twice reads the message.
const EXIT_NOT_STARTED: Option<i32> = Some(3);
/// `EX_CONFIG`: starting again cannot help.
const EXIT_CONFIGURATION: Option<i32> = Some(78);

#[tokio::test]
async fn a_second_process_on_the_same_database_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Server::start(folder.path(), &[]).await;
    assert_eq!(first.place("one").await.unwrap().status, 201);
    for (command, extra) in [
        ("serve", ["--listen", "127.0.0.1:0"].as_slice()),
        ("seed", &[]),
        ("migrate", &["up"]),
        ("clear-data", &["--yes"]),
    ] {
        let second = run(folder.path(), command, extra).await;
        assert_eq!(second.code, EXIT_NOT_STARTED, "{command}: {}", second.text);
        for wanted in ["another onhand process has", "onhand.db", "stop it first"] {
            assert!(second.text.contains(wanted), "{command}: {}", second.text);
        }
        assert!(!second.text.contains("listening on"), "{command}: {}", second.text);
    }
    assert_eq!(first.place("two").await.unwrap().status, 201);
    assert_eq!(first.reserved().await, 2);
    first.stop_and_verify().await;
}

#[tokio::test]
async fn clear_data_leaves_nothing_behind_and_asks_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    assert_eq!(server.place("one").await.unwrap().status, 201);
    server.stop_and_verify().await;
    let unsaid = run(folder.path(), "clear-data", &[]).await;
    assert_eq!(unsaid.code, EXIT_NOT_STARTED, "{}", unsaid.text);
    assert!(unsaid.text.contains("say --yes"), "{}", unsaid.text);
    for wanted in ["deleted", "is not there"] {
        let cleared = run(folder.path(), "clear-data", &["--yes"]).await;
        assert_eq!(cleared.code, Some(0), "{}", cleared.text);
        assert!(cleared.text.contains(wanted), "{}", cleared.text);
        let left = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".db")).collect();
        assert_eq!(left, ["onhand.db.lock"]);
    }
    // The key was in the database, too.
    std::fs::remove_file(folder.path().join("key")).unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    assert_eq!(server.reserved().await, 0);
    server.stop_and_verify().await;
}

/// Orders until the server is gone; the answers by key, the last of which may be none.
#[tokio::test]
async fn levels_are_shown_beside_the_ledger_while_a_server_runs_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    server.receive(5).await;
    assert!(server.place("key-1").await.unwrap().status.is_success());
    let unsaid = run(folder.path(), "rebuild", &[]).await;
    assert_eq!(unsaid.code, Some(2), "{}", unsaid.text);
    assert!(unsaid.text.contains("--dry-run"), "{}", unsaid.text);
    let rebuilt = run(folder.path(), "rebuild", &["--dry-run", "--json"]).await;
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.text);
    let shown: serde_json::Value = serde_json::from_str(&rebuilt.text).unwrap();
    assert_eq!((&shown["differing"], &shown["differences"]), (&0.into(), &serde_json::json!([])));
    assert!(shown["levels"].as_i64() > Some(0), "{shown}");
    let read = run(folder.path(), "rebuild", &["--dry-run"]).await;
    assert!(read.text.contains("0 levels differ"), "{}", read.text);
    server.stop_and_verify().await;
}

async fn order_until_gone(
    mut connection: Connection,
    buyer: usize,
    acknowledged: watch::Sender<usize>,
) -> Vec<(String, Result<Reply, ClientError>)> {
    let mut answers = Vec::new();
    loop {
        let key = format!("buyer-{buyer}-{}", answers.len());
        let reply = place_on(&mut connection, &key).await;
        let goes_on = reply.as_ref().is_ok_and(|reply| reply.status == 201);
        answers.push((key, reply));
        if !goes_on {
            return answers;
        }
        acknowledged.send_modify(|count| *count += 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polite_stop_under_load_answers_what_has_begun_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    server.receive(100_000).await;
    let (acknowledged, mut enough) = watch::channel(0);
    let mut buyers = JoinSet::new();
    for buyer in 0..64 {
        buyers.spawn(order_until_gone(server.connect(), buyer, acknowledged.clone()));
    }
    enough.wait_for(|count| *count >= 500).await.unwrap();
    server.terminate();
    let answers: Vec<_> = buyers.join_all().await.into_iter().flatten().collect();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());

    let mut server = Server::start(folder.path(), &[]).await;
    let reserved = server.reserved().await;
    let mut placed = 0;
    for (key, reply) in &answers {
        let again = server.place(key).await.unwrap();
        let was_placed = again.headers.contains_key("idempotency-replayed");
        match reply {
            Ok(reply) if reply.status == 201 => {
                assert!(was_placed, "{key} was acknowledged and is lost");
                assert_eq!(again.body, reply.body, "{key}");
                placed += 1;
            }
            Ok(reply) => {
                assert_eq!(reply.status, 503, "{key}: {reply:?}");
                assert!(!was_placed, "{key} was refused and placed");
            }
            // Sent into a connection that was just being closed: nobody has read it.
            Err(_) => assert!(!was_placed, "{key} was placed and not answered"),
        }
    }
    assert_eq!(reserved, placed);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_after_the_listener_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let body = r#"{"items":[{"sku":"smartphone","quantity":1}]}"#;
    let mut slow = Raw::connect(&server.url).await;
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nHost: x\r\n{}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: slow\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        server.authorization(),
        body.len()
    );
    slow.send(&head).await;
    // The server says so when it begins to read the body.
    assert_eq!(slow.read_some().await, "HTTP/1.1 100 Continue\r\n\r\n");
    slow.send(&body[..10]).await;
    server.terminate();
    while server.connect().connect().await.is_ok() {
        tokio::task::yield_now().await;
    }
    slow.send(&body[10..]).await;
    let answer = slow.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    let mut server = Server::start(folder.path(), &[]).await;
    let again = server.place("slow").await.unwrap();
    assert!(again.headers.contains_key("idempotency-replayed"));
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_server_that_says_that_it_listens_can_be_stopped_politely() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let mut server = Server::start(folder.path(), &[]).await;
        server.terminate();
        assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    }
    verify(folder.path()).await;
}

#[tokio::test]
async fn whoever_goes_on_listening_does_not_hold_up_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let mut feed = Raw::connect(&server.url).await;
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: x\r\n{}\r\nAccept: text/event-stream\r\n\r\n",
        server.authorization()
    );
    feed.send(&request).await;
    let begun = feed.read_some().await;
    assert!(begun.starts_with("HTTP/1.1 200 "), "{begun}");
    assert_eq!(server.place("one").await.unwrap().status, 201);
    server.terminate();
    let stopping = Instant::now();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    assert!(stopping.elapsed() < DRAIN_TIMEOUT + SLACK, "{:?}", stopping.elapsed());
    verify(folder.path()).await;
}

/// Where the newest migration of a closed database is stored: right before its name lie the row's
/// number and a header of four bytes, right behind it the checksum of 32.
fn change_history(folder: &Path, change: impl FnOnce(&mut [u8], usize)) {
    let path = folder.join("onhand.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let name = b"foundation";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    change(&mut bytes, at);
    std::fs::write(&path, bytes).unwrap();
}

async fn check_refused(change: impl FnOnce(&mut [u8], usize), wanted: &str) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), "migrate", &["up"]).await.code, Some(0));
    change_history(folder.path(), change);
    let before = std::fs::read(folder.path().join("onhand.db")).unwrap();
    for (command, extra) in [
        ("serve", ["--listen", "127.0.0.1:0"].as_slice()),
        ("migrate", &["up"]),
        ("migrate", &["status"]),
        ("seed", &[]),
    ] {
        let refused = run(folder.path(), command, extra).await;
        assert_eq!(refused.code, EXIT_CONFIGURATION, "{command}: {}", refused.text);
        assert!(refused.text.contains(wanted), "{command}: {}", refused.text);
    }
    let after = std::fs::read(folder.path().join("onhand.db")).unwrap();
    assert!(before == after, "a database that was refused was changed");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let newer = |bytes: &mut [u8], at: usize| {
        // The row's number; and then the types of "works from" (the constant 1) and of the instant
        // after it: of its eight bytes six become the version that it works from.
        assert_eq!((bytes[at - 7], bytes[at - 2], bytes[at - 1]), (1, 9, 6));
        (bytes[at - 7], bytes[at - 2], bytes[at - 1]) = (99, 5, 2);
    };
    check_refused(newer, "it was written by a newer version; upgrade onhand").await;
}

#[tokio::test]
async fn a_migration_that_was_applied_in_another_form_is_refused() {
    let other = |bytes: &mut [u8], at: usize| bytes[at + b"foundation".len()] ^= 1;
    check_refused(other, "was applied in another form than this onhand has").await;
}
