//! The commands of documents that are for whoever has NATS.

use crate::documents_read::{Desk, run};

#[tokio::test(flavor = "multi_thread")]
async fn queues_run() {
    let url = std::env::var("ONHAND_TEST_NATS_URL").unwrap();
    let mut desk = Desk::new().where_it_says("nats://127.0.0.1:4222", url);
    run("docs/queues.md", &mut desk, Some("nats")).await;
}
