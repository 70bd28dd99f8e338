//! `onhand fake-gateway` as whoever starts it sees it.

use std::process::Stdio;
use std::time::Duration;

use onhand_core::payments::{Call, Capture};
use onhand_server::adapters::gateways::{Outcome, PaymentGateway};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::world::{KEY_ID, KEY_SECRET, PATIENT, WEBHOOK_SECRET, order_id, razorpay, rupees};

/// Longest wait for the process to start or to end.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(30);

fn command(extra: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onhand"));
    command.args(["fake-gateway", "--listen", "127.0.0.1:0", "--key-id", KEY_ID]).args(extra);
    command.env("ONHAND_RAZORPAY_KEY_SECRET", KEY_SECRET);
    command.env("ONHAND_RAZORPAY_WEBHOOK_SECRET", WEBHOOK_SECRET).env("ONHAND_LOG", "trace");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_says_where_it_listens_and_no_secret() {
    let mut child =
        command(&["--auto-pay", "--seed", "7", "--faults", "late=0.5"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(PROCESS_TIMEOUT, lines.next_line()).await.unwrap().unwrap().unwrap();
    let url = line.strip_prefix("fake gateway on ").and_then(|rest| rest.strip_suffix(", seed 7"));
    let razorpay = razorpay(url.unwrap(), KEY_SECRET, PATIENT);
    let call = Call::CreateIntent { number: 1, amount: rupees(500), capture: Capture::Manual };
    let answer = razorpay.call(order_id(1), &call, false).await;
    assert_eq!(answer.outcome, Outcome::Done);
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = timeout(PROCESS_TIMEOUT, child.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn it_refuses_what_it_does_not_understand() {
    for (extra, wanted) in [
        (["--faults", "fire=1"], "no fault is called `fire`"),
        (["--faults", "drop=2"], "a number from 0 to 1"),
        (["--webhook-url", "https://example.com/"], "messages go to a URL like"),
        // Secrets are no arguments: every process of the machine could read them.
        (["--key-secret", "canary"], "unexpected argument"),
    ] {
        let ended = timeout(PROCESS_TIMEOUT, command(&extra).output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains(wanted), "{extra:?}: {said}");
        assert!(!ended.status.success(), "{extra:?}");
    }
}
