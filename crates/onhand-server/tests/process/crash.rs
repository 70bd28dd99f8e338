//! The running binary, killed by itself at each named point of a commit: what was acknowledged is
//! there after a restart, what was not is there wholly or not at all, and the same key tells which.

use crate::installation::Installation;
use crate::server::{Server, verify_on};

/// More batches than loading the demo data takes. Those of workers count too: one of them may die
/// instead of an order's, and take the answer to the order before with it.
const AFTER_DEMO: u32 = 20;

async fn check(point: &str, batch: u32) {
    let (installation, folder) = (Installation::fresh().await, tempfile::tempdir().unwrap());
    let crash = format!("{point}:{}", AFTER_DEMO + batch);
    let dying = ["--migrate", "--crash-at", &crash];
    let mut server = Server::start_on(installation.url(), folder.path(), &dying, &[]).await;
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

    let mut server = Server::start_on(installation.url(), folder.path(), &[], &[]).await;
    for (key, body) in acknowledged.iter().enumerate() {
        let again = server.place(&format!("key-{key}")).await.unwrap();
        assert_eq!(again.headers["idempotency-replayed"], "true", "{crash}");
        assert_eq!(&again.body, body, "{crash}");
    }
    let reserved = server.reserved().await;
    let settled = server.place(&format!("key-{died_at}")).await.unwrap();
    assert_eq!(settled.status, 201, "{crash}");
    let was_placed = settled.headers.contains_key("idempotency-replayed");
    // Whether it is there cannot be foretold: it may be a batch of a worker that died, before the
    // order's was written or behind it. It is there wholly or not at all.
    assert_eq!(reserved, died_at + u64::from(was_placed), "{crash}");
    assert_eq!(server.reserved().await, died_at + 1, "{crash}");
    server.kill().await;
    verify_on(&installation.url()).await;
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_commit_loses_and_doubles_nothing() {
    for point in ["begun", "decided", "written", "durable"] {
        for batch in [1, 2, 7] {
            check(point, batch).await;
        }
    }
}
