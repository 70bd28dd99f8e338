//! What a server tells of the proof beside its work.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::server::{Server, json};

/// Longest wait for a round on a busy machine.
const ROUND_MAX: Duration = Duration::from_secs(90);

/// How a server is told to prove, at a share of one core in per cent.
pub(crate) fn proving(share: &str) -> [(&'static str, OsString); 2] {
    [("ONHAND_VERIFY", "on".into()), ("ONHAND_VERIFY_SHARE", share.into())]
}

/// What is told of the proof once it is as it should be.
pub(crate) async fn told(server: &mut Server, is_so: impl Fn(&Value) -> bool) -> Value {
    let told = async {
        loop {
            let told = json(&server.get("/v1/operations/verify").await);
            if is_so(&told) {
                return told;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(ROUND_MAX, told).await.unwrap()
}
