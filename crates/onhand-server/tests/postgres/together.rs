//! Several processes on one database: they sell what there is and no more, and each can be
//! restarted while the others go on.

use crate::buyers::{Buyers, hold_to};
use crate::cluster::Cluster;
use crate::server::Server;

/// Servers with one API key: an idempotency key means something to one caller only.
async fn servers(url: &str, folders: &[tempfile::TempDir]) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    for folder in folders {
        if let Some(first) = servers.first() {
            std::fs::write(folder.path().join("key"), &first.key).unwrap();
        }
        let server = Server::start_on(url.to_owned(), folder.path(), &["--migrate"], &[]).await;
        servers.push(server);
    }
    servers
}

fn folders(count: usize) -> Vec<tempfile::TempDir> {
    (0..count).map(|_| tempfile::tempdir().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_sell_what_there_is_and_no_more() {
    let cluster = Cluster::start(&[]);
    let folders = folders(2);
    let mut servers = servers(&cluster.url("onhand", "postgres"), &folders).await;
    let there_are = 100;
    let buyers = Buyers::at(&servers, 16);
    buyers.after(there_are).await;
    let told = buyers.finish().await;
    assert_eq!(told.count(), there_are);
    assert!(told.refused.load(std::sync::atomic::Ordering::Relaxed) > 0);
    let mut one = servers.pop().unwrap();
    hold_to(&told, &mut one).await;
    for server in servers {
        server.stop_and_verify().await;
    }
    one.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_restarted_one_after_another_and_nobody_is_turned_away() {
    let cluster = Cluster::start(&[]);
    let folders = folders(2);
    let url = cluster.url("onhand", "postgres");
    let mut servers = servers(&url, &folders).await;
    servers[0].receive(1_000_000).await;
    let buyers = Buyers::at(&servers, 8);
    for folder in &folders {
        buyers.after(100).await;
        let mut old = servers.remove(0);
        let listen = old.url.strip_prefix("http://").unwrap().to_owned();
        old.terminate();
        assert_eq!(old.exit_code().await, Some(0), "{}", old.log());
        let again = Server::start_at(url.clone(), folder.path(), &listen).await;
        servers.push(again);
    }
    buyers.after(100).await;
    let told = buyers.finish().await;
    hold_to(&told, &mut servers[0]).await;
    for server in servers {
        server.stop_and_verify().await;
    }
}
