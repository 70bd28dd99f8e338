//! The commands of documents that are for whoever has PostgreSQL, run on a cluster of their own.

use crate::cluster::Cluster;
use crate::documents_read::{Desk, run};

async fn check(name: &str) {
    let cluster = Cluster::start(&["shared_buffers = 16MB"]);
    let here = format!("127.0.0.1:{}", cluster.port);
    let mut desk = Desk::new()
        .where_it_says("127.0.0.1/", format!("{here}/"))
        .with("PGHOST", "127.0.0.1")
        .with("PGPORT", cluster.port.to_string())
        .with("PGUSER", "onhand")
        .in_path(std::env::var_os("ONHAND_TEST_POSTGRES_BIN").unwrap());
    if let Some(libraries) = std::env::var_os("ONHAND_TEST_POSTGRES_LIB") {
        desk = desk.with("LD_LIBRARY_PATH", libraries);
    }
    run(name, &mut desk, Some("postgres")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_runs() {
    check("README.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_runs() {
    check("docs/postgresql.md").await;
}
