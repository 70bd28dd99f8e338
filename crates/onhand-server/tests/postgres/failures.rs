//! The database crashes, or is replaced by its standby, while buyers are at work: nothing that was
//! acknowledged is lost, nobody lends a hand, and orders flow again within seconds.

use std::time::{Duration, Instant};

use crate::buyers::{Buyers, hold_to};
use crate::cluster::Cluster;
use crate::pages::Operator;
use crate::server::{Server, run_on};

const BUYERS: usize = 8;
/// Longest time from the return of a database to the first order (reliability.md, F7).
const AFTER_RETURN_MAX: Duration = Duration::from_secs(5);
/// Longest time from the promotion of a standby to the first order (F10).
const AFTER_PROMOTION_MAX: Duration = Duration::from_secs(10);

async fn server_on(url: &str, folder: &tempfile::TempDir) -> Server {
    Server::start_on(url.to_owned(), folder.path(), &["--migrate"], &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_under_load_loses_nothing_and_is_found_again() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let mut server = server_on(&cluster.url("onhand", "postgres"), &folder).await;
    server.receive(1_000_000).await;
    let buyers = Buyers::at(std::slice::from_ref(&server), BUYERS);
    for _ in 0..3 {
        buyers.after(100).await;
        cluster.crash();
        let ready = server.get("/readyz").await;
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(ready.headers.contains_key("retry-after"), "{ready:?}");
        cluster.up();
        let returned = Instant::now();
        let took = buyers.next_after(returned).await;
        assert!(took <= AFTER_RETURN_MAX, "the first order came {took:?} after the return");
    }
    buyers.after(100).await;
    let told = buyers.finish().await;
    hold_to(&told, &mut server).await;
    server.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_say_that_the_database_is_away_and_come_back_by_themselves() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    // Nobody takes the order up meanwhile: what is read stays what is.
    let url = cluster.url("onhand", "postgres");
    let api = ["--migrate", "--role", "api"];
    let mut server = Server::start_on(url, folder.path(), &api, &[]).await;
    assert_eq!(server.place("before").await.unwrap().status, 201);
    let mut operator = Operator::at(&server).await;
    let path = "/admin/orders/ord_1";
    let before = operator.get(path).await;
    assert_eq!(before.status, 200, "{before:?}");
    cluster.crash();
    for path in ["/admin", "/admin/orders", path] {
        let page = operator.get(path).await;
        assert_eq!((page.status, page.retry_after.is_some()), (503, true), "{path}: {page:?}");
        assert!(page.html.contains("database"), "{path}: {}", page.html);
    }
    let refused = operator.send(&before, "/admin/orders/ord_1/cancel", "reason=marmalade").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    cluster.up();
    let returned = Instant::now();
    // Whoever keeps sending the form, which has one key, has it done once.
    let done = loop {
        let done = operator.send(&before, "/admin/orders/ord_1/cancel", "reason=marmalade").await;
        if done.status == 303 {
            break returned.elapsed();
        }
        assert_eq!((done.status, done.retry_after.is_some()), (503, true), "{done:?}");
        assert!(returned.elapsed() < AFTER_RETURN_MAX, "{done:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(done < AFTER_RETURN_MAX, "{done:?}");
    let page = operator.get(path).await;
    assert_eq!((page.status, page.html.contains("cancelled")), (200, true), "{page:?}");
    server.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_has_everything_that_was_acknowledged() {
    let primary = Cluster::start(&[]);
    let standby = primary.standby("second");
    primary.configure(&["synchronous_standby_names = 'second'"]);
    primary.reload();
    let folder = tempfile::tempdir().unwrap();
    let both = format!(
        "postgresql://onhand@127.0.0.1:{},127.0.0.1:{}/postgres",
        primary.port, standby.port
    );
    let mut server = server_on(&both, &folder).await;
    server.receive(1_000_000).await;
    let buyers = Buyers::at(std::slice::from_ref(&server), BUYERS);
    buyers.after(100).await;
    primary.crash();
    standby.promote();
    let promoted = Instant::now();
    let took = buyers.next_after(promoted).await;
    assert!(took <= AFTER_PROMOTION_MAX, "the first order came {took:?} after the promotion");
    buyers.after(100).await;
    let told = buyers.finish().await;
    hold_to(&told, &mut server).await;
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_a_configuration_error() {
    let cluster = Cluster::start(&[]);
    let nowhere = "postgresql://me:s3cret@127.0.0.1:1/shop";
    let behind = cluster.url("onhand", "postgres");
    for (url, wanted) in [
        (nowhere, "127.0.0.1:1/shop"),
        ("postgresql://me@127.0.0.1/shop?sslmode=perhaps", "sslmode=perhaps"),
        ("mysql://me:s3cret@127.0.0.1/shop", "postgresql://user@host:port/name"),
        (behind.as_str(), "onhand migrate up"),
    ] {
        let ended = run_on(url, "serve", &["--listen", "127.0.0.1:0"], &[]).await;
        assert_eq!(ended.code, Some(78), "{url}: {}", ended.text);
        assert!(ended.text.contains(wanted), "{url}: {}", ended.text);
        assert!(!ended.text.contains("s3cret"), "{}", ended.text);
        assert_eq!(ended.text.lines().count(), 1, "{}", ended.text);
    }
}
