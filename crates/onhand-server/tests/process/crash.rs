//! The running binary, killed by itself at each named point of a commit: what was acknowledged is
//! there after a restart, what was not is there wholly or not at all, and the same key tells which.

use crate::installation::Installation;
use crate::server::{Server, key_of, run_on, verify_on};

/// More batches than starting takes.
const AFTER_START: u32 = 5;
/// The sweeper's batches count too: now and then one of them dies instead of an order's, and takes
/// the answer to the order before with it. Hardly ever does it so often in a row.
const TRIES_MAX: u32 = 4;

/// Lets a process die within the batch of an order: what is written outlives the process, and
/// only a power cut could take it back.
async fn check(point: &str, batch: u32) {
    let wanted = ["written", "durable"].contains(&point);
    let mut tries = 0;
    while die(point, batch).await != wanted {
        tries += 1;
        assert!(tries < TRIES_MAX, "{point}:{batch}: other orders outlive it than should");
    }
}

/// Whether the order outlived the process that died over it.
async fn die(point: &str, batch: u32) -> bool {
    let (installation, folder) = (Installation::fresh().await, tempfile::tempdir().unwrap());
    key_of(&installation.url(), folder.path()).await;
    let seeded = run_on(&installation.url(), "seed", &[], &[]).await;
    assert_eq!(seeded.code, Some(0), "{}", seeded.text);
    let crash = format!("{point}:{}", AFTER_START + batch);
    let dying = ["--crash-at", &crash];
    let mut server = Server::start_seeded(installation.url(), folder.path(), &dying).await;
    let mut acknowledged = Vec::new();
    let mut next = 0;
    let died_at = loop {
        match server.place(&format!("key-{next}")).await {
            Ok(reply) => {
                assert_eq!(reply.status, 201);
                acknowledged.push(reply.body);
            }
            Err(_) => break next,
        }
        next += 1;
        assert!(next < 100, "{crash}: never died");
    };
    assert_ne!(server.exit_code().await, Some(0), "{crash}");

    let mut server = Server::start_seeded(installation.url(), folder.path(), &[]).await;
    for (key, body) in acknowledged.iter().enumerate() {
        let again = server.place(&format!("key-{key}")).await.unwrap();
        assert_eq!(again.headers["idempotency-replayed"], "true", "{crash}");
        assert_eq!(&again.body, body, "{crash}");
    }
    let reserved = server.reserved().await;
    let settled = server.place(&format!("key-{died_at}")).await.unwrap();
    assert_eq!(settled.status, 201, "{crash}");
    let was_placed = settled.headers.contains_key("idempotency-replayed");
    assert_eq!(reserved, died_at + u64::from(was_placed), "{crash}");
    assert_eq!(server.reserved().await, died_at + 1, "{crash}");
    server.kill().await;
    verify_on(&installation.url()).await;
    was_placed
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_commit_loses_and_doubles_nothing() {
    for point in ["begun", "decided", "written", "durable"] {
        for batch in [1, 2, 7] {
            check(point, batch).await;
        }
    }
}
